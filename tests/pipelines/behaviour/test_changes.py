"""Changes that leave the judgement as it is, by hand."""

import pytest

from pipelines.behaviour.changes import CHANGES, VARIANTS, changed

WORDS = {
    "first_name": ("Anna", "Paul", "Mei", "Olga"),
    "town": ("Rome", "Oslo"),
    "country": ("Peru", "Iran", "Spain"),
}


def test_names_are_swapped_and_keep_their_case():
    made = changed("first names", "Anna's film, and ANNA.", WORDS)
    assert sorted(made) == [
        "Mei's film, and MEI.",
        "Olga's film, and OLGA.",
        "Paul's film, and PAUL.",
    ]
    assert changed("towns", "the rome of rome, roman", WORDS) == ["the oslo of oslo, roman"]
    assert changed("first names", "Annabel", WORDS) == []
    # Two names stay two names.
    [pair] = changed("first names", "Anna and Paul", WORDS)
    assert set(pair.split(" and ")) == {"Mei", "Olga"}
    assert len(changed("countries", "Peru", WORDS)) == 2


@pytest.mark.parametrize(
    "text", ["8/10", "3 stars, 2 bags", "7 out of 10", "90 % good", "ran 1 day", "b2b", "at 10:30"]
)
def test_ratings_and_what_is_no_number_stay(text):
    assert changed("numbers", text, WORDS) == []


def test_numbers_keep_their_digits():
    for text in changed("numbers", "In 1999 we paid 35 for 4.", WORDS):
        year, price, count = (int(one) for one in text.rstrip(".").split() if one.isdigit())
        assert 1990 <= year <= 2025 and 10 <= price <= 99 and 2 <= count <= 9  # noqa: PT018
        assert (year, price, count) != (1999, 35, 4)


def test_urls_and_handles_are_added():
    made = changed("url", "Fine.", WORDS)
    assert len(made) == VARIANTS
    assert all(one.startswith("Fine. ") for one in made[:-1])
    assert made[-1].endswith(" Fine.")
    made = changed("handle", "Fine.", WORDS)
    assert all(one.startswith("@") and one.endswith(" Fine.") for one in made[:-1])
    assert made[-1].startswith("Fine. @")


def test_typing_errors_swap_neighbours_inside_a_word():
    assert changed("typos", "a sweet tale", WORDS) == ["a sewet tale"]
    for text in changed("typos", "A wonderful film.", WORDS):
        assert sorted(text) == sorted("A wonderful film.")
        assert text.startswith("A w") and text.endswith("l film.")  # noqa: PT018
    # "form", "trail" and "quiet" would be other words.
    assert "a quite" not in changed("typos", "a quiet", WORDS)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Good.", ["Good", "Good!", "Good ."]),
        ("Good!!!", ["Good", "Good.", "Good!"]),
        ("Good", ["Good.", "Good!", "Good ."]),
        ("Good?", []),
        ("...", []),
    ],
)
def test_punctuation(text, made):
    assert changed("punctuation", text, WORDS) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("It is not good.", ["It isn't good."]),
        ("It isn't good.", ["It is not good."]),
        ("I'm sure they can't.", ["I am sure they cannot."]),
        ("Isn't it good?", []),
        ("Here I am.", []),
        ("Do not go, I won't stop.", ["Don't go, I won't stop.", "Do not go, I will not stop."]),
        ("It's good.", []),
    ],
)
def test_contractions(text, made):
    assert changed("contractions", text, WORDS) == made


def test_letters():
    assert changed("case", "I don't like Rome.", WORDS) == [
        "i don't like rome.", "I DON'T LIKE ROME.", "I Don't Like Rome.",
    ]  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_text_is_always_changed_alike(name):
    text = "Anna saw 35 films in Rome, Peru, and isn't wonderfully pleased."
    made = changed(name, text, WORDS)
    assert made == changed(name, text, WORDS)
    assert 1 <= len(made) <= VARIANTS
    assert text not in made
