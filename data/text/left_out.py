"""Texts that are left out, with the reason, or that end the run."""

from collections.abc import Iterator

import numpy as np

from data.batches.ragged import Skipped
from data.files.errors import InputError
from data.text.sources import TextTable

#: the most tokens of a text to learn from, where no other number is asked for: the gradient takes
#: some 15 KB a token in a model of the default sizes
MOST_LEARNT = 2**17
_MOST_SHOWN = 200


def without_word(rows: np.ndarray, table: TextTable, on_error: str) -> Iterator[Skipped]:
    """List texts without a word, or fail (see `_left_out`)."""
    reason, advice = "holds no word", "fill it in or drop it"
    return _left_out(rows, table, reason=reason, advice=advice, on_error=on_error)


def too_long(rows: np.ndarray, table: TextTable, on_error: str) -> Iterator[Skipped]:
    """List texts that are too long to learn from, or fail (see `_left_out`)."""
    return _left_out(
        rows,
        table,
        reason=f"has more than {MOST_LEARNT:,} tokens, too many for a step of training",
        advice="divide it, or name the most to read by --data.max_tokens",
        on_error=on_error,
    )


def _left_out(
    rows: np.ndarray, table: TextTable, *, reason: str, advice: str, on_error: str
) -> Iterator[Skipped]:
    """List rows of a table for the report.

    Args:
        rows: of the table.
        table: the texts.
        reason: what is wrong with each.
        advice: what to change.
        on_error: ``skip``, or ``fail``.

    Raises:
        InputError: at the first row, where ``on_error`` is ``fail``.
    """
    for row in rows.tolist():
        text = table.texts[row]["text"] or ""
        why = f"row {row} of {table.where} {reason}"
        if on_error == "fail":
            raise InputError(f"{why}; {advice}, or leave it out with --data.on_error=skip")
        shown = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
        yield Skipped(row, shown, why)
