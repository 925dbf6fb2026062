import pytest

from data.lessons.excerpts import excerpts, sentences_of


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "One of them. And another! Is it? Yes.",
            ["One of them.", "And another!", "Is it?", "Yes."],
        ),
        ("Mr. X is 3.5 m tall.", ["Mr.", "X is 3.5 m tall."]),
        ("first line<br /><br />second line\nthird", ["first line", "second line", "third"]),
        ("她说不好。但是我喜欢！", ["她说不好。", "但是我喜欢！"]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_texts_are_cut_after_each_sentence(text, sentences):
    assert sentences_of(text) == sentences


def test_each_text_gives_some_of_its_sentences():
    text = " ".join(f"This is sentence number {k}." for k in range(9))
    found = list(
        excerpts(
            [text, "This is a single sentence.", "Hm. No. This one is fine."], most=2, seed="0"
        )
    )
    assert len(found[0]) == 2
    assert set(found[0]) <= set(sentences_of(text))
    # A text that is one sentence gives itself, and very short ones say nothing.
    assert found[1:] == [["This is a single sentence."], ["This one is fine."]]
    assert found == list(
        excerpts(
            [text, "This is a single sentence.", "Hm. No. This one is fine."], most=2, seed="0"
        )
    )
    assert found != list(excerpts([text, "a", "b"], most=2, seed="1"))
