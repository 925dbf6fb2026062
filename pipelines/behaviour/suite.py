"""Suites of behaviour tests: YAML of word lists and templates, read and checked."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from data.files.encodings import open_text
from data.files.errors import InputError
from data.files.folders import why_no_file
from data.lessons.opinions import CLASSES
from data.lessons.templates import SLOT
from pipelines.behaviour.changes import CHANGES
from pipelines.runtime.escaping import excerpt
from pipelines.runtime.yaml_texts import load_yaml

#: the suite that comes with the program
OWN = Path(__file__).with_name("suite.yaml")
MINIMUM, INVARIANCE, GROUP, DIRECTION, RESTRAINT = KINDS = (
    "minimum functionality",
    "invariance",
    "group invariance",
    "direction",
    "restraint",
)
_EVERYWHERE = {"name", "kind", "about", "cases"}
# By kind: what it must say, and what it may say too.
_KEYS: dict[str, tuple[set[str], set[str]]] = {
    MINIMUM: (set(), set(CLASSES)),
    INVARIANCE: (set(), {"texts", "change", "pairs"}),
    GROUP: ({"texts", "vary"}, set()),
    DIRECTION: ({"towards"}, {"texts", "add", "pairs", "tolerance"}),
    RESTRAINT: ({"texts"}, {"most"}),
}
_NUMBERS = {"cases": (1, 10_000), "tolerance": (0.0, 1.0), "most": (0.5, 1.0)}


@dataclass(frozen=True, kw_only=True)
class Test:
    """A test: how its cases are made, and what an answer must be."""

    # pytest would take it for tests of its own.
    __test__ = False

    name: str
    kind: str
    about: str = ""
    cases: int = 300
    """The most cases that are made."""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    """Templates by the class that their texts have."""
    texts: tuple[str, ...] = ()
    """Templates of the originals."""
    change: str | None = None
    """Name of the change (see `changes.CHANGES`)."""
    vary: str | None = None
    """Word list whose words may make no difference."""
    towards: str | None = None
    """Class whose probability may not fall."""
    add: tuple[str, ...] = ()
    """Sentences that are added to the originals."""
    pairs: tuple[tuple[str, str], ...] = ()
    """Templates of an original and of the changed text, which share their words."""
    tolerance: float = 0.1
    """By how much the probability may fall all the same."""
    most: float = 0.9
    """The highest probability that a class may have."""
    is_own: bool = True
    """Whether it comes with the program."""


@dataclass(frozen=True)
class Suite:
    """Tests, and the word lists that their templates draw from."""

    words: Mapping[str, tuple[str, ...]]
    tests: tuple[Test, ...]
    replaced: tuple[str, ...] = field(default=())
    """Word lists of the program that the user's replace."""


def read_suite(path: str | None = None) -> Suite:
    """Read the program's suite, and add that of a file.

    Word lists of the file replace those of the same name, and its tests come after the program's.

    Raises:
        InputError: the file is absent or no such suite; the message names the test.
    """
    words, described = _described(OWN, str(OWN))
    own_words = dict(words)
    replaced: tuple[str, ...] = ()
    tests = [(one, str(OWN)) for one in described]
    if path is not None:
        where = f"SUITE={path}"
        if not Path(path).is_file():
            raise InputError(f"{where}: {why_no_file(Path(path))}; name a YAML file of tests")
        added, described = _described(Path(path), where)
        words |= added
        replaced = tuple(name for name in added if name in own_words)
        tests += [(one, where) for one in described]
    made: dict[str, Test] = {}
    for number, (one, where) in enumerate(tests, start=1):
        test = _test(one, words, where=where, number=number, is_own=where == str(OWN))
        if test.name in made:
            raise InputError(
                f"{where}, test '{test.name}': there is another of that name; rename it"
            )
        made[test.name] = test
    return Suite(words, tuple(made.values()), replaced)


def _described(path: Path, where: str) -> tuple[dict[str, tuple[str, ...]], list[Any]]:
    """Read a file into word lists and descriptions of tests."""
    try:
        with open_text(path) as file:
            found = load_yaml(file.read())
    except yaml.YAMLError as error:
        raise InputError(
            f"{where}: is no YAML ({excerpt(str(error), most=200)}); mend it"
        ) from error
    if not isinstance(found, dict) or found.keys() - {"words", "tests"}:
        raise InputError(f"{where}: holds no suite; give 'words' and 'tests', and nothing else")
    lists, tests = found.get("words") or {}, found.get("tests") or []
    if not isinstance(lists, dict) or not isinstance(tests, list):
        raise InputError(f"{where}: 'words' is lists by their names, 'tests' a list; mend it")
    words = {}
    for name, some in lists.items():
        if not (isinstance(name, str) and re.fullmatch(r"\w+", name)):
            raise InputError(
                f"{where}, words: {excerpt(name)} names a list; use letters, digits, _"
            )
        words[name] = _texts(some, f"{where}, words, {name}")
        if len(set(words[name])) < len(words[name]):
            raise InputError(f"{where}, words, {name}: holds a word twice; leave one out")
    return words, tests


def _texts(value: Any, where: str) -> tuple[str, ...]:
    """Check a list of texts; a number in it is one too."""
    is_list = isinstance(value, list) and len(value) > 0
    if not is_list or not all(type(one) in (str, int) and str(one).strip() for one in value):
        raise InputError(
            f"{where}: is {excerpt(value)}; give a list of one text or more, in quotes where YAML would"
            " read something else"
        )
    return tuple(str(one) for one in value)


def _test(
    found: Any, words: Mapping[str, tuple[str, ...]], *, where: str, number: int, is_own: bool
) -> Test:
    """Check a description, and make the test."""
    if not isinstance(found, dict) or not isinstance(found.get("name"), str) or not found["name"]:
        raise InputError(f"{where}: {excerpt(found)} has no name; give each test 'name' and 'kind'")
    where = f"{where}, test '{excerpt(found['name'])}'"
    kind = found.get("kind")
    if kind not in KINDS:
        raise InputError(f"{where}: kind is {excerpt(kind)}; give one of {', '.join(KINDS)}")
    must, may = _KEYS[kind]
    if lacking := sorted(must - found.keys()):
        raise InputError(f"{where}: lacks {', '.join(lacking)}, which a test of {kind} has")
    if odd := [str(key) for key in found if key not in must | may | _EVERYWHERE]:
        allowed = ", ".join(sorted(must | may | _EVERYWHERE))
        raise InputError(f"{where}: has {excerpt(odd[0])}; a test of {kind} has {allowed}")
    values = dict(found)
    for key in ("positive", "negative", "texts", "add"):
        if key in values:
            values[key] = _templates(values[key], words, f"{where}, {key}")
    if "pairs" in values:
        values["pairs"] = _pairs(values["pairs"], words, f"{where}, pairs")
    for key, (least, most) in _NUMBERS.items():
        value = values.get(key, least)
        is_number = type(value) is int or (type(value) is float and key != "cases")
        if not is_number or not least <= value <= most:
            raise InputError(f"{where}: {key} is {excerpt(value)}; from {least} to {most}")
    choices: dict[str, Collection[str]] = {"change": CHANGES, "vary": words, "towards": CLASSES}
    for key, choice in choices.items():
        if key in values and values[key] not in choice:
            raise InputError(
                f"{where}: {key} is {excerpt(values[key])}; give one of {', '.join(choice)}"
            )
    _refuse_incomplete(values, kind, where)
    if not isinstance(values.setdefault("about", ""), str):
        raise InputError(f"{where}: about is {excerpt(values['about'])}; give a text")
    return Test(**values, is_own=is_own)


def _refuse_incomplete(values: dict[str, Any], kind: str, where: str) -> None:
    if kind == MINIMUM and not values.keys() & set(CLASSES):
        raise InputError(f"{where}: has no templates; give them under positive, negative, or both")
    by = {INVARIANCE: "change", DIRECTION: "add"}.get(kind)
    if by is not None and ("texts" in values, by in values, "pairs" in values) not in (
        (True, True, False),
        (False, False, True),
    ):
        raise InputError(f"{where}: give either texts and {by}, or pairs")
    if kind == GROUP:
        slot = f"{{{values['vary']}}}"
        if lacking := [text for text in values["texts"] if slot not in text]:
            raise InputError(f"{where}: “{excerpt(lacking[0])}” has no {slot}, which is varied")


def _templates(value: Any, words: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Check templates: their places name word lists, and no brace is left over."""
    found = _texts(value, where)
    for text in found:
        if bad := next((slot for slot in SLOT.finditer(text) if slot[1] not in words), None):
            raise InputError(
                f"{where}: “{excerpt(text)}” asks for {bad[0]}, and there is no word list of that"
                f" name; there are {', '.join(words)}"
            )
        for name in {slot[1] for slot in SLOT.finditer(text)}:
            asked = {slot[0] for slot in SLOT.finditer(text) if slot[1] == name}
            if len(asked) > len(words[name]):
                raise InputError(f"{where}: “{excerpt(text)}” asks for more words than {name} has")
        if {"{", "}"} & set(SLOT.sub("", text)):
            raise InputError(f"{where}: “{excerpt(text)}” has a brace that encloses no word list")
    return found


def _pairs(value: Any, words: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    is_list = isinstance(value, list) and len(value) > 0
    if not is_list or not all(isinstance(one, list) and len(one) == 2 for one in value):
        raise InputError(f"{where}: give a list of [original, changed]")
    checked = [_templates(one, words, where) for one in value]
    return tuple((original, changed) for original, changed in checked)
