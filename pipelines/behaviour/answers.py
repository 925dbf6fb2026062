"""Answers of a classifier to the texts of a suite: the probability that each is positive."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from data.files.errors import InputError
from data.lessons.opinions import CLASSES, opinion_classes
from data.tokens.tokenizing import content_of
from data.tokens.vocabulary import MOST_UNKNOWN
from pipelines.predict.inputs import Item
from pipelines.predict.predictor import Prediction, Predictor
from pipelines.runtime.escaping import excerpt

log = logging.getLogger(__name__)

_MOST_DOUBTFUL = 0.1


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
    found = opinion_classes(classes)
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
    """Probability of ``positive`` by text, each text asked once; what has no answer is missing.

    A warning tells if the model does not know the words of the texts.
    """
    # A batch is padded inside to its longest text, so texts of about one length are answered together.
    distinct = sorted(dict.fromkeys(texts), key=len)
    answered = {
        text: found
        for text, (found, _) in zip(distinct, model.answers(map(Item, distinct)), strict=True)
        if isinstance(found, Prediction)
    }
    num_doubtful = sum(found.unknown_share > MOST_UNKNOWN for found in answered.values())
    if num_doubtful > _MOST_DOUBTFUL * len(distinct):
        log.warning(
            "Most words of %d of %d texts of the behaviour tests are not in the model's vocabulary: what"
            " fails there says little",
            *(num_doubtful, len(distinct)),
        )
    return {text: found.probabilities[classes["positive"]] for text, found in answered.items()}


def count_learnt(description: dict[str, Any], texts: Iterable[str]) -> int | None:
    """Count the texts that a model was trained on, by their content; None where it is not known.

    Args:
        description: the model's.
        texts: texts of a suite.
    """
    learnt = description["inputs"].get("contents")
    if learnt is None:
        return None
    known = set(learnt.tolist())
    return sum(content_of(text) in known for text in set(texts))
