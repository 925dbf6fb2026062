"""Effect of the order of steps: the same model on shuffled steps, the first half, the last step.

B sequences · N steps in the batch · D features · K classes
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.batches.ragged import RaggedBatch

# Beyond this number, more examples change a share by less than a percent.
MOST_EXAMPLES = 2_000

#: readings by name: (length of a sequence, generator) → the steps to read, in their order
READINGS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "shuffled": lambda length, generator: generator.permutation(length),
    "first_half": lambda length, generator: np.arange(max(length // 2, 1)),
    "last_step": lambda length, generator: np.array([length - 1]),
}


def chosen_ids(ids: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Choose at most `MOST_EXAMPLES` of the ids (n,) of a part, the same on every rank."""
    if len(ids) <= MOST_EXAMPLES:
        return ids
    return np.random.default_rng(seed).choice(ids, MOST_EXAMPLES, replace=False)


def answers_reordered(
    batch: RaggedBatch,
    *,
    encode: Callable[[RaggedBatch], Tensor],
    read: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Predicted classes for the sequences of a batch under each of the `READINGS`.

    Args:
        batch: B sequences.
        encode: a batch → features (N, D). Steps are encoded anew for each reading, since an encoder
            may look back.
        read: features (N, D) and lengths (B,) → scores (B, K), calibrated, so that the largest is the
            answer's.

    Returns:
        (B, readings) int64: the classes, in the order of `READINGS`. Shuffling depends on the ids of
        the examples alone, not on their batch.
    """
    ends, lengths = batch.lengths.cumsum(0).tolist(), batch.lengths.tolist()
    answered = []
    for keep in READINGS.values():
        rows, kept = [], []
        for k in range(len(lengths)):
            generator = np.random.default_rng(int(batch.ids[k]))
            own = keep(lengths[k], generator)
            rows.append(own + ends[k] - lengths[k])
            kept.append(len(own))
        places = torch.from_numpy(np.concatenate(rows)).to(batch.steps.device)
        new_lengths = torch.tensor(kept, device=batch.lengths.device)
        features = encode(batch._replace(steps=batch.steps[places], lengths=new_lengths))
        answered.append(read(features, new_lengths).argmax(1))
    return torch.stack(answered, dim=1).cpu()


def describe_order(labels: np.ndarray, whole: np.ndarray, otherwise: np.ndarray) -> dict[str, Any]:
    """Accuracy of each reading in the report, and its difference to that of the whole sequence.

    Args:
        labels: (n,) true classes.
        whole: (n,) classes predicted for the whole sequences.
        otherwise: (n, readings) classes, see `answers_reordered`.
    """
    # SciPy takes a second to load, and prediction imports this module without needing it.
    from pipelines.metrics.intervals import Comparison

    answers = {"whole": whole, **dict(zip(READINGS, otherwise.T, strict=True))}
    num_classes = 1 + max(int(one.max()) for one in (labels, whole, otherwise))
    found = Comparison(labels, answers, num_classes=num_classes)
    return {
        "num_examples": len(labels),
        **{name: float((labels == answer).mean()) for name, answer in answers.items()},
        "against_whole": {name: found.difference(name, "whole")["accuracy"] for name in READINGS},
    }
