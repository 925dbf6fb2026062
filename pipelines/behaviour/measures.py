"""Figures of a suite: which cases fail, by kind of test, and how many."""

from collections.abc import Callable, Sequence
from random import Random
from statistics import fmean
from typing import Any, NamedTuple

from data.lessons.templates import shuffled
from pipelines.behaviour.cases import Case, cases_of, cases_of_texts
from pipelines.behaviour.suite import (
    DIRECTION,
    GROUP,
    INVARIANCE,
    KINDS,
    MINIMUM,
    RESTRAINT,
    Suite,
    Test,
)
from pipelines.metrics.intervals import wilson

# An interval of fewer originals says nothing.
FEWEST_ORIGINALS = 20


class Asked(NamedTuple):
    """A test with its cases."""

    test: Test
    is_of_texts: bool
    """Whether the originals are texts that were given, and not templates."""
    cases: list[Case]


class _Judged(NamedTuple):
    """A case by its answers, P(positive) of its texts."""

    failed: bool
    weight: float
    """How far it is off: the worst are listed first."""
    figure: float
    """Figure of the test's kind, whose mean is told (see `measure`)."""
    shown: tuple[int, ...]
    """The texts to look at."""


def asked_of(suite: Suite, texts: Sequence[str] = ()) -> list[Asked]:
    """Make all cases; originals of the tests that change texts are those of templates and ``texts``.

    Texts are taken in a drawn order: in their file, those of one class may come first.
    """
    texts = shuffled(Random("originals"), texts)
    found = []
    for test in suite.tests:
        found.append(Asked(test, False, cases_of(test, suite)))
        if texts and (test.change is not None or test.add):
            cases = cases_of_texts(test, texts, suite)
            if len(cases) >= FEWEST_ORIGINALS:
                found.append(Asked(test, True, cases))
    return found


def texts_of(every: Sequence[Asked], *, given: bool = True) -> list[str]:
    """All texts that must be answered, with or without those made of texts that were given."""
    chosen = (asked for asked in every if given or not asked.is_of_texts)
    return [text for asked in chosen for case in asked.cases for text in case.texts]


def measure(every: Sequence[Asked], shares: dict[str, float]) -> list[dict[str, Any]]:
    """Measure each test.

    Args:
        every: the tests.
        shares: P(positive) by text.

    Returns:
        for each test ``name``, ``kind``, ``about``; ``originals``, templates or texts; ``is_own``;
        ``cases``, those whose texts were all answered; ``failures``, ``share`` and its ``interval``
        [low, high]; ``unanswered`` cases; ``mean``: of minimum functionality the probability of the
        right class, of invariance the absolute change of P(positive), of group invariance the share
        of words that are answered unlike most, of direction the change of the class's probability,
        of restraint the highest probability; ``failed``, the failed cases, the worst first, with
        ``texts``, their ``positive`` probabilities and what was ``expected``.
    """
    return [_measured(asked, shares) for asked in every]


def _measured(asked: Asked, shares: dict[str, float]) -> dict[str, Any]:
    test, judge = asked.test, _JUDGES[asked.test.kind]
    judged: list[tuple[_Judged, Case, list[float]]] = []
    for case in asked.cases:
        answers = [shares[text] for text in case.texts if text in shares]
        if len(answers) == len(case.texts):
            judged.append((judge(test, case, answers), case, answers))
    failed = sorted((one for one in judged if one[0].failed), key=lambda one: -one[0].weight)
    return {
        "name": test.name,
        "kind": test.kind,
        "about": test.about,
        "originals": "texts" if asked.is_of_texts else "templates",
        "is_own": test.is_own,
        "cases": len(judged),
        "failures": len(failed),
        "share": len(failed) / len(judged) if judged else None,
        "interval": list(wilson(len(failed), len(judged))) if judged else None,
        "unanswered": len(asked.cases) - len(judged),
        "mean": fmean(one.figure for one, _, _ in judged) if judged else None,
        "failed": [
            {
                "texts": [case.texts[k] for k in one.shown],
                "positive": [answers[k] for k in one.shown],
                "expected": case.expected,
            }
            for one, case, answers in failed
        ],
    }


def _share_of(name: str | None, positive: float) -> float:
    return positive if name == "positive" else 1 - positive


def _minimum(test: Test, case: Case, answers: list[float]) -> _Judged:
    """The answer must be the class of the text."""
    right = _share_of(case.expected, answers[0])
    return _Judged(right <= 0.5, 1 - right, right, (0,))


def _invariance(test: Test, case: Case, answers: list[float]) -> _Judged:
    """The class of no changed text may differ from that of the original."""
    first, *others = answers
    changes = [abs(other - first) for other in others]
    flips = [k for k, other in enumerate(others) if (other > 0.5) != (first > 0.5)]
    worst = max(flips, key=changes.__getitem__, default=0)
    return _Judged(bool(flips), changes[worst], fmean(changes), (0, worst + 1))


def _group(test: Test, case: Case, answers: list[float]) -> _Judged:
    """All words of the list must lead to one class."""
    is_positive = sum(answers) > 0.5 * len(answers)
    votes = sum(one > 0.5 for one in answers)
    if 2 * votes != len(answers):
        is_positive = 2 * votes > len(answers)
    unlike = [k for k, one in enumerate(answers) if (one > 0.5) != is_positive]
    spread = max(answers) - min(answers)
    low, high = (answers.index(end(answers)) for end in (min, max))
    return _Judged(bool(unlike), spread, len(unlike) / len(answers), (low, high))


def _direction(test: Test, case: Case, answers: list[float]) -> _Judged:
    """The probability of the class may not fall by more than the tolerance."""
    before, after = (_share_of(test.towards, one) for one in answers)
    return _Judged(after < before - test.tolerance, before - after, after - before, (0, 1))


def _restraint(test: Test, case: Case, answers: list[float]) -> _Judged:
    """No class may have a higher probability than the test allows."""
    highest = max(answers[0], 1 - answers[0])
    return _Judged(highest > test.most, highest, highest, (0,))


_JUDGES: dict[str, Callable[[Test, Case, list[float]], _Judged]] = {
    MINIMUM: _minimum,
    INVARIANCE: _invariance,
    GROUP: _group,
    DIRECTION: _direction,
    RESTRAINT: _restraint,
}


def by_kind(tests: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sum up cases and failures by kind of test; a kind without a case is missing."""
    found = {}
    for kind in KINDS:
        cases = sum(one["cases"] for one in tests if one["kind"] == kind)
        failures = sum(one["failures"] for one in tests if one["kind"] == kind)
        if cases:
            share, interval = failures / cases, list(wilson(failures, cases))
            found[kind] = {
                "cases": cases, "failures": failures, "share": share, "interval": interval
            }  # fmt: skip
    return found
