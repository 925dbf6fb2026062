import re

from data.lessons.composed import Sentence, composed

GOOD = [Sentence(f"a fine film number {k} .", 1, 0.0) for k in range(60)]
BAD = [Sentence(f"A bad film number {k}.", 0, 0.4) for k in range(60)]
NUMBER = re.compile(r"(fine|bad) film number (\d+)")


def test_sentences_are_denied_affirmed_and_opposed_in_equal_parts():
    found = composed(GOOD + BAD, most=90, seed=0)
    assert len(found) == 90
    assert found == composed(GOOD + BAD, most=90, seed=0) != composed(GOOD + BAD, most=90, seed=1)
    kept = 0
    for one in found:
        inside = NUMBER.findall(one.text)
        assert 1 <= len(inside) <= 2
        if len(inside) == 2:
            # Of two, the second decides, as surely as its own label is known.
            assert {word for word, _ in inside} == {"fine", "bad"}
            assert one.label == (inside[1][0] == "fine")
            assert one.doubt == (0.4 if one.label == 0 else 0)
        else:
            is_kept = one.label == (inside[0][0] == "fine")
            kept += is_kept
            own = 0.0 if inside[0][0] == "fine" else 0.4
            assert one.doubt == (own if is_kept else max(own, 0.2))
    assert kept == 30


def test_long_sentences_and_those_of_one_class_are_not():
    long = [Sentence("word " * 26, k % 2, 0.0) for k in range(10)]
    assert composed(long, most=5, seed=0) == []
    assert composed(GOOD, most=5, seed=0) == []
    assert composed([], most=5, seed=0) == []


def test_braces_of_a_sentence_mean_nothing():
    some = [Sentence("{a} and {b} and {thing}", 1, 0.0), Sentence("bad {", 0, 0.0)]
    for one in composed(some * 20, most=40, seed=0):
        assert "{a} and {b} and {thing}" in one.text or "ad {" in one.text
