"""Answers of a captioner beside their references, and the figures that are made of them.

n examples · N steps in a batch · D features
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from data.batches.pair_batch import PairBatch
from data.batches.part import Part
from data.batches.ragged import RaggedBatch
from data.captions.data_module import CaptionDataModule
from models.recurrence.layout import rows_of
from pipelines.metrics.writing.caption_baselines import nearest_caption, people
from pipelines.metrics.writing.captions import (
    SIGNATURE,
    caption_measures,
    cider_of_texts,
    resampled_cider,
)
from pipelines.metrics.writing.generation import answer_shares, told_shares
from pipelines.report.generation.shared import told_known
from pipelines.tasks.captioning import Captioning
from pipelines.tasks.generation import Written


class Outcome(NamedTuple):
    """Answers of a test, in the order of their ids."""

    ids: list[int]
    sources: list[str]
    references: list[list[str]]
    answers: list[str]
    written: list[Written]
    scores: list[float]
    """CIDEr-D of each."""
    words: list[list[str]]
    """The tokens of each answer, one by one."""
    shown: Callable[[int], RaggedBatch]
    """Makes the batch of the frames of one example, by its place here."""


def outcome_of(written: Sequence[Written], data: CaptionDataModule) -> Outcome:
    """Put answers beside their sources and references."""
    part: Any = data.parts[data.reported_part]
    assert data.tokenizer is not None
    tokenizer = data.tokenizer
    position = {id: k for k, id in enumerate(part.ids.tolist())}
    at = [position[one.id] for one in written]
    every = part.written()
    references = [every[k] for k in at]
    answers = [tokenizer.decode(one.tokens) for one in written]
    return Outcome(
        [one.id for one in written],
        part.sources(at),
        references,
        answers,
        list(written),
        cider_of_texts(answers, references),
        [[tokenizer.decode([token]) for token in one.tokens] for one in written],
        lambda k: part.shown([at[k]]),
    )


def caption_figures(
    outcome: Outcome,
    model: Captioning,
    data: CaptionDataModule,
    *,
    train_seconds: float,
    knows_training: bool,
) -> dict[str, Any]:
    """The figures of a report, as plain values.

    Args:
        outcome: the answers.
        model: what gave them.
        data: what they are answers to.
        train_seconds: training time of the model.
        knows_training: whether the training part is there, for the baselines that look things up.
    """
    return {
        "task": "captions",
        "data": data.origin.name,
        "split": data.origin.reported_part,
        "num_examples": len(outcome.ids),
        "train_examples": data.num_learnt,
        "train_captions": data.num_captions_learnt,
        "num_tokens": data.num_tokens,
        **caption_measures(outcome.answers, outcome.references),
        "cider_interval": resampled_cider({"": outcome.answers}, outcome.references).interval(""),
        "signature": SIGNATURE,
        **answer_shares(
            outcome.answers,
            [one.is_finished for one in outcome.written],
            references=[one for some in outcome.references for one in some],
        ),
        "train_seconds": train_seconds,
        "baselines": _baselines(outcome, model, data, knows_training=knows_training),
        **data.notes(),
        "skipped": _skipped(model, data),
    }


def warnings_of(report: dict[str, Any]) -> list[str]:
    """Sentences on what is wrong with the answers, or with their test."""
    told = told_known(report, what="files")
    machines = {name: row for name, row in report["baselines"].items() if name != "people"}
    if machines:
        name, best = max(machines.items(), key=lambda item: item[1]["cider"])
        if best["cider"] >= report["cider"]:
            told.append(f"The model does NOT beat {name}.")
    told += told_shares(report)
    if report["skipped"]:
        told.append(f"{len(report['skipped']):,} file(s) were left out; report.json lists them.")
    return told


def _baselines(
    outcome: Outcome, model: Captioning, data: CaptionDataModule, *, knows_training: bool
) -> dict[str, dict[str, float]]:
    part = data.parts[data.reported_part]
    answered: dict[str, list[str]] = {}
    if data.most_frequent is not None:
        answered["most_frequent_caption"] = [data.most_frequent] * len(outcome.ids)
    if knows_training:
        known: Any = data.parts["train"]
        features = _mean_features(model, data, part)
        known_features = _mean_features(model, data, known)
        answered["nearest_training_example"] = nearest_caption(
            np.stack([features[id] for id in outcome.ids]),
            known_features=np.stack([known_features[id] for id in known.ids.tolist()]),
            known_captions=[some[0] for some in known.written()],
        )
    if int(part.inputs.lengths.max()) > 1:
        shuffled = _shuffled_answers(model, data, part)
        answered["frames_shuffled"] = [shuffled[id] for id in outcome.ids]
    found = {
        name: caption_measures(answers, outcome.references) for name, answers in answered.items()
    }
    said = people(outcome.references)
    return found if said is None else found | {"people": said}


def _batches(model: Captioning, data: CaptionDataModule, part: Part) -> Iterator[PairBatch]:
    model.eval()
    loader: Iterable[Any] = data.loader(part, alone=True)
    for batch in loader:
        if batch.num_sequences:
            yield batch._replace(steps=batch.steps.to(model.device))


@torch.no_grad()
def _mean_features(model: Captioning, data: CaptionDataModule, part: Part) -> dict[int, np.ndarray]:
    """By id, the mean of each example's encoded frames and their places, (D,)."""
    found: dict[int, np.ndarray] = {}
    source = model.model.source
    for batch in _batches(model, data, part):
        lengths = batch.lengths.to(model.device)
        features = source.encode(batch.steps, lengths, is_encoded=batch.is_encoded)
        if features.ndim == 3:
            features = features.mean(1)
        sums = features.new_zeros(len(lengths), features.shape[1])
        sums.index_add_(0, rows_of(lengths, len(features)), features)
        means = (sums / lengths[:, None]).float().cpu().numpy()
        found |= dict(zip(batch.ids.tolist(), means, strict=True))
    return found


@torch.no_grad()
def _shuffled_answers(model: Captioning, data: CaptionDataModule, part: Part) -> dict[int, str]:
    """By id, the model's answer to the same frames in another order, which depends on the id alone."""
    assert data.tokenizer is not None
    found: dict[int, str] = {}
    for batch in _batches(model, data, part):
        pieces, start = [], 0
        for id, length in zip(batch.ids.tolist(), batch.lengths.tolist(), strict=True):
            pieces.append(start + np.random.default_rng(id).permutation(length))
            start += length
        order = torch.from_numpy(np.concatenate(pieces)).to(model.device)
        memory = model.model.remember(
            batch.steps[order], batch.lengths.to(model.device), is_encoded=batch.is_encoded
        )
        answers = model.search(memory, batch.lengths.tolist(), beam=model.beam)
        texts = [data.tokenizer.decode(best.tokens) for best, *_ in answers]
        found |= dict(zip(batch.ids.tolist(), texts, strict=True))
    return found


def _skipped(model: Captioning, data: CaptionDataModule) -> list[dict[str, str]]:
    every = {one.id: one for one in data.skipped} | model.skipped
    return [{"source": one.source, "reason": one.reason} for _, one in sorted(every.items())]
