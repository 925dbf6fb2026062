"""Labels of a table of texts as class indices, and the rows that have none."""

import numpy as np

from data.batches.ragged import Skipped
from data.files.errors import InputError
from data.splits.labels import encode_labels
from data.text.sources import TextTable


def labels_of(
    table: TextTable, *, source: str, known: list[str] | None, on_error: str
) -> tuple[np.ndarray, list[str], list[Skipped]]:
    """Encode labels as class indices.

    Args:
        table: the texts.
        source: name of the source in errors.
        known: the classes, where they are known.
        on_error: ``skip``, or ``fail``.

    Returns:
        Class indices (n,) int64, -1 for unusable rows; the classes; the rows that are left out.

    Raises:
        InputError: no row can be used, or a row cannot, where ``on_error`` is ``fail``.
    """
    if table.problems:
        reason = next(iter(table.problems.values()))
        if on_error == "fail":
            raise InputError(
                f"{source}, {reason}; mend it, or leave it out with --data.on_error=skip"
            )
        if len(table.problems) == len(table.labels):
            raise InputError(f"{source}: no row can be used, e.g. {reason}; mend the file")
    skipped: list[Skipped] = []

    def skip(row: int, reason: str) -> None:
        reason = table.problems.get(row, reason)
        skipped.append(Skipped(row, table.texts[row]["text"] or "", reason))

    try:
        indices, classes = encode_labels(
            table.labels,
            classes=known or table.classes,
            where=table.where,
            parts=table.parts,
            skip=None if on_error == "fail" else skip,
        )
    except InputError as error:
        if not table.problems:
            raise
        raise InputError(
            f"{error}; {len(table.problems)} row(s) could not be used, e.g. {reason}"
        ) from error
    labels = np.asarray(indices, np.int64)
    if on_error == "fail" and (labels < 0).any():
        raise InputError(
            f"{table.where}: row {labels.argmin()} has no label; fill it in or drop the row, or"
            " leave it out with --data.on_error=skip"
        )
    return labels, classes, skipped
