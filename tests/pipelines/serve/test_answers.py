"""Answers over HTTP, of every kind of model that is served."""

import base64
import json
import threading

import numpy as np
import pytest

from pipelines.predict import load
from pipelines.report.attribution import log_odds
from tests.clips import write_clip
from tests.pipelines.serve.serving import serving

TEXT = "a fine lovely film, great fun"


def test_a_text_is_answered_as_by_predict(texts, checkpoints):
    found = texts.answer({"text": TEXT})
    expected = load(checkpoints / "sentiment.ckpt")(TEXT)
    assert found.status == 200
    assert found.json == expected.plain()
    assert list(found.json["probabilities"]) == [found.json["label"], found.json["runner_up"]]


def test_texts_are_answered_in_their_order(texts):
    several = ["a dull film", " ", TEXT]
    first, second, third = texts.answer({"texts": several}).json["answers"]
    assert "holds no word" in second["error"]
    for text, found in ((several[0], first), (several[2], third)):
        alone = texts.answer({"text": text}).json
        assert found["probability"] == pytest.approx(alone["probability"], abs=1e-6)


def test_an_explanation_adds_up(texts):
    found = texts.answer({"text": TEXT, "explain": True}).json
    explained = found["explanation"]
    assert "".join(explained["pieces"]) == TEXT
    assert len(explained["shares"]["steps"]) == found["steps"] == len(explained["pieces"])
    assert sum(explained["shares"]["steps"]) == pytest.approx(
        explained["shares"]["difference"], abs=1e-3
    )
    # With two classes, evidence for one is evidence against the other.
    assert explained["why_not"]["class"] == found["runner_up"]
    assert explained["why_not"]["steps"] == [-one for one in explained["shares"]["steps"]]
    assert all(explained["why_not"]["steps"][k] > 0 for k in explained["why_not"]["most"])
    assert explained["timeline"]["steps"][-1] == found["steps"]
    assert explained["timeline"]["label"][-1] == pytest.approx(found["probability"], abs=1e-4)


def test_a_clip_is_answered_however_it_is_sent(clips, clip, checkpoints, tmp_path):
    (tmp_path / "a.mp4").write_bytes(clip)
    expected = load(checkpoints / "video.ckpt")(tmp_path / "a.mp4")
    form, kind = _form(clip, name="../../etc/passwd")
    coded = base64.b64encode(clip).decode()
    for found in (
        clips.answer(clip),
        clips.ask("/answer", clip, **{"Content-Type": "video/mp4"}),
        clips.answer({"file": coded}),
        clips.ask("/answer", form, **{"Content-Type": kind}),
    ):
        assert found.status == 200, found.content
        assert found.json["steps"] == 12
        assert found.json["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


def test_a_clip_is_explained_by_its_frames(clips, clip):
    found = clips.ask("/answer?explain=1", clip, **{"Content-Type": "video/mp4"}).json
    explained = found["explanation"]
    assert [frame["step"] for frame in explained["frames"]] == list(range(1, 13))
    assert all(one["picture"].startswith("data:image/jpeg;base64,") for one in explained["frames"])
    assert explained["timeline"]["seconds"] == pytest.approx(np.arange(12) / 25)
    # The runner-up has shares of its own where there are three classes.
    why_not = explained["why_not"]
    assert why_not["class"] == found["runner_up"]
    assert sum(why_not["steps"]) == pytest.approx(why_not["difference"], abs=1e-2)
    assert why_not["steps"] != [-one for one in explained["shares"]["steps"]]


def test_shares_are_those_of_the_log_odds(clips, clip):
    """The difference that shares add up to is the answer's own, less that of nothing seen."""
    import torch

    item = clips.served.read_upload(clip)
    predictor = clips.served.predictor
    with torch.inference_mode():
        features = predictor.model.model.encoder.encode_ragged(
            predictor.steps.together([item]), torch.tensor([12])
        )
        lengths = torch.tensor([12])
        whole, nothing = (
            predictor.model.model.read(one, lengths) for one in (features, 0 * features)
        )
    found = clips.served.answers([item])[0]
    target = predictor.classes.index(found["label"])
    expected = log_odds(whole, target) - log_odds(nothing, target)
    shares = clips.served.explanation(item, found)["shares"]
    assert shares["difference"] == pytest.approx(expected.item(), abs=1e-4)


def test_a_photo_is_refused_by_a_model_of_clips(clips, picture):
    found = clips.answer(picture)
    assert found.status == 422
    assert found.json["error"].startswith("is a picture (PNG), and this model answers clips")


def test_pictures_and_clips_are_captioned(checkpoints, picture, clip):
    with serving(checkpoints / "captions.ckpt") as server:
        for content, num_frames in ((picture, 1), (clip, 12)):
            found = server.ask("/answer?explain=1", content, **{"Content-Type": "image/png"})
            assert found.status == 200, found.content
            answer = found.json
            assert len(answer["tokens"]) == len(answer["attention"])
            assert len(answer["frames"]) == num_frames
            assert len(answer["explanation"]["frames"]) == num_frames
            assert all(sum(row) == pytest.approx(1, abs=1e-2) for row in answer["attention"])
        assert server.ask("/about").json["takes"] == "picture"


def test_texts_are_translated(checkpoints):
    with serving(checkpoints / "translation.ckpt") as server:
        answer = server.answer({"text": "fine film"}).json
        expected = load(checkpoints / "translation.ckpt")("fine film")
        assert answer["text"] == expected.text
        assert answer["score"] == pytest.approx(expected.score, abs=1e-6)
        assert answer["source_tokens"] == ["fine", "film"]
        assert all(len(row) == 2 for row in answer["attention"])
        alone, other = server.answer({"texts": ["fine film", "dull"]}).json["answers"]
        assert (alone["text"], len(other["source_tokens"])) == (answer["text"], 1)


def test_a_model_of_two_directions_is_explained(checkpoints):
    with serving(checkpoints / "both-ways.ckpt") as server:
        found = server.answer({"text": TEXT, "explain": True}).json
        assert server.ask("/about").json["looks_ahead"] is True
        assert found["explanation"]["timeline"]["label"][-1] == pytest.approx(
            found["probability"], abs=1e-4
        )


def test_requests_at_once_are_one_batch(checkpoints):
    """Those that arrive while the model is busy are answered by one call, each as it is alone."""
    busy, go_on, sizes = threading.Event(), threading.Event(), []

    def change(served):
        answers = served.answers

        def watched(items):
            sizes.append(len(items))
            if len(sizes) == 1:
                busy.set()
                assert go_on.wait(60)
            return answers(items)

        served.answers = watched

    several = ["a fine film", "an awful dull bore and poor fun", "great", "a dull film"]
    found = {}
    with serving(checkpoints / "sentiment.ckpt", change=change) as server:

        def ask(text):
            found[text] = server.answer({"text": text}).json

        threads = [threading.Thread(target=ask, args=(text,)) for text in several]
        threads[0].start()
        assert busy.wait(60)
        for thread in threads[1:]:
            thread.start()
        while server.metric("queue_length") < 3:
            pass
        go_on.set()
        for thread in threads:
            thread.join()
        assert sizes == [1, 3]
        assert server.metric("batch_items_count") == 2
        assert server.metric("batch_items_sum") == 4
    alone = load(checkpoints / "sentiment.ckpt")
    for text in several:
        assert found[text]["probabilities"] == pytest.approx(alone(text).probabilities, abs=1e-6)


def test_about_tells_of_the_report(checkpoints, tmp_path):
    run = tmp_path / "runs" / "sentiment" / "fine"
    (run / "checkpoints").mkdir(parents=True)
    (run / "report").mkdir()
    path = run / "checkpoints" / "best.ckpt"
    path.write_bytes((checkpoints / "sentiment.ckpt").read_bytes())
    report = {
        "task": "sentiment", "data": "/a/b/reviews.csv", "split": "test", "num_examples": 80,
        "accuracy": 0.9, "intervals": {"accuracy": [0.9, 0.8, 0.95]}, "log_loss": None,
    }  # fmt: skip
    (run / "report" / "report.json").write_text(json.dumps(report))
    with serving(path) as server:
        found = server.ask("/about").json
    assert (found["run"], found["checkpoint"]) == ("fine", "best.ckpt")
    assert found["report"]["figures"] == [
        {"name": "accuracy", "value": 0.9, "kind": "share", "interval": [0.8, 0.95]}
    ]
    assert found["report"]["data"] == "reviews.csv"
    assert not found["report"]["is_of_another"]


@pytest.mark.parametrize("content", ["no JSON", "[1]", '{"task": "video", "accuracy": 1}'])
def test_a_report_that_is_none_is_not_told(checkpoints, tmp_path, content):
    (tmp_path / "report").mkdir()
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.write_bytes((checkpoints / "sentiment.ckpt").read_bytes())
    (tmp_path / "report" / "report.json").write_text(content)
    with serving(path) as server:
        assert server.ask("/about").json["report"] is None


def test_health_metrics_and_the_description(texts):
    assert texts.ask("/health").json == {"ok": True, "task": "sentiment"}
    texts.ask("/no-such-path/with/words")
    metrics = texts.ask("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    content = metrics.content.decode()
    assert 'manytoone_requests_total{route="/health",status="200"}' in content
    assert 'manytoone_requests_total{route="other",status="404"}' in content
    assert "with/words" not in content
    assert texts.metric("resident_bytes") > 1e6
    described = texts.ask("/openapi.json").json
    assert {"/answer", "/health", "/metrics", "/about"} == set(described["paths"])
    assert "application/json" in described["paths"]["/answer"]["post"]["requestBody"]["content"]
    for path in ("/docs", "/redoc"):
        assert texts.ask(path).status == 404


def test_examples_of_embedded_data(texts, clips, checkpoints, tmp_path):
    assert len(texts.ask("/about").json["examples"]) >= 3
    assert clips.ask("/about").json["examples"] is True
    found = clips.ask("/example?number=3")
    assert found.headers["content-type"] == "video/mp4"
    assert clips.answer(found.content).json["steps"] >= 16
    for number in ("x", "9" * 50, "-1"):
        assert clips.ask(f"/example?number={number}").status == 200


def _form(content: bytes, *, name: str) -> tuple[bytes, str]:
    head = f'--xx\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--xx--\r\n", "multipart/form-data; boundary=xx"


def test_a_long_clip_is_answered_whole(clips, tmp_path):
    content = write_clip(tmp_path / "long.mp4", num_frames=60).read_bytes()
    assert clips.answer(content).json["steps"] == 60
