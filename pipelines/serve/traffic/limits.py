"""Limits of what a request may ask for, and how many there may be at once."""

from typing import NamedTuple

from data.files.errors import InputError

# Decoded frames of one clip, whatever their size.
_FRAME_BYTES = 2**28


class Limits(NamedTuple):
    """Limits of the server; each is an option of the command."""

    max_megabytes: float = 32.0
    """Size of a body in units of 10⁶ bytes."""
    max_characters: int = 20_000
    """Length of a text."""
    max_texts: int = 64
    """Number of texts in a request."""
    max_frames: int = 3_000
    """Number of frames of a clip that are read."""
    limit_seconds: float = 30.0
    """Time from a request's head to its answer."""
    queue: int = 64
    """Number of requests that are taken at once; the next one is refused."""
    batch: int = 32
    """Number of items that are answered together."""
    streams: int = 16
    """Number of open streams."""
    stream_steps: int = 1_000
    """Number of steps that a stream keeps; of a longer one it reads the last so many."""

    @property
    def max_bytes(self) -> int:
        """Size of a body."""
        return int(self.max_megabytes * 1e6)

    @property
    def bytes_at_once(self) -> int:
        """Size of all bodies that are held at once: some of the largest, or many small ones."""
        return max(8 * self.max_bytes, 2**26)

    def frames_of(self, size_px: int) -> int:
        """Number of frames of a clip, where each has sides of so many pixels."""
        return max(min(self.max_frames, _FRAME_BYTES // (size_px**2 * 3)), 1)


def check_limits(limits: Limits) -> None:
    """See that limits can be met.

    Raises:
        InputError: one is not above 0.
    """
    for name, value in limits._asdict().items():
        if not 0 < value < float("inf"):
            raise InputError(f"--{name}={value}: a number above 0 is needed")
