"""Temperatures of a length and biases, in whole answers and in running ones."""

import pytest
import torch

from pipelines.predict import load
from tests.pipelines.saved_models import (
    BIAS,
    SLOPE,
    TEMPERATURE,
    part,
    sentiment_model,
    tokenizer,
    write_saved,
)

TEXTS = ["fine", "a poor dull film and so on", "great fun " * 30, "an awful bore " * 120]
BOTH = part("LSTM", hidden_size=3, bidirectional=True)


@pytest.fixture(params=[{}, {"recurrence": BOTH}, {"members": 2}], ids=["lstm", "both", "members"])
def saved(request, tmp_path):
    """The model as it was written, and as it answers."""
    model = write_saved(tmp_path / "a.ckpt", model=sentiment_model(**request.param))
    return model, load(tmp_path / "a.ckpt")


def due(model, tokens):
    """The probabilities of some tokens, from the definition."""
    with torch.inference_mode():
        scores = model(tokens, torch.tensor([len(tokens)]))[0].double()
    temperature = TEMPERATURE * (min(len(tokens), 300) / 40) ** SLOPE
    shares = (scores / temperature + torch.tensor([BIAS, -BIAS])).softmax(0)
    return dict(zip(model.classes, shares.tolist(), strict=True))


def test_an_answer_has_the_temperature_of_its_length_alone_and_in_company(saved):
    model, predictor = saved
    for text, found in zip(TEXTS, predictor.many(TEXTS), strict=True):
        tokens = torch.tensor(tokenizer().encode(text).ids)
        assert found.steps == len(tokens)
        assert found.probabilities == pytest.approx(due(model, tokens), abs=1e-6)
        assert found.probabilities == pytest.approx(predictor(text).probabilities, abs=1e-6)


def test_a_running_answer_has_the_temperature_of_the_steps_so_far(saved):
    model, predictor = saved
    for text in TEXTS[1:]:
        found, tokens = predictor(text), torch.tensor(tokenizer().encode(text).ids)
        timeline = found.timeline()
        shares = {
            int(steps): dict(zip(timeline.classes, row, strict=True))
            for steps, row in zip(timeline.steps, timeline.probabilities, strict=True)
        }
        assert shares[found.steps] == pytest.approx(found.probabilities, abs=1e-6)
        for steps in list(shares)[::40]:
            assert shares[steps] == pytest.approx(due(model, tokens[:steps]), abs=1e-6)
