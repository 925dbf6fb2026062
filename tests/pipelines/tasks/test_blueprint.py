"""From the values of a checkpoint to its model: the same as was saved, and nothing but a model."""

import textwrap
from inspect import signature

import pytest
import torch

from data.files.checkpoint import CHECKPOINT_KEY
from data.files.errors import InputError
from models.sequence.classifier import Classifier
from pipelines.predict.predictor import load_predictor
from pipelines.tasks.blueprint import refuse_unbuildable
from pipelines.tasks.checkpoints import ONLY_TRAINING, UNUSED, load, load_task
from pipelines.tasks.classification import Classification
from pipelines.tasks.text_checkpoints import load_language
from tests.pipelines.saved_models import (
    language_model,
    part,
    sentiment_model,
    tokenizer,
    video_model,
    write_saved,
)

NUM_TOKENS = tokenizer().get_vocab_size()
NGRAMS = part("NgramEmbedding", features=4, num_tokens=NUM_TOKENS, num_ngrams=5, ngram_features=2)
CONTEXT = part("NgramEmbedding", num_tokens=NUM_TOKENS, num_ngrams=5, context_features=3)
INPUTS = part("StepInputs", difference="signed", standardize=True, project=3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recurrence": part("RNN", hidden_size=3, num_layers=2)},
        {"recurrence": part("GRU", hidden_size=3, bidirectional=True)},
        {"recurrence": part("LSTM", hidden_size=3, memory_steps=9, locked=True, dropout=0.1)},
        {"recurrence": part("Unrolled", hidden_size=3, cell="models.recurrence.cells.GRUCell")},
        {"pooling": "concat"},
        {"pooling": "mean", "inputs": INPUTS},
        {"inputs": None, "pretrained": "gone.ckpt", "rate_decay": 2.6, "class_weights": "balanced"},
        {"encoder": part("OneHot", num_tokens=NUM_TOKENS), "pooling": "max"},
        {"encoder": part("WordEmbedding", num_tokens=NUM_TOKENS, features=4, dropout=0.1)},
        {"members": 3},
        {"members": 2, "shared_encoder": False},
        {"members": 2, "order_blind": True},
        {"members": 2, "gated_features": 3},
        {"encoder": NGRAMS, "members": 2, "shared_encoder": False},
        {"encoder": CONTEXT, "members": 2, "shared_encoder": False},
    ],
    ids=str,
)
def test_a_text_model_is_the_one_that_was_saved(tmp_path, options):
    saved = write_saved(tmp_path / "a.ckpt", model=sentiment_model(**options))
    read = load(tmp_path / "a.ckpt")
    assert not read.training
    tokens = torch.tensor([1, 2, 3, 4, 2])
    lengths = torch.tensor([3, 2])
    with torch.inference_mode():
        torch.testing.assert_close(read(tokens, lengths), saved(tokens, lengths), rtol=0, atol=0)


@pytest.mark.parametrize("options", [{}, {"members": 2, "pooling": "mean"}], ids=str)
def test_a_video_model_is_the_one_that_was_saved(tmp_path, options):
    about = {"inputs": {"classes": ["negative", "positive"], "size_px": 16, "frames": "all"}}
    saved = write_saved(tmp_path / "a.ckpt", "video", model=video_model(**options), **about)
    frames = torch.randint(0, 255, (5, 3, 16, 16), dtype=torch.uint8)
    with torch.inference_mode():
        expected = saved(frames, torch.tensor([3, 2]))
        found = load(tmp_path / "a.ckpt")(frames, torch.tensor([3, 2]))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tied": True},
        {"recurrence": part("LSTM", hidden_size=16), "adaptive_cutoffs": [4, 8], "dropout": 0.2},
        {"recurrence": part("Unrolled", hidden_size=3, cell="models.recurrence.cells.GRUCell")},
    ],
    ids=str,
)
def test_a_language_model_is_the_one_that_was_saved(tmp_path, options):
    saved = write_saved(tmp_path / "a.ckpt", "language", model=language_model(**options))
    tokens, lengths = torch.tensor([1, 2, 3]), torch.tensor([3])
    with torch.inference_mode():
        found, _ = load_language(tmp_path / "a.ckpt")(tokens, lengths)
        expected, _ = saved(tokens, lengths)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_weights_of_half_precision_are_read(tmp_path):
    def halve(checkpoint):
        weights = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: value.bfloat16() for name, value in weights.items()}

    saved = write_saved(tmp_path / "a.ckpt", change=halve)
    for name, value in load(tmp_path / "a.ckpt").state_dict().items():
        torch.testing.assert_close(value, saved.state_dict()[name].bfloat16().float())


def test_a_model_that_computes_while_it_is_made(tmp_path, monkeypatch):
    """PyTorch's meta device, on which sizes are compared first, has no values to compute with."""
    from models.encoders import words as encoders

    class Computing(encoders.WordEmbedding):
        def __init__(self, num_tokens: int, *, features: int = 100):
            super().__init__(num_tokens, features=round(torch.tensor(4.0).item()))

    Computing.__module__ = encoders.__name__
    monkeypatch.setattr(encoders, "Computing", Computing, raising=False)
    path = tmp_path / "a.ckpt"

    def change(checkpoint):
        encoder = checkpoint[CHECKPOINT_KEY]["model"]["encoder"]
        encoder["class_path"] = "models.encoders.words.Computing"

    write_saved(path, change=change)
    assert load(path)(torch.tensor([1]), torch.tensor([1])).shape == (1, 2)


# Refused descriptions.


def say(change, tmp_path, *, load=load):
    write_saved(tmp_path / "a.ckpt", change=change)
    with pytest.raises(InputError) as caught:
        load(tmp_path / "a.ckpt")
    line = str(caught.value)
    assert "\n" not in line
    assert "weights_only" not in line
    return line


def changed(*path, value):
    def change(checkpoint):
        *place, last = ("model", *path)
        values = checkpoint[CHECKPOINT_KEY]
        for name in place:
            values = values[name]
        values[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("recurrence", "init_args", "hidden_size"), 10**9, "no model can be built"),
        (("recurrence", "init_args", "hidden_size"), 4, "weights are not those of the model"),
        (("recurrence", "init_args", "hidden_size"), 10**40, "no model can be built"),
        (("recurrence", "init_args", "num_layers"), 10**9, "far larger than its weights"),
        (("recurrence", "init_args", "hidden_size"), "3", "int is due"),
        (("recurrence", "init_args", "hidden_size"), True, "int is due"),
        (("recurrence", "init_args", "no_such"), 1, "not an option of LSTM"),
        (("recurrence", "init_args", "dropout"), 3.0, "dropout"),
        (("recurrence", "init_args"), [1], "names no class"),
        (("recurrence",), None, "names no class"),
        (("recurrence",), [1], "names no class"),
        (("encoder", "init_args", "num_tokens"), 10**12, "far larger than its weights"),
        (("encoder", "init_args", "features"), -1, "no model can be built"),
        (("members",), 10**9, "no weights for 1000000000 members"),
        (("members",), "many", "no weights for many members"),
        (("members",), 0, "at least 1 model"),
        (("pooling",), "min", "is due"),
        (("pooling",), {"class_path": "os.system"}, "is due"),
        (("classes",), "ab", "is due"),
        (("classes",), ["a", 1], "is due"),
        (("classes",), ["positive", "negative"], "classes are not those of its inputs"),
        (("no_such",), 1, "no_such: not an option of Classifier"),
        (
            ("inputs",),
            {"class_path": "models.sequence.StepInputs", "init_args": {"gap": 0}},
            "gap=0",
        ),
    ],
    ids=str,
)
def test_values_that_do_not_fit_are_told(tmp_path, path, value, says):
    assert says in say(changed(*path, value=value), tmp_path)


def temperature_of(checkpoint):
    return checkpoint["state_dict"]["probabilities.temperature"]


def slope_of(checkpoint):
    return checkpoint["state_dict"]["probabilities.slope"]


def bias_of(checkpoint):
    return checkpoint["state_dict"]["probabilities.bias"]


def test_options_that_are_missing_are_told(tmp_path):
    for change, says in (
        (lambda c: c[CHECKPOINT_KEY]["model"].pop("recurrence"), "no model can be built"),
        (lambda c: c[CHECKPOINT_KEY].pop("model"), "says nothing of its model"),
        (lambda c: c[CHECKPOINT_KEY].pop("data"), "says nothing of its data"),
        (lambda c: c[CHECKPOINT_KEY]["inputs"].pop("tokenizer"), "inputs cannot be used"),
        (lambda c: c[CHECKPOINT_KEY]["inputs"].update(tokenizer="{}"), "inputs cannot be used"),
        (lambda c: c[CHECKPOINT_KEY]["data"].update(max_tokens=0), "max_tokens=0"),
        (lambda c: c[CHECKPOINT_KEY]["data"].update(path={"class_path": "os.system"}), "is due"),
        (lambda c: temperature_of(c).fill_(float("nan")), "are not finite"),
        (lambda c: temperature_of(c).fill_(0), "temperature is 0.0"),
        (lambda c: slope_of(c).fill_(float("nan")), "are not finite"),
        (lambda c: temperature_of(c).fill_(float("inf")), "temperature is inf"),
        (lambda c: slope_of(c).fill_(float("inf")), "slope of its temperature is inf"),
        (
            lambda c: slope_of(c).fill_(-1.5),
            "slope of its temperature is -1.5, which may be from -1",
        ),
        (lambda c: bias_of(c).fill_(float("nan")), "are not finite"),
        (lambda c: bias_of(c).fill_(float("inf")), "the bias of a class is infinite"),
        (
            lambda c: c["state_dict"].update({"probabilities.bias": torch.zeros(3)}),
            "probabilities.bias",
        ),
        (lambda c: c[CHECKPOINT_KEY].update(temperature="1"), "says of itself is damaged"),
        (lambda c: c[CHECKPOINT_KEY].update(task=["video"]), "says of itself is damaged"),
        (lambda c: c.update(manytoone=[]), "says of itself is damaged"),
        (lambda c: c.pop("state_dict"), "holds no weights"),
        (lambda c: c["state_dict"].update(more=torch.zeros(2)), "such as more"),
        (lambda c: c["state_dict"].update(more=1), "holds no weights"),
        (lambda c: c["state_dict"].pop("model.head.bias"), "1 of 10 tensors are missing"),
    ):
        assert says in say(change, tmp_path)


def test_a_tensor_that_is_larger_than_its_bytes_is_refused(tmp_path):
    def expand(checkpoint):
        weights = checkpoint["state_dict"]
        name = "model.encoder.embedding.weight"
        weights[name] = torch.zeros(1, 4).expand(10**12, 4)
        checkpoint[CHECKPOINT_KEY]["model"]["encoder"]["init_args"]["num_tokens"] = 10**12

    assert "holds no weights, or damaged ones" in say(expand, tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_told(tmp_path, number):
    def spoil(checkpoint):
        checkpoint["state_dict"]["model.head.weight"][1, 2] = number

    assert "weights are not finite (NaN or infinite, first in model.head.weight)" in say(
        spoil, tmp_path
    )


def test_what_a_checkpoint_does_not_say_is_told_where_it_is_needed(tmp_path):
    write_saved(tmp_path / "a.ckpt", change=lambda c: c[CHECKPOINT_KEY].pop("inputs"))
    assert load(tmp_path / "a.ckpt").classes == ["negative", "positive"]
    with pytest.raises(InputError, match=r"a.ckpt: says nothing of its inputs"):
        load_predictor(tmp_path / "a.ckpt")


def test_a_run_whose_checkpoints_could_not_be_read_does_not_begin():
    own = sentiment_model()
    assert refuse_unbuildable(Classification, own, unused=UNUSED) is None
    function = sentiment_model(recurrence={"class_path": "tests.pipelines.saved_models.part"})
    with pytest.raises(InputError, match=r"--model.recurrence=.*part: no subclass of Recurrence"):
        refuse_unbuildable(Classification, function, unused=UNUSED)


# Classes from elsewhere.


@pytest.fixture
def foreign(tmp_path):
    """A checkpoint whose cell is a class of a file, and that file."""
    file = tmp_path / "stranger.py"
    text = """
    from pathlib import Path
    from models.cells import GRUCell
    Path(__file__).with_suffix(".ran").touch()
    class MyCell(GRUCell):
        pass
    def make(*sizes):
        return MyCell(*sizes)
    """
    file.write_text(textwrap.dedent(text))
    path = tmp_path / "a.ckpt"

    def change(checkpoint):
        options = checkpoint[CHECKPOINT_KEY]["model"]["recurrence"]["init_args"]
        options["cell"] = "stranger.MyCell"

    recurrence = part("Unrolled", hidden_size=3, cell="models.recurrence.cells.GRUCell")
    write_saved(path, model=sentiment_model(recurrence=recurrence), change=change)
    yield path, file
    import sys

    sys.modules.pop("stranger", None)


def test_a_class_from_elsewhere_is_run_only_if_its_file_is_named(foreign, tmp_path, monkeypatch):
    path, file = foreign
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"recurrence.cell=stranger.MyCell: .* --trust=stranger"):
        load(path)
    other = tmp_path / "other.py"
    other.touch()
    with pytest.raises(InputError, match="not a class of this project"):
        load(path, trust=str(other))
    assert not file.with_suffix(".ran").exists()
    answer = load_predictor(path, trust=f"{other},{file}")("a fine film")
    assert answer.probability >= 0.5
    assert file.with_suffix(".ran").exists()
    assert load(path, trust="stranger").classes == ["negative", "positive"]


def test_a_trusted_file_called_like_one_of_ours_is_not_taken_for_it(tmp_path):
    (tmp_path / "recurrence.py").write_text("1 / 0")
    write_saved(tmp_path / "a.ckpt")
    load(tmp_path / "a.ckpt", trust=str(tmp_path / "recurrence.py"))


def test_trust_in_a_file_is_no_trust_in_all_that_it_holds(foreign):
    path, file = foreign
    file.write_text(file.read_text().replace("class MyCell(GRUCell)", "class MyCell(Path)"))
    with pytest.raises(InputError, match=r"stranger.MyCell: no subclass of Cell"):
        load(path, trust=str(file))


def test_a_trusted_file_that_is_not_there_or_fails_is_told(foreign):
    path, file = foreign
    with pytest.raises(InputError, match=r"--trust=none.py: no such file"):
        load(path, trust="none.py")
    file.write_text("1 / 0")
    with pytest.raises(InputError, match=r"cannot be imported .*ZeroDivisionError"):
        load(path, trust=str(file))


def test_all_options_of_the_data_are_looked_at_where_these_are_read_again(tmp_path):
    def change(checkpoint):
        checkpoint[CHECKPOINT_KEY]["data"].update(no_such=1)

    assert "no_such: not an option" in say(change, tmp_path, load=load_task)


def test_a_task_has_the_options_of_its_classifier_and_those_that_only_training_needs():
    answering, training = (
        set(signature(kind.__init__).parameters) for kind in (Classifier, Classification)
    )
    assert training - answering == ONLY_TRAINING
    assert answering <= training
