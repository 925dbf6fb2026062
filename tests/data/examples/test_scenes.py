"""Embedded example of captions: sentences that follow from the scene, clips that have their reverse."""

import csv

import numpy as np
import pytest

from data.examples.caption_clips import caption_example
from data.examples.scenes import ACTIONS, OPPOSITES, Actor, Scene, draw_scene, render_scene
from tests.data.examples.test_examples import decode

CIRCLE = Actor("red", "circle", "small", ("right",))
SQUARE = Actor("green", "square", None, ("growing", "down"))


def scenes(count):
    return [draw_scene(np.random.default_rng(seed)) for seed in range(count)]


def test_sentences():
    assert Scene((CIRCLE,)).sentences == [
        "a small red circle moves to the right",
        "the small red circle goes right",
        "one circle, red and small, slides rightwards",
    ]
    assert Scene((SQUARE,)).sentences[0] == "a green square grows, then moves down"
    assert Scene((SQUARE,)).reverse.sentences[0] == "a green square moves up, then shrinks"
    both = Scene((CIRCLE, SQUARE._replace(actions=("growing",))))
    assert both.sentences[1] == (
        "the small red circle goes right and then the green square gets bigger"
    )
    assert both.reverse.sentences[0] == (
        "a green square shrinks, then a small red circle moves to the left"
    )


def test_no_scene_says_the_same_backwards():
    for scene in scenes(300):
        assert not set(scene.sentences) & set(scene.reverse.sentences)
        assert scene.reverse.reverse == scene
        assert len(set(scene.sentences)) == 3
    assert {OPPOSITES[OPPOSITES[one]] for one in ACTIONS} == set(ACTIONS)


def centre(frame, background):
    """Place and number of the pixels that differ from the background."""
    y, x = np.nonzero((np.abs(frame.astype(int) - background) > 40).any(2))
    return x.mean(), y.mean(), len(x)


@pytest.mark.parametrize(
    ("action", "axis", "sign"),
    [("right", 0, 1), ("left", 0, -1), ("down", 1, 1), ("up", 1, -1), ("growing", 2, 1),
     ("shrinking", 2, -1)],
)  # fmt: skip
def test_a_clip_shows_what_its_sentences_say(action, axis, sign):
    size = None if axis == 2 else "large"
    scene = Scene((Actor("white", "square", size, (action,)),))
    frames = render_scene(scene, np.random.default_rng(3))
    assert 3 <= len(frames) <= 5
    background = np.median(frames.reshape(-1, 3), axis=0)
    first, last = (centre(frame, background) for frame in (frames[0], frames[-1]))
    changes = np.subtract(last, first) / (1, 1, 20)
    assert np.argmax(np.abs(changes)) == axis
    assert np.sign(changes[axis]) == sign


def test_a_shape_is_seen_while_it_acts():
    scene = Scene(
        (Actor("red", "circle", "large", ("up",)), Actor("blue", "cross", None, ("growing",)))
    )
    frames = render_scene(scene, np.random.default_rng(4)).astype(int)
    reds, blues = (
        (frames[..., one] - frames[..., other] > 80).any((1, 2)) for one, other in ((0, 2), (2, 0))
    )
    assert (reds != blues).all()
    assert reds[0]
    assert blues[-1]
    assert np.count_nonzero(np.diff(reds.astype(int))) == 1


def test_the_example_has_three_sentences_a_clip_and_each_clip_its_reverse(tmp_path):
    table = caption_example(tmp_path, sizes={"train": 2, "val": 1, "test": 1}, show_progress=False)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 2 * 4
    assert [row["split"] for row in rows[:12]] == ["train"] * 12
    forwards, backwards = (decode(table.parent / f"test/0000{name}.mp4") for name in "ab")
    np.testing.assert_array_equal(forwards, backwards[::-1])
    stamp = table.stat().st_mtime_ns
    caption_example(tmp_path, sizes={"train": 2, "val": 1, "test": 1}, show_progress=False)
    assert table.stat().st_mtime_ns == stamp
