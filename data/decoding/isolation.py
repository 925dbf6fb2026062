"""Decoding in a separate process, so that a bad file ends its decoder and nothing else.

A damaged or malicious file can make a decoder hang or crash in C code, where no exception is raised.
Here the decoder is another process: one that takes too long is killed, and one that crashed is
replaced. Either costs the file and a fraction of a second. Frames come through shared memory, block
by block, so that memory does not grow with the clip. The process has a limit to its own memory.
"""

import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from data.decoding.decode import Reading, Room
from data.decoding.probe import Probe, UnreadableError
from data.decoding.sampling import WHOLE, Section

_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from data.decoding.decoder_process import main;"
    " main(*map(int, sys.argv[2:]))"
)
#: address space of a decoder process, a tenth of which are its libraries; a frame of
#: `opening.MOST_PIXELS` fits in several times
MOST_BYTES = 5 * 2**29
# 200 frames of 160 x 160 px; larger blocks gain no time.
_BLOCK_BYTES = 16 * 2**20
# The time limit grows by itself for each so many frames, so that long clips may take longer.
_FRAMES_PER_LIMIT = 1000
# Damaged files leak a few KiB each in the libraries, so the process is replaced from time to time.
_FILES_PER_PROCESS = 2000


class Decoder:
    """Client of a decoder process, for one file at a time and one thread.

    The process starts with the first file. A copy in another process, by fork or pickle, starts one
    of its own.

    Args:
        limit_seconds: time limit of a file; it grows by as much for every 1,000 frames decoded.
        pictures: whether pictures are read too, as clips of one frame (see `open_video`).
    """

    def __init__(self, *, limit_seconds: float = 60.0, pictures: bool = False) -> None:
        self.limit_seconds, self.pictures = limit_seconds, pictures
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._block_bytes = self._num_files = 0
        self._connection: Connection
        self._memory: mmap.mmap

    def probe(self, path: Path | str) -> Probe:
        """Call `data.decoding.probe.probe`; a file that takes too long or crashes it is unreadable."""
        self._start(_BLOCK_BYTES)
        return self._ask(("probe", self.pictures, os.path.abspath(path)), None, 0)

    def read_into(
        self,
        path: Path | str,
        room: Room,
        how: Reading,
        *,
        section: Section = WHOLE,
        found: Probe | None = None,
    ) -> np.ndarray:
        """Call `data.decoding.decode.decode_into`.

        A file that takes too long or crashes the decoder is unreadable.
        """
        frame_bytes = how.size_px**2 * 3
        self._start(max(_BLOCK_BYTES, frame_bytes))
        request = ("read", self.pictures, os.path.abspath(path), how, section, found)
        return self._ask(request, room, how.size_px)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            self._connection.close()
            self._process.kill()
            self._process.wait()
            # The memory is unmapped with its last view, which a propagating error may still hold.
            del self._memory
        self._process = None

    def __del__(self) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"limit_seconds": self.limit_seconds, "pictures": self.pictures}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _start(self, block_bytes: int) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._num_files += 1
            if block_bytes <= self._block_bytes and self._num_files <= _FILES_PER_PROCESS:
                return
            self.close()
        ours, theirs = Pipe()
        with theirs, _memory_file(block_bytes) as file:
            self._memory = mmap.mmap(file.fileno(), block_bytes)
            fds = (theirs.fileno(), file.fileno())
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(_ROOT), *map(str, (*fds, MOST_BYTES))],
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Each decoder uses one core: callers start as many decoders as they have cores.
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        self._connection, self._owner, self._block_bytes = ours, os.getpid(), block_bytes
        self._num_files = 1

    def _ask(self, request: tuple[Any, ...], room: Room | None, size_px: int) -> Any:
        started, num_frames = time.monotonic(), 0
        try:
            self._connection.send(request)
            while True:
                limit = self.limit_seconds * (1 + num_frames / _FRAMES_PER_LIMIT)
                if not self._connection.poll(max(started + limit - time.monotonic(), 0)):
                    self.close()
                    raise UnreadableError(
                        f"took longer than {limit:.0f} s to decode ({num_frames} frames by then)"
                    )
                kind, content = self._connection.recv()
                if kind == "progress":
                    num_frames += content
                    continue
                if kind != "frames":
                    break
                assert room is not None
                self._take(content, room, size_px)
                num_frames += content
                self._connection.send(None)
        except (EOFError, ConnectionResetError, BrokenPipeError) as error:
            assert self._process is not None
            self._process.kill()
            code = self._process.wait()
            self.close()
            raise UnreadableError(f"ended the decoder ({_exit_reason(code)})") from error
        except BaseException:
            # The rest of this answer would be taken for the answer to the next request.
            self.close()
            raise
        if kind == "unreadable":
            raise UnreadableError(content)
        return content

    def _take(self, num_frames: int, room: Room, size_px: int) -> None:
        shape = (num_frames, size_px, size_px, 3)
        block = np.frombuffer(self._memory, np.uint8, count=int(np.prod(shape))).reshape(shape)
        for frame in block:
            room()[:] = frame


def one_a_thread(*, limit_seconds: float, pictures: bool = False) -> Callable[[], Decoder]:
    """Make a function that returns the decoder of the calling thread."""
    here = threading.local()

    def decoder() -> Decoder:
        if not hasattr(here, "decoder"):
            here.decoder = Decoder(limit_seconds=limit_seconds, pictures=pictures)
        return here.decoder

    return decoder


def _memory_file(num_bytes: int) -> Any:
    """Open an anonymous file in memory."""
    if hasattr(os, "memfd_create"):
        file: Any = os.fdopen(os.memfd_create("frames"), "r+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    os.truncate(file.fileno(), num_bytes)
    return file


def _exit_reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
