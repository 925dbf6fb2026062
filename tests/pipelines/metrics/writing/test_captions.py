"""Measures of captions, against numbers that pycocoevalcap 1.2 computed, and by hand."""

import math
import random

import pytest

from pipelines.metrics.writing.captions import bleu, caption_measures, cider, rouge_l, tokens_of

WORDS = ["a", "the", "dog", "cat", "runs", "sits", "red", "small", "big", "on", "in", "grass"]
WORDS += ["snow", "with", "man", "hat", "two"]
# By seed, examples and references: BLEU-1 … BLEU-4, CIDEr-D, ROUGE-L.
BY_PYCOCOEVALCAP = {
    (0, 20, 5): (
        [0.8503937007807055, 0.6303810228789899, 0.5406678484822376, 0.4996579812769383],
        1.3058863055572332,
        0.6568396570651277,
    ),
    (1, 50, 3): (
        [0.694117647056782, 0.5177576868677668, 0.45128971656454314, 0.4204165861041574],
        1.3437224965216523,
        0.5175363251360039,
    ),
    (2, 7, 1): (
        [0.47169811319864724, 0.36511092630837994, 0.33219578510815034, 0.3138603729509768],
        3.105451035570371,
        0.413671622022998,
    ),
}


def drawn(seed, count, num_references):
    """Captions of random words; three in ten are one of their references."""
    draw = random.Random(seed)

    def caption():
        return " ".join(draw.choice(WORDS) for _ in range(draw.randint(1, 12)))

    references = [[caption() for _ in range(num_references)] for _ in range(count)]
    answers = [draw.choice(some) if draw.random() < 0.3 else caption() for some in references]
    return answers, references


@pytest.mark.parametrize("sizes", BY_PYCOCOEVALCAP)
def test_they_are_pycocoevalcap_s(sizes):
    expected_bleu, expected_cider, expected_rouge = BY_PYCOCOEVALCAP[sizes]
    found = caption_measures(*drawn(*sizes))
    assert [found[f"bleu{k}"] for k in (1, 2, 3, 4)] == pytest.approx(
        [100 * score for score in expected_bleu], abs=1e-6
    )
    assert found["cider"] == pytest.approx(expected_cider, abs=1e-6)
    assert found["rouge_l"] == pytest.approx(100 * expected_rouge, abs=1e-6)


def test_words_of_a_caption():
    assert tokens_of("A man's T-shirt , two dogs .") == ["a", "man's", "t-shirt", "two", "dogs"]


def test_cider_of_one_word_by_hand():
    # Each word is in one of two documents: its weight is ln 2, and only 1-grams exist.
    scores = cider([["dog"], ["dog"]], [[["dog"]], [["cat"]]])
    assert scores == pytest.approx([10 / 4, 0])


def test_another_length_costs_by_cider_s_gauss():
    (short, _) = cider([["red", "dog"], ["x"]], [[["red", "dog", "red", "dog"]], [["y"]]])
    words = [["red", "dog"], ["red", "dog", "red", "dog"]]
    assert short < cider([words[1], ["x"]], [[words[1]], [["y"]]])[0] * math.exp(-(2**2) / 72)


def test_rouge_by_hand():
    # "a dog" is common: precision 2/2, recall 2/4.
    expected = (1 + 1.44) * 1 * 0.5 / (0.5 + 1.44 * 1)
    assert rouge_l(["a", "dog"], [["a", "big", "dog", "runs"]]) == pytest.approx(expected)
    assert rouge_l([], [["a"]]) == 0


def test_bleu_takes_the_closest_length():
    # Three of three words are right; the reference of 3 words is closer than that of 6.
    scores = bleu([["a", "b", "c"]], [[["a", "b", "c"], ["a", "b", "c", "d", "e", "f"]]])
    assert scores[:3] == pytest.approx([1, 1, 1])
    short = bleu([["a", "b"]], [[["a", "b", "c", "d"]]])
    assert short[0] == pytest.approx(math.exp(1 - 4 / 2))


def test_an_empty_answer_counts_as_wrong():
    found = caption_measures(["", "a dog"], [["a cat"], ["a dog"]])
    assert 0 < found["cider"] < 10
    assert 0 < found["bleu1"] < 100
