"""Parsing of command-line options: the same in all commands, a wrong one is refused in one line."""

import argparse
import re
import traceback
from argparse import ArgumentError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from data.files.errors import InputError
from models.errors import OptionError
from pipelines.runtime.escaping import excerpt
from pipelines.runtime.yaml_texts import guard_options

_MORE = "--help lists what is allowed"
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list": "a list such as [a,b]",
    "NoneType": "null",
}


def parser_settings(name: str, help: str) -> dict[str, Any]:
    """Make the arguments of a command's parser; LightningCLI's parser takes them too.

    Args:
        name: name of the command.
        help: description of the command in a few words.
    """
    return {
        "prog": f"python -m pipelines.{name}",
        "description": f"{help[0].upper()}{help[1:]}{'' if help.endswith('?') else '.'}",
        # With abbreviations, a new option could change the meaning of a short form in somebody's script.
        "allow_abbrev": False,
        # argparse would print the usage of 300 options before the error; `parse` raises it instead.
        "exit_on_error": False,
    }


def option_parser(name: str, help: str, *, epilog: str | None = None) -> ArgumentParser:
    """Make a parser for `parse`; its help ends with the epilog."""
    return ArgumentParser(epilog=epilog, **parser_settings(name, help))


def add_texts(parser: ArgumentParser, options: Mapping[str, str]) -> None:
    """Add options that are a text or left out, given as help by name."""
    for name, help in options.items():
        parser.add_argument(f"--{name}", type=str | None, default=None, help=help)


def parse(parser: ArgumentParser, args: list[str]) -> Namespace:
    """Parse the options.

    Raises:
        InputError: an option is unknown, or its value is missing or of another type; the message
            names the option.
    """
    guard_options(args)
    try:
        return parser.parse_args(args)
    except ArgumentError as error:
        raise InputError(
            f"{_told(str(error), [*parser._option_string_actions])}; {_MORE}"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        what = "nests without end" if isinstance(error, RecursionError) else "is not UTF-8"
        raise InputError(f"--config: a file of options {what}; mend it, or name another") from error


def known_options(args: list[str], *names: str) -> tuple[dict[str, str], list[str]]:
    """Split ``args`` into the options of these names, with their values, and all others as typed.

    Raises:
        InputError: an option of these names has no value.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in names:
        parser.add_argument(f"--{name}", dest=name, default=argparse.SUPPRESS)
    try:
        known, others = parser.parse_known_args(args)
    except ArgumentError as error:
        raise InputError(f"{_told(str(error), [])}; {_MORE}") from error
    return vars(known), others


def _told(message: str, options: list[str]) -> str:
    """Shorten a message of jsonargparse or argparse to a line that begins with the option."""
    if found := re.match(r"unrecognized arguments: ([^\s=]+)", message):
        near = get_close_matches(found[1], options, n=1)
        return f"{found[1]}: no such option" + (f"; did you mean {near[0]}?" if near else "")
    if found := re.match(r"argument (?:-\w/)?(\S+): (.*)", message):
        if found[2].startswith("expected"):
            return f"{found[1]}: a value is missing, {found[1]}=…"
        return f"{found[1]}: {found[2].replace('ignored explicit argument', 'takes no value, not')}"
    if found := re.match(r"Group '(.+)' does not accept option '(.+)'", message):
        return f"--{found[1]}.{found[2]}: no such option"
    if found := re.match(r'Parser key "([^"]+)":\s*(.*)', message, re.DOTALL):
        return f"--{found[1]}{_reason(found[2])}"
    return message


def _reason(message: str) -> str:
    """Shorten the message on an option's value, or on an option of the class that the value names."""
    _, inner, rest = message.rpartition('Parser key "')
    if inner:
        name, _, message = rest.partition('":')
        return f".{name}{_reason(message.strip())}"
    if found := re.search(r"Option '(\w+)' is not accepted", message):
        return f".{found[1]}: no such option"
    if found := re.search(r"Expected a dot import path string: (.*)", message):
        return f"={found[1]}: no such class; give one that is known, or package.module.Class"
    found = re.fullmatch(r"Expected an? (.+)\. Got value: (.*)", message, re.DOTALL) or re.search(
        r"Subtypes: \[(.+?)\]\s+Errors:.*Given value: (.*?)(\. Got value: .*)?$", message, re.DOTALL
    )
    return f": {message}" if found is None else f"={found[2]}: give {_kinds(found[1])}"


def _kinds(types: str) -> str:
    """Translate types as Python prints them into values to type: ``'video' or 'sentiment'``."""
    types = re.sub(r"<class '([\w.]+)'>", lambda found: _KINDS.get(found[1], found[1]), types)
    types = re.sub(r"typing\.Literal\[(.+?)\]", r"\1", types)
    before, comma, last = types.rpartition(", ")
    return f"{before} or {last}" if comma else types


@contextmanager
def refused_values(*kinds: type[Exception]) -> Iterator[None]:
    """Within it, errors of these kinds, by which libraries refuse values, are an `InputError`."""
    try:
        yield
    except (InputError, OptionError):
        raise
    except kinds as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(
            f"an option has a value that cannot be used: {excerpt(str(error), most=400)}"
            f" ({Path(place.filename).name}, line {place.lineno}); change it"
        ) from error
