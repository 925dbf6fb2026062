"""Checkpoints as runs leave them, made without a run: a model, and what it says of itself."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from data.files.checkpoint import CHECKPOINT_KEY
from data.tokens.vocabulary import END, learn_tokenizer
from models.encoders.foreground import WithForeground
from models.encoders.frames import SmallCNN
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import OneHot, WordEmbedding
from models.recurrence.cells import GRUCell, VanillaCell
from models.recurrence.recurrences import GRU, LSTM, RNN, Unrolled
from models.sequence.step_inputs import StepInputs
from pipelines.tasks.captioning import Captioning
from pipelines.tasks.classification import Classification
from pipelines.tasks.generation import Generation
from pipelines.tasks.next_token import NextToken

TASKS = {"language": NextToken, "translation": Generation, "captions": Captioning}
WRITERS = ("translation", "captions")
TEXTS = ["a fine lovely film", "a poor dull film", "great fun and fine", "an awful dull bore"]
CLASSES = ["negative", "positive"]
#: of classifiers: that of 40 steps, its slope, and the bias of the first class; the last has -BIAS
TEMPERATURE, SLOPE, BIAS = 0.5, 0.3, 0.2
OPTIMIZER = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01, "betas": [0.9, 0.999]}}

PARTS: dict[str, type] = {
    f"models.{kind.__module__.removeprefix('models.')}.{kind.__name__}": kind
    for kind in (
        GRU, LSTM, RNN, Unrolled, WordEmbedding, OneHot, NgramEmbedding, SmallCNN, StepInputs,
        WithForeground,
    )
}  # fmt: skip

CELLS = {f"models.recurrence.cells.{kind.__name__}": kind for kind in (GRUCell, VanillaCell)}


@lru_cache
def tokenizer(has_end=False):
    """One for all: words that are as frequent have no order."""
    learnt = learn_tokenizer(
        TEXTS, kind="words", vocabulary_size=100, min_frequency=1, lowercase=True, strip_markup=True
    )
    if has_end:
        learnt.add_special_tokens([END])
    return learnt


def part(kind: str, **options: Any) -> dict[str, Any]:
    """A class with its options, as the option parser writes them."""
    path = next(path for path in PARTS if path.endswith(f".{kind}"))
    return {"class_path": path, "init_args": options}


def sentiment_model(**options: Any) -> dict[str, Any]:
    """The options of a small classifier of texts."""
    encoder = part("WordEmbedding", features=4, num_tokens=tokenizer().get_vocab_size())
    recurrence = part("LSTM", hidden_size=3)
    return {
        "encoder": encoder, "recurrence": recurrence, "classes": CLASSES, "optimizer": OPTIMIZER,
        "pooling": "last", "dropout": 0.5, "schedule": "one_cycle", "warmup_share": 0.1,
    } | options  # fmt: skip


def _instance(value: Any, *given: Any) -> Any:
    options = dict(value["init_args"])
    if "cell" in options:
        options["cell"] = CELLS[options["cell"]]
    if "encoder" in options:
        options["encoder"] = _instance(options["encoder"])
    return PARTS[value["class_path"]](*given, **options)


def _module(task: str, model: dict[str, Any]) -> torch.nn.Module:
    """Built by hand, so that what reads it back is not asked."""
    torch.manual_seed(3)
    options = {
        **model,
        "encoder": _instance(model["encoder"]),
        "recurrence": lambda features: _instance(model["recurrence"], features),
        "optimizer": torch.optim.SGD,
    }
    if "decoder" in model:
        options["decoder"] = lambda features: _instance(model["decoder"], features)
    if "words" in model:
        options["words"] = _instance(model["words"])
    options.pop("pretrained", None)  # read while training, by another file
    if model.get("inputs"):
        options["inputs"] = lambda features: _instance(model["inputs"], features)
    module = TASKS.get(task, Classification)(**options)
    if isinstance(module, Classification):
        for one in module.model.encoders:
            if isinstance(one, NgramEmbedding):
                _learn_ngrams(one)
        # As fitted: an answer in which the number of its steps is forgotten is another one.
        module.probabilities.temperature.fill_(TEMPERATURE)
        module.probabilities.slope.fill_(SLOPE)
        bias = module.probabilities.bias
        bias.copy_(torch.linspace(BIAS, -BIAS, len(bias)))
    return module


def _learn_ngrams(encoder: NgramEmbedding) -> None:
    """As trained: vectors of n-grams are not 0."""
    texts = [torch.tensor(tokenizer().encode(text).ids) for text in TEXTS]
    windows = encoder.windows(torch.cat(texts), torch.tensor([len(text) for text in texts]))
    codes = torch.cat(list(encoder.codes_of(windows)))
    encoder.know(codes[codes >= 0].unique()[: encoder.num_ngrams])
    torch.nn.init.normal_(encoder.ngrams.weight.data[:-1])
    if encoder.context is not None:
        words, ngrams = torch.randn_like(encoder.context.words), encoder.context.ngrams[:-1]
        encoder.context.take(words, torch.randn_like(ngrams))


def write_saved(
    path: Path,
    task: str = "sentiment",
    *,
    model: dict[str, Any] | None = None,
    change: Any = None,
    weights: Any = None,
    **about: Any,
) -> torch.nn.Module:
    """Write a checkpoint; ``change`` may alter all of it before. Returns the model."""
    model = sentiment_model() if model is None else model
    module = _module(task, model).eval()
    checkpoint = {
        "state_dict": module.state_dict() if weights is None else weights,
        "epoch": 0,
        "global_step": 1,
        "pytorch-lightning_version": "2.6.0",
        "callbacks": {},
        "loops": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        CHECKPOINT_KEY: {
            "task": task,
            "model": model,
            "data": {"steps_per_batch": 200} if task != "language" else {},
            "inputs": {
                "classes": CLASSES,
                "tokenizer": tokenizer(task in WRITERS).to_str(),
            },
            "train_seconds": 1.0,
            **about,
        },
    }
    if change is not None:
        change(checkpoint)
    torch.save(checkpoint, path)
    return module


def language_model(**options: Any) -> dict[str, Any]:
    """The options of a small language model."""
    num_tokens = tokenizer().get_vocab_size()
    return {
        "encoder": part("WordEmbedding", features=4, num_tokens=num_tokens),
        "recurrence": part("GRU", hidden_size=3),
        "num_tokens": num_tokens,
        "optimizer": OPTIMIZER,
    } | options


def translation_model(**options: Any) -> dict[str, Any]:
    """The options of a small translator."""
    num_tokens = tokenizer(has_end=True).get_vocab_size()
    return {
        "encoder": part("WordEmbedding", features=4, num_tokens=num_tokens),
        "recurrence": part("LSTM", hidden_size=3, bidirectional=True),
        "decoder": part("LSTM", hidden_size=5),
        "num_tokens": num_tokens,
        "max_tokens": 6,
        "optimizer": OPTIMIZER,
        "schedule": "one_cycle",
    } | options


def video_model(**options: Any) -> dict[str, Any]:
    """The options of a small classifier of clips."""
    return sentiment_model(**{"encoder": part("SmallCNN", features=4, width=8)} | options)


def captions_model(**options: Any) -> dict[str, Any]:
    """The options of a small captioner."""
    num_tokens = tokenizer(has_end=True).get_vocab_size()
    parts = {
        "encoder": part("SmallCNN", features=4, width=8),
        "recurrence": part("LSTM", hidden_size=3),
        "words": part("WordEmbedding", features=4, num_tokens=num_tokens),
    }
    return translation_model(**parts | options)


def about_clips(**inputs: Any) -> dict[str, Any]:
    """What a checkpoint of clips says of its inputs."""
    return {"classes": CLASSES, "size_px": 16, "frames": "all"} | inputs
