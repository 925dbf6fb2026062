"""Uploads: decoded in the isolated process, from memory, and never from a path of a request.

T frames read · S their height and width
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from data.decoding.decode import Reading
from data.decoding.isolation import Decoder
from data.decoding.lookalikes import picture_kind
from data.decoding.probe import UnreadableError
from pipelines.predict.inputs import Item
from pipelines.predict.steps import ClipSteps, ItemSteps, Reader
from pipelines.serve.traffic.limits import Limits
from pipelines.serve.traffic.refusals import Refused

#: kinds of pictures that a stream takes as frames
_FRAME_KINDS = ("JPEG", "PNG", "WebP")
_FIRST_FRAMES = 16


class UploadReader:
    """Reader of uploaded clips and pictures, with a decoder process for each that is read at once.

    Args:
        how: options of decoding.
        pictures: whether pictures are read too.
        limit_seconds: time limit of a file (see `Decoder`).
        most_frames: number of frames from which on a clip is refused.
    """

    def __init__(
        self, how: Reading, *, pictures: bool, limit_seconds: float, most_frames: int
    ) -> None:
        self.how, self.pictures, self.most_frames = how, pictures, most_frames
        self._limit_seconds = limit_seconds
        self._idle: list[Decoder] = []
        self._is_closed = False

    @classmethod
    def like(cls, steps: Reader, limits: Limits, *, pictures: bool) -> "UploadReader":
        """Reader of uploads as a model's reader of clips reads them, within the server's limits."""
        assert isinstance(steps, ClipSteps)
        return cls(
            steps.reading,
            pictures=pictures,
            limit_seconds=limits.limit_seconds,
            most_frames=limits.frames_of(steps.reading.size_px),
        )

    def close(self) -> None:
        """End the decoders, those in use when their file is done."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    def read(self, content: bytes) -> ItemSteps:
        """Frames (T, S, S, 3) of a clip, or of a picture as a clip of one.

        Raises:
            Refused: it cannot be read, or has too many frames.
        """
        with _in_memory(content) as path:
            kind = picture_kind(path)
            if kind is not None and not self.pictures:
                raise Refused(
                    422,
                    f"is a picture ({kind}), and this model answers clips by the order of their"
                    " frames; send a clip",
                )
            return self._decoded(path, self.how)

    def read_frame(self, content: bytes) -> ItemSteps:
        """Frame (1, S, S, 3) of a stream, sent as a picture.

        Raises:
            Refused: it is none.
        """
        with _in_memory(content) as path:
            if picture_kind(path) not in _FRAME_KINDS:
                raise Refused(
                    422, f"is no picture of a kind that is read: {', '.join(_FRAME_KINDS)}"
                )
            return self._decoded(path, self.how._replace(frames="all"))

    def _decoded(self, path: Path, how: Reading) -> ItemSteps:
        room = _Room(how.size_px, self.most_frames)
        try:
            with self._decoder() as decoder:
                seconds = decoder.read_into(path, room, how)
        except UnreadableError as error:
            raise Refused(422, str(error).replace(str(path), "the file")) from error
        return ItemSteps(Item("upload"), room.pixels[: len(seconds)], seconds)

    @contextmanager
    def _decoder(self) -> Iterator[Decoder]:
        try:
            decoder = self._idle.pop()
        except IndexError:
            # Pictures were refused before, where they are; frames of a stream are pictures.
            decoder = Decoder(limit_seconds=self._limit_seconds, pictures=True)
        try:
            yield decoder
        finally:
            if self._is_closed:
                decoder.close()
            else:
                self._idle.append(decoder)


class _Room:
    """Room for the frames of a clip, which doubles when it is full, up to a most."""

    def __init__(self, size_px: int, most: int) -> None:
        self.pixels = np.empty((min(_FIRST_FRAMES, most), size_px, size_px, 3), np.uint8)
        self._num_taken, self._most = 0, most

    def __call__(self) -> np.ndarray:
        if self._num_taken == self._most:
            raise Refused(
                413, f"has more than {self._most:,} frames, the most that are read; cut it shorter"
            )
        if self._num_taken == len(self.pixels):
            more = np.empty_like(self.pixels[: self._most - self._num_taken])
            self.pixels = np.concatenate([self.pixels, more])
        self._num_taken += 1
        return self.pixels[self._num_taken - 1]


@contextmanager
def _in_memory(content: bytes) -> Iterator[Path]:
    """A path by which the decoder's process reads bytes that no folder holds.

    It is that of an anonymous file in memory (Linux). Elsewhere it is a temporary file that only this
    user can read, and that is removed with the answer.
    """
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield Path(file.name)
        return
    with os.fdopen(os.memfd_create("upload"), "wb") as file:
        file.write(content)
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
