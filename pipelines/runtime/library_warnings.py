"""Filter of library warnings on which a user cannot act."""

import logging
import os
import warnings

_IGNORED = (
    # PyTorch warns of a deprecated call in Lightning.
    r".*isinstance\(treespec, LeafSpec\).*",
    # The run's folder is made before Lightning's loggers check it.
    r".*logs directory .* exists and is not empty.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    # Workers are left out on purpose where the data are in memory.
    r".*does not have many workers which may be a bottleneck.*",
    r".*number of training batches .* is smaller than the logging interval.*",
    # Frozen pretrained modules are in eval mode on purpose.
    r".*module\(s\) in eval mode at the start of training.*",
    # The `data` package divides the batches among the ranks itself.
    r".*Using `DistributedSampler` with the dataloaders.*",
    r".*torch\.distributed.*barrier.*device.*",
    # A resumed run continues within its epoch (`data.batches.plan.BatchLoader`).
    r".*resuming from a checkpoint that ended before the epoch ended.*",
    # A run is never overwritten, so a resumed one has a folder of its own.
    r".*The dirpath has changed from.*",
    # torchmetrics has already combined the values of all ranks.
    r".*It is recommended to use .self.log.*sync_dist=True.*",
    # A command without any answer to measure ends with an error of its own.
    r".*method of metric .* was called before the ``update`` method.*",
)


def ignore_noise() -> None:
    """Silence the warnings and advertisements; call at the start of a command."""
    # LightningCLI calls deprecated methods of jsonargparse.
    os.environ.setdefault("JSONARGPARSE_DEPRECATION_WARNINGS", "off")
    for pattern in _IGNORED:
        warnings.filterwarnings("ignore", message=pattern)
    # Lightning logs advertisements as tips.
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).addFilter(lambda record: "Tip:" not in record.getMessage())
