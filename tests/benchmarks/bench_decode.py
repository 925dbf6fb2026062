"""Reading clips beside decord, OpenCV and torchcodec, and beside PyAV's bare decoding.

python -m tests.benchmarks.bench_decode

Whole clips, stretched to 112 × 112 RGB uint8, on one core; and eight frames spread over ten minutes.
Each way has a process of its own. Figures are seconds on the core: the machine may be shared.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from data.decoding.decode import Reading, read_frames, wanted_frames
from data.decoding.probe import Probe, probe
from data.video.scan import probe_files
from tests.benchmarks import peers
from tests.benchmarks.measure import SHARED_DATA, in_turns_apart, machine
from tests.clips import write_video

NUM_RAIL_CLIPS = 12
WHOLE = Reading(peers.SIZE_PX, "stretch")
SPREAD = WHOLE._replace(frames="count=8")
ROUNDS = 7


def ours(path: Path, *, how: Reading = WHOLE) -> np.ndarray:
    """(T, 3, S, S)."""
    return read_frames(path, **how._asdict()).pixels


def scan_kept(path: Path) -> np.ndarray:
    """Some frames, by the scan that an earlier run left in the cache folder."""
    (found,) = probe_files([path], show_progress=False)
    assert isinstance(found, Probe)
    return read_frames(path, found=found, **SPREAD._asdict()).pixels


def each_of(way: Callable[[Path], object], paths: Sequence[Path]) -> None:
    """Read some clips, one after the other."""
    for path in paths:
        way(path)


def clip_sets(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Sets of files by name; absent sets are left out."""
    rail = sorted((SHARED_DATA / "rail").glob("*/*.mp4"))
    vtest = SHARED_DATA / "long" / "opencv_vtest.avi"
    if rail:
        yield "rail 320 × 240, H.264", rail[:: len(rail) // NUM_RAIL_CLIPS][:NUM_RAIL_CLIPS]
    if vtest.is_file():
        yield "vtest 768 × 576, MPEG-4", [vtest]
    if not rail or not vtest.is_file():
        print(f"left out: real clips that are not in {SHARED_DATA}")
    options = {"preset": "medium", "crf": "23"}
    made = write_video(folder / "made.mp4", moving_texture(200), options=options)
    yield "made 1280 × 720, H.264", [made]


def moving_texture(num_frames: int) -> Iterator[np.ndarray]:
    """Pictures (720, 1280, 3) of coloured blocks that move."""
    blocks = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    picture = np.kron(blocks, np.ones((10, 10, 1), np.uint8))
    for k in range(num_frames):
        yield np.roll(picture, (2 * k, 3 * k), (0, 1))[:720, :1280]


def main() -> None:
    """Print both tables."""
    whole: dict[str, Callable[[Path], object]] = {
        "bare": peers.bare,
        "ours": ours,
        "ours, fast": partial(ours, how=WHOLE._replace(interpolation="fast")),
        "usual PyAV": peers.usual_pyav,
    }
    own = len(whole)
    some: dict[str, Callable[..., Any]] = {}
    for module, ways, ways_some in (
        ("decord", {"decord": peers.decord}, {"decord": peers.decord}),
        ("cv2", {"OpenCV": peers.opencv, "OpenCV, area": peers.opencv_area}, {"OpenCV": peers.opencv}),
        (
            "torchcodec.decoders",
            {"torchcodec": peers.torchcodec},
            {
                "torchcodec, exact": peers.torchcodec,
                "torchcodec, approximate": peers.torchcodec_approximate,
            },
        ),
    ):  # fmt: skip
        if why := peers.missing(module):
            print(f"left out: {module}: {why}")
            continue
        whole |= ways
        some |= ways_some
    print(f"{machine()}, PyAV {av.__version__}; one core, medians of {ROUNDS}\n")
    print("| µs a frame |", " | ".join(whole), "| best other ÷ ours (fast) | bare ÷ ours (fast) |")
    print("|---" * (len(whole) + 3) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, files in clip_sets(Path(folder)):
            num_frames = sum(map(peers.bare, files))
            taken = in_turns_apart(
                *(partial(each_of, way, files) for way in whole.values()), rounds=ROUNDS
            )
            each = [1e6 * seconds / num_frames for seconds in taken]
            bare, area, fast = each[:3]
            best = min(each[own:], default=float("nan"))
            print(
                f"| {name} |",
                " | ".join(f"{value:.0f}" for value in each),
                f"| {best / area:.2f} ({best / fast:.2f})",
                f"| {bare / area:.2f} ({bare / fast:.2f}) |",
            )
    long = SHARED_DATA / "long" / "rail_10min.mp4"
    if long.is_file():
        eight_frames(long, some)


def eight_frames(path: Path, others: dict[str, Callable[..., Any]]) -> None:
    """Print how long eight frames spread over a long clip take, and whether they are the right ones."""
    places = wanted_frames(probe(path), SPREAD).tolist()
    right = ours(path)[places].astype(int)
    ways: dict[str, Callable[[], Any]] = {
        "ours, scan kept": partial(scan_kept, path),
        "ours, with the scan": partial(ours, path, how=SPREAD),
        **{name: partial(way, path, places) for name, way in others.items()},
    }
    taken = in_turns_apart(*ways.values(), rounds=ROUNDS)
    print("\n| eight frames of ten minutes | ms | ÷ ours, scan kept | pixels off, mean |")
    print("|---|---|---|---|")
    for (name, way), seconds in zip(ways.items(), taken, strict=True):
        came = way()
        came = came if came.shape == right.shape else came.transpose(0, 3, 1, 2)
        off = np.abs(came - right).mean((1, 2, 3)).max()
        print(f"| {name} | {1e3 * seconds:.0f} | {seconds / taken[0]:.2f} | {off:.1f} |")


if __name__ == "__main__":
    main()
