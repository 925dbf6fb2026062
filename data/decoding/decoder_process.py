"""Main loop of the decoder process, which `data.decoding.isolation` starts.

It imports nothing that decoding does not need, and PyTorch least of all, so that it starts fast.
"""

import mmap
import resource
import signal
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from data.decoding.decode import decode_into
from data.decoding.opening import UnreadableError, reason
from data.decoding.probe import probe


def main(connection_fd: int, memory_fd: int, most_bytes: int) -> None:
    """Answer requests until the other side closes the connection, in ``most_bytes`` of address space."""
    # Ctrl-C reaches all processes of a terminal; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    with Connection(connection_fd) as connection, mmap.mmap(memory_fd, 0) as memory:
        while True:
            try:
                what, pictures, *arguments = connection.recv()
                connection.send(_answer(what, pictures, arguments, connection, memory))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return


def _answer(
    what: str, pictures: bool, arguments: list[Any], connection: Connection, memory: mmap.mmap
) -> tuple[str, Any]:
    def progress(num_frames: int) -> None:
        connection.send(("progress", num_frames))

    try:
        if what == "probe":
            return "done", probe(*arguments, progress=progress, pictures=pictures)
        path, how, section, found = arguments
        room = _SharedRoom(connection, memory, how.size_px)
        seconds = decode_into(
            path, room, how, section=section, found=found, progress=progress, pictures=pictures
        )
        room.hand_over()
        return "done", seconds
    except UnreadableError as error:
        return "unreadable", str(error)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except MemoryError as error:
        return "unreadable", reason(error)
    except Exception as error:
        # A damaged file can raise any error in a library. It must cost this file alone.
        return "unreadable", f"could not be decoded ({type(error).__name__}: {reason(error)})"


class _SharedRoom:
    """Buffer for frames in shared memory, which is handed over whenever it is full."""

    def __init__(self, connection: Connection, memory: mmap.mmap, size_px: int) -> None:
        self._connection = connection
        num_frames = len(memory) // (size_px * size_px * 3)
        shape = (num_frames, size_px, size_px, 3)
        self._frames = np.frombuffer(memory, np.uint8, count=int(np.prod(shape))).reshape(shape)
        self._taken = 0

    def __call__(self) -> np.ndarray:
        if self._taken == len(self._frames):
            self.hand_over()
        self._taken += 1
        return self._frames[self._taken - 1]

    def hand_over(self) -> None:
        """Send the number of frames in the buffer, and wait until they were copied."""
        if self._taken:
            self._connection.send(("frames", self._taken))
            self._connection.recv()
        self._taken = 0
