"""Formats of the answers: text, JSON lines, CSV; all lines of an item are one string.

A running answer is a list within the item's object in JSON. In CSV it is a row for each step, and the
last row is the answer. In text it is an indented line for each step below the item's line.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal, TextIO

import numpy as np

from pipelines.predict.predictor import Prediction, Timeline, Unanswered, shown
from pipelines.runtime.escaping import csv_text, printable

Format = Literal["text", "json", "csv", "exact-csv"]
# Control characters except line ends and tabs; `json.dumps` does not escape those above 126.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Found = Prediction | Unanswered
Lines = Callable[[Found, Timeline | None], str]


def lines_of(
    format: Format, *, classes: Sequence[str], timeline: bool, has_seconds: bool
) -> tuple[str, Lines]:
    """Header of the output, and the function that formats one answer.

    Args:
        format: the output format.
        classes: names of the classes, in the checkpoint's order.
        timeline: whether running answers are written.
        has_seconds: whether steps have a time, as frames do.
    """
    if format == "text":
        return "", text_lines
    if format == "json":
        return "", json_line
    table = _Table(
        classes, timeline=timeline, has_seconds=has_seconds, is_exact=format == "exact-csv"
    )
    return table.header(), table.rows


def print_answers(write: Callable[[TextIO], int], format: Format) -> None:
    """Print answers to standard output until their end, or until nobody reads them any more.

    Args:
        write: prints all answers, and returns the number of items without one.
        format: format of the answers. Programs get UTF-8.

    Raises:
        SystemExit: with 1, where an item has no answer.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        # A character that the terminal cannot show must not end the command.
        out.reconfigure(errors="backslashreplace", encoding=None if format == "text" else "utf-8")
    try:
        num_bad = write(out)
        out.flush()
    except BrokenPipeError:
        # The reader of the pipe has closed it; the flush at exit must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        num_bad = 1
    if num_bad:
        sys.exit(1)


def print_answer(lines: str, out: TextIO) -> None:
    """Print the lines of one answer; the reader of a pipe gets them at once."""
    out.write(for_terminal(lines) if out.isatty() else lines)
    out.flush()


def for_terminal(lines: str) -> str:
    """Escape control characters, which a terminal would obey; for programs CSV keeps them."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), lines)


def text_lines(found: Found, timeline: Timeline | None) -> str:
    """Line ``label  label=0.9812  runner-up=0.0188  source`` with tabs; or ``error`` and a reason."""
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
    """Object of source, label, probability, probabilities, steps[, timeline]; or source and error."""
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
    return json_object(content)


def json_object(content: dict[str, Any]) -> str:
    """Format an object as a line of JSON without control characters."""
    line = _CONTROLS.sub(
        lambda found: f"\\u{ord(found[0]):04x}",
        json.dumps(content, ensure_ascii=False, allow_nan=False),
    )
    # Undecodable bytes in a file name are written as JSON escapes them: \udcff.
    return line.encode("utf-8", "backslashreplace").decode() + "\n"


def _moments(timeline: Timeline) -> Iterable[tuple[int, float | None, np.ndarray]]:
    """Number, time and probabilities (K,) of each step."""
    steps, seconds, probabilities, _ = timeline
    times = [None] * len(steps) if seconds is None else seconds.tolist()
    return zip(steps.tolist(), times, probabilities, strict=True)


class _Table:
    """CSV table (see `csv_text`)."""

    def __init__(
        self, classes: Sequence[str], *, timeline: bool, has_seconds: bool, is_exact: bool
    ) -> None:
        self.classes = classes
        self._csv = partial(csv_text, is_exact=is_exact)
        self._along = (["step"] + ["seconds"] * has_seconds) if timeline else []

    def header(self) -> str:
        start = ["source", *self._along, "label", "probability", "steps", "error"]
        return self._csv([start + [f"probability_{name}" for name in self.classes]])

    def rows(self, found: Found, timeline: Timeline | None) -> str:
        empty = [None] * len(self.classes)
        if isinstance(found, Unanswered):
            along = [None] * len(self._along)
            return self._csv([[found.source, *along, None, None, None, found.reason, *empty]])
        if timeline is None:
            shares = np.array([found.probabilities[name] for name in self.classes])
            return self._csv([[found.source, *self._answer(found, shares)]])
        return self._csv(
            [found.source, *when[: len(self._along)], *self._answer(found, shares)]
            for *when, shares in _moments(timeline)
        )

    def _answer(self, found: Prediction, shares: np.ndarray) -> list[Any]:
        best = int(shares.argmax())
        return [self.classes[best], float(shares[best]), found.steps, None, *shares.tolist()]
