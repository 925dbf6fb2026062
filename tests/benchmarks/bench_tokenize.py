"""Learning a vocabulary of the reviews and cutting them into tokens, beside Python's way with words.

python -m tests.benchmarks.bench_tokenize

The usual way is the one of tutorials: a pattern of the module ``re``, a `Counter` and a dictionary; it
knows less of the world's scripts. The reviews are all 25,000 of the embedded example. Figures are
medians of seconds, on the wall and of all threads together: the machine may be shared.
"""

import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import numpy as np
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from data.examples.embedded import sentiment_example
from data.tokens.vocabulary import TokenizerKind, learn_tokenizer
from tests.benchmarks.measure import machine

ROUNDS = 3
# As many texts at once as `datasets` gives.
TEXTS_AT_ONCE = 1000
SIZES: list[tuple[TokenizerKind, int]] = [
    ("words", 30_000),
    ("subwords", 8_000),
    ("subwords", 16_000),
    ("characters", 30_000),
]
USUAL = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def batches(texts: list[str]) -> Iterator[list[str]]:
    """Some texts at a time."""
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield texts[start : start + TEXTS_AT_ONCE]


def encode(tokenizer: Tokenizer, texts: list[str]) -> int:
    """Cut all texts; how many tokens there are."""
    encoded = chain.from_iterable(map(tokenizer.encode_batch_fast, batches(texts)))
    return sum(len(np.asarray(one.ids, np.int32)) for one in encoded)


def usual_words(text: str) -> list[str]:
    """The words of a text."""
    return USUAL.findall(text.replace("<br />", " ").lower())


def learn_usual(texts: list[str]) -> dict[str, int]:
    """The most frequent words."""
    counts = Counter(chain.from_iterable(map(usual_words, texts)))
    return {word: k for k, (word, _) in enumerate(counts.most_common(29_999), start=1)}


def encode_usual(known: dict[str, int], texts: list[str]) -> int:
    """Cut all texts; how many tokens there are."""
    return sum(
        len(np.asarray([known.get(word, 0) for word in usual_words(text)], np.int32))
        for text in texts
    )


def seconds(way: Callable[[], object]) -> tuple[float, float]:
    """On the wall, and of all threads together."""
    start, before = time.perf_counter(), os.times()
    way()
    wall, after = time.perf_counter() - start, os.times()
    return wall, after.user + after.system - before.user - before.system


def main() -> None:
    """Print the table."""
    texts = pq.read_table(sentiment_example(), columns=["text"]).column("text").to_pylist()
    known = learn_usual(texts)
    learning: dict[str, Callable[[], object]] = {"words, usual way": partial(learn_usual, texts)}
    encoding: dict[str, Callable[[], int]] = {
        "words, usual way": partial(encode_usual, known, texts)
    }
    for kind, size in SIZES:
        learn = partial(learn_tokenizer, texts, kind=kind, vocabulary_size=size, min_frequency=2)
        learning[f"{kind}, {size:,}"] = learn
        encoding[f"{kind}, {size:,}"] = partial(encode, learn(), texts)
    num_tokens = {name: way() for name, way in encoding.items()}
    rounds = [
        {name: (*seconds(learning[name]), *seconds(encoding[name])) for name in learning}
        for _ in range(ROUNDS)
    ]
    num_characters = sum(map(len, texts))
    print(f"{machine()}; {len(texts):,} reviews; medians of {ROUNDS}\n")
    print(
        "| tokens | characters each | learning: wall, all threads | encoding: wall, all threads |"
    )
    print("|---|---|---|---|")
    for name, count in num_tokens.items():
        figures = zip(*(taken[name] for taken in rounds), strict=True)
        a, b, c, d = (f"{statistics.median(figure):.1f} s" for figure in figures)
        print(f"| {name} | {num_characters / count:.2f} | {a}, {b} | {c}, {d} |")


if __name__ == "__main__":
    main()
