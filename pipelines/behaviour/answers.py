"""Answers of a classifier to the texts of a suite: the probability that each is positive."""

from collections.abc import Iterable, Sequence

from data.files.errors import InputError
from pipelines.behaviour.suite import CLASSES
from pipelines.predict.inputs import Item
from pipelines.predict.predictor import Prediction, Predictor
from pipelines.runtime.escaping import excerpt

_NAMES = {"positive": ("positive", "pos"), "negative": ("negative", "neg")}


def known_classes(classes: Sequence[str]) -> dict[str, str] | None:
    """Find the model's names of ``positive`` and ``negative``, by these; None if it has others."""
    found = {
        ours: theirs
        for ours, names in _NAMES.items()
        for theirs in classes
        if theirs.casefold() in names
    }
    return found if len(found) == len(classes) == len(CLASSES) else None


def named_classes(classes: Sequence[str], typed: dict[str, str | None]) -> dict[str, str]:
    """The model's names of ``positive`` and ``negative``, as typed or by themselves.

    Raises:
        InputError: it has other classes, or more than two.
    """
    has = f"CKPT: knows the classes {', '.join(excerpt(name, most=30) for name in classes[:8])}"
    if len(classes) != len(CLASSES):
        raise InputError(
            f"{has}, {len(classes)} in all; behaviour tests know positive and negative; give a model of"
            " two classes"
        )
    named = {name: given for name, given in typed.items() if given is not None}
    found = known_classes(classes)
    if not named and found is not None:
        return found
    for name, given in named.items():
        if given not in classes:
            raise InputError(f"--classes.{name}={given}: no such class; {has}")
        # The other class is the one that is left.
        other = next(one for one in CLASSES if one != name)
        named = {other: next(one for one in classes if one != given)} | named
    if not named or named["positive"] == named["negative"]:
        raise InputError(
            f'{has}; say which is which by ARGS="--classes.positive={classes[-1]}'
            f' --classes.negative={classes[0]}"'
        )
    return named


def positive_shares(
    model: Predictor, texts: Iterable[str], classes: dict[str, str]
) -> dict[str, float]:
    """Probability of ``positive`` by text, each text asked once; what has no answer is missing."""
    # Of like length one after the other: a batch is padded inside to its longest text.
    distinct = sorted(dict.fromkeys(texts), key=len)
    answers = model.answers(map(Item, distinct))
    return {
        text: found.probabilities[classes["positive"]]
        for text, (found, _) in zip(distinct, answers, strict=True)
        if isinstance(found, Prediction)
    }
