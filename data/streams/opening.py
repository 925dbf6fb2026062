"""Opening of a video stream that a person named; nothing that it refers to is opened."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import av

from data.decoding.lookalikes import what_begins_so
from data.decoding.opening import (
    FORMATS,
    UnreadableError,
    open_video,
    pixel_limit,
    reason,
    stream_to_read,
)
from data.streams.address import Address
from data.streams.http_body import HttpBody
from data.streams.rtsp_question import refuse_redirect

# Bytes that are handed over name no protocol at all; a camera and a server have their own.
_NO_PROTOCOL = {"protocol_whitelist": "none", "format_whitelist": f"{FORMATS},mpjpeg"}
_CAMERA = {"protocol_whitelist": "none", "format_whitelist": "video4linux2,v4l2"}
# Over TCP alone: packets come through the one connection to the server that was named.
_RTSP = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "format_whitelist": "rtsp",
}
_RTSP_PROTOCOLS = {"rtsp": "rtsp,tcp", "rtsps": "rtsp,rtsps,tls,tcp"}


class Opened(NamedTuple):
    """An open stream."""

    container: av.container.InputContainer
    stream: av.VideoStream
    body: HttpBody | None = None

    @property
    def has_end(self) -> bool:
        """Whether the server announced how much there is, so that nothing is lost by waiting."""
        return self.body is not None and self.body.length is not None


class _Pipe:
    """A pipe as a file that cannot be sought."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.start = b""

    def read(self, size: int) -> bytes:
        some = os.read(self._descriptor, size)
        self.start = self.start or some[:4096]
        return some


@contextmanager
def open_stream(address: Address, *, timeout_seconds: float) -> Iterator[Opened]:
    """Open a source, and choose its video stream.

    Raises:
        UnreadableError: it cannot be opened, or holds no video of a kind that is read.
    """
    with ExitStack() as stack:
        if address.kind == "file" and not is_pipe(address.target):
            container, stream = stack.enter_context(open_video(address.target))
            yield Opened(container, stream)
            return
        body, source, options, format = None, address.target, {}, None
        file: Any = None
        if address.kind == "http":
            file = body = HttpBody(address.target, timeout_seconds=timeout_seconds)
            stack.callback(body.close)
            options = _NO_PROTOCOL
        elif address.kind in ("pipe", "file"):
            file = _Pipe(stack.enter_context(pipe_of(address)))
            options = _NO_PROTOCOL
        elif address.kind == "camera":
            options, format = _CAMERA, "v4l2"
            _require_camera(address.target)
        else:
            scheme = address.target.partition(":")[0].lower()
            refuse_redirect(address.target, timeout_seconds=timeout_seconds)
            options = _RTSP | {"protocol_whitelist": _RTSP_PROTOCOLS[scheme]}
            format = "rtsp"
        try:
            container = av.open(
                file or source,
                format=format,
                options=options | pixel_limit(),
                metadata_errors="ignore",
                timeout=None if file is not None else timeout_seconds,
            )
        except (av.FFmpegError, OSError, ValueError, UnicodeError) as error:
            raise UnreadableError(_why_unopened(error, file, timeout_seconds)) from error
        stack.callback(container.close)
        yield Opened(container, stream_to_read(container), body)


@contextmanager
def pipe_of(address: Address) -> Iterator[int]:
    """File descriptor of standard input, or of a file that is opened."""
    if address.kind == "pipe":
        yield 0
        return
    descriptor = os.open(address.target, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_pipe(path: str) -> bool:
    """Whether a path is a named pipe."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False


def _require_camera(device: str) -> None:
    if not os.path.exists(device):
        others = sorted(str(path) for path in Path("/dev").glob("video*"))
        raise UnreadableError(
            f"there is no {device}; "
            + (f"there are {', '.join(others)}" if others else "no camera is connected")
        )


def _why_unopened(error: Exception, file: Any, timeout_seconds: float) -> str:
    if isinstance(error, av.error.ExitError):
        return f"nothing came for {timeout_seconds:g} s (--timeout_seconds)"
    if file is None:
        return reason(error)
    if not file.start:
        return "gives no byte"
    if told := what_begins_so(file.start):
        return told
    if isinstance(error, av.ArgumentError | av.InvalidDataError):
        return (
            "no video of a kind that can be read as it comes, or damaged; an MP4 file with its index"
            " at the end must be a file, or be written with the index first or in fragments"
        )
    return reason(error)
