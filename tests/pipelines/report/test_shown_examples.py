"""Examples that the page shows: their answers are those of `predict`."""

import pytest
import torch

from data.batches.ragged import collate
from pipelines.predict import load
from pipelines.report.shown_examples import look_at
from pipelines.tasks.checkpoints import load_task
from tests.pipelines.saved_models import TEXTS, tokenizer, write_saved


class Texts:
    """A part of one text after the other, as far as it is asked."""

    view = "words"

    def __getitems__(self, positions):
        [position] = positions
        tokens = torch.tensor(tokenizer().encode(TEXTS[position]).ids)
        return collate(tokens, lengths=[len(tokens)], labels=[0], ids=positions)

    def sources(self, positions):
        return [TEXTS[position] for position in positions]


def test_an_example_is_answered_along_the_way_as_by_predict(tmp_path):
    write_saved(tmp_path / "a.ckpt")
    predictor = load(tmp_path / "a.ckpt")
    positions = list(range(len(TEXTS)))
    for position, shown in zip(
        positions, look_at(load_task(tmp_path / "a.ckpt"), Texts(), positions), strict=True
    ):
        due = predictor(TEXTS[position])
        assert shown.probabilities == pytest.approx(due.probabilities, abs=1e-6)
        assert shown.running == pytest.approx(due.timeline().probabilities, abs=1e-6)
