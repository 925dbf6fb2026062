"""Measures of texts that were written, by sacreBLEU, so that figures of other systems compare."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF


def corpus_bleu(answers: Sequence[str], references: Sequence[str]) -> float:
    """BLEU from 0 to 100 of answers with one reference each, cased (Post 2018)."""
    return float(BLEU().corpus_score(list(answers), [list(references)]).score)


def sentence_chrf(answer: str, reference: str) -> float:
    """chrF from 0 to 100 of one answer (Popović 2015)."""
    return float(CHRF().sentence_score(answer, [reference]).score)


def generation_measures(answers: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    """Compute BLEU (cased, and lower-cased), chrF and the share of exact answers.

    Returns:
        ``bleu``, ``bleu_lowercased``, ``chrf`` from 0 to 100, ``exact_match`` from 0 to 1, and
        ``signature``, sacreBLEU's own account of how ``bleu`` was computed.
    """
    answers, references = list(answers), list(references)
    bleu = BLEU()
    return {
        "bleu": float(bleu.corpus_score(answers, [references]).score),
        "bleu_lowercased": float(BLEU(lowercase=True).corpus_score(answers, [references]).score),
        "chrf": float(CHRF().corpus_score(answers, [references]).score),
        "exact_match": sum(a == b for a, b in zip(answers, references, strict=True))
        / max(len(answers), 1),
        "signature": str(bleu.get_signature()),
    }


class Bleus:
    """BLEU of one set of answers or several, over resamples of their n examples (Koehn 2004).

    All sets are resampled alike, so that differences are paired.

    Args:
        answers: by name, n answers each.
        references: n references.
        samples: number of resamples.
        seed: seed of the resamples.
    """

    def __init__(
        self,
        answers: Mapping[str, Sequence[str]],
        references: Sequence[str],
        *,
        samples: int = 1000,
        seed: int = 0,
    ) -> None:
        draw = np.random.default_rng(seed)
        count = len(references)
        chosen = [draw.integers(count, size=count) for _ in range(samples)]
        #: by name, the BLEU of each set from 0 to 100
        self.values: dict[str, float] = {}
        self._resampled: dict[str, np.ndarray] = {}
        for name, some in answers.items():
            counts = _bleu_counts(some, references)
            self.values[name] = _bleu_of(counts.sum(0))
            self._resampled[name] = np.array([_bleu_of(counts[rows].sum(0)) for rows in chosen])

    def interval(self, name: str) -> tuple[float, float]:
        """Compute the 95 % interval of a set's BLEU."""
        return _interval(self._resampled[name])

    def difference(self, first: str, second: str) -> tuple[float, float, float]:
        """Compute the difference of BLEU between two sets, and its 95 % interval."""
        low, high = _interval(self._resampled[first] - self._resampled[second])
        return self.values[first] - self.values[second], low, high

    def p_value(self, first: str, second: str) -> float:
        """Estimate how probable a difference of either sign is by chance: twice the rarer sign's share.

        It is at least twice 1 / (resamples + 1), below which nothing is known.
        """
        gaps = self._resampled[first] - self._resampled[second]
        rarer = min((gaps <= 0).sum(), (gaps >= 0).sum())
        return min(2 * (int(rarer) + 1) / (len(gaps) + 1), 1.0)


def _bleu_counts(answers: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Count for each example (n, 2 + 2 · 4) lengths, right n-grams and all n-grams."""
    bleu = BLEU()
    scores = (
        bleu.corpus_score([answer], [[reference]])
        for answer, reference in zip(answers, references, strict=True)
    )
    return np.array([[one.sys_len, one.ref_len, *one.counts, *one.totals] for one in scores])


def _bleu_of(sums: np.ndarray) -> float:
    answer_length, reference_length, *counts = sums.tolist()
    half = len(counts) // 2
    return float(
        BLEU.compute_bleu(
            correct=counts[:half],
            total=counts[half:],
            sys_len=answer_length,
            ref_len=reference_length,
        ).score
    )


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
