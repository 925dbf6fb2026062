"""Training that diverges, and models whose numbers are none."""

import csv
import io
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from models.finite import first_not_finite, is_finite
from models.heads.calibrated import CalibratedSoftmax
from pipelines import evaluate, sample
from pipelines.cli.training import train
from pipelines.metrics.calibration import Calibration, calibrate
from pipelines.microscope import command as microscope
from pipelines.predict import command as predict
from pipelines.predict.predictor import load_predictor
from pipelines.predict.teaching import asked
from pipelines.runtime.strict_json import json_text
from pipelines.tasks.classification import Classification
from pipelines.tasks.next_token import NextToken
from pipelines.training.divergence import FiniteCheckpoint, FiniteLoss
from tests.clips import write_classes
from tests.pipelines.conftest import SENTIMENT, VIDEO, write_reviews
from tests.pipelines.saved_models import language_model, write_saved
from tests.pipelines.test_language import CHARACTERS, write_text

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_reviews(tmp_path / "reviews.csv")
    write_text(tmp_path)
    return tmp_path


def last_line(command, capsys, code=2):
    with pytest.raises(SystemExit) as caught:
        command()
    assert caught.value.code == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    return errors[0]


def texts(*options):
    train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", "--run=a", *options])


def language(*options):
    train("language", [*CHARACTERS, "--data.path=text.txt", "--run=a", *options])


def all_finite(run):
    paths = list(Path(run).glob("checkpoints/*.ckpt"))
    return paths and all(all(map(is_finite, read_saved(path).weights.values())) for path in paths)


# Training.


@pytest.mark.parametrize("command", [texts, language])
def test_a_rate_that_is_far_too_high_is_told(place, capsys, command):
    line = last_line(
        lambda: command("--model.optimizer.lr=1e30", "--trainer.gradient_clip_val=0"), capsys
    )
    assert "training diverged: " in line
    assert "is not finite at step " in line
    assert "(epoch " in line
    assert "lower the rate (--model.optimizer.lr)" in line
    assert "--trainer.gradient_clip_val=1" in line
    assert "no checkpoint was written before" in line
    assert not list(place.glob("runs/*/a/checkpoints/*.ckpt"))


def test_clips_that_diverge_are_told(place, capsys):
    write_classes(place / "clips")
    options = ["--data.path=clips", *VIDEO, "--model.optimizer.lr=1e35", "--run=a"]
    line = last_line(lambda: train("video", options), capsys)
    assert "training diverged" in line
    assert "gradient_clip_val" not in line  # it is on already


def spoil(monkeypatch, task, *, epoch, step=1, number=NAN):
    """Let the weights of a task become what they become where training diverges."""
    plain = task.training_step

    def training_step(self, batch, batch_idx):
        if self.current_epoch == epoch and batch_idx == step:
            with torch.no_grad():
                next(iter(self.model.parameters())).fill_(number)
        return plain(self, batch, batch_idx)

    monkeypatch.setattr(task, "training_step", training_step)


@pytest.mark.parametrize(
    ("command", "task", "number"),
    [(texts, Classification, INF), (language, NextToken, NAN)],
)
def test_the_best_checkpoint_from_before_is_kept_and_named(
    place, capsys, monkeypatch, command, task, number
):
    spoil(monkeypatch, task, epoch=1, number=number)
    line = last_line(lambda: command("--trainer.max_epochs=3"), capsys)
    assert "(epoch 1)" in line
    assert "the best checkpoint from before is " in line
    best = Path(line.rsplit(" ", 1)[1])
    assert best.name == "best.ckpt"
    assert all_finite(best.parents[1])
    assert torch.load(best, weights_only=True)["epoch"] == 0


@pytest.mark.parametrize("options", [[], ["--checkpoint.every_n_train_steps=1"]])
def test_weights_that_break_in_the_last_step_are_not_kept(place, capsys, monkeypatch, options):
    def on_train_batch_end(self, outputs, batch, batch_idx):
        if self.current_epoch == 1:
            with torch.no_grad():
                next(iter(self.model.parameters())).fill_(NAN)

    monkeypatch.setattr(Classification, "on_train_batch_end", on_train_batch_end, raising=False)
    options = [*options, "--checkpoint.monitor=null"] if options else options
    line = last_line(lambda: texts("--trainer.limit_train_batches=1", *options), capsys)
    assert "training diverged" in line
    assert all_finite("runs/sentiment/a")


def test_a_score_that_is_none_is_never_the_best(tmp_path):
    checkpoint = FiniteCheckpoint(tmp_path, monitor="val/loss")
    trainer = SimpleNamespace(strategy=SimpleNamespace(reduce_boolean_decision=lambda b: b))
    assert not checkpoint.check_monitor_top_k(trainer, torch.tensor(NAN))
    assert not checkpoint.check_monitor_top_k(trainer, torch.tensor(INF))
    assert checkpoint.check_monitor_top_k(trainer, torch.tensor(2.0))
    assert checkpoint.state_key.startswith("ModelCheckpoint{")


def looked_at(losses, *, scaler=None, world_size=1):
    """At which of some losses training ends; None: at none."""

    def decide(ok):
        return ok

    trainer = SimpleNamespace(
        world_size=world_size, log_every_n_steps=10, sanity_checking=False,
        precision_plugin=SimpleNamespace(scaler=scaler), precision="32-true", global_step=0,
        strategy=SimpleNamespace(reduce_boolean_decision=decide), checkpoint_callback=None,
        gradient_clip_val=None, current_epoch=0,
    )  # fmt: skip
    watch = FiniteLoss()
    for step, loss in enumerate(losses):
        try:
            watch.on_train_batch_end(trainer, None, {"loss": torch.tensor(loss)}, None, step)
        except InputError:
            return step
    return None


def test_when_training_ends():
    assert looked_at([1.0, NAN, 1.0]) == 1
    assert looked_at([1.0, -INF]) == 1
    assert looked_at([1.0] * 5) is None
    # Several processes look together, now and then.
    assert looked_at([1.0, NAN] + [1.0] * 18, world_size=2) == 9
    # A scaler of gradients skips some steps, and begins to count anew.
    assert looked_at([NAN] * 20 + [1.0] + [NAN] * 20, scaler=object()) is None
    assert looked_at([1.0] + [NAN] * 30, scaler=object()) == 21


def test_nothing_is_calibrated_of_what_is_none():
    found = calibrate(np.array([0, 1]), np.array([[0.0, 0.0], [NAN, NAN]]), np.array([2, 9]))
    assert found == (Calibration(), math.inf)


# Models that are read.


@pytest.mark.parametrize(
    "command",
    [
        lambda: predict.main(["--ckpt=a.ckpt", "--text=a fine film", "--format=json"]),
        lambda: evaluate.main(["--ckpt=a.ckpt", "--data.path=reviews.csv"]),
        lambda: microscope.main(["--ckpt=a.ckpt", "--text=a fine film and more"]),
        lambda: texts("--teachers=[a.ckpt]", "--data.unlabelled=reviews.csv"),
    ],
)
def test_a_model_whose_weights_are_none_is_refused(place, capsys, command):
    def spoil(checkpoint):
        checkpoint["state_dict"]["model.head.bias"][0] = NAN

    write_saved(place / "a.ckpt", change=spoil)
    assert "=a.ckpt: its weights are not finite" in last_line(command, capsys)
    assert not (place / "runs").exists()


@pytest.mark.parametrize(
    "command",
    [
        lambda: sample.main(["--ckpt=a.ckpt", "--prompt=a"]),
        lambda: microscope.main(["--ckpt=a.ckpt", "--text=a fine film and more"]),
        lambda: texts("--model.pretrained=a.ckpt"),
    ],
)
def test_a_language_model_whose_weights_are_none_is_refused(place, capsys, command):
    def spoil(checkpoint):
        checkpoint["state_dict"]["model.encoder.embedding.weight"][2] = INF

    write_saved(place / "a.ckpt", "language", model=language_model(), change=spoil)
    assert "=a.ckpt: its weights are not finite" in last_line(command, capsys)


@pytest.fixture
def touchy(place):
    """A checkpoint whose scores overflow where a text has the word "dull"."""
    from tests.pipelines.saved_models import part, sentiment_model, tokenizer

    token = tokenizer().token_to_id("dull")

    def change(checkpoint):
        weights = checkpoint["state_dict"]
        weights["model.encoder.embedding.weight"][token] = 3e38
        for name, value in weights.items():
            if "weight_ih" in name:
                value.fill_(1.0)
        weights["model.head.weight"].copy_(torch.tensor([[1.0], [-1.0]]).expand(2, 3))

    # A cell without a bound, so that a number may overflow.
    recurrence = part("Unrolled", hidden_size=3, cell="models.recurrence.cells.VanillaCell")
    write_saved(place / "a.ckpt", model=sentiment_model(recurrence=recurrence), change=change)
    return place / "a.ckpt"


@pytest.fixture
def without_bound(monkeypatch):
    from models.recurrence.cells import VanillaCell

    def forward(self, x, state):
        (wx,), (uh,) = self._inputs(x), self._hidden(state[0])
        return (wx + 0 * uh,), {}

    monkeypatch.setattr(VanillaCell, "forward", forward)


def test_an_item_whose_scores_are_none_has_no_answer(touchy, without_bound, capsys):
    Path("texts.txt").write_text("a fine film\na dull film dull\nlovely\n")
    options = ["--ckpt=a.ckpt", "--input=texts.txt"]
    for more in ([], ["--timeline"]):
        with pytest.raises(SystemExit) as caught:
            predict.main([*options, "--format=json", *more])
        assert caught.value.code == 1
        lines = capsys.readouterr().out.splitlines()
        found = [json.loads(line, parse_constant=pytest.fail) for line in lines]
        assert ["error" in one for one in found] == [False, True, False]
        assert "scores for it are not finite" in found[1]["error"]
        assert sum(found[0]["probabilities"].values()) == pytest.approx(1)
    with pytest.raises(SystemExit):
        predict.main([*options, "--format=csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    with pytest.raises(InputError, match="not finite"):
        load_predictor("a.ckpt")("a dull dull film")


def test_evaluating_leaves_out_what_has_no_answer(touchy, without_bound, capsys):
    rows = ["a fine film,positive", "dull,negative", "a poor film,negative", "lovely,positive"]
    Path("few.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    evaluate.main(["--ckpt=a.ckpt", "--data.path=few.csv", "--run=few"])
    report = json.loads(Path("runs/sentiment/few/report/report.json").read_text())
    assert report["num_examples"] == 3
    [skipped] = report["skipped"]
    assert skipped["text"] == "dull"
    assert "not finite" in skipped["reason"]
    assert 0 <= report["accuracy"] <= 1
    assert "Skipped: 1" in capsys.readouterr().out
    Path("few.csv").write_text("text,label\ndull,negative\ndull dull,positive\n")
    line = last_line(lambda: evaluate.main(["--ckpt=a.ckpt", "--data.path=few.csv"]), capsys)
    assert "not one example could be answered" in line


def test_a_teacher_leaves_out_what_it_cannot_answer(touchy, without_bound):
    part = SimpleNamespace(sources=lambda some: ["a fine film", "dull film"])
    found = asked(load_predictor("a.ckpt"), part, [0, 1], classes=["positive", "negative"])
    assert np.isnan(found).tolist() == [[False, False], [True, True]]


def test_the_microscope_says_where_states_are_none(touchy, without_bound, capsys):
    line = last_line(
        lambda: microscope.main(["--ckpt=a.ckpt", "--text=a fine film dull dull"]), capsys
    )
    assert "from step 3 of this input on" in line


def test_a_language_model_that_says_nothing_finite(place, capsys):
    def enlarge(checkpoint):
        weights = checkpoint["state_dict"]
        weights["model.head.linear.weight"].fill_(3e38)
        _, keep, new = weights["model.recurrence.layers.0.0.fused.bias_ih_l0"].chunk(3)
        keep.fill_(-20.0)
        new.fill_(20.0)  # a state of ones, of which there are three

    write_saved(place / "a.ckpt", "language", model=language_model(), change=enlarge)
    line = last_line(lambda: sample.main(["--ckpt=a.ckpt", "--prompt=a fine film"]), capsys)
    assert "scores are not finite" in line


def test_scores_that_are_none_are_no_probabilities():
    scores = torch.tensor([[0.0, 1.0], [NAN, 1.0], [INF, 1.0], [-INF, 1.0]])
    found = CalibratedSoftmax(2)(scores, torch.tensor([1, 2, 3, 4]))
    assert found.isnan().any(1).tolist() == [False, True, True, True]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_is_finite(kind):
    values = torch.randn(7, 100).to(kind)
    assert is_finite(values)
    for number in (NAN, INF, -INF):
        other = values.clone()
        other[6, 99] = number
        assert not is_finite(other)
    assert is_finite(torch.empty(0))
    assert is_finite(torch.tensor([1, 2]))


def test_a_mask_may_be_infinite():
    module = torch.nn.Linear(2, 2)
    module.register_buffer("mask", torch.tensor([0.0, -INF]))
    assert first_not_finite(module) is None
    assert first_not_finite(module, {"mask": torch.tensor([NAN])}) == "mask"
    assert first_not_finite(module, {"bias": torch.tensor([INF])}) == "bias"


def test_json_has_no_numbers_that_are_none():
    assert json.loads(json_text({"a": [NAN, 1.0, (INF,)]})) == {"a": [None, 1.0, [None]]}
