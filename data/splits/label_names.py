"""How people write labels: which spellings are one class, how it is called, and which look alike."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache

# Three digits of an exponent hold every float, and keep the number short enough to be written out.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
# Tables with gaps turn whole numbers into floats, and large ones get an exponent.
_WRITTEN_BY_PROGRAMS = re.compile(r"\.0*$|e", re.IGNORECASE)

Key = str | Decimal


def is_missing(label: object) -> bool:
    """Whether a cell holds no label."""
    # A gap in a column of numbers is a NaN, which is not equal to itself.
    return label is None or label != label or (isinstance(label, str) and not label.strip())


@lru_cache(4096, typed=True)
def written(label: object) -> str:
    """A label as text in Unicode's composed form (NFC), without blanks around it; "" for none."""
    if is_missing(label):
        return ""
    return unicodedata.normalize("NFC", str(label)).strip()


@lru_cache(4096)
def number_of(name: str) -> Decimal | None:
    """The exact number that a name is, or None: ``007``, ``-1``, ``.5``, ``1.0``, ``1e+16``."""
    text = name.replace("\N{MINUS SIGN}", "-")
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def key_of(name: str) -> Key:
    """The key that all names of one class share: the number, or the name itself.

    True and false are one in any case: each format has its own way to write them.
    """
    number = number_of(name)
    if number is not None:
        return number
    return name.casefold() if name.casefold() in ("true", "false") else name


def shown_name(spellings: Collection[str]) -> str:
    """The name to show for a class: as it is written, if it is always written one way.

    Numbers that are written in several ways, or as a program writes a whole number among gaps
    (``1.0``), are written plainly.
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
    """Spellings of one number that differ in more than a point or a sign: ``01 = 1``."""
    spellings: dict[Decimal, dict[str, str]] = {}
    for name in sorted(names):
        number = number_of(name)
        if number is not None:
            plain = re.sub(r"\.0*$", "", name.removeprefix("+"))
            spellings.setdefault(number, {}).setdefault(plain, name)
    return [" = ".join(some.values()) for some in spellings.values() if len(some) > 1]


def in_order(names: Iterable[str]) -> list[str]:
    """Numbers by size, then names by alphabet."""

    def place(name: str) -> tuple[bool, Decimal, str]:
        number = number_of(name)
        return number is None, number or Decimal(0), name

    return sorted(names, key=place)


def matched(names: Iterable[str], classes: Sequence[str]) -> dict[str, int]:
    """The index of the class that each name stands for; names of none are missing.

    A name is looked for as it is, then by its `key_of`, where just one class has that key.

    Args:
        names: as `written` gives them.
        classes: names of the classes, as a source or a checkpoint has them.
    """
    by_name: dict[str, int] = {}
    by_key: dict[Key, int | None] = {}
    for k, name in enumerate(map(written, classes)):
        by_name.setdefault(name, k)
        by_key[key_of(name)] = None if key_of(name) in by_key else k
    found = {name: by_name.get(name, by_key.get(key_of(name))) for name in names}
    return {name: k for name, k in found.items() if k is not None}


def places(names: Sequence[str], classes: Sequence[str]) -> list[int] | None:
    """The place of each name among some classes; None unless they are the same classes."""
    if list(names) == list(classes):
        return list(range(len(classes)))
    found = matched(map(written, names), classes)
    at = [found.get(written(name), -1) for name in names]
    return at if sorted(at) == list(range(len(classes))) else None


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Names that differ in case, blanks or signs without a width alone, each set in order."""
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
    """The first of some classes that looks like a name, for the names that have one."""
    first: dict[str, str] = {}
    for one in classes:
        first.setdefault(_loosely(one), one)
    loose = {name: _loosely(name) for name in names}
    return {name: first[sign] for name, sign in loose.items() if sign in first}


def shortened(name: str, most: int = 40) -> str:
    """A name in quotes; of a long one, such as a text in the place of labels, the beginning."""
    return f"'{name}'" if len(name) <= most else f"'{name[:most]}…'"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names with commas between; after the first ``most`` only how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
