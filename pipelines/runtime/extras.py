"""Extras: libraries that some commands need and the others do not."""

from importlib.util import find_spec

from data.files.errors import InputError


def require_extra(extra: str, *modules: str) -> None:
    """See that the libraries of an extra are installed.

    Raises:
        InputError: one is not.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{', '.join(missing)}: not installed; pip install '.[{extra}]' installs what this command"
            " needs"
        )
