"""Videos: folders and lists of clips → ragged batches of frames."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from tqdm import tqdm

from data.batch import RaggedBatch, Skipped, collate
from data.decode import Fit, UnreadableError, probe, read_frames
from data.errors import InputError
from data.examples import video_example
from data.labels import encode_labels
from data.layouts import Clip, clips
from data.module import Origin, Part, SequenceDataModule, available_cores


class VideoPart(Part):
    """Clips of one part; decoded when asked for, and kept as long as there is room.

    Args:
        files: the clips.
        ids, labels, lengths: as in `Part`; ``lengths`` are frames.
        size_px, fit, max_frames: as in `read_frames`.
        cache_bytes: how much memory decoded clips may take; 0 keeps none.
        fail: raise on a clip that cannot be read, instead of listing it as skipped.
    """

    def __init__(
        self,
        files: list[Path],
        *,
        ids: np.ndarray,
        labels: np.ndarray,
        lengths: np.ndarray,
        size_px: int,
        fit: Fit,
        max_frames: int | None,
        cache_bytes: int,
        fail: bool,
    ) -> None:
        self.files, self.ids, self.labels = files, ids, labels
        self.lengths = lengths if max_frames is None else np.minimum(lengths, max_frames)
        self.truncated_steps = int((lengths - self.lengths).sum())
        self.size_px, self.fit, self.max_frames = size_px, fit, max_frames
        self.cache_bytes = cache_bytes
        self.fail = fail
        self._cache: dict[int, np.ndarray] = {}
        self._cached_bytes = 0

    @property
    def num_bytes(self) -> int:
        """What all frames take when decoded."""
        return int(self.lengths.sum()) * self.size_px**2 * 3

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """Paths of the clips."""
        return [str(self.files[k]) for k in (range(len(self)) if positions is None else positions)]

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Frames (N, 3, H, W) uint8, laid out channels last as they were decoded."""
        read: list[int] = []
        frames: list[np.ndarray] = []
        skipped: list[Skipped] = []
        for k in positions:
            try:
                frames.append(self._frames(k))
                read.append(k)
            except UnreadableError as error:
                if self.fail:
                    raise _unreadable(self.files[k], str(error)) from error
                skipped.append(Skipped(int(self.ids[k]), str(self.files[k]), str(error)))
        empty = np.empty((0, self.size_px, self.size_px, 3), np.uint8)
        return collate(
            torch.from_numpy(np.concatenate([empty, *frames])).permute(0, 3, 1, 2),
            lengths=[len(clip) for clip in frames],
            labels=self.labels[read],
            ids=self.ids[read],
            skipped=skipped,
        )

    def _frames(self, position: int) -> np.ndarray:
        if position in self._cache:
            return self._cache[position]
        frames = read_frames(
            self.files[position], size_px=self.size_px, fit=self.fit, max_frames=self.max_frames
        )
        if self._cached_bytes + frames.nbytes <= self.cache_bytes:
            self._cache[position] = frames
            self._cached_bytes += frames.nbytes
        return frames


class VideoDataModule(SequenceDataModule):
    """Clips in a folder per class, or listed in a CSV file; every frame of each.

    Args:
        path: the folder, or the CSV file (``path,label[,split]``, paths relative to it); None
            takes the embedded example of eight motions.
        path_column, label_column, split_column: what the columns of the CSV file are called.
        size_px: height and width that frames are scaled to.
        fit: how frames come to be square: crop, letterbox or stretch (see `read_frames`).
        max_frames: read only so many frames of each clip; None reads all. The report says how
            many were cut off.
        cache_gib: memory for the decoded clips of each part, in GiB; a part that fits is decoded
            once and not in every epoch.
        steps_per_batch: the most frames in a batch, padding included; a longer clip is a batch of
            its own.
        val_share, test_share: what to set aside, of each class, where the source names no part.
        num_workers: processes that read ahead; None takes half the cores, or none where the
            clips fit in the cache.
        on_error: skip clips that cannot be read and list them in the report, or fail.
        seed: what parts, batches and their order are drawn from.
    """

    source_column = "path"

    def __init__(
        self,
        *,
        path: str | None = None,
        path_column: str = "path",
        label_column: str = "label",
        split_column: str = "split",
        size_px: int = 64,
        fit: Fit = "crop",
        max_frames: int | None = None,
        cache_gib: float = 2.0,
        steps_per_batch: int = 1024,
        val_share: float = 0.1,
        test_share: float = 0.2,
        num_workers: int | None = None,
        on_error: Literal["skip", "fail"] = "skip",
        seed: int = 0,
    ) -> None:
        super().__init__(
            path=path,
            steps_per_batch=steps_per_batch,
            val_share=val_share,
            test_share=test_share,
            num_workers=num_workers,
            on_error=on_error,
            seed=seed,
        )
        if max_frames is not None and max_frames < 1:
            raise InputError(f"--data.max_frames={max_frames}: at least 1, or null to read all")
        self.path_column = path_column
        self.label_column = label_column
        self.split_column = split_column
        self.size_px, self.fit, self.max_frames = size_px, fit, max_frames
        self.cache_gib = cache_gib

    def read(self) -> tuple[dict[str, Part], list[str], Origin]:
        """Find the clips, scan them, name their classes, and divide them into parts."""
        source = Path(self.path) if self.path is not None else video_example()
        found, where = clips(
            source,
            path_column=self.path_column,
            label_column=self.label_column,
            split_column=self.split_column,
        )
        labels, classes = encode_labels(
            [clip.label for clip in found], classes=self.known_classes, where=where
        )
        lengths = self._scan(found)
        rows, reported = self.divide(
            labels,
            None if found[0].part is None else [clip.part for clip in found],
            classes=classes,
            where=where,
        )
        parts: dict[str, Part] = {}
        for name, members in rows.items():
            ids = members[lengths[members] > 0]
            if len(ids) == 0:
                raise InputError(f"{where}: no readable clip in the part '{name}'; add clips to it")
            parts[name] = VideoPart(
                [found[k].path for k in ids],
                ids=ids,
                labels=np.asarray(labels)[ids],
                lengths=lengths[ids],
                size_px=self.size_px,
                fit=self.fit,
                max_frames=self.max_frames,
                cache_bytes=int(self.cache_gib * 2**30),
                fail=self.on_error == "fail",
            )
        name = str(source) if self.path is not None else "embedded example (8 motions)"
        return parts, classes, Origin(name, reported)

    def _scan(self, found: list[Clip]) -> np.ndarray:
        """Frames of each clip, 0 for one that cannot be read; those are listed in ``skipped``."""

        def scan(clip: Clip) -> int | str:
            try:
                if not clip.path.is_file():
                    return "no such file"
                return probe(clip.path).num_frames
            except UnreadableError as error:
                return str(error)

        # PyAV lets go of the GIL while it reads: threads are enough.
        with ThreadPoolExecutor(available_cores()) as pool:
            progress = tqdm(
                pool.map(scan, found), total=len(found), desc="Scanning clips", disable=None
            )
            results = list(progress)
        lengths = np.zeros(len(found), np.int64)
        for row, (clip, result) in enumerate(zip(found, results, strict=True)):
            if isinstance(result, int):
                lengths[row] = result
                continue
            if self.on_error == "fail":
                raise _unreadable(clip.path, result)
            self.skipped.append(Skipped(row, str(clip.path), result))
        if not lengths.any():
            first = self.skipped[0]
            raise InputError(
                f"{first.source}: {first.reason}; and no other clip could be read either"
            )
        return lengths

    def describe(self) -> dict[str, Any]:
        """Classes, and how frames were made."""
        return {"classes": self.classes, "size_px": self.size_px, "fit": self.fit}

    def adopt(self, description: dict[str, Any]) -> None:
        """Take over what `describe` gave."""
        super().adopt(description)
        self.size_px, self.fit = description["size_px"], description["fit"]

    def default_num_workers(self, part: Part) -> int:
        """None where the decoded clips fit in the cache, else half of the cores."""
        assert isinstance(part, VideoPart)
        return 0 if part.num_bytes <= part.cache_bytes else max(available_cores() // 2, 1)


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: {reason}; mend or remove the file, or leave it out with --data.on_error=skip"
    )
