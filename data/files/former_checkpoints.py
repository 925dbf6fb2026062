"""Checkpoints of earlier versions: what they say of themselves, in the options of today."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

# Only training had a use for these.
_DROPPED = {"model": ("objective", "label_smoothing"), "data": ("balance",)}
# The variance of normalised word vectors was kept above it.
_LEAST_VARIANCE = 1e-8


def translate_saved(description: dict[str, Any], weights: dict[str, Tensor]) -> None:
    """Change a checkpoint of an earlier version to one of today that answers the same.

    Values of another type than they had are left for those to refuse who read them.
    """
    for place, names in _DROPPED.items():
        for name in names:
            description.get(place, {}).pop(name, None)
    for options in _dicts(description.get("model", {})):
        # Every class with such an option embedded words.
        if isinstance(options.get("normalize"), bool) and options.pop("normalize"):
            _normalize(weights)
    _move_ngrams(description)
    if "classes" in description.get("model", {}):
        # It stood among the plain values, and was 1 before there was one.
        temperature = torch.tensor(float(description.pop("temperature", 1.0)))
        weights.setdefault("probabilities.temperature", temperature)
        # There was one temperature for all lengths.
        weights.setdefault("probabilities.slope", torch.zeros(()))
        # Nothing was added for a class.
        if isinstance(classes := description["model"]["classes"], list):
            weights.setdefault("probabilities.bias", torch.zeros(len(classes)))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _dicts(one)


def _normalize(weights: dict[str, Tensor]) -> None:
    """Normalise word vectors by how often each word occurs, as every use of them did before.

    Miyato et al. 2017, "Adversarial Training Methods for Semi-Supervised Text Classification", eq. 1.
    """
    for name in [name for name in weights if name.endswith(".frequencies")]:
        frequencies = weights.pop(name)
        table = f"{name.removesuffix('frequencies')}embedding.weight"
        vectors = weights.get(table)
        # Damaged weights are left for those to refuse who compare them with the model's.
        if vectors is None or vectors.dtype != frequencies.dtype:
            continue
        if vectors.shape[:1] == frequencies.shape:
            centered = vectors - frequencies @ vectors
            variance = frequencies @ centered.square()
            weights[table] = centered * (variance + _LEAST_VARIANCE).rsqrt()


def _move_ngrams(description: dict[str, Any]) -> None:
    """How far an encoder of n-grams looks back stood among the options of the data."""
    ngrams = description.get("data", {}).pop("ngrams", 1)
    encoder = description.get("model", {}).get("encoder")
    if ngrams != 1 and isinstance(encoder, dict) and isinstance(encoder.get("init_args"), dict):
        encoder["init_args"].setdefault("ngrams", ngrams)
