"""Ways of reading frames, stretched to 112 × 112 RGB: PyAV's, and other libraries', on one core.

The others come with the extra ``bench``; torchcodec also needs FFmpeg's libraries from the system.
T frames read.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import av
import numpy as np

SIZE_PX = 112


def missing(module: str) -> str:
    """Why a library cannot be used, in one line; empty where it can."""
    try:
        import_module(module)
    except (ImportError, RuntimeError, OSError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ""


def bare(path: Path) -> int:
    """PyAV's decoding and nothing else: the floor. How many frames there are."""
    num_frames = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "SLICE", 1
        for packet in container.demux(stream):
            num_frames += len(packet.decode())
    return num_frames


def usual_pyav(path: Path) -> np.ndarray:
    """As PyAV's own documentation shows it."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return np.stack(
            [
                frame.to_ndarray(format="rgb24", width=SIZE_PX, height=SIZE_PX)
                for frame in container.decode(video=0)
            ]
        )


def decord(path: Path, places: Sequence[int] | None = None) -> np.ndarray:
    """All frames, or some."""
    import decord

    frames = decord.VideoReader(str(path), width=SIZE_PX, height=SIZE_PX, num_threads=1)
    return frames.get_batch(range(len(frames)) if places is None else list(places)).asnumpy()


def opencv(path: Path, places: Sequence[int] | None = None, *, how: str = "LINEAR") -> np.ndarray:
    """All frames, or some by its own seeking."""
    import cv2

    cv2.setNumThreads(1)
    source = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    flag = getattr(cv2, f"INTER_{how}")

    def small(frame: np.ndarray) -> np.ndarray:
        frame = cv2.resize(frame, (SIZE_PX, SIZE_PX), interpolation=flag)
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    frames = []
    if places is None:
        while (came := source.read())[0]:
            frames.append(small(came[1]))
        return np.stack(frames)
    for place in places:
        source.set(cv2.CAP_PROP_POS_FRAMES, place)
        frames.append(small(source.read()[1]))
    return np.stack(frames)


def opencv_area(path: Path) -> np.ndarray:
    """All frames, each pixel the mean of what falls into it."""
    return opencv(path, how="AREA")


def torchcodec(
    path: Path, places: Sequence[int] | None = None, *, mode: str = "exact"
) -> np.ndarray:
    """All frames, or some by exact seeking."""
    import torch
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    torch.set_num_threads(1)
    decoder = VideoDecoder(
        str(path),
        num_ffmpeg_threads=1,
        dimension_order="NHWC",
        seek_mode=mode,
        transforms=[Resize((SIZE_PX, SIZE_PX))],
    )
    if places is None:
        return decoder.get_frames_in_range(0, len(decoder)).data.numpy()
    return decoder.get_frames_at(list(places)).data.numpy()


def torchcodec_approximate(path: Path, places: Sequence[int]) -> np.ndarray:
    """Some frames, by the header's frame rate."""
    return torchcodec(path, places, mode="approximate")
