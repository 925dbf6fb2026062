"""Streams: the answer so far after each message, and a state for each connection."""

import io
import json

import pytest
import torch
from PIL import Image

from models.sequence.many_to_one import ManyToOne
from pipelines.predict import load
from pipelines.serve.answerers.streaming import Running
from tests.pipelines.saved_models import part, sentiment_model, tokenizer, write_saved
from tests.pipelines.serve.serving import serving

WORDS = ["a ", "poor ", "dull ", "film, ", "and ", "great ", "fun"]


def said(stream, message):
    stream.send(message)
    return json.loads(stream.recv())


def test_the_answer_so_far_is_that_of_the_text_so_far(texts, checkpoints):
    model = load(checkpoints / "sentiment.ckpt")
    with texts.stream() as stream:
        first = json.loads(stream.recv())
        assert (first["takes"], first["looks_ahead"]) == ("word", False)
        for k, word in enumerate(WORDS):
            found = said(stream, word)
            expected = model("".join(WORDS[: k + 1]))
            assert found["steps"] == expected.steps
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_pieces_may_end_within_a_word(texts, checkpoints):
    expected = load(checkpoints / "sentiment.ckpt")("a great film")
    with texts.stream() as stream:
        stream.recv()
        for piece in ("a gr", "ea", "t fil", "m"):
            found = said(stream, piece)
        assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
        assert said(stream, "") == {"steps": 0, "forgotten": 0}
        assert said(stream, " ") == {"steps": 0, "forgotten": 0}
        found = said(stream, "a great film")
        assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_connections_do_not_mix(texts, checkpoints):
    model = load(checkpoints / "sentiment.ckpt")
    others = ["lovely ", "bore ", "fine ", "awful "]
    with texts.stream() as one, texts.stream() as other:
        one.recv(), other.recv()
        for k in range(4):
            found = said(one, WORDS[k]), said(other, others[k])
            for answer, words in zip(found, (WORDS, others), strict=True):
                expected = model("".join(words[: k + 1]))
                assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_what_cannot_be_read_leaves_the_state(texts, checkpoints):
    with texts.stream() as stream:
        stream.recv()
        before = said(stream, "a fine ")
        assert "send text messages" in said(stream, b"\x00")["error"]
        assert "20,000 characters" in said(stream, "x" * 20_001)["error"]
        assert said(stream, "film")["steps"] == before["steps"] + 1


def test_a_long_stream_reads_the_last_steps(checkpoints):
    model = load(checkpoints / "sentiment.ckpt")
    with (
        serving(checkpoints / "sentiment.ckpt", stream_steps=3) as server,
        server.stream() as stream,
    ):
        assert "more than 3" in json.loads(stream.recv())["reading"]
        for word in ("a ", "fine ", "lovely ", "film "):
            found = said(stream, word)
        assert (found["steps"], found["forgotten"]) == (4, 1)
        expected = model("fine lovely film")
        assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_frames_of_a_camera(clips, clip):
    """Frames sent one by one are answered as the clip of them."""
    pixels = clips.served.read_upload(clip).steps
    expected = clips.answer(clip).json["probabilities"]
    with clips.stream() as stream:
        assert json.loads(stream.recv())["takes"] == "frame"
        assert "JPEG" in said(stream, "text")["error"]
        assert "no picture" in said(stream, clip)["error"]
        for k, frame in enumerate(pixels):
            found = said(stream, _png(frame))
            assert found["steps"] == k + 1
        assert found["probabilities"] == pytest.approx(expected, abs=1e-5)
        # And once more from the beginning.
        assert said(stream, "") == {"steps": 0, "forgotten": 0}
        for frame in pixels:
            found = said(stream, _png(frame))
        assert found["probabilities"] == pytest.approx(expected, abs=1e-5)


def test_a_model_of_two_directions_says_so(checkpoints):
    model = load(checkpoints / "both-ways.ckpt")
    with serving(checkpoints / "both-ways.ckpt") as server, server.stream() as stream:
        first = json.loads(stream.recv())
        assert first["looks_ahead"]
        assert "read anew" in first["reading"]
        for k, word in enumerate(WORDS):
            found = said(stream, word)
            expected = model("".join(WORDS[: k + 1]))
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_an_encoder_that_looks_back(tmp_path):
    num_tokens = tokenizer().get_vocab_size()
    options = {"ngrams": 3, "num_ngrams": 8, "features": 4, "ngram_features": 4}
    encoder = part("NgramEmbedding", num_tokens=num_tokens, **options)
    write_saved(tmp_path / "a.ckpt", model=sentiment_model(encoder=encoder))
    model = load(tmp_path / "a.ckpt")
    with serving(tmp_path / "a.ckpt") as server, server.stream() as stream:
        stream.recv()
        for k, word in enumerate(WORDS):
            found = said(stream, word)
            expected = model("".join(WORDS[: k + 1]))
            assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_too_many_streams_are_refused(checkpoints):
    with serving(checkpoints / "sentiment.ckpt", streams=1) as server:
        with server.stream() as one:
            one.recv()
            with server.stream() as other:
                assert "try again" in json.loads(other.recv())["error"]
            assert said(one, "fine")["steps"] == 1
        while server.metric("streams_open"):
            pass
        with server.stream() as again:
            assert "classes" in again.recv()


def test_models_that_write_answer_no_stream(checkpoints):
    with serving(checkpoints / "translation.ckpt") as server:
        assert server.ask("/about").json["streams"] is False
        with server.stream() as stream:
            assert "POST /answer" in json.loads(stream.recv())["error"]


def test_steps_can_be_taken_back(texts):
    model = texts.served.predictor.model
    assert isinstance(model.model, ManyToOne)
    tokens = torch.tensor([1, 2, 3, 4])
    one = Running(model, most_steps=10, device=torch.device("cpu"))
    other = Running(model, most_steps=10, device=torch.device("cpu"))
    one.feed(tokens)
    one.cut(2)
    assert one.num_steps == 2
    found, expected = one.feed(tokens[3:]), other.feed(torch.tensor([1, 2, 4]))
    assert found == pytest.approx(expected, abs=1e-7)


def _png(frame) -> bytes:
    content = io.BytesIO()
    Image.fromarray(frame).save(content, "PNG")
    return content.getvalue()
