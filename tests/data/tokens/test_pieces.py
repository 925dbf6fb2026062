"""Texts cut bit by bit: their tokens are those of the whole text."""

from functools import lru_cache
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from data.tokens.pieces import MOST_WAITING, TextPieces, cuts_as_known
from data.tokens.unread import rewritten
from data.tokens.vocabulary import learn_tokenizer

# Parts that tokenizers tell apart: words, signs, blanks, tags, marks, scripts without blanks, emoji.
PARTS = [
    "a", "b", "Don", "'", "’", "ʼ", "`", " ", "  ", "\n", "\t", "\xa0", "\u2003", "\x85",
    "<br />", "<br", "/>", "<", ">", "<b>", "</b>", '<a href="x y">', "< a b", "e\u0301", "\u0301",
    "\u0338", "é", "1", "23", "٣", ".", ",", "!", "?", "(", ")", "...", "日", "本", "。", "ー", "ไ",
    "ำ", "_", "-", "😀", "\u200d", "🇰", "Σ", "\u1100", "\u1161", "\u11a8", "ㅋㅋ", "\ufffd", "\0",
    ";", ":", "\u037e", "İ", "http", "://", "www", "@", "x.y", "/", "+",
    "an", "latin", "left-handed", "0",
]  # fmt: skip
KINDS = ["words", "subwords", "digits", "characters"]
BITS = st.lists(st.lists(st.sampled_from(PARTS), max_size=5).map("".join), max_size=12)


@lru_cache
def learnt(kind, lowercase=True, strip_markup=True, strip_addresses=False, unread=False):
    texts = [*PARTS, "".join(PARTS), "a fine <br /> film's don't 12345 ... it’s ok 日本語。"]
    return learn_tokenizer(
        texts,
        kind="subwords" if kind == "digits" else kind,
        vocabulary_size=500,
        min_frequency=1,
        lowercase=lowercase,
        strip_markup=strip_markup,
        strip_addresses=strip_addresses,
        each_digit=kind == "digits",
        rewritten=rewritten(("groups", "numbers") if unread and kind == "words" else ()),
    )


def in_bits(tokenizer, bits):
    pieces = TextPieces(tokenizer)
    return [*map(pieces.add, bits), pieces.end()]


@settings(max_examples=200)
@given(bits=BITS, kind=st.sampled_from(KINDS), options=st.tuples(*[st.booleans()] * 4))
def test_the_tokens_are_those_of_the_whole_text(bits, kind, options):
    tokenizer = learnt(kind, *options)
    assert [*chain(*in_bits(tokenizer, bits))] == tokenizer.encode("".join(bits)).ids


@settings(max_examples=60)
@given(bits=st.lists(st.text(max_size=9), max_size=9), kind=st.sampled_from(KINDS))
def test_any_text(bits, kind):
    tokenizer = learnt(kind)
    assert [*chain(*in_bits(tokenizer, bits))] == tokenizer.encode("".join(bits)).ids


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_given_out_as_they_come(kind):
    found = in_bits(learnt(kind), ["a fi", "ne fi", "lm, and", " so it goes on"])
    assert [bool(some) for some in found[:4]] == [True] * 4


def test_what_may_become_a_tag_waits():
    pieces = TextPieces(learnt("words"))
    before = pieces.add("a b <a href=x y z")
    assert before == learnt("words").encode("a b").ids
    assert pieces.add(">") == []
    assert pieces.end() == []


def test_memory_is_bounded():
    pieces = TextPieces(learnt("words"))
    text = "é" * (MOST_WAITING + 1)
    assert pieces.add(text) != []
    assert pieces._waiting == ""


@pytest.mark.parametrize("kind", KINDS)
def test_own_tokenizers_are_known(kind):
    assert cuts_as_known(Tokenizer.from_str(learnt(kind).to_str()))
    assert cuts_as_known(learnt(kind, lowercase=False, strip_markup=False))
    assert cuts_as_known(learnt(kind, strip_addresses=True))
    assert cuts_as_known(learnt(kind, unread=True))


def test_others_are_not():
    other = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    assert not cuts_as_known(other)
    other.pre_tokenizer = pre_tokenizers.Whitespace()
    assert not cuts_as_known(other)
