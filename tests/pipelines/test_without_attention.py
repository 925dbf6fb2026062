"""The same model without attention, trained beside a translator and reported with it."""

import json
from pathlib import Path

import pytest
import torch

from pipelines import evaluate
from pipelines.cli.training import train
from pipelines.predict import load
from tests.pipelines.conftest import TRANSLATION, write_pairs

COMPARE = "--compare_without_attention=true"


def report_of(name):
    return json.loads(Path("runs/translation", name, "report/report.json").read_text())


def test_it_is_reported_and_tested_again(in_folder, with_pages, capsys):
    write_pairs(in_folder / "pairs.csv")
    train("translation", ["--data.path=pairs.csv", "--run=both", COMPARE, *TRANSLATION])
    train("translation", ["--data.path=pairs.csv", "--run=alone", *TRANSLATION])
    options = ["--data.path=pairs.csv", "--run=none", "--model.attention=none"]
    train("translation", [*options, *TRANSLATION])
    # The model is not changed by it, and the baseline is the one that is trained by itself.
    both, alone, none = map(report_of, ("both", "alone", "none"))
    assert both["bleu"] == pytest.approx(alone["bleu"])
    baseline = both["baselines"]["without_attention"]
    assert baseline["train_seconds"] > 0
    assert baseline["signature"] == none["signature"]
    for key in ("bleu", "bleu_lowercased", "chrf", "exact_match"):
        assert baseline[key] == pytest.approx(none[key])
    assert Path("runs/translation/latest").resolve().name == "none"
    beside = Path("runs/translation/both/without-attention")
    assert (beside / "metrics.csv").is_file()
    ours, theirs = (
        torch.load(path / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
        for path in (beside, Path("runs/translation/none"))
    )
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert load(beside / "checkpoints/best.ckpt").model.model.attention is None
    page = Path("runs/translation/both/report/report.html").read_text()
    assert "without attention" in page

    checkpoint = "--ckpt=runs/translation/both/checkpoints/best.ckpt"
    evaluate.main([checkpoint, "--run=again"])
    assert report_of("again")["baselines"]["without_attention"] == baseline
    assert "without_attention" in capsys.readouterr().out
    (beside / "checkpoints/best.ckpt").write_bytes(b"damaged")
    evaluate.main([checkpoint, "--run=damaged"])
    assert "without_attention" not in report_of("damaged")["baselines"]


def test_a_model_without_attention_has_no_other(in_folder, capsys):
    with pytest.raises(SystemExit) as end:
        train("translation", [COMPARE, "--model.attention=none", *TRANSLATION])
    assert end.value.code == 2
    assert "the model has none; leave one of them out" in capsys.readouterr().err
