"""Going on with a run that was cut off, from what it left."""

import shutil
from pathlib import Path

import pytest
import torch

from data.files.checkpoint import CHECKPOINT_KEY
from pipelines.cli.training import train
from tests.pipelines.conftest import SENTIMENT, write_reviews

ONE = ["--trainer.max_epochs=1", "--trainer.enable_progress_bar=false"]
LAST = "runs/sentiment/first/checkpoints/last.ckpt"


def texts(*options):
    train("sentiment", [*SENTIMENT, "--data.path=reviews.csv", *options])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A folder with ``reviews.csv`` and a run of one epoch."""
    place = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        write_reviews(place / "reviews.csv")
        texts(*ONE, "--run=first", "--model.encoder.num_ngrams=50")
    return place


@pytest.fixture
def place(first, tmp_path, monkeypatch):
    shutil.copytree(first, tmp_path / "place", symlinks=True)
    monkeypatch.chdir(tmp_path / "place")
    return tmp_path / "place"


def go_on(*options):
    texts("--model.encoder.num_ngrams=50", "--ckpt_path=changed.ckpt", "--run=on", *options)


def refused(capsys, *options):
    with pytest.raises(SystemExit) as caught:
        go_on(*options)
    assert caught.value.code == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert "changed.ckpt: " in line
    assert "weights_only" not in line
    return line


def test_what_a_checkpoint_must_have_in_common_with_a_run(place, capsys):
    whole = torch.load(LAST, weights_only=True)

    def change(alter):
        checkpoint = torch.load(LAST, weights_only=True)
        alter(checkpoint)
        torch.save(checkpoint, "changed.ckpt")

    def classes(checkpoint):
        checkpoint[CHECKPOINT_KEY]["inputs"]["classes"] = ["bad", "good"]

    def tokens(checkpoint):
        inputs = checkpoint[CHECKPOINT_KEY]["inputs"]
        inputs["tokenizer"] = inputs["tokenizer"].replace('"film"', '"movie"')

    def spoil(checkpoint):
        checkpoint["state_dict"]["model.members.0.head.weight"][0, 0] = float("nan")

    torch.save(whole, "changed.ckpt")
    assert "of another shape" in refused(capsys, "--model.recurrence.hidden_size=9")
    for alter, says in (
        (classes, "its classes are bad, good"),
        (tokens, "(other vocabulary)"),
        (spoil, "weights are not finite"),
    ):
        change(alter)
        assert says in refused(capsys)
    assert not Path("runs/sentiment/on").exists()
    flipped = bytearray(Path(LAST).read_bytes())
    head = whole["state_dict"]["model.members.0.head.weight"].numpy().tobytes()
    flipped[flipped.index(head)] ^= 1
    Path("changed.ckpt").write_bytes(flipped)
    assert "not as it was written" in refused(capsys)


@pytest.mark.parametrize(
    "alter",
    [
        lambda checkpoint: checkpoint.pop("optimizer_states"),
        lambda checkpoint: checkpoint.update(optimizer_states=[{"state": {}, "param_groups": []}]),
        lambda checkpoint: checkpoint.pop("loops"),
        lambda checkpoint: checkpoint.update(loops={"fit_loop": {"state_dict": 1}}),
        lambda checkpoint: next(
            state for key, state in checkpoint["callbacks"].items() if "EarlyStopping" in key
        ).pop("patience"),
    ],
    ids=["no optimiser", "another optimiser", "no progress", "broken progress", "no patience"],
)
def test_a_state_that_does_not_fit_is_one_line(place, capsys, alter):
    checkpoint = torch.load(LAST, weights_only=True)
    alter(checkpoint)
    torch.save(checkpoint, "changed.ckpt")
    if "loops" not in checkpoint:  # begins at the first epoch
        go_on("--trainer.max_epochs=2")
        return
    assert "is not what this run can go on from" in refused(capsys, "--trainer.max_epochs=2")


def test_paths_within_a_checkpoint_are_not_followed(place):
    """A path in the checkpoint's callback state is neither removed as no longer the best nor read."""
    victim = place / "victim.ckpt"
    victim.write_text("mine")
    checkpoint = torch.load(LAST, weights_only=True)
    for key, state in checkpoint["callbacks"].items():
        if "ModelCheckpoint" in key:
            state.update(
                dirpath=str((place / "runs/sentiment/on/checkpoints").resolve()),
                best_model_path=str(victim),
                last_model_path=str(victim),
                kth_best_model_path=str(victim),
                best_k_models={str(victim): torch.tensor(9.0)},
                kth_value=torch.tensor(9.0),
            )
    torch.save(checkpoint, place / "changed.ckpt")
    go_on("--trainer.max_epochs=2")
    assert victim.read_text() == "mine"
    assert Path("runs/sentiment/on/report/report.json").is_file()


def test_a_run_that_had_ended_is_tested_by_its_best(place):
    Path(LAST).parent.rename("moved")
    texts("--model.encoder.num_ngrams=50", "--ckpt_path=moved/last.ckpt", "--run=on", *ONE)
    assert Path("runs/sentiment/on/report/report.json").is_file()
