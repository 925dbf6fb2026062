"""A frozen encoder's features: computed once and kept, so that later epochs and runs read them."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from tqdm import tqdm

from data.batches.data_module import SequenceDataModule
from data.batches.features import FeaturePart, FeatureStore, Precision
from data.batches.part import Part
from data.batches.ragged import Skipped
from data.files.cache import cache_folder
from data.files.errors import InputError
from models.encoders.frames import FrameEncoder
from pipelines.processes.ranks import from_all_ranks
from pipelines.runtime.cores import CoreTrial, leave_cores
from pipelines.tasks.task import Task

# A file is finished when it is so large, or when so many seconds have passed, or this share of all
# the seconds so far: an interrupted run loses a tenth of its work, and files stay few.
_FILE_BYTES = 2**29
_FILE_SECONDS = 30.0
_FILE_SHARE = 0.1
# Frames that are encoded between two looks at the clock; their features wait in single precision.
_STEPS_PER_BATCH = 256


class FeatureCache(Callback):
    """Puts features in the place of clips, where nothing changes either from epoch to epoch.

    That is when every parameter of the encoder is frozen and the part is not augmented. Features
    are kept by the content of the clip, by how it is read, and by the encoder's fingerprint. Each
    process of a run computes a share of them.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._fingerprint = ""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before the loaders are made: the parts of this stage."""
        data: SequenceDataModule = trainer.datamodule  # type: ignore[attr-defined]
        names = ["train", "val"] if stage == "fit" else [data.reported_part]
        assert isinstance(pl_module, Task)
        encoder = pl_module.frame_encoder
        if encoder is None or not encoder.is_frozen or _is_trial(trainer):
            return
        if (
            any(data.parts[name].augments for name in names if name in data.parts)
            and trainer.is_global_zero
        ):
            print(
                "Features: the training clips are augmented, so the frozen encoder reads them in"
                " every epoch; without --data.augment_… it would read each clip once"
            )
        kept = [name for name in names if name in data.parts and not data.parts[name].augments]
        self._replace(trainer, encoder, kept)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A checkpoint to resume from is read after `setup`: its encoder may be another one."""
        assert isinstance(pl_module, Task)
        encoder = pl_module.frame_encoder
        if not self._parts or encoder is None:
            return
        if encoder.fingerprint() != self._fingerprint:
            data: SequenceDataModule = trainer.datamodule  # type: ignore[attr-defined]
            data.connect(parts=self._parts)
            self._replace(trainer, encoder, list(self._parts))
            leave_cores(trainer, data.workers_for(data.parts["train"]))

    def _replace(self, trainer: Trainer, encoder: FrameEncoder, names: list[str]) -> None:
        if not names:
            return
        data: SequenceDataModule = trainer.datamodule  # type: ignore[attr-defined]
        encoder = encoder.to(trainer.strategy.root_device)
        self._fingerprint = encoder.fingerprint()
        # Each of 49 places of a picture has as many features as the picture: half the bytes matter.
        precision: Precision = "float16" if encoder.gives_places else "float32"
        folder = cache_folder() / "features" / self._fingerprint[:16]
        store = FeatureStore(folder, precision=precision)
        started = time.monotonic()
        num_computed = num_kept = 0
        read: list[str] = []
        for name in names:
            part = data.parts[name].inputs
            keys = trainer.strategy.broadcast(
                part.content_keys() if trainer.is_global_zero else None
            )
            if keys is None:
                continue
            missing = trainer.strategy.broadcast(store.missing(keys))
            reasons = _compute(trainer, encoder, part, keys=keys, missing=missing, store=store)
            store.refresh()
            _check_shared(trainer, store, [key for key in keys if key not in reasons])
            unread = [k for k, key in enumerate(keys) if key in reasons]
            skipped = [
                Skipped(int(part.ids[k]), source, reasons[keys[k]])
                for k, source in zip(unread, part.sources(unread), strict=True)
            ]
            features = FeaturePart(part, keys=keys, store=store, num_features=encoder.out_features)
            data.connect(parts={name: features}, skipped=skipped)
            read.append(name)
            if len(features) == 0:
                raise InputError(
                    f"{data.path}: no readable clip in the part '{name}'; add clips to it"
                )
            self._parts[name] = part
            num_computed += len(missing) - len(reasons)
            num_kept += len(set(features.keys))
        if read and trainer.is_global_zero:
            seconds = time.monotonic() - started
            print(
                f"Features ({', '.join(read)}): the encoder is frozen, so each clip is encoded"
                f" once; {num_kept - num_computed} read, {num_computed} computed in {seconds:.1f} s,"
                f" kept in {store.folder}"
            )


def _compute(
    trainer: Trainer,
    encoder: FrameEncoder,
    part: Part,
    *,
    keys: Sequence[str],
    missing: Sequence[str],
    store: FeatureStore,
) -> dict[str, str]:
    """Add the missing features to the store, a share of them on each rank.

    Returns, the same on every rank, the keys of clips that could not be read, and why.
    """
    if not missing:
        return {}
    first = {key: k for k, key in reversed(list(enumerate(keys)))}
    clips = part.subset([first[key] for key in missing])
    key_of = {int(row): key for row, key in zip(clips.ids, missing, strict=True)}
    data: SequenceDataModule = trainer.datamodule  # type: ignore[attr-defined]
    loader = data.loader(clips, steps_per_batch=min(data.steps_per_batch, _STEPS_PER_BATCH))
    cores = CoreTrial(trainer, data.workers_for(clips))
    unread: list[Skipped] = []
    waiting = _Waiting(store)
    was_training = encoder.training
    encoder.eval()
    with (
        torch.inference_mode(),
        # A loader draws a seed when it begins: training is to go on as if nothing had been done.
        torch.random.fork_rng(devices=[]),
        tqdm(
            total=sum(map(len, loader.plan)),
            desc=f"Features: computed once, kept in {store.folder}",
            unit="clip",
            disable=None if trainer.is_global_zero else True,
        ) as bar,
    ):
        for batch in loader:
            unread += batch.skipped
            if batch.num_sequences:
                device = trainer.strategy.root_device
                encoded = encoder.encode_ragged(batch.steps.to(device), batch.lengths.to(device))
                pieces = encoded.float().cpu().split(batch.lengths.tolist())
                for row, piece in zip(batch.ids.tolist(), pieces, strict=True):
                    # `astype` copies: a slice would keep all the batch.
                    kept = piece.numpy().astype(store.dtype)
                    if np.isfinite(kept).all():
                        waiting.add(key_of[row], kept)
                    else:
                        unread.append(Skipped(row, "", "its features are not finite"))
            bar.update(batch.num_sequences + len(batch.skipped))
            cores.add(len(batch.steps))
    waiting.write()
    encoder.train(was_training)
    # Also waits for the others: what they computed is in the store by now.
    every = from_all_ranks(trainer, {key_of[skip.id]: skip.reason for skip in unread})
    return {key: reason for reasons in every for key, reason in reasons.items()}


class _Waiting:
    """Features that wait for enough company to fill a file."""

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self.keys: list[str] = []
        self.features: list[np.ndarray] = []
        self.num_bytes = 0
        self.started = self.written = time.monotonic()

    def add(self, key: str, features: np.ndarray) -> None:
        self.keys.append(key)
        self.features.append(features)
        self.num_bytes += features.nbytes
        now = time.monotonic()
        patience = max(_FILE_SECONDS, _FILE_SHARE * (now - self.started))
        if self.num_bytes >= _FILE_BYTES or now - self.written >= patience:
            self.write()

    def write(self) -> None:
        self.store.add(self.keys, self.features)
        self.keys, self.features, self.num_bytes = [], [], 0
        self.written = time.monotonic()


def _check_shared(trainer: Trainer, store: FeatureStore, keys: Sequence[str]) -> None:
    """Raise where a process does not see what the others have computed."""
    if any(from_all_ranks(trainer, bool(store.missing(keys)))):
        raise InputError(
            f"{store.folder}: its files are not seen by every process; set MANYTOONE_CACHE to a"
            " folder that all machines of the run share"
        )


def _is_trial(trainer: Trainer) -> bool:
    """A dry run of a few batches needs no features of the rest."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]
