"""From the labels that people write to class indices."""

from collections.abc import Sequence

from data.errors import InputError

MISSING = (None, "")


def encode_labels(
    raw: Sequence[str | int | None], *, classes: list[str] | None, where: str
) -> tuple[list[int], list[str]]:
    """Class indices, and the names of the classes.

    Args:
        raw: a label each: a class name, or a class index (a number, or a number as text).
        classes: the classes that are known already (of a checkpoint, or named by the source); None
            takes the labels that occur, numbers in their order and else by alphabet.
        where: what to call the source in an error, e.g. ``reviews.csv, column 'label'``.

    Raises:
        InputError: a label that is missing or unknown, or fewer than two classes.
    """
    if any(label in MISSING for label in raw):
        row = next(k for k, label in enumerate(raw) if label in MISSING)
        raise InputError(
            f"{where}: row {row} has no label: every example needs one; fill it in or drop the row"
        )
    names = [_name(label) for label in raw]
    if classes is None:
        distinct = set(names)
        classes = sorted(distinct, key=int) if all(map(_is_index, distinct)) else sorted(distinct)
        if len(classes) < 2:
            raise InputError(
                f"{where}: only the class '{classes[0] if classes else ''}' occurs: at least 2"
                " classes are needed; add examples of another, or name the right column"
            )
    index = {name: k for k, name in enumerate(classes)}
    if not set(names) <= index.keys():
        # Indices into the known classes are as good as their names.
        by_number = {str(k): k for k in range(len(classes))}
        if set(names) <= by_number.keys():
            return [by_number[name] for name in names], classes
        unknown = next(k for k, name in enumerate(names) if name not in index)
        raise InputError(
            f"{where}: row {unknown} has the unknown label '{names[unknown]}': allowed are"
            f" {', '.join(classes)} (or 0 to {len(classes) - 1}); correct it or drop the row"
        )
    return [index[name] for name in names], classes


def _name(label: str | int | None) -> str:
    # Tables with gaps turn whole numbers into floats: 1.0 is the class 1.
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    return str(label).strip()


def _is_index(name: str) -> bool:
    return name.isdecimal()
