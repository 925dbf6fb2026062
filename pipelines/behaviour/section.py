"""Behaviour in the report of a classifier: the suite, short, where it can be asked."""

import re
from collections.abc import Sequence
from typing import Any, cast

from models.sequence.classifier import Classifier
from pipelines.behaviour.answers import count_learnt, known_classes, positive_shares
from pipelines.behaviour.measures import asked_of, by_kind, measure, texts_of
from pipelines.behaviour.suite import Suite, read_suite
from pipelines.predict.predictor import Predictor

# Failures of each test in the report; `make behave` lists them all.
NUM_SHOWN = 3
# Longer texts than the suite's own cost too much to be changed a thousand times.
_MOST_WORDS = 40
# The suite is English. A quarter of the words of English prose are among these, of short exclamations
# a tenth, of other languages next to none.
_FREQUENT = {
    *("the", "and", "this", "of", "to", "is", "it", "was"),
    *("for", "with", "but", "not", "i", "you", "that", "my"),
}
_LEAST_FREQUENT = 0.08


def describe_behaviour(
    model: Any, texts: Sequence[str], suite: Suite | None = None
) -> dict[str, Any]:
    """Measure the behaviour of a tested classifier, with a few failures of each test.

    Args:
        model: a `Classification` with its description.
        texts: the tested texts; short ones are changed as the suite's own are.
        suite: None for the program's.

    Returns:
        ``behaviour``: a dict of ``by_kind``, ``tests`` (see `measure`), ``num_texts``, and
        ``num_learnt``, the texts of the suite that the model was trained on; nothing where the
        classes are not positive and negative, or the texts are not English.
    """
    classes = known_classes(model.classes)
    if classes is None or not is_english(texts):
        return {}
    short = [text for text in texts if len(text.split()) <= _MOST_WORDS]
    every = asked_of(suite or read_suite(), short)
    asked = texts_of(every)
    # A task answers as the classifier that is loaded from its checkpoint.
    predictor = Predictor(cast(Classifier, model), device=model.device)
    tests = measure(every, positive_shares(predictor, asked, classes))
    found = {
        "num_texts": len(set(asked)),
        "num_learnt": count_learnt(model.description, texts_of(every, given=False)),
        "by_kind": by_kind(tests),
        "tests": [one | {"failed": one["failed"][:NUM_SHOWN]} for one in tests],
    }
    return {"behaviour": found}


def is_english(texts: Sequence[str]) -> bool:
    """Whether the words of texts are those of English, as far as the most frequent ones tell."""
    words = re.findall(r"\w+", " ".join(texts[:1000]).lower())
    return sum(word in _FREQUENT for word in words) >= _LEAST_FREQUENT * max(len(words), 1)
