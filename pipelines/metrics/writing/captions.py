"""Measures of captions with several references: BLEU, ROUGE-L and CIDEr-D as pycocoevalcap has them.

n examples · R references of an example · k tokens of an n-gram, from 1 to 4
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.metrics.writing.resampling import Resampled

MAX_ORDER = 4
#: how the figures were computed
SIGNATURE = (
    "CIDEr-D, BLEU-1 to 4 and ROUGE-L by pycocoevalcap's definitions, on words in small letters without"
    " signs"
)
# pycocoevalcap's: they keep a score above 0 where no n-gram of some order is right.
_TINY, _SMALL = 1e-15, 1e-9
_BETA = 1.2
_SIGMA = 6.0

Tokens = list[str]
Counts = Counter[tuple[str, ...]]


def tokens_of(text: str) -> Tokens:
    """Cut a caption into words in small letters; signs fall away, as in the COCO evaluation."""
    return re.findall(r"[\w'’]+(?:-[\w'’]+)*", text.lower())


def caption_measures(
    answers: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Compute all measures of n captions with their references.

    Returns:
        ``cider`` (CIDEr-D, around 1 for people), ``bleu1`` … ``bleu4`` and ``rouge_l`` from 0 to 100,
        and ``exact_match``, the share of answers that have the words of one of their references.
    """
    said = [tokens_of(answer) for answer in answers]
    known = [[tokens_of(one) for one in some] for some in references]
    scores = cider(said, known)
    found = {"cider": sum(scores) / max(len(scores), 1)}
    found |= {f"bleu{k}": 100 * score for k, score in enumerate(bleu(said, known), start=1)}
    rouge = [rouge_l(one, some) for one, some in zip(said, known, strict=True)]
    exact = sum(one in some for one, some in zip(said, known, strict=True))
    found["rouge_l"] = 100 * sum(rouge) / max(len(rouge), 1)
    return found | {"exact_match": exact / max(len(said), 1)}


def cider_of_texts(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """Compute CIDEr-D of each example, of texts; see `cider`."""
    return cider(
        [tokens_of(one) for one in answers],
        [[tokens_of(one) for one in some] for some in references],
    )


def resampled_cider(
    answers: Mapping[str, Sequence[str]], references: Sequence[Sequence[str]]
) -> Resampled:
    """Resample the mean CIDEr-D of one set of n answers or several, by name.

    Frequencies of n-grams stay those of the whole set.
    """
    scores = {name: np.array(cider_of_texts(some, references)) for name, some in answers.items()}
    return Resampled(scores, lambda rows: float(rows.mean()))


def bleu(answers: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """Compute BLEU-1 … BLEU-4 from 0 to 1 over all examples (Papineni et al. 2002).

    The reference length is that of the reference closest in length, the shorter of two.
    """
    correct, total = [0] * MAX_ORDER, [0] * MAX_ORDER
    length = closest = 0
    for answer, some in zip(answers, references, strict=True):
        length += len(answer)
        closest += min((abs(len(one) - len(answer)), len(one)) for one in some)[1]
        for k in range(MAX_ORDER):
            allowed: Counts = Counter()
            for one in some:
                allowed |= _ngrams(one, k + 1)
            counts = _ngrams(answer, k + 1)
            correct[k] += (counts & allowed).total()
            total[k] += max(len(answer) - k, 0)
    ratio = (length + _TINY) / (closest + _SMALL)
    penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, found = 1.0, []
    for k in range(MAX_ORDER):
        product *= (correct[k] + _TINY) / (total[k] + _SMALL)
        found.append(product ** (1 / (k + 1)) * penalty)
    return found


def rouge_l(answer: Tokens, references: Sequence[Tokens]) -> float:
    """Compute ROUGE-L from 0 to 1 (Lin 2004), of the best precision and the best recall."""
    shared = [_longest_common(answer, one) for one in references]
    if not answer or not any(shared):
        return 0.0
    precision = max(shared) / len(answer)
    recall = max(k / len(one) for k, one in zip(shared, references, strict=True) if one)
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def cider(answers: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> list[float]:
    """Compute CIDEr-D of each example (Vedantam et al. 2015, §4 and §8).

    n-grams are weighed by TF-IDF, in which a document is the set of an example's references. Counts
    are clipped to the reference's, and other lengths are penalised. It depends on the whole set.
    """
    known = [[_all_ngrams(one) for one in some] for some in references]
    frequency = Counter(
        ngram for some in known for ngram in {ngram for one in some for ngram in one}
    )
    log_count = math.log(max(len(references), 1))

    def weighed(counts: Counts) -> list[dict[tuple[str, ...], float]]:
        vectors: list[dict[tuple[str, ...], float]] = [{} for _ in range(MAX_ORDER)]
        for ngram, count in counts.items():
            rarity = log_count - math.log(max(frequency[ngram], 1))
            vectors[len(ngram) - 1][ngram] = count * rarity
        return vectors

    found = []
    for answer, some in zip(answers, known, strict=True):
        counts = _all_ngrams(answer)
        vectors, num_bigrams = weighed(counts), _num_bigrams(counts)
        total = 0.0
        for one in some:
            other = weighed(one)
            gap = num_bigrams - _num_bigrams(one)
            alike = sum(_clipped_cosine(a, b) for a, b in zip(vectors, other, strict=True))
            total += alike * math.exp(-(gap**2) / (2 * _SIGMA**2))
        found.append(10 * total / MAX_ORDER / len(some))
    return found


def _clipped_cosine(
    answer: dict[tuple[str, ...], float], reference: dict[tuple[str, ...], float]
) -> float:
    product = sum(
        min(weight, reference[ngram]) * reference[ngram]
        for ngram, weight in answer.items()
        if ngram in reference
    )
    norms = math.hypot(*answer.values()) * math.hypot(*reference.values())
    return product / norms if norms > 0 else product


def _ngrams(tokens: Tokens, size: int) -> Counts:
    return Counter(tuple(tokens[k : k + size]) for k in range(len(tokens) - size + 1))


def _all_ngrams(tokens: Tokens) -> Counts:
    return Counter(
        tuple(tokens[k : k + size])
        for size in range(1, MAX_ORDER + 1)
        for k in range(len(tokens) - size + 1)
    )


def _num_bigrams(counts: Counts) -> int:
    return sum(count for ngram, count in counts.items() if len(ngram) == 2)


def _longest_common(first: Tokens, second: Tokens) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(second) + 1)
    for one in first:
        before = row[:]
        for k, other in enumerate(second, start=1):
            row[k] = before[k - 1] + 1 if one == other else max(before[k], row[k - 1])
    return row[-1]
