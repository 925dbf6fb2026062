"""Behaviour in the report of a classifier: the suite, short, where it can be asked."""

from collections.abc import Sequence
from typing import Any, cast

from data.lessons.opinions import is_english, opinion_classes
from models.sequence.classifier import Classifier
from pipelines.behaviour.answers import count_learnt, positive_shares
from pipelines.behaviour.measures import asked_of, by_kind, measure, texts_of
from pipelines.behaviour.suite import Suite, read_suite
from pipelines.predict.predictor import Predictor

# Failures of each test in the report; `make behave` lists them all.
NUM_SHOWN = 3
# Longer texts than the suite's own cost too much to be changed a thousand times.
_MOST_WORDS = 40


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
    classes = opinion_classes(model.classes)
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
