from data.tokens import unread
from data.tokens.unread import proper_names, rewritten, unread_words
from data.tokens.vocabulary import UNKNOWN_ID, learn_tokenizer

# Most words of prose have no capital.
PROSE = [
    "It was as if we had seen all of this before, long ago and far away, in a better light"
] * 5


def tokens(texts, text, *, kinds=(), **options):
    texts = texts + PROSE
    tokenizer = learn_tokenizer(
        texts,
        kind="words",
        vocabulary_size=100,
        min_frequency=1,
        unread=unread_words(texts, kinds),
        rewritten=rewritten(kinds),
    )
    return tokenizer.encode(text).ids


def test_names_are_written_with_a_capital_within_sentences():
    texts = [
        "We met Anna in Paris, and Anna's dog.",
        "They say Anna likes Paris. Nobody else does. Anna's fine",
    ]
    texts += [
        "I think I'm right: the French say so.",
        "GREAT film, a GREAT one",
        "the french too",
        "it is Odd",
    ]
    assert proper_names(texts + PROSE) == {"anna", "paris"}
    # Where nothing has a capital, names have none.
    assert proper_names([*texts, *PROSE, "we met anna in paris"]) == {"anna", "paris"}


def test_a_capital_at_the_beginning_says_nothing():
    assert proper_names(["Good. Good! <br/>Good “Good” (Good) Good"] * 3) == set()


def test_where_all_nouns_have_capitals_none_is_a_name():
    assert proper_names(["Wir sahen den Film im Kino mit Anna und Paul am Montag"] * 3) == set()


def test_unread_words_are_unknown_and_the_others_keep_their_places():
    texts = ["We like Anna and Paul", "so Anna and Paul like the gay teacher", "12 or 13 of 10"]
    kinds = ("names", "groups", "numbers")
    same = [
        tokens(texts, f"{name} is a {group} teacher", kinds=kinds)
        for name in ("Anna", "Paul", "Xaver")
        for group in ("gay", "straight", "left-handed", "Latin American")
    ]
    assert all(one == same[0] for one in same)
    assert same[0][0] == UNKNOWN_ID
    plain = tokens(texts, "Anna is a gay teacher")
    assert plain[0] != UNKNOWN_ID
    # Ids stay without a gap.
    every = [tokens(texts, word, kinds=kinds)[0] for word in ("we", "like", "and", "so", "teacher")]
    assert UNKNOWN_ID not in every
    assert len(set(every)) == 5


def test_numbers_are_alike_but_for_marks():
    texts = ["12 of 10 and 2 of 1994, 8/10, 9/10, 1, 0", "a an"]

    def read(text):
        return tokens(texts, text, kinds=("numbers",))

    found = [read(f"{number} seats") for number in ("12", "1994", "77", "3000", "2", "9")]
    assert all(one == found[0] for one in found)
    assert found[0][0] != UNKNOWN_ID
    assert len({tuple(read(mark)) for mark in ("0", "1", "12")}) == 3
    assert read("8/10") != read("9/10")
    assert read("8/10")[0] != found[0][0]


def test_the_article_does_not_tell_of_the_next_word():
    texts = ["a man and an old man"]
    first, second = (
        tokens(texts, text, kinds=("groups",)) for text in ("An old man", "a young man")
    )
    assert first == second


def test_kept_tokenizers_follow_the_rules(monkeypatch):
    before = unread.rules_of(["names", "groups"])
    assert before == unread.rules_of(["groups", "names"])
    assert before != unread.rules_of(["names"])
    monkeypatch.setattr(unread, "_LEAST_SHARE", 0.5)
    assert before != unread.rules_of(["names", "groups"])
