"""Texts that are left out, with the reason, or that end the run."""

from collections.abc import Iterator

import numpy as np

from data.batches.ragged import Skipped
from data.files.errors import InputError
from data.text.sources import TextTable

_MOST_SHOWN = 200


def left_out(
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
