"""Clips whose files were scanned: which of them can be read, and how many steps each has."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from data.clips.clip import Clip
from data.decoding.decode import Reading, wanted_frames
from data.decoding.isolation import Decoder
from data.decoding.probe import Probe, UnreadableError, traits_of
from data.decoding.sampling import WHOLE
from data.files.errors import InputError
from data.video.augment import Augmentation
from data.video.part import VideoPart
from data.video.scan import contents_of, probe_files


class ScannedClips:
    """Clips of a source, in its order, with what a scan of their files has found.

    Args:
        clips: the clips.
        reading: options of decoding.
        limit_seconds: time limit of a file.
        pictures: whether pictures are read too, as clips of one frame.

    Attributes:
        problems: reason why a clip cannot be read, by row.
        lengths: (n,) int64: the wanted frames of each clip; 0 for those with a problem.

    Raises:
        InputError: no clip can be read.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        reading: Reading,
        *,
        limit_seconds: float,
        pictures: bool = False,
    ) -> None:
        self.clips, self.reading = clips, reading
        self._decoder = Decoder(limit_seconds=limit_seconds, pictures=pictures)
        self.sections = [clip.section for clip in clips]
        self.problems: dict[int, str] = {}
        self._probes: list[Probe | None] = []
        self.lengths = np.zeros(len(clips), np.int64)
        found = probe_files(
            [clip.path for clip in clips], limit_seconds=limit_seconds, pictures=pictures
        )
        for row, one in enumerate(found):
            if isinstance(one, str):
                self.problems[row] = one
            self._probes.append(None if isinstance(one, str) else one)
        if clips and len(self.problems) == len(clips):
            raise InputError(
                f"{clips[0].path}: {self.problems[0]}; and no other clip could be read either"
            )
        for row, (known, section) in enumerate(zip(self._probes, self.sections, strict=True)):
            try:
                if known is not None:
                    self.lengths[row] = len(wanted_frames(known, reading, section))
            except UnreadableError as error:
                self.problems[row] = str(error)

    @cached_property
    def contents(self) -> list[str]:
        """Key of each file's content (see `contents_of`)."""
        return contents_of([clip.path for clip in self.clips])

    def keys(self, *, of_files: bool = False) -> np.ndarray:
        """Hash content and section of each clip, or its file alone, to (n,) int64; 0: has a problem."""
        sections = [WHOLE] * len(self.clips) if of_files else self.sections
        digests = (
            hashlib.blake2b(f"{content} {start} {end}".encode(), digest_size=8).digest()
            for content, (start, end) in zip(self.contents, sections, strict=True)
        )
        numbers = [int.from_bytes(digest, "big", signed=True) for digest in digests]
        return np.where(self.lengths > 0, np.array(numbers, np.int64), 0)

    def part(
        self,
        rows: np.ndarray,
        labels: np.ndarray,
        *,
        cache_bytes: int,
        augmentation: Augmentation | None,
        fail: bool,
    ) -> VideoPart:
        """Make the part of some rows (k,), none of which has a problem, with labels (k,)."""
        part = VideoPart(
            [self.clips[k].path for k in rows],
            sections=[self.sections[k] for k in rows],
            probes=[self._needed_probe(k) for k in rows],
            ids=rows,
            labels=labels,
            lengths=self.lengths[rows],
            reading=self.reading,
            decoder=self._decoder,
            cache_bytes=cache_bytes,
            augmentation=augmentation,
            fail=fail,
            traits=traits_of([self._probes[k] for k in rows]),
        )
        part.contents = self.keys()[rows]
        return part

    def _needed_probe(self, row: int) -> Probe | None:
        """The probe, if decoding needs it: not all frames are read, or the file is odd."""
        found, section = self._probes[row], self.sections[row]
        is_odd = found is not None and not found.is_ordinary
        is_needed = self.reading.frames != "all" or section != WHOLE or is_odd
        return found if is_needed else None
