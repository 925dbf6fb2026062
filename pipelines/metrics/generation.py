"""Measures of texts that were written, by sacreBLEU, so that figures of other systems compare."""

from collections.abc import Sequence
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


def bleu_interval(
    answers: Sequence[str], references: Sequence[str], *, samples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Compute the 95 % bootstrap interval of BLEU over examples (Koehn 2004).

    BLEU of a sample is computed of the sums of its examples' counts.
    """
    bleu = BLEU()
    counts = np.array(
        [
            [score.sys_len, score.ref_len, *score.counts, *score.totals]
            for score in (
                bleu.corpus_score([answer], [[reference]])
                for answer, reference in zip(answers, references, strict=True)
            )
        ]
    )
    order = bleu.max_ngram_order
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        sums = counts[draw.integers(len(counts), size=len(counts))].sum(0).tolist()
        score = BLEU.compute_bleu(
            correct=sums[2 : 2 + order], total=sums[2 + order :], sys_len=sums[0], ref_len=sums[1]
        )
        found.append(score.score)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
