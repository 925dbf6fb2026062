"""Answers of a test beside their references, and the figures that are made of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from data.translation.data_module import TranslationDataModule
from pipelines.metrics.writing.generation import (
    answer_shares,
    generation_measures,
    resampled_bleu,
    told_shares,
)
from pipelines.metrics.writing.translation_baselines import nearest_known
from pipelines.report.generation.shared import told_known
from pipelines.report.generation.without_attention import OtherModel
from pipelines.tasks.generation import Written


class Outcome(NamedTuple):
    """Answers of a test, in the order of their ids."""

    ids: list[int]
    sources: list[str]
    references: list[str]
    answers: list[str]
    written: list[Written]
    source_tokens: list[np.ndarray]
    tokenizer: Tokenizer

    def pieces(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """Spell tokens one by one."""
        return [self.tokenizer.decode([int(token)]) for token in tokens]


def outcome_of(written: Sequence[Written], data: TranslationDataModule) -> Outcome:
    """Put answers beside their sources and references."""
    part: Any = data.parts[data.reported_part]
    assert data.tokenizer is not None
    position = {id: k for k, id in enumerate(part.ids.tolist())}
    at = [position[one.id] for one in written]

    return Outcome(
        [one.id for one in written],
        [part.texts[k] for k in at],
        [part.targets[k] for k in at],
        [data.tokenizer.decode(one.tokens) for one in written],
        list(written),
        [part.source_tokens[k] for k in at],
        data.tokenizer,
    )


def generation_figures(
    outcome: Outcome,
    data: TranslationDataModule,
    *,
    train_seconds: float,
    known: Any,
    others: Mapping[str, OtherModel],
) -> dict[str, Any]:
    """The figures of a report, as plain values.

    Args:
        outcome: the answers.
        data: what they are answers to.
        train_seconds: training time of the model.
        known: the training part, to look up the nearest sentence in; None: that is not done.
        others: other models that answered the same sources, by name, as further baselines.
    """
    baselines = {"copy_source": outcome.sources}
    if known is not None:
        baselines["nearest_training_sentence"] = nearest_known(
            outcome.sources, known_sources=known.texts, known_targets=known.targets
        )
    return {
        "task": "translation",
        "data": data.origin.name,
        "split": data.origin.reported_part,
        "num_examples": len(outcome.ids),
        "train_examples": data.num_learnt,
        "num_tokens": data.num_tokens,
        **generation_measures(outcome.answers, outcome.references),
        "bleu_interval": resampled_bleu({"": outcome.answers}, outcome.references).interval(""),
        **answer_shares(
            outcome.answers,
            [one.is_finished for one in outcome.written],
            references=outcome.references,
        ),
        "truncated_tokens": {name: part.truncated_steps for name, part in data.parts.items()},
        "train_seconds": train_seconds,
        "baselines": {
            name: generation_measures(answers, outcome.references)
            for name, answers in baselines.items()
        }
        | {
            name: {
                **generation_measures(other.answers, outcome.references),
                "train_seconds": other.train_seconds,
            }
            for name, other in others.items()
        },
        **data.notes(),
        "skipped": [{"source": one.source, "reason": one.reason} for one in data.skipped],
    }


def warnings_of(report: dict[str, Any]) -> list[str]:
    """Sentences on what is wrong with the answers, or with their test."""
    told = told_known(report, what="sources")
    if share := report.get("tokenised_references", {}).get(report["split"]):
        told.append(
            f"{share:.0%} of the references look tokenised (a blank before full stops, @-@, &apos;);"
            " their BLEU does not compare with that of texts as people write them."
        )
    best = max(report["baselines"].items(), key=lambda item: item[1]["bleu"])
    if best[1]["bleu"] >= report["bleu"]:
        told.append(f"The model does NOT beat {best[0]}.")
    told += told_shares(report)
    if report["skipped"]:
        told.append(f"{len(report['skipped']):,} pair(s) were left out; report.json lists them.")
    return told
