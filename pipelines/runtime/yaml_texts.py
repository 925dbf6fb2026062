"""Reading of YAML from files and the command line, with limits against texts that unfold or nest."""

from collections import defaultdict
from typing import Any

import jsonargparse
import yaml

from data.files.errors import InputError
from pipelines.runtime.escaping import excerpt

# A run's options are some hundred values, a few levels deep. Aliases repeat values at no cost in a text
# (Bryant 2003, "billion laughs"), and libyaml's time grows with the square of the depth.
MOST_VALUES, MOST_DEEP = 100_000, 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:
    """Load a YAML text of plain values.

    Raises:
        UnfoldsError: see `check_yaml`.
        yaml.YAMLError: it is no YAML.
    """
    check_yaml(text)
    return yaml.safe_load(text)


class UnfoldsError(InputError, yaml.YAMLError):
    """YAML that unfolds or nests too far; jsonargparse takes it as it takes faulty YAML."""


def check_yaml(text: str) -> None:
    """Refuse a text that unfolds to more than `MOST_VALUES` values, or nests deeper than `MOST_DEEP`.

    A text that is no YAML passes, up to its fault: whoever loads it says what is wrong.

    Raises:
        UnfoldsError: it does.
    """
    if _unfolds(text):
        raise UnfoldsError(
            f"{excerpt(text, most=40)}: is YAML that unfolds to more than {MOST_VALUES:,} values or"
            f" nests deeper than {MOST_DEEP}; write fewer aliases (*name) or levels"
        )


def _unfolds(text: str) -> bool:
    # An alias to itself, or to nothing, counts as the limit: it has no size yet.
    sizes: dict[str, int] = defaultdict(lambda: MOST_VALUES)
    opened: list[tuple[str | None, int]] = []
    count = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.AliasEvent):
                count += sizes[event.anchor]
            elif isinstance(event, yaml.ScalarEvent):
                count += 1
                if event.anchor is not None:
                    sizes[event.anchor] = 1
            elif isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, count))
                count += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = opened.pop()
                if anchor is not None:
                    sizes[anchor] = count - before
            if count >= MOST_VALUES or len(opened) > MOST_DEEP:
                return True
    except (yaml.YAMLError, UnicodeError):
        pass
    return False


_load = jsonargparse.get_loader("yaml")


def _checked(text: str) -> Any:
    check_yaml(text)
    return _load(text)


def guard_options(args: list[str]) -> None:
    """Check YAML on the command line, and from now on in each file that jsonargparse reads.

    Args:
        args: the options; a text that is to be read, ``--text`` or ``--prompt``, is no YAML.

    Raises:
        UnfoldsError: see `check_yaml`.
    """
    jsonargparse.set_loader("yaml", _checked, exceptions=(yaml.YAMLError,))
    for arg in args:
        if not arg.startswith(("--text=", "--prompt=")):
            check_yaml(arg.partition("=")[2] if arg.startswith("--") else arg)
