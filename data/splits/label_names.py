"""Spellings of labels: which are one class, the name to show, and names that look alike."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

# Three digits of exponent suffice for every float, and keep numbers short when written out.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
# Programs write whole numbers in columns with gaps as floats, and large ones with an exponent.
_WRITTEN_BY_PROGRAMS = re.compile(r"\.0*$|e", re.IGNORECASE)

Key = str | Decimal


def is_missing(label: object) -> bool:
    """Whether a cell holds no label."""
    # A gap in a column of numbers is NaN, which is not equal to itself.
    return label is None or label != label or (isinstance(label, str) and not label.strip())


@lru_cache(4096, typed=True)
def written(label: object) -> str:
    """Convert a label to text in composed form (NFC), without blanks around; "" for a missing one."""
    if is_missing(label):
        return ""
    return unicodedata.normalize("NFC", str(label)).strip()


@lru_cache(4096)
def number_of(name: str) -> Decimal | None:
    """Parse a name as an exact number (``007``, ``-1``, ``.5``, ``1.0``, ``1e+16``), or return None."""
    text = name.replace("\N{MINUS SIGN}", "-")
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def key_of(name: str) -> Key:
    """Key that all spellings of one class share: the number, or the name itself.

    The case of true and false does not count, since formats write them differently.
    """
    number = number_of(name)
    if number is not None:
        return number
    return name.casefold() if name.casefold() in ("true", "false") else name


def shown_name(spellings: Collection[str]) -> str:
    """Choose the name to show for a class: its spelling, if there is just one.

    Numbers with several spellings, or with that of a program (``1.0``), are written plainly.
    """
    first = min(spellings)
    number = number_of(first)
    if number is None:
        return first
    if len(spellings) == 1 and not _WRITTEN_BY_PROGRAMS.search(first):
        return first
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if number == 0 else text


def merged_numbers(names: Iterable[str]) -> list[str]:
    """List spellings of equal numbers that differ in more than a point or a sign: ``01 = 1``."""
    spellings: dict[Decimal, dict[str, str]] = {}
    for name in sorted(names):
        number = number_of(name)
        if number is not None:
            plain = re.sub(r"\.0*$", "", name.removeprefix("+"))
            spellings.setdefault(number, {}).setdefault(plain, name)
    return [" = ".join(some.values()) for some in spellings.values() if len(some) > 1]


def in_order(names: Iterable[str]) -> list[str]:
    """Sort numbers by size, and then names by alphabet."""

    def place(name: str) -> tuple[bool, Decimal, str]:
        number = number_of(name)
        return number is None, number or Decimal(0), name

    return sorted(names, key=place)


def matched(names: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    """Match names to classes, by index. Names that match no class are missing.

    A name is looked up literally, and then by its `key_of`, if just one class has that key.

    Args:
        names: names, as `written` returns them.
        classes: names of the classes in a source or a checkpoint.
    """
    by_name: dict[str, int] = {}
    by_key: dict[Key, int | None] = {}
    for k, name in enumerate(map(written, classes)):
        by_name.setdefault(name, k)
        by_key[key_of(name)] = None if key_of(name) in by_key else k
    found = {name: by_name.get(name, by_key.get(key_of(name))) for name in names}
    return {name: k for name, k in found.items() if k is not None}


def places(names: Sequence[str], classes: Sequence[str]) -> list[int] | None:
    """Indices of names among classes; None unless both are the same classes."""
    if list(names) == list(classes):
        return list(range(len(classes)))
    found = matched(map(written, names), classes)
    at = [found.get(written(name), -1) for name in names]
    return at if sorted(at) == list(range(len(classes))) else None


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Find sets of names that differ only in case, blanks or zero-width characters."""
    sets: dict[str, list[str]] = {}
    for name in in_order(names):
        sets.setdefault(_loosely(name), []).append(name)
    return [alike for alike in sets.values() if len(alike) > 1]


@lru_cache(4096)
def _loosely(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    signs = "".join(sign for sign in folded if unicodedata.category(sign) != "Cf")
    return "".join(signs.split())


def twins_of(names: Iterable[str], classes: Iterable[str]) -> dict[str, str]:
    """Find for each name the first class that looks like it, if there is one."""
    first: dict[str, str] = {}
    for one in classes:
        first.setdefault(_loosely(one), one)
    loose = {name: _loosely(name) for name in names}
    return {name: first[sign] for name, sign in loose.items() if sign in first}


def shortened(name: str, most: int = 40) -> str:
    """Quote a name. A long one, such as a text in the place of a label, is shortened."""
    return f"'{name}'" if len(name) <= most else f"'{name[:most]}…'"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Join names by commas; after the first ``most``, only their number is told."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
