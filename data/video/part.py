"""Part of a video data set: clips to ragged batches of frames.

N frames of a batch · T of a clip · S their height and width
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch

from data.batches.part import Part
from data.batches.ragged import RaggedBatch, Skipped, collate
from data.clips.clip import clip_name
from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.probe import Probe, UnreadableError
from data.decoding.sampling import WHOLE, Section
from data.files.errors import InputError
from data.files.workers import available_cores
from data.video.augment import Augmentation
from data.video.scan import digest_files

# Raise it when decoding gives other pixels than before: cached features are then computed anew.
_PIXELS_VERSION = 1
# The same for clips with a section, or whose frames, clock or stream are ambiguous.
_ODD_VERSION = 1
# The most memory for all prefetched batches.
_AHEAD_BYTES = 2**30


class VideoPart(Part):
    """Clips of one part, decoded on demand and cached while memory lasts.

    Args:
        files, sections: file and section of each clip.
        probes: probe of each file, if decoding needs it: not all frames are read, or the file is
            not ordinary; else None.
        ids, labels: as in `Part`.
        lengths: number of frames of each clip, before any limit.
        reading: options of decoding.
        decoder: decoder that reads the clips.
        cache_bytes: memory for decoded clips; 0 caches none.
        augmentation: random changes, drawn each time that a clip is read.
        fail: raise on a clip that cannot be read, instead of listing it as skipped.
        traits: as in `Part`.
    """

    view = "pictures"

    def __init__(
        self,
        files: list[Path],
        *,
        sections: list[Section],
        probes: list[Probe | None],
        ids: np.ndarray,
        labels: np.ndarray,
        lengths: np.ndarray,
        reading: Reading,
        decoder: Decoder,
        cache_bytes: int = 0,
        augmentation: Augmentation | None = None,
        fail: bool = False,
        traits: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.traits = traits or {}
        self.files, self.sections, self.probes = files, sections, probes
        self.ids, self.labels, self._whole_lengths = ids, labels, lengths
        limit = reading.max_frames
        self.lengths = lengths if limit is None else np.minimum(lengths, limit)
        self.truncated_steps = int((lengths - self.lengths).sum())
        self.reading, self.decoder = reading, decoder
        self.cache_bytes = cache_bytes
        self.augmentation = augmentation
        self.augments = bool(augmentation)
        self.fail = fail
        self._cache: dict[int, np.ndarray] = {}
        self._cached_bytes = 0

    @property
    def frame_bytes(self) -> int:
        """Size of a decoded frame in bytes."""
        return self.reading.size_px**2 * 3

    @property
    def num_bytes(self) -> int:
        """Size of all decoded frames in bytes."""
        return int(self.lengths.sum()) * self.frame_bytes

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """List the paths of clips, with the section if it is not the whole file."""
        every = range(len(self)) if positions is None else positions
        return [clip_name(self.files[k], self.sections[k]) for k in every]

    def subset(self, positions: Sequence[int]) -> Self:
        """Make a part of the examples at some positions."""
        at = np.asarray(positions, np.int64)
        return type(self)(
            [self.files[k] for k in at],
            sections=[self.sections[k] for k in at],
            probes=[self.probes[k] for k in at],
            ids=self.ids[at],
            labels=self.labels[at],
            lengths=self._whole_lengths[at],
            reading=self.reading,
            decoder=self.decoder,
            augmentation=self.augmentation,
            fail=self.fail,
            traits={name: values[at] for name, values in self.traits.items()},
        )

    def content_keys(self) -> list[str]:
        """Digest for each clip all that determines its frames: bytes, section and reading."""
        reading = json.dumps([_PIXELS_VERSION, *self.reading])
        return [
            hashlib.sha256(
                f"{digest or path} {section} {reading}{_odd_version(found, section)}".encode()
            ).hexdigest()
            for path, digest, section, found in zip(
                self.files, digest_files(self.files), self.sections, self.probes, strict=True
            )
        ]

    def num_workers(self) -> int:
        """Zero workers if the decoded clips fit in the cache, else half of the cores."""
        return max(available_cores() // 2, 1) if self.num_bytes > self.cache_bytes else 0

    def batches_ahead(self, *, steps_per_batch: int, num_workers: int) -> int:
        """Two batches, or one if two of the longest clips would take much memory."""
        largest = max(steps_per_batch, int(self.lengths.max())) * self.frame_bytes
        return 2 if 2 * largest * max(num_workers, 1) <= _AHEAD_BYTES else 1

    def advice(self, *, num_workers: int, num_cores: int, is_first_epoch: bool) -> str | None:
        """As `Part.advice`: clips that fit in the cache are decoded once."""
        fits = self.num_bytes <= self.cache_bytes
        if fits and num_workers == 0:
            return None if is_first_epoch else "put the data on a faster disk"
        if num_workers < num_cores:
            return f"let more processes read ahead: --data.num_workers={num_cores}"
        less = "read less: --data.frames=fps=…, or a lower --data.size_px"
        if fits:
            return less
        gib = math.ceil(self.num_bytes / 2**30)
        return (
            f"keep the decoded clips in memory, if there is as much: --data.cache_gib={gib}"
            f" --data.num_workers=0; or {less}"
        )

    def __getitems__(self, positions: Sequence[int]) -> RaggedBatch:
        """Make the batch of frames (N, 3, S, S) uint8, channels last in memory as they were decoded."""
        room = _BatchRoom(int(self.lengths[list(positions)].sum()), self.reading.size_px)
        read: list[int] = []
        lengths: list[int] = []
        skipped: list[Skipped] = []
        for k in positions:
            start = room.num_taken
            try:
                self._read(k, room)
            except UnreadableError as error:
                if self.fail:
                    raise unreadable(self.files[k], str(error)) from error
                room.num_taken = start
                skipped.append(Skipped(int(self.ids[k]), self.sources([k])[0], str(error)))
                continue
            if self.augmentation:
                clip = torch.from_numpy(room.pixels[start : room.num_taken]).permute(0, 3, 1, 2)
                clip.copy_(self.augmentation(clip))
            lengths.append(room.num_taken - start)
            read.append(k)
        return collate(
            torch.from_numpy(room.pixels[: room.num_taken]).permute(0, 3, 1, 2),
            lengths=lengths,
            labels=self.labels[read],
            ids=self.ids[read],
            skipped=skipped,
        )

    def _read(self, position: int, room: "_BatchRoom") -> None:
        if position in self._cache:
            room.put(self._cache[position])
            return
        start = room.num_taken
        self.decoder.read_into(
            self.files[position],
            room,
            self.reading,
            section=self.sections[position],
            found=self.probes[position],
        )
        frames = room.pixels[start : room.num_taken]
        if self._cached_bytes + frames.nbytes <= self.cache_bytes:
            self._cache[position] = frames.copy()
            self._cached_bytes += frames.nbytes


def _odd_version(found: Probe | None, section: Section) -> str:
    is_odd = section != WHOLE or (found is not None and not found.is_ordinary)
    return f" {_ODD_VERSION}" if is_odd else ""


class _BatchRoom:
    """Buffer for the frames of a batch, which grows if a clip is longer than planned."""

    def __init__(self, num_frames: int, size_px: int) -> None:
        self.pixels = np.empty((num_frames, size_px, size_px, 3), np.uint8)
        self.num_taken = 0

    def __call__(self) -> np.ndarray:
        self._reserve(1)
        self.num_taken += 1
        return self.pixels[self.num_taken - 1]

    def put(self, frames: np.ndarray) -> None:
        self._reserve(len(frames))
        self.pixels[self.num_taken : self.num_taken + len(frames)] = frames
        self.num_taken += len(frames)

    def _reserve(self, num_frames: int) -> None:
        lacking = self.num_taken + num_frames - len(self.pixels)
        if lacking > 0:
            more = np.empty((max(lacking, len(self.pixels) // 8), *self.pixels.shape[1:]), np.uint8)
            self.pixels = np.concatenate([self.pixels, more])


def unreadable(path: Path, reason: str) -> InputError:
    """Make the error for an unreadable clip that shall end the run."""
    return InputError(
        f"{path}: {reason}; mend or remove the file, or leave it out with --data.on_error=skip"
    )
