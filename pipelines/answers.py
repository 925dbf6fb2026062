"""What a model answers to the examples of a test.

B examples · N steps in the batch · D features · K classes
"""

from typing import NamedTuple

from torch import Tensor


class Answers(NamedTuple):
    """What the model said of B examples; on the CPU."""

    ids: Tensor
    """(B,) int64"""
    labels: Tensor
    """(B,) int64"""
    probabilities: Tensor
    """(B, K) float64"""
    mean_features: Tensor
    """(B, D) the mean of each sequence's encoded steps: what a model blind to order could know."""
    middle_features: Tensor
    """(B, D) the encoded step in the middle of each sequence: what a single frame tells."""


def middle(features: Tensor, lengths: Tensor) -> Tensor:
    """Features (N, D) and lengths (B,) → (B, D): of each sequence the step in its middle."""
    return features[lengths.cumsum(0) - lengths + lengths // 2]
