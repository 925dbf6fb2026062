"""One part of a video data set: clips that become ragged batches of frames.

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
from data.video.augment import Augmentation
from data.video.scan import digest_files

# Raise it when decoding gives other pixels than before: kept features of them are then made anew.
_PIXELS_VERSION = 1
# The same for those clips alone of which it is not plain at once which frames they are.
_ODD_VERSION = 1


class VideoPart(Part):
    """Clips of one part; decoded when asked for, and kept as long as there is room.

    Args:
        files, sections: the clips: a file each, and the part of it.
        probes: what each file holds, where the reading does not take all of it, or where that is
            odd; else None.
        ids, labels: as in `Part`.
        lengths: frames of each clip, before any limit.
        reading: how clips are read.
        decoder: what reads them.
        cache_bytes: how much memory decoded clips may take; 0 keeps none.
        augmentation: changes the clips anew each time they are read.
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
        """What a decoded frame takes."""
        return self.reading.size_px**2 * 3

    @property
    def num_bytes(self) -> int:
        """What all frames take when decoded."""
        return int(self.lengths.sum()) * self.frame_bytes

    def sources(self, positions: Sequence[int] | None = None) -> list[str]:
        """Paths of the clips, and the section where it is not the whole file."""
        every = range(len(self)) if positions is None else positions
        return [clip_name(self.files[k], self.sections[k]) for k in every]

    def subset(self, positions: Sequence[int]) -> Self:
        """The part of the examples at some positions."""
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
        """For each clip a digest of all that decides its frames: bytes, section and reading."""
        reading = json.dumps([_PIXELS_VERSION, *self.reading])
        return [
            hashlib.sha256(
                f"{digest or path} {section} {reading}{_odd_version(found, section)}".encode()
            ).hexdigest()
            for path, digest, section, found in zip(
                self.files, digest_files(self.files), self.sections, self.probes, strict=True
            )
        ]

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
        """Frames (N, 3, S, S) uint8, laid out channels last as they were decoded."""
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
    """Room for the frames of a batch; one that comes out longer than planned makes it grow."""

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
    """What to tell where a clip that cannot be read is to end the run."""
    return InputError(
        f"{path}: {reason}; mend or remove the file, or leave it out with --data.on_error=skip"
    )
