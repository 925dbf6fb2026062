"""Whatever a file holds, a terminal is told nothing but text."""

import logging

import pytest

from data.files.errors import InputError
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.escaping import printable


def test_one_line():
    assert printable("a b\tc\nd\x1b\udcff é") == r"a b\tc\nd\x1b\udcff é"


def test_errors_are_escaped(capsys):
    with pytest.raises(SystemExit) as ending, one_line_errors():
        raise InputError("list.csv: \x1b[31mred\x07\x9b \n two\u202e")
    assert ending.value.code == 2
    assert capsys.readouterr().err == "error: list.csv: \\x1b[31mred\\x07\\x9b two\\u202e\n"


def test_what_is_logged_is_escaped_too(caplog):
    with one_line_errors(), caplog.at_level(logging.WARNING):
        logging.getLogger("data.clips.layouts").warning("left out: %s", "a\x1b[2J\nb")
        logging.getLogger("other").warning("two\nlines")
    assert [record.getMessage() for record in caplog.records] == [
        r"left out: a\x1b[2J\nb",
        "two\nlines",
    ]
