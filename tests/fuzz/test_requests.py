"""Any request to a served model: an answer, or one line; never a failure of the server."""

import json
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzzed
from tests.fuzz.test_texts import TEXT
from tests.pipelines.saved_models import video_model, write_saved
from tests.pipelines.serve.serving import serving

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
KEY = st.sampled_from(["text", "texts", "file", "explain", "path", ""])
QUESTION = st.builds(lambda text, explain: {"text": text, "explain": explain}, TEXT, st.booleans())
JSON = (QUESTION | st.dictionaries(KEY, VALUE, max_size=3) | VALUE).map(json.dumps).map(str.encode)
KIND = st.sampled_from(
    ["application/json", "multipart/form-data; boundary=x", "video/mp4", "text/plain", ""]
)
REFUSALS = {400, 413, 415, 422}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    write_saved(folder / "sentiment.ckpt")
    inputs = {"classes": ["a", "b"], "size_px": 16, "frames": "all"}
    model = video_model(classes=inputs["classes"])
    write_saved(folder / "video.ckpt", "video", model=model, data={}, inputs=inputs)
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving(folder / f"{name}.ckpt", max_megabytes=1))
            for name in ("sentiment", "video")
        ]


@fuzzed(60)
@given(body=JSON | st.binary(max_size=200), kind=KIND, place=st.sampled_from([0, 1]))
def test_any_request(servers, body, kind, place):
    found = servers[place].ask("/answer", body, **{"Content-Type": kind})
    answer = found.json
    if found.status == 200:
        assert "label" in answer or "answers" in answer
    else:
        assert found.status in REFUSALS
        assert set(answer) == {"error"}
        assert 0 < len(answer["error"]) < 400
        assert answer["error"].isprintable()


@fuzzed(30)
@given(pieces=st.lists(TEXT, max_size=6))
def test_any_pieces_of_a_stream(servers, pieces):
    """The answer so far is that of the text so far."""
    with servers[0].stream() as stream:
        stream.recv()
        text = ""
        for piece in pieces:
            # The wire takes no lone surrogates.
            piece = piece.encode("utf-8", "replace").decode()
            stream.send(piece)
            found = json.loads(stream.recv())
            text = text + piece if piece else ""
            if "error" in found:
                assert "characters" in found["error"]
                text = text[: len(text) - len(piece)]
                continue
            whole = servers[0].answer({"text": text})
            if found["steps"] == 0:
                assert whole.status == 422
            elif not found["forgotten"]:
                assert found["probability"] == pytest.approx(whole.json["probability"], abs=1e-5)
