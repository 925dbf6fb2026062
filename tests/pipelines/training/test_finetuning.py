"""Going on from a language model."""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
import torch

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.errors import InputError
from data.running_text.data_module import LanguageDataModule
from data.text.data_module import TextDataModule
from data.tokens.tokenizing import content_of
from models.encoders.pretrained import without_pretrained
from models.encoders.words import WordEmbedding
from models.recurrence.recurrences import LSTM
from models.sequence.many_to_one import ManyToOne
from pipelines.cli.training import train
from pipelines.tasks.checkpoints import data_module, load
from pipelines.training.finetuning import layer_groups, read_language_model, same_layers, texts_read
from tests.pipelines.conftest import word_classifier

classifier = partial(word_classifier, num_layers=2)


@pytest.fixture
def language_model(tmp_path):
    torch.manual_seed(5)
    model = ManyToOne(
        WordEmbedding(9, features=4), LSTM(4, hidden_size=3, num_layers=2), num_classes=9
    )
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    path = tmp_path / "language.ckpt"
    torch.save({"state_dict": weights, CHECKPOINT_KEY: {"task": "language"}}, path)
    return path, model


@pytest.mark.parametrize("shared", [True, False])
def test_encoder_and_recurrence_come_from_the_language_model(language_model, shared):
    path, source = language_model
    torch.manual_seed(0)
    model = classifier(pretrained=str(path), members=2, shared_encoder=shared)
    encoders = model.model.encoders
    assert len(encoders) == (1 if shared else 2)
    readers = [(source.encoder, encoder) for encoder in encoders]
    readers += [(source.recurrence, member.recurrence) for member in model.members]
    for one, module in readers:
        wanted, found = one.state_dict(), module.state_dict()
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    # Members start from the same reading and differ in their answers.
    assert not torch.equal(model.members[0].head.weight, model.members[1].head.weight)


def test_a_checkpoint_that_brings_its_weights_needs_the_language_model_no_more(tmp_path):
    with without_pretrained():
        classifier(pretrained=str(tmp_path / "gone.ckpt"))


def test_sizes_come_from_the_language_model_and_dropout_from_the_user():
    chosen = {"class_path": "LSTM", "init_args": {"hidden_size": 8, "dropout": 0.5}}
    pretrained = {"class_path": "LSTM", "init_args": {"hidden_size": 16, "dropout": 0.1}}
    expected = {"class_path": "LSTM", "init_args": {"hidden_size": 16, "dropout": 0.5}}
    assert same_layers(chosen, pretrained) == expected


def test_upper_layers_learn_faster_and_wake_earlier():
    model = classifier(rate_decay=2.0, gradual_unfreezing=True)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = [[names[id(p)] for p in group] for group in layer_groups(model.members)]
    assert groups[0] == ["model.encoder.embedding.weight"]
    assert all("layers.0" in name for name in groups[1])
    assert all("layers.1" in name for name in groups[2])
    assert groups[3] == ["model.head.weight", "model.head.bias"]
    assert sum(map(len, groups)) == len(names)
    model._trainer = SimpleNamespace(
        datamodule=SimpleNamespace(train_dataloader=lambda: range(5)),
        limit_train_batches=1.0,
        accumulate_grad_batches=1,
        max_epochs=6,
        max_steps=-1,
    )
    made = model.configure_optimizers()
    optimizer, scheduler = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(20):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    assert rates[0] == [0, 0, 0, 1]
    assert rates[5] == [0, 0, 0.5, 1]
    assert rates[10] == [0, 0.25, 0.5, 1]
    assert rates[15] == [0.125, 0.25, 0.5, 1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"nothing", "cannot be read"),
        ({"state_dict": {}, CHECKPOINT_KEY: {"task": "video"}}, "is a model for video"),
    ],
)
def test_what_is_no_language_model_is_refused(tmp_path, content, reason):
    path = tmp_path / "one.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=reason) as caught:
        read_language_model(path)
    assert "\n" not in str(caught.value)


def test_another_shape_is_refused_in_one_line(language_model):
    path, _ = language_model
    with pytest.raises(InputError, match="its recurrence does not fit") as caught:
        classifier(hidden_size=5, pretrained=str(path))
    assert "\n" not in str(caught.value)


def test_from_a_language_model_to_a_classifier_and_on_without_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    texts = [f"a {'good' if k % 2 else 'bad'} film number {k}" for k in range(60)]
    pandas.DataFrame({"text": texts, "label": [k % 2 for k in range(60)]}).to_csv("reviews.csv")
    pandas.DataFrame({"text": texts}).to_csv("more.csv")
    quiet = ["--data.path=reviews.csv", "--trainer.enable_progress_bar=false"]
    small = ["--model.encoder.features=8", "--model.recurrence.hidden_size=6"]
    streams = ["--data.num_streams=2", "--data.bptt_steps=8", "--trainer.max_epochs=1"]
    apart = ["--data.label_column=label", "--data.unlabelled=more.csv"]
    train("language", [*quiet, *small, *streams, *apart, "--run=language"])
    source = "runs/language/language/checkpoints/best.ckpt"
    train(
        "sentiment",
        [
            *quiet, "--run=classifier", f"--model.pretrained={source}", "--model.rate_decay=2.6",
            "--model.gradual_unfreezing=true",
            "--trainer.max_epochs=2", "--model.members=2",
        ],
    )  # fmt: skip
    report = json.loads(Path("runs/sentiment/classifier/report/report.json").read_text())
    assert report["read_by_language_model"] == {"val": 0, "test": 0}
    # Parts that only training needed may be missing.
    (tmp_path / source).unlink()
    (tmp_path / "more.csv").unlink()
    model = load(tmp_path / "runs/sentiment/classifier/checkpoints/best.ckpt")
    # Sizes and words are the language model's, though the defaults are others.
    assert model.members[0].recurrence.out_features == 6
    assert model.model.encoders[0].embedding.weight.shape[1] == 8
    data = data_module(model.description)
    assert len(data.parts["test"]) == 6


told = partial(texts_read, who="The model")


def test_texts_that_the_language_model_has_read_are_told(tmp_path, caplog):
    texts = [f"<br/>A {'good' if k % 2 else 'bad'} film number {k}" for k in range(60)]
    table = pandas.DataFrame({"text": texts, "label": [k % 2 for k in range(60)]})
    table.to_csv(tmp_path / "reviews.csv")
    data = TextDataModule(path=str(tmp_path / "reviews.csv"))
    few = [f"a bad  film number {k}" for k in data.parts["test"].ids if k % 2 == 0]
    assert few
    description = {"inputs": {"contents": torch.tensor([content_of(text) for text in few])}}
    assert told(data, description) == {"val": 0, "test": len(few)}
    assert f"{len(few)} of the part 'test'" in caplog.text
    apart = LanguageDataModule(path=str(tmp_path / "reviews.csv"), label_column="label")
    assert told(data, {"inputs": apart.describe()}) == {"val": 0, "test": 0}
    assert told(data, {"inputs": {"tokenizer": ""}}) == {"val": 0, "test": 0}
    end_of_file = LanguageDataModule(path=str(tmp_path / "reviews.csv"))
    assert sum(told(data, {"inputs": end_of_file.describe()}).values()) > 0


def test_clips_have_no_language_model(language_model, capsys):
    with pytest.raises(SystemExit) as caught:
        train("video", [f"--model.pretrained={language_model[0]}"])
    assert caught.value.code == 2
    assert "a language model reads text" in capsys.readouterr().err
