"""Warnings that say nothing a user could act on."""

import logging
import os
import warnings

_IGNORED = (
    # torch on the way Lightning walks through batches
    r".*isinstance\(treespec, LeafSpec\).*",
    # Our run's folder is there before Lightning's loggers look at it.
    r".*logs directory .* exists and is not empty.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    # Workers are left out on purpose where the data are in memory.
    r".*does not have many workers which may be a bottleneck.*",
    r".*number of training batches .* is smaller than the logging interval.*",
    # Frozen pretrained layers are in eval mode on purpose.
    r".*module\(s\) in eval mode at the start of training.*",
    # Every batch of ours is sharded among the ranks by the data room.
    r".*Using `DistributedSampler` with the dataloaders.*",
    r".*torch\.distributed.*barrier.*device.*",
    # A run resumed within an epoch goes on at its place (`data.batches.plan.BatchLoader`).
    r".*resuming from a checkpoint that ended before the epoch ended.*",
    # A run is never overwritten, so a resumed one has a folder of its own.
    r".*The dirpath has changed from.*",
    # torchmetrics has put the ranks together already.
    r".*It is recommended to use .self.log.*sync_dist=True.*",
    # Where there was no answer to measure, the command ends in a line that says so.
    r".*method of metric .* was called before the ``update`` method.*",
)


def ignore_noise() -> None:
    """Call at the start of a command."""
    # LightningCLI on the way jsonargparse names its methods.
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    for pattern in _IGNORED:
        warnings.filterwarnings("ignore", message=pattern)
    # Advertisements.
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).addFilter(lambda record: "Tip:" not in record.getMessage())
