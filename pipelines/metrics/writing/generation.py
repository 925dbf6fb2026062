"""Measures of texts that were written, by sacreBLEU, so that figures of other systems compare."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from pipelines.metrics.writing.resampling import Resampled


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


def answer_shares(
    answers: Sequence[str], is_finished: Sequence[bool], *, references: Sequence[str]
) -> dict[str, float]:
    """Compute what may be wrong with answers.

    Returns:
        ``unfinished_share``: of those that did not end; ``repeated_share``: that say three words
        twice, and ``repeated_share_of_references``, of which that is right;
        ``same_answer_share``: that are the most frequent one.
    """
    count = max(len(answers), 1)
    return {
        "unfinished_share": sum(not one for one in is_finished) / count,
        "repeated_share": sum(map(_repeats, answers)) / count,
        "repeated_share_of_references": sum(map(_repeats, references)) / max(len(references), 1),
        "same_answer_share": max(Counter(answers).values(), default=0) / count,
    }


def told_shares(report: Mapping[str, Any]) -> list[str]:
    """Sentences on the shares of a report (see `answer_shares`) that are too large."""
    told = []
    if report["unfinished_share"] > 0:
        told.append(
            f"{report['unfinished_share']:.1%} of the answers did not end: they were cut off at"
            " --model.max_tokens."
        )
    if report["repeated_share"] > report["repeated_share_of_references"] + 0.05:
        told.append(
            f"{report['repeated_share']:.1%} of the answers repeat three words, and"
            f" {report['repeated_share_of_references']:.1%} of the references."
        )
    if report["same_answer_share"] > 0.05 and report["num_examples"] > 20:
        told.append(f"{report['same_answer_share']:.1%} of the answers are one and the same.")
    return told


def _repeats(answer: str) -> bool:
    words = answer.split()
    threes = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(threes)) < len(threes)


def resampled_bleu(answers: Mapping[str, Sequence[str]], references: Sequence[str]) -> Resampled:
    """Resample the BLEU, from 0 to 100, of one set of n answers or several, by name."""
    counts = {name: _bleu_counts(some, references) for name, some in answers.items()}
    return Resampled(counts, lambda rows: _bleu_of(rows.sum(0)))


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
