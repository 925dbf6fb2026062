"""What is read step by step is what is read at once: the answers of `predict` and `caption`."""

import os
import threading

import numpy as np
import pytest
import torch

from data.decoding.decode import read_frames
from pipelines.predict import load
from pipelines.tasks import checkpoints
from tests.clips import write_clip, write_video
from tests.pipelines.saved_models import part, tokenizer

TEXT = "A fine, lovely film;  an awful\nbore? <br /><br />Great fun and so dull. " * 3
DIFFERENCES = part("StepInputs", difference="signed", gap=3, project=4)


def assert_same_class(found, due, *, steps):
    assert found["label"] == due.label
    assert found["probabilities"] == pytest.approx(due.probabilities, abs=1e-5)
    assert found["step"] == steps
    assert found["ended"] == "the source ended"


def moving(path, times, *, width=64, height=48):
    """A clip of noise that changes."""
    chance = np.random.default_rng(1)
    pictures = (chance.integers(0, 255, (height, width, 3), np.uint8) for _ in times)
    return write_video(path, pictures, times=list(map(int, times)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recurrence": part("GRU", hidden_size=5), "pooling": "mean"},
        {"recurrence": part("RNN", hidden_size=5), "pooling": "max"},
        {"pooling": "concat", "inputs": DIFFERENCES},
        {"members": 2, "pooling": "mean"},
        {"members": 2, "order_blind": True},
        {"pooling": "concat", "gated_features": 3},
    ],
    ids=["lstm", "gru", "rnn", "differences", "members", "order-blind", "gated"],
)
def test_a_clip_is_answered_as_predict_does(tmp_path, clip_model, watch, options):
    ckpt = clip_model(**options)
    clip = write_clip(tmp_path / "a.mp4", num_frames=60)
    code, found, err = watch(ckpt, clip)
    due = load(ckpt)(clip)
    assert code == 0
    assert_same_class(found[-1], due, steps=60)
    assert "read 60 frames in 1 sequences; dropped 0" in err
    # A line a second, and the running answers are those of predict.
    timeline = due.timeline()
    assert [round(one["seconds"], 6) for one in found] == [1.0, 2.0, 2.36]
    for one in found:
        along = dict(zip(timeline.classes, timeline.probabilities[one["step"] - 1], strict=True))
        assert one["probabilities"] == pytest.approx(along, abs=1e-5)


@pytest.mark.parametrize("frames", ["every=3", "fps=7/3"])
def test_frames_are_chosen_as_in_training(tmp_path, clip_model, watch, frames):
    """`tests/data/streams/test_choosing.py` has more."""
    ckpt = clip_model(frames=frames)
    clip = moving(tmp_path / "a.mkv", np.random.default_rng(3).integers(1, 9, 40).cumsum())
    _, found, _ = watch(ckpt, clip)
    due = load(ckpt)(clip)
    assert_same_class(found[-1], due, steps=due.steps)


NGRAMS = part(
    "NgramEmbedding",
    ngrams=3,
    features=4,
    num_ngrams=30,
    num_tokens=tokenizer().get_vocab_size(),
)
CONTEXT = NGRAMS | {"init_args": NGRAMS["init_args"] | {"context_features": 3}}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoder": NGRAMS, "pooling": "concat"},
        {"encoder": CONTEXT, "members": 2, "shared_encoder": False, "gated_features": 3},
        {"encoder": NGRAMS, "members": 2, "shared_encoder": False},
        {"recurrence": part("GRU", hidden_size=5), "members": 2},
    ],
    ids=["words", "ngrams", "context", "own encoders", "members"],
)
def test_a_text_is_answered_as_predict_does(tmp_path, text_model, watch, options):
    ckpt = text_model(**options)
    (tmp_path / "a.txt").write_text(TEXT)
    code, found, err = watch(ckpt, tmp_path / "a.txt", "--every_steps=10")
    due = load(ckpt)(TEXT)
    assert code == 0
    assert_same_class(found[-1], due, steps=due.steps)
    assert f"read {due.steps} tokens in 1 sequences" in err
    timeline = due.timeline()
    for one in found:
        along = dict(zip(timeline.classes, timeline.probabilities[one["step"] - 1], strict=True))
        assert one["probabilities"] == pytest.approx(along, abs=1e-5)
    assert [one["step"] for one in found[:-1]] == list(range(10, due.steps + 1, 10))


def test_a_text_that_comes_in_bits_through_a_pipe(tmp_path, text_model, watch):
    ckpt = text_model()
    os.mkfifo(tmp_path / "pipe")

    def write():
        with (tmp_path / "pipe").open("w") as pipe:
            for start in range(0, len(TEXT), 5):
                pipe.write(TEXT[start : start + 5])
                pipe.flush()

    writer = threading.Thread(target=write)
    writer.start()
    _, found, _ = watch(ckpt, tmp_path / "pipe", "--every_seconds=1000")
    writer.join()
    due = load(ckpt)(TEXT)
    assert_same_class(found[-1], due, steps=due.steps)


def test_each_line_is_a_text_of_its_own(tmp_path, text_model, watch):
    ckpt = text_model()
    lines = ["a fine film", "", "great <b", "an awful > bore", "dull"]
    (tmp_path / "a.txt").write_text("\n".join(lines))
    _, found, _ = watch(ckpt, tmp_path / "a.txt", "--reset=line", "--every_steps=1000")
    due = list(load(ckpt).many([line for line in lines if line]))
    assert [one["sequence"] for one in found] == [1, 2, 3, 4]
    for one, answer in zip(found, due, strict=True):
        assert one["probabilities"] == pytest.approx(answer.probabilities, abs=1e-5)
    assert [one["ended"] for one in found] == ["line"] * 3 + ["the source ended"]


def test_a_window_over_the_whole_clip_has_the_captioners_caption(tmp_path, captioner, watch):
    clip = write_clip(tmp_path / "a.mp4", num_frames=40)
    code, found, _ = watch(captioner, clip, "--window_seconds=10")
    due = load(captioner)(clip)
    assert code == 0
    assert (found[-1]["text"], found[-1]["step"]) == (due.text, 40)
    assert found[-1]["score"] == pytest.approx(due.score, abs=1e-5)


def test_a_window_is_the_clip_of_its_frames(tmp_path, clip_model, watch):
    """Also by a model that reads in both directions, whose mean needs the whole clip."""
    ckpt = clip_model(
        recurrence=part("LSTM", hidden_size=3, bidirectional=True),
        inputs=part("StepInputs", center=True),
    )
    clip = moving(tmp_path / "a.mp4", range(60))
    _, found, _ = watch(ckpt, clip, "--window_seconds=0.8", "--stride_seconds=0.4")
    assert [one["step"] for one in found] == [11, 21, 31, 41, 51, 60]
    model = checkpoints.load(ckpt)
    pixels = torch.from_numpy(read_frames(clip, size_px=16).pixels)
    for one in found:
        seen = pixels[max(one["step"] - 20, 0) : one["step"]]
        with torch.inference_mode():
            length = torch.tensor([len(seen)])
            due = model.probabilities(model(seen, length), length)[0]
        assert [one["probabilities"][name] for name in model.classes] == pytest.approx(
            due.tolist(), abs=1e-5
        )


def test_a_window_of_tokens_is_the_text_of_them(tmp_path, text_model, watch):
    ckpt = text_model(encoder=NGRAMS, recurrence=part("LSTM", hidden_size=3, bidirectional=True))
    words = (TEXTS_OF_WORDS * 3)[:25]
    (tmp_path / "a.txt").write_text(" ".join(words))
    _, found, _ = watch(ckpt, tmp_path / "a.txt", "--window_tokens=10", "--stride_tokens=4")
    assert [one["step"] for one in found] == [4, 8, 12, 16, 20, 24, 25]
    model = load(ckpt)
    for one in found:
        seen = words[max(one["step"] - 10, 0) : one["step"]]
        due = model(" ".join(seen)).probabilities
        assert one["probabilities"] == pytest.approx(due, abs=1e-5)


TEXTS_OF_WORDS = [
    "a",
    "fine",
    "lovely",
    "film",
    "an",
    "awful",
    "dull",
    "bore",
    "great",
    "fun",
    "and",
]
