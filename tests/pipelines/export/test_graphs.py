"""Graphs of every kind of model: native operators, free axes, and the trained model's values."""

import pytest
import torch
from torch import nn

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from models.encoders.frames import SmallCNN
from models.encoders.words import WordEmbedding
from models.errors import OptionError
from models.forms.padded import encoded
from pipelines.export.checks import SIZES, check_all, difference
from pipelines.export.standalone.session import Session
from pipelines.export.tracing.graphs import RECURRENT, Graph, operators_of, write_graph
from pipelines.tasks.kinds import kind_of
from tests.pipelines.saved_models import (
    language_model,
    part,
    sentiment_model,
    tokenizer,
    translation_model,
    video_model,
    write_saved,
)

NUM_TOKENS = tokenizer().get_vocab_size()
NGRAMS = part("NgramEmbedding", ngrams=3, features=4, num_ngrams=9, num_tokens=NUM_TOKENS)
CONTEXT = part(
    "NgramEmbedding", ngrams=3, features=4, num_ngrams=9, num_tokens=NUM_TOKENS, context_features=2
)


def recurrence(kind, **options):
    return part(kind, hidden_size=3, **options)


def unrolled(cell):
    return part("Unrolled", hidden_size=3, cell=f"models.recurrence.cells.{cell}")


def both(**options):
    return recurrence("LSTM", num_layers=2, bidirectional=True, **options)


def inputs(**options):
    return part("StepInputs", **options)


def exported(folder, task="sentiment", **saved):
    """Graphs in a folder, compared with the model; what was exported."""
    write_saved(folder / "a.ckpt", task, **saved)
    made = kind_of(task).make_exported(read_saved(folder / "a.ckpt"), where="a.ckpt", trust=None)
    for name, graph in made.graphs.items():
        write_graph(graph, folder / name)
    check_all(made, folder)
    return made


def natives(folder, name):
    return {kind: n for kind, n in operators_of(folder / name).items() if kind in RECURRENT}


CLASSIFIERS = {
    "rnn, mean": ({"recurrence": recurrence("RNN"), "pooling": "mean"}, {"RNN": 1}),
    "gru, max": ({"recurrence": recurrence("GRU", num_layers=2), "pooling": "max"}, {"GRU": 2}),
    "lstm, concat": ({"pooling": "concat"}, {"LSTM": 1}),
    "both directions, last": ({"recurrence": both()}, {"LSTM": 2}),
    "both directions, concat": ({"recurrence": both(), "pooling": "concat"}, {"LSTM": 2}),
    "a cell in Python": ({"recurrence": unrolled("GRUCell")}, {"GRU": 1}),
    "the vanilla cell": ({"recurrence": unrolled("VanillaCell")}, {"RNN": 1}),
    "unit vectors": ({"encoder": part("OneHot", num_tokens=NUM_TOKENS)}, {"LSTM": 1}),
    "n-grams, three members": ({"encoder": NGRAMS, "members": 3, "shared_encoder": False},
                               {"LSTM": 3}),
    "context, two members": ({"encoder": CONTEXT, "members": 2, "shared_encoder": False},
                             {"LSTM": 2}),
    "gated inputs": ({"pooling": "concat", "gated_features": 3}, {"LSTM": 1}),
    "gated inputs, both directions": ({"recurrence": both(), "pooling": "concat",
                                       "gated_features": 3}, {"LSTM": 2}),
    "order-blind member": ({"members": 2, "order_blind": True, "pooling": "concat",
                            "inputs": inputs(standardize=True, dropout=0.5, project=3)},
                           {"LSTM": 2}),
    "differences": ({"inputs": inputs(difference="signed", gap=3, standardize=True)}, {"LSTM": 1}),
    "looks ahead": ({"inputs": inputs(scale=True, deviation="relative", difference="absolute",
                                      keep=False, project=5)}, {"LSTM": 1}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("options", "due"), CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_classifiers(tmp_path, options, due):
    made = exported(tmp_path, model=sentiment_model(**options))
    assert natives(tmp_path, "model.onnx") == due
    looks_ahead = "bidirectional" in str(options) or "scale" in str(options)
    assert ("step.onnx" in made.graphs) != looks_ahead
    if not looks_ahead:
        assert natives(tmp_path, "step.onnx") == due


@pytest.mark.slow
@pytest.mark.parametrize("size_px", [16, 50])
def test_clips(tmp_path, size_px):
    made = exported(tmp_path, "video", model=video_model(), inputs={
        "classes": ["negative", "positive"], "size_px": size_px,
    })  # fmt: skip
    assert made.graphs.keys() == {"model.onnx", "step.onnx", "encoder.onnx"}


@pytest.mark.slow
def test_clips_with_their_background(tmp_path):
    encoder = part("WithForeground", encoder=part("SmallCNN", features=4, width=8))
    made = exported(tmp_path, "video", model=video_model(encoder=encoder, pooling="concat"), inputs={
        "classes": ["negative", "positive"], "size_px": 16,
    })  # fmt: skip
    assert made.graphs.keys() == {"model.onnx", "encoder.onnx"}
    assert made.about["background_frames"] == 64


def test_an_encoder_that_looks_ahead_in_a_way_of_its_own_is_refused():
    class Own(SmallCNN):
        looks_ahead = True

    with pytest.raises(OptionError, match="Own looks ahead in a way of its own"):
        encoded(Own(features=4, width=8), torch.zeros(1, 2, 4))


LANGUAGE = {
    "its own weights": {},
    "tied": {"tied": True},
    "clusters": {"adaptive_cutoffs": [3, 6], "recurrence": part("LSTM", hidden_size=16)},
}


@pytest.mark.slow
@pytest.mark.parametrize("options", LANGUAGE.values(), ids=LANGUAGE)
def test_language_models(tmp_path, options):
    exported(tmp_path, "language", model=language_model(**options))
    assert sum(natives(tmp_path, "model.onnx").values()) == 1


WRITERS = {
    "general": {"attention": "general", "with_features": True},
    "additive, both": {"attention": "additive", "start": "both"},
    "no attention, input": {"attention": "none", "start": "input"},
    "no attention, each": {"attention": "none", "start": "each"},
    "a deep decoder": {"decoder": part("GRU", hidden_size=5, num_layers=2)},
}


@pytest.mark.slow
@pytest.mark.parametrize("options", WRITERS.values(), ids=WRITERS)
def test_translators(tmp_path, options):
    exported(tmp_path, "translation", model=translation_model(**options))
    assert sum(natives(tmp_path, "step.onnx").values()) in (1, 2)


class Frozen(nn.Module):
    """A module that fixes the number of steps while it is traced."""

    def forward(self, steps, lengths):
        return steps.sum() + len(steps[0]) + lengths


class Looping(nn.Module):
    """A module with a loop whose number of rounds is data."""

    def forward(self, steps, lengths):
        def go_on(k, _):
            return k < 3

        return torch.while_loop(go_on, lambda k, x: (k + 1, x * 2), (lengths[0], steps))[1]


@pytest.mark.parametrize(
    ("form", "reason"),
    [(Frozen(), "cannot be written"), (Looping(), r"has Loop|cannot be written")],
)
def test_a_fixed_axis_and_a_loop_are_refused(tmp_path, form, reason):
    graph = Graph(
        form,
        (torch.ones(2, 7), torch.tensor([7, 3])),
        {"steps": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
        ("found",),
    )
    with pytest.raises(InputError, match=reason):
        write_graph(graph, tmp_path / "a.onnx")


def test_tracing_leaves_no_namesakes_of_classes(tmp_path):
    exported(tmp_path)
    assert [one.__name__ for one in WordEmbedding.__subclasses__()].count("WordEmbedding") == 0


@pytest.mark.parametrize(
    "another",
    [
        {"model.head.bias": torch.tensor([0.0, 1e-3])},
        # Right for 40 steps, and for no other length.
        {"probabilities.slope": torch.tensor(0.0)},
        {"probabilities.bias": torch.zeros(2)},
    ],
    ids=str,
)
def test_another_models_values_are_not_taken(tmp_path, another):
    made = exported(tmp_path)
    write_saved(tmp_path / "a.ckpt", change=lambda saved: saved["state_dict"].update(another))
    other = kind_of("sentiment").make_exported(
        read_saved(tmp_path / "a.ckpt"), where="a.ckpt", trust=None
    )
    with pytest.raises(InputError, match="is off by"):
        check_all(other, tmp_path)
    with torch.no_grad():
        check = made.checks["model.onnx"](SIZES[1])
    assert difference(Session(tmp_path / "model.onnx"), check) < 1e-6
