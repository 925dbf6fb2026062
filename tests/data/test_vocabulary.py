import pytest
from tokenizers import Tokenizer

from data.errors import InputError
from data.vocabulary import UNKNOWN, clean, learn_tokenizer

KINDS = ["words", "subwords", "characters"]
HAMLET = "To be, or not to be:\n\tthat is the question.\n"


def learn(kind, *texts, size=1000, min_frequency=1, **options):
    return learn_tokenizer(
        texts, kind=kind, vocabulary_size=size, min_frequency=min_frequency, **options
    )


def words_of(text):
    return learn("words", text).encode(text).tokens


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't like it, it's not good!", "i don't like it , it's not good !"),
        ("Don’t", "don't"),
        ("naïve café, über", "naïve café , über"),
        ("정말 재미있는 영화다ㅋㅋ", "정말 재미있는 영화다ㅋㅋ"),
        ("हिन्दी फ़िल्म", "हिन्दी फ़िल्म"),
        ("so 😀👍🏽 👨\u200d👩\u200d👧 ❤️ 🇩🇪🇫🇷", "so 😀 👍🏽 👨\u200d👩\u200d👧 ❤️ 🇩🇪 🇫🇷"),
        ("10/10 in 1999", "10 / 10 in 1999"),
        ("fine<br /><br />film </i>", "fine film"),
        ("2 < 3 > 1", "2 < 3 > 1"),
    ],
)
def test_words(text, words):
    assert words_of(text) == words.split(" ")


def test_the_sign_of_the_unknown_is_no_word_of_a_text():
    tokens = learn("words", "a", strip_markup=False).encode("<unk> a").tokens
    assert tokens == [UNKNOWN] * 3 + ["a"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_unknown_is_number_0(kind):
    tokenizer = learn(kind, "aa bb")
    assert tokenizer.token_to_id(UNKNOWN) == 0
    assert 0 not in tokenizer.encode("aa bb").ids


def test_what_was_not_seen_is_unknown_except_to_subwords():
    assert learn("words", "aa bb").encode("aa cc").ids == [1, 0]
    assert learn("characters", "aab").encode("abcc").ids == [1, 2, 0, 0]
    assert 0 not in learn("subwords", "aab").encode("한국어 zz \x00").ids


@pytest.mark.parametrize(
    "text", [HAMLET, "#include <linux/x.h>\n\tint a;", "한국어 😀\r\n\x00", ""]
)
def test_characters_read_back_exactly(text):
    tokenizer = learn("characters", text, lowercase=False, strip_markup=False)
    encoded = tokenizer.encode(text)
    assert encoded.tokens == list(text)
    assert tokenizer.decode(encoded.ids) == text


@pytest.mark.parametrize("text", ["to be, or  not\nto be?", "정말 재미있는 영화다", "a😀b"])
def test_subwords_read_back(text):
    tokenizer = learn("subwords", text)
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_subwords_merge_what_is_frequent():
    tokenizer = learn("subwords", *["lower lowest low"] * 20, size=270)
    assert tokenizer.encode("low").tokens == ["low"]
    assert tokenizer.encode("lowest").tokens[0] == "low"


@pytest.mark.parametrize("text", ["", " ", "<br />"])
def test_nothing_to_read_gives_no_word(text):
    assert learn("words", "a b").encode(text).ids == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_texts_give_the_same_tokenizer_and_it_survives_its_text(kind):
    texts = ["the cat sat", "the dog ran", "a cat, a dog"] * 50
    one, other = learn(kind, *texts), learn(kind, *texts)
    assert one.to_str() == other.to_str()
    again = Tokenizer.from_str(one.to_str())
    assert again.encode("The cat!").ids == one.encode("The cat!").ids
    assert again.get_vocab_size() == one.get_vocab_size()


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_the_most_frequent_are_known(kind):
    texts = ["a a a b b c"]
    assert set(learn(kind, *texts, size=3).get_vocab()) <= {UNKNOWN, "a", "b", " "}
    known = learn("words", *texts, min_frequency=2).get_vocab()
    assert set(known) == {UNKNOWN, "a", "b"}


def test_large_letters_may_stay():
    assert learn("words", "Cat", lowercase=False).encode("Cat cat").ids == [1, 0]
    assert learn("characters", "aA").encode("aA").ids == [1, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["a\x00b", "x" * 200_000, clean("\ud800 a"), "a b " * 50_000])
def test_odd_and_long_texts_are_read(kind, text):
    tokenizer = learn(kind, text, "a b")
    assert len(tokenizer.encode(text).ids) > 0


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("words", {"size": 1}, "vocabulary_size=1: words need at least 2"),
        ("subwords", {"size": 256}, "vocabulary_size=256: subwords need at least 257"),
        ("characters", {"min_frequency": 0}, "min_frequency=0: at least 1"),
    ],
)
def test_wrong_options_are_one_line(kind, options, reason):
    with pytest.raises(InputError, match=reason):
        learn(kind, "a", **options)
