"""Segments of the drawn video: each file is whole or absent."""

from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType

import av

from data.decoding.opening import reason
from data.files.atomic_write import written_whole
from data.files.errors import InputError
from pipelines.predict.overlay import DrawnFile
from pipelines.watch.readings import Answer, ClassAnswer

_TIME_BASE = Fraction(1, 90_000)
_RATE = Fraction(25)


class Segments:
    """Writes ``out-000.mp4``, ``out-001.mp4``, …, each with the frames of so many seconds.

    A segment begins with a frame at 0 s. One that is not finished, because of an error, is absent.
    Where the size of frames changes, another one begins.

    Args:
        output: ``out.mp4``.
        seconds: length of a segment.
        classes: names of the classes.

    Raises:
        InputError: a segment exists already, or cannot be written.
    """

    def __init__(self, output: Path, *, seconds: float, classes: list[str]) -> None:
        self._output, self._seconds, self._classes = output, seconds, classes
        self._number = 0
        self._pixel_aspect = Fraction(1)
        self._stack = ExitStack()
        self._file: DrawnFile | None = None
        self._size = (0, 0)
        self._began_at = 0.0
        # A frame's duration is known when the next one comes.
        self._held: tuple[av.VideoFrame, Answer | None] | None = None
        self._refuse(self._path())

    def __enter__(self) -> "Segments":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        else:
            self._stack.__exit__(kind, error, trace)

    def connect(self, pixel_aspect: Fraction) -> None:
        """Begin another segment with the next frame: another connection may have other pictures."""
        self._finish()
        self._pixel_aspect = pixel_aspect

    def add(self, picture: av.VideoFrame, seconds: float, answer: Answer | None) -> None:
        """Write a frame with the answer that stands after it.

        Raises:
            InputError: the place cannot be written to.
        """
        size = (picture.width, picture.height)
        is_over = seconds - self._began_at >= self._seconds - 1e-6
        try:
            if self._file is not None and (is_over or size != self._size):
                self._finish(seconds)
            if self._file is None:
                self._begin(picture, seconds)
            time = round((seconds - self._began_at) / _TIME_BASE)
            self._write_held(time)
            picture.pts, picture.time_base = time, _TIME_BASE
            self._held = picture, answer
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def _begin(self, picture: av.VideoFrame, seconds: float) -> None:
        # The panel imports matplotlib, which takes a second: import it only to draw.
        from pipelines.predict.overlay_panel import LivePanel

        path = self._path()
        self._refuse(path)
        self._number += 1
        place = self._stack.enter_context(written_whole(path))
        self._file = DrawnFile(place, rate=_RATE)
        self._stack.callback(self._file.close)
        height, width = self._file.begin(
            picture, time_base=_TIME_BASE, pixel_aspect=self._pixel_aspect
        )
        self._panel = LivePanel(self._classes, height=height, width=width)
        self._began_at, self._size = seconds, (picture.width, picture.height)

    def _write_held(self, time: int) -> None:
        if self._held is None or self._file is None:
            return
        picture, answer = self._held
        self._held = None
        picture.duration = max(time - (picture.pts or 0), 1)
        draw = None
        if isinstance(answer, ClassAnswer):
            draw = partial(self._panel.draw_shares, shares=answer.probabilities)
        self._file.add(picture, draw)

    def _finish(self, seconds: float | None = None) -> None:
        """Finish the segment that is being written, up to a time."""
        if self._file is None:
            return
        if self._held is not None:
            last = self._held[0].pts or 0
            usual = round(1 / _RATE / _TIME_BASE)
            until = last + usual
            if seconds is not None:
                until = round((seconds - self._began_at) / _TIME_BASE)
            try:
                self._write_held(until)
            except (av.FFmpegError, OSError) as error:
                raise self._unwritable(error) from error
        self._file = None
        try:
            self._stack.close()
        except (av.FFmpegError, OSError) as error:
            raise self._unwritable(error) from error

    def _path(self) -> Path:
        output = self._output
        return output.with_name(f"{output.stem}-{self._number:03}{output.suffix}")

    def _refuse(self, path: Path) -> None:
        if path.exists():
            raise InputError(
                f"--overlay={self._output}: {path} exists already and is not overwritten; choose another"
                " name, or remove it"
            )

    def _unwritable(self, error: Exception) -> InputError:
        return InputError(
            f"--overlay={self._output}: could not be written ({reason(error)}); choose another place"
        )
