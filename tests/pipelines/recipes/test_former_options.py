"""Checkpoints and recipes that were written before an option got another name."""

import logging

import pytest
import torch
import yaml
from pytorch_lightning.cli import LightningCLI

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.errors import InputError
from models.encoders.ngrams import NgramEmbedding
from pipelines.cli.classifiers import ClassifierCLI
from pipelines.predict.predictor import load_predictor
from pipelines.recipes import recipe
from pipelines.tasks.checkpoints import load
from pipelines.tasks.kinds import KINDS
from tests.pipelines.saved_models import part, sentiment_model, tokenizer, write_saved

NUM_TOKENS = tokenizer().get_vocab_size()
TOKENS, LENGTHS = torch.arange(12) % NUM_TOKENS, torch.tensor([7, 5])

# As the commit before wrote it: how far the encoder looks back stood among the data's options.
ENCODER = {
    "class_path": "models.encoders.NgramEmbedding",
    "init_args": {
        "features": 4, "dropout": 0.3, "word_dropout": 0.05, "normalize": False,
        "num_ngrams": 50, "ngram_features": 2, "ngram_dropout": 0.5, "num_tokens": NUM_TOKENS,
    },
}  # fmt: skip
TODAY = {name: value for name, value in ENCODER["init_args"].items() if name != "normalize"}
DATA = {
    "path": "reviews.csv", "text_column": "text", "label_column": "label", "columns": None,
    "tokenizer": "words", "vocabulary_size": 30000, "max_tokens": None, "steps_per_batch": 200,
    "balance": False,
}  # fmt: skip


def known_ngrams(longest):
    """(50,): the codes of all n-grams of `TOKENS`, then what is no code."""
    encoder = NgramEmbedding(NUM_TOKENS, ngrams=longest, num_ngrams=50)
    codes = torch.cat(list(encoder.codes_of(encoder.windows(TOKENS, LENGTHS)))).unique()
    encoder.know(codes[codes >= 0])
    return encoder.known


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("ngrams", [2, 4])
def test_a_checkpoint_of_before_answers_as_it_did(tmp_path, ngrams, shared, members):
    model = sentiment_model(members=members, shared_encoder=shared, pooling="concat")
    options = {**TODAY, "ngrams": ngrams}
    today = model | {"encoder": part("NgramEmbedding", **options)}

    def as_before(checkpoint):
        checkpoint[CHECKPOINT_KEY] |= {
            "model": model | {"encoder": ENCODER},
            "data": DATA | {"ngrams": ngrams},
        }
        for name, value in checkpoint["state_dict"].items():
            if name.endswith("ngrams.weight"):
                value[:-1].normal_()
            elif name.endswith("known"):
                value.copy_(known_ngrams(ngrams))

    saved = write_saved(tmp_path / "a.ckpt", model=today, change=as_before)
    read = load(tmp_path / "a.ckpt")
    with torch.inference_mode():
        assert torch.equal(read(TOKENS, LENGTHS), saved(TOKENS, LENGTHS))
    description = read.description
    assert "ngrams" not in description["data"]
    assert description["model"]["encoder"]["init_args"] == options


def test_a_checkpoint_of_single_tokens_needs_no_such_option(tmp_path):
    saved = write_saved(tmp_path / "a.ckpt", data=DATA | {"ngrams": 1})
    read = load(tmp_path / "a.ckpt")
    assert "ngrams" not in read.description["data"]
    assert torch.equal(read(TOKENS, LENGTHS), saved(TOKENS, LENGTHS))


@pytest.mark.parametrize("ngrams", ["4", None, [4], 10**9, -1], ids=str)
def test_an_option_of_before_is_checked_as_that_of_today(tmp_path, ngrams):
    def as_before(checkpoint):
        checkpoint[CHECKPOINT_KEY]["model"]["encoder"] = ENCODER

    model = sentiment_model(encoder=part("NgramEmbedding", **TODAY))
    data = DATA | {"ngrams": ngrams}
    write_saved(tmp_path / "a.ckpt", model=model, change=as_before, data=data)
    with pytest.raises(InputError, match="ngrams"):
        load(tmp_path / "a.ckpt")


@pytest.fixture
def parsed(tmp_path, monkeypatch):
    """The options of a training command, of which nothing is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LightningCLI, "instantiate_classes", lambda self: None)
    return lambda *args: ClassifierCLI(KINDS["sentiment"], [*recipe("sentiment"), *args])


def test_the_command_understands_the_name_of_before_and_says_that_of_today(parsed, caplog):
    with caplog.at_level(logging.WARNING):
        cli = parsed("--data.ngrams=3")
    assert cli.config.model.encoder.init_args.ngrams == 3
    assert "ngrams" not in cli.config.data
    assert "--data.ngrams=3 is now --model.encoder.ngrams" in caplog.text
    assert parsed("--model.encoder.ngrams=3").config.model.encoder == cli.config.model.encoder


def test_a_recipe_of_before_is_understood(parsed, tmp_path):
    encoder = {"class_path": "models.encoders.NgramEmbedding", "init_args": {"features": 96}}
    recipe = {"model": {"encoder": encoder}, "data": {"tokenizer": "characters", "ngrams": 4}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    assert parsed("--config=mine.yaml").config.model.encoder.init_args.ngrams == 4


def test_single_tokens_are_what_other_encoders_read_anyway(parsed):
    encoder = parsed("--model.encoder=WordEmbedding", "--data.ngrams=1").config.model.encoder
    assert "ngrams" not in encoder.init_args
    with pytest.raises(InputError, match=r"data.ngrams=2: is now --model.encoder.ngrams, which"):
        parsed("--model.encoder=WordEmbedding", "--data.ngrams=2")


def test_an_objective_of_before_asks_for_nothing_or_is_refused(parsed, tmp_path):
    objective = {"adversarial": 0.0, "entropy": 0.0, "taught": 1.0, "perturbation": 5.0}
    (tmp_path / "old.yaml").write_text(yaml.safe_dump({"model": {"objective": objective}}))
    assert "objective" not in parsed("--config=old.yaml").config.model
    objective["entropy"] = 0.5
    (tmp_path / "old.yaml").write_text(yaml.safe_dump({"model": {"objective": objective}}))
    with pytest.raises(InputError, match=r"--model.objective=.*learnt by --teachers=\[a.ckpt\]$"):
        parsed("--config=old.yaml")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"model": {"label_smoothing": 0.1}}, "--model.label_smoothing=0.1: it is no option"),
        (
            {"data": {"balance": True}},
            "--data.balance=True: it is no option any more; --model.class",
        ),
        (
            {
                "model": {
                    "encoder": {"class_path": "WordEmbedding", "init_args": {"normalize": True}}
                }
            },
            "--config=old.yaml: model.encoder.normalize=True: it is no option any more",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("spelling", [["--config=old.yaml"], ["--config", "old.yaml"]], ids=str)
def test_options_that_are_gone_are_told(parsed, tmp_path, options, reason, spelling):
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(options))
    with pytest.raises(InputError) as caught:
        parsed(*spelling)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("spelling", [["--config=old.yaml"], ["--config", "old.yaml"]], ids=str)
def test_options_that_are_gone_and_asked_for_nothing_are_left_out(parsed, tmp_path, spelling):
    encoder = {"class_path": "WordEmbedding", "init_args": {"normalize": False, "features": 7}}
    options = {
        "model": {"encoder": encoder, "label_smoothing": 0.0}, "data": {"balance": False},
    }  # fmt: skip
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(options))
    config = parsed(*spelling).config
    assert config.model.encoder.init_args.features == 7
    assert "normalize" not in config.model.encoder.init_args
    assert "label_smoothing" not in config.model
    assert "balance" not in config.data


@pytest.mark.parametrize("shared", [True, False])
def test_word_vectors_that_were_normalised_answer_as_they_did(tmp_path, shared):
    """Miyato et al. 2017, eq. 1: (v - E v) / sqrt(Var v), over running words."""
    frequencies = torch.linspace(1, 2, NUM_TOKENS)
    frequencies /= frequencies.sum()
    model = sentiment_model(members=2, shared_encoder=shared)
    encoder = {**ENCODER["init_args"], "normalize": True, "ngrams": 2}
    vectors = {}

    def as_before(checkpoint):
        checkpoint[CHECKPOINT_KEY]["model"] = model | {
            "encoder": {"class_path": ENCODER["class_path"], "init_args": encoder}
        }
        weights = checkpoint["state_dict"]
        for name in [name for name in weights if name.endswith("embedding.weight")]:
            mean = frequencies @ weights[name]
            deviation = (frequencies @ (weights[name] - mean) ** 2 + 1e-8).sqrt()
            vectors[name] = (weights[name] - mean) / deviation
            weights[name.replace("embedding.weight", "frequencies")] = frequencies

    options = {**TODAY, "ngrams": 2}
    write_saved(
        tmp_path / "a.ckpt", model=model | {"encoder": part("NgramEmbedding", **options)},
        change=as_before,
    )  # fmt: skip
    read = load(tmp_path / "a.ckpt").state_dict()
    assert vectors
    for name, wanted in vectors.items():
        torch.testing.assert_close(read[name], wanted)


@pytest.mark.parametrize("temperature", [None, 1.5])
def test_the_temperature_that_stood_among_plain_values_holds(tmp_path, temperature):
    def as_before(checkpoint):
        del checkpoint["state_dict"]["probabilities.temperature"]
        del checkpoint["state_dict"]["probabilities.slope"]
        del checkpoint["state_dict"]["probabilities.bias"]
        if temperature is not None:
            checkpoint[CHECKPOINT_KEY]["temperature"] = temperature

    write_saved(tmp_path / "a.ckpt", change=as_before)
    assert load(tmp_path / "a.ckpt").probabilities.temperature == (temperature or 1)
    assert load(tmp_path / "a.ckpt").probabilities.slope == 0
    assert load(tmp_path / "a.ckpt").probabilities.bias.equal(torch.zeros(2))


def test_a_temperature_and_a_slope_without_a_bias_answer_as_before(tmp_path):
    """Bit for bit."""
    saved = write_saved(
        tmp_path / "a.ckpt", change=lambda c: c["state_dict"].pop("probabilities.bias")
    )
    read, lengths = load(tmp_path / "a.ckpt").probabilities, torch.tensor([3, 40, 1000])
    scores = torch.tensor([[0.1, -1.3], [0.0, -0.0], [7.7, 3.3]])
    found = saved.probabilities.temperature.double() * (lengths.clamp(max=300).double() / 40) ** (
        saved.probabilities.slope.double()
    )
    assert read(scores, lengths).equal((scores.double() / found[:, None]).softmax(1))


def test_a_temperature_without_a_slope_answers_as_before(tmp_path):
    def as_before(checkpoint):
        for name in ("slope", "bias"):
            del checkpoint["state_dict"][f"probabilities.{name}"]

    saved = write_saved(tmp_path / "a.ckpt", change=as_before)
    texts = ["fine", "a fine lovely film", "dull " * 400]
    for source, found in zip(texts, load_predictor(tmp_path / "a.ckpt").many(texts), strict=True):
        tokens = torch.tensor(tokenizer().encode(source).ids)
        with torch.inference_mode():
            scores = saved(tokens, torch.tensor([len(tokens)])).double()
        due = (scores / saved.probabilities.temperature).softmax(1)[0]
        assert [found.probabilities[name] for name in saved.classes] == pytest.approx(
            due.tolist(), abs=1e-6
        )
