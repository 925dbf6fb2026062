"""The report of a language model at its extremes."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.metrics.ngrams import ngram_losses
from pipelines.pages.page import UnfinishedPageError
from pipelines.report.language_page import Glance, language_page
from pipelines.report.language_report import as_text, language_figures, write_language_report

SEEN = Glance(["a", "<b>", "\x00"], [0.0, math.inf, 700.0], "it <writes>\x1b")


def part_of(tokens):
    tokens = np.asarray(tokens)
    return SimpleNamespace(tokens=tokens, num_characters=len(tokens), num_unknown=0)


def data_of(train, test):
    return SimpleNamespace(
        parts={"train": part_of(train), "test": part_of(test)}, reported_part="test",
        num_tokens=4, source="<b> $texts$", kind="characters", num_repeated=0, num_withheld=0,
    )  # fmt: skip


def written(folder, *, loss=1.0, train=(0, 1, 2), test=(1, 2), seconds=0.0, counted=True):
    report = language_figures(
        data_of(train, test), loss=loss, train_seconds=seconds, trained_tokens=9,
        fit_baselines=counted,
    )  # fmt: skip
    write_language_report(folder, report)
    return report, json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("loss", "perplexity", "shown"),
    [(0.0, 1.0, "1.00"), (600.0, math.exp(600), "3.77e+260"), (1e6, None, "inf"),
     (math.inf, None, "inf"), (math.nan, None, "nan")],
)  # fmt: skip
@pytest.mark.parametrize("counted", [True, False])
def test_a_loss_of_any_size(tmp_path, loss, perplexity, shown, counted):
    report, kept = written(tmp_path, loss=loss, counted=counted)
    assert kept["perplexity"] == (perplexity and pytest.approx(perplexity))
    assert kept["tokens_per_second"] == 0
    assert shown in as_text(report)
    page = language_page(report, lambda: SEEN, tmp_path / "none.csv")
    assert f"perplexity of {shown}:" in page
    assert not {c for c in page if ord(c) < 32} - {"\n", "\t"}


def test_a_model_that_cannot_write_costs_its_section(tmp_path):
    report, _ = written(tmp_path)

    def look():
        raise RuntimeError("probability tensor contains nan")

    folder = tmp_path / "report"
    with pytest.raises(UnfinishedPageError, match="lacks 1 section: RuntimeError: probability"):
        write_language_report(
            folder, report, page=lambda: language_page(report, look, tmp_path / "none.csv")
        )
    assert {one.name for one in folder.iterdir()} == {"report.txt", "report.html", "report.json"}
    page = (folder / "report.html").read_text()
    assert "bits a character" in page
    assert "The run" in page


def test_a_text_shorter_than_an_ngram_is_counted_as_far_as_it_goes():
    train, test = np.array([0, 1, 0]), np.array([0, 1, 0, 1])
    losses = ngram_losses(train, test, num_tokens=4, max_order=5)
    assert losses[:3] == ngram_losses(train, test, num_tokens=4, max_order=3)
    assert losses[3:] == [losses[2]] * 2
