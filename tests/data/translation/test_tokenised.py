"""Texts that look tokenised, and others that do not."""

import pytest

from data.translation.tokenised import tokenised_share


@pytest.mark.parametrize(
    "text",
    ["A man sleeps .", "well , yes", "a well @-@ known man", "it &apos;s here", "un@@ known words"],
)
def test_traces(text):
    assert tokenised_share([text, "as people write."]) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "A man, 3.5 m tall, sleeps.",
        "Vraiment ? Oui !",
        "AT&T; a & b",
        "mail me@home .com",
        ". begins so",
        "and so on ...",
        "",
    ],
)
def test_none(text):
    assert tokenised_share([text]) == 0


def test_no_texts():
    assert tokenised_share([]) == 0
