"""Answers as lines: for people, as JSON, as a CSV table; all lines of an item are one string.

Of a running answer JSON has a list within the item's object, and CSV a row for each step, of which
the last is the answer. For people a line for each stands indented below the item's.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from pipelines.predict.predictor import Prediction, Timeline, Unanswered, shown
from pipelines.runtime.escaping import printable

Format = Literal["text", "json", "csv"]
# Control characters, without line ends and tabs; JSON does not escape those above 126.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Found = Prediction | Unanswered
Lines = Callable[[Found, Timeline | None], str]


def lines_of(
    format: Format, *, classes: Sequence[str], timeline: bool, has_seconds: bool
) -> tuple[str, Lines]:
    """What stands before all answers, and what makes the lines of one.

    Args:
        format: which.
        classes: names of the classes, in the checkpoint's order.
        timeline: whether running answers are asked for.
        has_seconds: whether steps have a time: frames do.
    """
    if format == "text":
        return "", text_lines
    if format == "json":
        return "", json_line
    table = _Table(classes, timeline=timeline, has_seconds=has_seconds)
    return table.header(), table.rows


def for_terminal(lines: str) -> str:
    """Lines of any format, harmless to a terminal; a program gets texts in CSV as they are."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), lines)


def text_lines(found: Found, timeline: Timeline | None) -> str:
    """``label  label=0.9812  runner-up=0.0188  source``, with tabs between; or ``error`` and why."""
    if isinstance(found, Unanswered):
        return f"error\t{found}\n"
    first, second = list(found.probabilities.items())[:2]
    cells = [printable(found.label), _share(*first), _share(*second)]
    lines = ["\t".join([*cells, shown(found.source, found.task)])]
    if timeline is not None:
        width = len(str(found.steps))
        for step, seconds, shares in _moments(timeline):
            when = f"step {step:{width}}" + ("" if seconds is None else f"  {seconds:8.2f} s")
            order = np.argsort(-shares, kind="stable")[:2]
            best = (_share(timeline.classes[k], float(shares[k])) for k in order)
            lines.append("  ".join(["", when, *best]))
    return "\n".join(lines) + "\n"


def _share(name: str, probability: float) -> str:
    return f"{printable(name)}={probability:.4f}"


def json_line(found: Found, timeline: Timeline | None) -> str:
    """One object: source, label, probability, probabilities, steps[, timeline]; or source and error."""
    content: dict[str, Any] = {"source": found.source}
    if isinstance(found, Unanswered):
        content["error"] = found.reason
    else:
        content |= {
            "label": found.label,
            "probability": found.probability,
            "probabilities": found.probabilities,
            "steps": found.steps,
        }
    if timeline is not None:
        content["timeline"] = [
            {"step": step}
            | ({} if seconds is None else {"seconds": seconds})
            | {"probabilities": dict(zip(timeline.classes, shares.tolist(), strict=True))}
            for step, seconds, shares in _moments(timeline)
        ]
    line = _CONTROLS.sub(
        lambda found: f"\\u{ord(found[0]):04x}",
        json.dumps(content, ensure_ascii=False, allow_nan=False),
    )
    # Bytes of a file's name that are no text come as JSON writes them: \udcff.
    return line.encode("utf-8", "backslashreplace").decode() + "\n"


def _moments(timeline: Timeline) -> Iterable[tuple[int, float | None, np.ndarray]]:
    """Of each step its number, its time, and the probabilities (K,)."""
    steps, seconds, probabilities, _ = timeline
    times = [None] * len(steps) if seconds is None else seconds.tolist()
    return zip(steps.tolist(), times, probabilities, strict=True)


class _Table:
    """CSV; texts in quotes, numbers as exact as they are."""

    def __init__(self, classes: Sequence[str], *, timeline: bool, has_seconds: bool) -> None:
        self.classes = classes
        self._along = (["step"] + ["seconds"] * has_seconds) if timeline else []

    def header(self) -> str:
        start = ["source", *self._along, "label", "probability", "steps", "error"]
        return _csv([start + [f"probability_{name}" for name in self.classes]])

    def rows(self, found: Found, timeline: Timeline | None) -> str:
        empty = [None] * len(self.classes)
        if isinstance(found, Unanswered):
            along = [None] * len(self._along)
            return _csv([[found.source, *along, None, None, None, found.reason, *empty]])
        if timeline is None:
            shares = np.array([found.probabilities[name] for name in self.classes])
            return _csv([[found.source, *self._answer(found, shares)]])
        return _csv(
            [found.source, *when[: len(self._along)], *self._answer(found, shares)]
            for *when, shares in _moments(timeline)
        )

    def _answer(self, found: Prediction, shares: np.ndarray) -> list[Any]:
        best = int(shares.argmax())
        return [self.classes[best], float(shares[best]), found.steps, None, *shares.tolist()]


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    # All texts in quotes: csv would leave a bare \r without, and readers take it for a line end.
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        # NUL, at which many readers stop, and bytes of a name that are no text.
        return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    return value
