"""Clauses that judge are found in texts, without those that are denied already."""

import pytest

from data.lessons.judgements import Clause, clauses_by_row, clauses_of


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("The plot was thin.", [("the plot", "was", "thin")]),
        ("We came late, and it is a great little film!", [("it", "is", "a great little film")]),
        (
            "The actors were fine but their lines are dreadful",
            [("the actors", "were", "fine"), ("their lines", "are", "dreadful")],
        ),
        ("All of a sudden<br />This is superb", [("this", "is", "superb")]),
        ("The plot was not thin. It isn't long.", []),
        ("It is never dull. It is as good as any. It was too long.", []),
        ("I was disappointed, we were not.", [("i", "was", "disappointed")]),
        ("What the old man is thinking of", []),
        ("The plot of this film that we saw at home is thin.", []),
        ("It is a film of which one could say a great many things.", []),
    ],
)
def test_clauses(text, due):
    assert list(clauses_of(text)) == [Clause(*one) for one in due]


def test_each_clause_is_there_once_with_the_first_text_that_has_it():
    found = clauses_by_row(["No.", "It is fine. It is good.", "It is good. It is odd."])
    assert {str(one): row for one, row in found.items()} == {
        "it is fine": 1,
        "it is good": 1,
        "it is odd": 2,
    }
