"""Opening of video files: the allowed formats, and the choice of the video stream."""

import os
from fractions import Fraction
from pathlib import Path

import av

from data.decoding.lookalikes import picture_kind, what_it_is

#: video containers that hold their data themselves. Playlists and manifests (hls, dash, concat, sdp,
# image sequences, …) are not allowed, since they name further files or URLs. Sound formats are allowed
# for a better error: such a file opens, and holds no video stream.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,apng,mxf,nut,"
    "ivf,h264,hevc,m4v,obu,av1,dv,rm,wtv,y4m,yuv4mpegpipe,vc1,vc1test,h261,h263,mjpeg,gxf,dhav,"
    "amr,mp3,wav,aac,flac"
)
#: the most pixels of a frame: 8K video has 33 million, a medium-format photograph 102 million. A file of
#: some bytes can hold a picture of any size.
MOST_PIXELS = 2**27
# A clip is one local file: neither a URL nor a file that another one names is ever opened.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
# By kind of picture, FFmpeg's name of the format.
_PICTURE_FORMATS = {kind: f"{kind.lower()}_pipe" for kind in ("JPEG", "PNG", "WebP", "BMP", "TIFF")}
_PICTURE_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": ",".join(_PICTURE_FORMATS.values()),
}

_DISPOSITION = av.stream.Disposition
# Streams beside the film: covers, thumbnails, and layers that refine another stream.
_SIDE_STREAMS = (
    _DISPOSITION.attached_pic
    | _DISPOSITION.timed_thumbnails
    | _DISPOSITION.still_image
    | _DISPOSITION.dependent
)


class UnreadableError(Exception):
    """A file that gives no frames, or too few. The message is the reason, in one line."""


class open_video:  # noqa: N801 - used as a function is
    """Context manager that opens a local file and gives its container and best video stream.

    Args:
        path: path of the file.
        pictures: whether a picture (JPEG, PNG, WebP, BMP, TIFF) is opened too, as a clip of one frame.

    Raises:
        UnreadableError: a missing file, a file that is no video, an unknown codec, or frames of more
            than `MOST_PIXELS`.
    """

    def __init__(self, path: Path | str, *, pictures: bool = False) -> None:
        # FFmpeg takes "file:" and an absolute path literally, whatever characters it holds.
        self._url = f"file:{os.path.abspath(path)}"
        self._path, self._pictures = path, pictures
        if not os.path.isfile(path):
            # Opening a pipe or a device could block for ever.
            raise UnreadableError("no such file")

    def __enter__(self) -> tuple[av.container.InputContainer, av.VideoStream]:
        # A picture is opened by its own format: by its name alone, FFmpeg could take it for one of a
        # sequence (a%03d.jpg), and open others.
        picture = picture_kind(self._path) if self._pictures else None
        if picture is not None and picture not in _PICTURE_FORMATS:
            raise UnreadableError(
                f"is a picture of a kind that is not read ({picture}); save it as JPEG or PNG"
            )
        try:
            self._container = av.open(
                self._url,
                format=None if picture is None else _PICTURE_FORMATS[picture],
                options=(_OPTIONS if picture is None else _PICTURE_OPTIONS) | pixel_limit(),
                metadata_errors="ignore",
            )
        except (av.FFmpegError, OSError, ValueError, UnicodeError) as error:
            raise UnreadableError(what_it_is(self._path) or _complaint(error)) from error
        try:
            return self._container, stream_to_read(self._container, path=self._path)
        except UnreadableError:
            self._container.close()
            raise

    def __exit__(self, *error: object) -> None:
        self._container.close()


def stream_to_read(
    container: av.container.InputContainer, *, path: Path | str | None = None
) -> av.VideoStream:
    """Choose the video stream to read, and prepare its decoder.

    Args:
        container: an open container.
        path: path of the file, whose beginning may tell what it is; None for what is no file.

    Raises:
        UnreadableError: no video stream, an unknown codec, or frames of more than `MOST_PIXELS`.
    """
    films = film_streams(container)
    if not films:
        raise UnreadableError((path and what_it_is(path)) or "holds no video stream")
    stream = films[0]
    if stream.codec_context is None:
        raise UnreadableError("is coded in a way for which there is no decoder")
    if _pixels(stream) > MOST_PIXELS:
        context = stream.codec_context
        raise UnreadableError(
            f"has frames of {context.width:,} x {context.height:,} px, and at most {_megapixels()}"
            " are read: make them smaller"
        )
    # The size may be another one than the header's, and may change from frame to frame.
    stream.codec_context.options |= pixel_limit()
    # One thread a file: data workers are the parallelism, and no thread outlives the file.
    stream.thread_type = "SLICE"
    stream.codec_context.thread_count = 1
    return stream


def film_streams(container: av.container.InputContainer) -> list[av.VideoStream]:
    """List the video streams of a file that are films, the one to read first.

    The first is FFmpeg's choice: by the file's default flag, then by the number of frames, then by
    the bit rate. Covers and thumbnails are never taken, and neither is a single picture beside a
    stream of several.
    """
    films = [s for s in container.streams.video if not s.disposition & _SIDE_STREAMS]
    films = [s for s in films if s.frames != 1] or films
    films = [s for s in films if s.codec_context is not None] or films
    best = container.streams.best("video")
    # If FFmpeg's choice is no film, take the largest of those with the default flag.
    return sorted(
        films,
        key=lambda s: (
            best is None or s.index != best.index,
            not s.disposition & _DISPOSITION.default,
            -_pixels(s),
        ),
    )


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Width over height of a pixel; 1 where the file gives no plausible value."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and 1 / 8 < aspect < 8 else Fraction(1)


def reason(error: Exception) -> str:
    """Shorten an error to one line."""
    if isinstance(error, MemoryError):
        return "needs more memory than a decoder may take"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]


def _pixels(stream: av.VideoStream) -> int:
    context = stream.codec_context
    return context.width * context.height if context else 0


def why_undecoded(error: Exception) -> str:
    """Shorten an error of a decoder to one line. A frame of too many pixels is an invalid argument."""
    return no_size() if isinstance(error, av.ArgumentError) else reason(error)


def no_size() -> str:
    """Reason of a file whose decoder refused the size of its frames."""
    return (
        f"is damaged, or has frames of more than {_megapixels()}, which are not read: make them"
        " smaller"
    )


def pixel_limit() -> dict[str, str]:
    """Option of FFmpeg's decoders; they refuse a larger frame before they take memory for it."""
    return {"max_pixels": str(MOST_PIXELS)}


def _megapixels() -> str:
    return f"{MOST_PIXELS / 1e6:.0f} megapixels"


def _complaint(error: Exception) -> str:
    if isinstance(error, av.ArgumentError):
        # FFmpeg's error for a container that is not on the list.
        return "no video file of a kind that is read, or damaged"
    return reason(error)
