"""Times as people write them."""

import pytest

from data.clips.manifest import parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("90", 90.0),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e1", 10.0),
        ("1:30", 90.0),
        ("00:00.2", 0.2),
        ("75:30", 4530.0),
        ("0:01:30", 90.0),
        ("00:01:30.250", 90.25),
        ("1:00:00,5", 3600.5),
    ],
)
def test_seconds(text, seconds):
    assert parse_seconds(text) == seconds


def test_decimal_commas_where_they_cannot_stand_between_cells():
    assert parse_seconds("1,5", has_decimal_commas=True) == 1.5
    for text, has_decimal_commas in (("1,5", False), ("1,234.5", True), ("1,234,5", True)):
        with pytest.raises(ValueError, match="no time"):
            parse_seconds(text, has_decimal_commas=has_decimal_commas)


@pytest.mark.parametrize(
    "text",
    ["", "-1", "nan", "inf", "1e999", "4s", "1_0", "1:75", "1:60:00", "00:00:01:12", "1:30;5", "a"],
)
def test_no_times(text):
    with pytest.raises(ValueError, match="no time"):
        parse_seconds(text, has_decimal_commas=True)
