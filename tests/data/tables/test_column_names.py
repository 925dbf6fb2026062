"""Columns are known by the names that people give them."""

import pytest

from data.files.errors import InputError
from data.tables.column_names import CLIP_LABEL, END_SECONDS, PATH, START_SECONDS, find_column


def found(names, *columns):
    return find_column(names, columns, source="list.csv", option="--data.x_column")


def test_the_one_column_that_can_be_meant():
    assert found(PATH, "video", "label") == "video"
    assert found(PATH, "Video Path", "label") == "Video Path"
    assert found(CLIP_LABEL, "path", "Class-Name") == "Class-Name"
    assert found(START_SECONDS, "path", "start", "end") == "start"
    assert found(END_SECONDS, "path", "start", "end") == "end"
    assert found(PATH, "label", "text") is None


def test_the_name_by_default_comes_first():
    assert found(PATH, "video", "path", "file") == "path"


def test_several_that_could_be_meant():
    with pytest.raises(
        InputError, match=r"list\.csv: no column 'label'.*class, category; .*--data\.x_column"
    ):
        found(CLIP_LABEL, "path", "class", "category")
