"""Parts of a model on padded batches: encoders, inputs of a recurrence, pooling.

B sequences · T steps of the longest · D features
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import pad

from models.encoders.foreground import WithForeground
from models.encoders.frames import FrameEncoder
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Encoder, Several
from models.errors import OptionError
from models.heads.gated import GatedInputs
from models.sequence.step_inputs import StepInputs


def encoded(encoder: Encoder, steps: Tensor) -> Tensor:
    """Steps (B, T, …) → features (B, T, D); those of frames come encoded, and are returned.

    Raises:
        OptionError: an encoder that looks back, or ahead, in a way of its own.
    """
    if encoder.looks_ahead and not isinstance(encoder, WithForeground):
        raise OptionError(
            f"{type(encoder).__name__} looks ahead in a way of its own, and cannot be exported"
        )
    if isinstance(encoder, FrameEncoder):
        return steps
    if isinstance(encoder, Several):
        return torch.cat([encoded(one, steps) for one in encoder.encoders], dim=2)  # type: ignore[arg-type]
    if isinstance(encoder, NgramEmbedding):
        steps = windows(steps, size=encoder.looks_back + 1)
    elif encoder.looks_back > 0:
        raise OptionError(
            f"{type(encoder).__name__} looks back in a way of its own, and cannot be exported"
        )
    return encoder(steps.flatten(0, 1)).unflatten(0, steps.shape[:2])


def share_ngrams(encoders: Iterable[Encoder]) -> None:
    """Let encoders that know the same n-grams share one list of them, which is then searched once."""
    found: list[NgramEmbedding] = []
    for one in encoders:
        if isinstance(one, NgramEmbedding):
            for other in found:
                if torch.equal(one.known, other.known):
                    one.known = other.known
                    break
            else:
                found.append(one)


def windows(tokens: Tensor, *, size: int) -> Tensor:
    """Tokens (B, T) → (B, T, size) with those before each, the nearest first; -1: there is none."""
    steps = torch.arange(tokens.shape[1], device=tokens.device)
    columns = [tokens]
    for back in range(1, size):
        earlier = tokens.index_select(1, (steps - back).clamp(min=0))
        columns.append(torch.where(steps < back, -1, earlier))
    return torch.stack(columns, dim=2)


def inputs_of(inputs: StepInputs | None, features: Tensor, mask: Tensor) -> Tensor:
    """Make a recurrence's inputs as `StepInputs` does.

    Args:
        inputs: what makes them; None: they are the features.
        features: (B, T, D).
        mask: (B, T) bool, True at steps of a sequence.

    Returns:
        (B, T, out_features); anything on padding.
    """
    if inputs is None:
        return features
    if inputs.center or inputs.scale:
        features = features - means(features, mask).unsqueeze(1)
        if inputs.scale:
            variance = means(features.square(), mask).clamp(min=inputs.SMALLEST**2)
            features = features / variance.sqrt().unsqueeze(1)
    parts = [features] if inputs.keep else []
    if inputs.difference != "none":
        steps = torch.arange(features.shape[1], device=features.device)
        change = features - features.index_select(1, (steps - inputs.gap).clamp(min=0))
        parts.append(change.abs() if inputs.difference == "absolute" else change)
    if inputs.deviation != "none":
        mean = means(features, mask).unsqueeze(1)
        parts.append(inputs.deviation_of(features, mean))
    return inputs.finish(torch.cat(parts, dim=2))


def gated(
    module: GatedInputs, inputs: Tensor, outputs: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Put gated inputs beside outputs, as `GatedInputs.beside` does.

    Args:
        module: what gates them.
        inputs: (T, B, D) of the recurrence.
        outputs: (T, B, R · H) of it, zeros on padding.
        lengths: (B,).

    Returns:
        (T, B, R · (H + F)), and those at the end of each direction's reading, (R, B, H + F).
    """
    last = (lengths - 1).reshape(1, -1, 1)
    both, ends = [], []
    for direction, one in enumerate(outputs.chunk(module.num_directions, dim=2)):
        # One step of zeros: behind the last, or before the first.
        before = (
            pad(one, (0, 0, 0, 0, 0, 1))[1:] if direction else pad(one, (0, 0, 0, 0, 1, 0))[:-1]
        )
        found = module(inputs, before, direction=direction)
        joined = torch.cat([one, found], dim=2)
        both.append(joined)
        end = joined[:1] if direction else joined.gather(0, last.expand(1, -1, joined.shape[2]))
        ends.append(end)
    return torch.cat(both, dim=2), torch.cat(ends)


def means(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over the steps of each sequence: (B, T, D), mask (B, T) → (B, D)."""
    kept = torch.where(mask.unsqueeze(2), values, 0.0)
    return kept.sum(1) / mask.sum(1, keepdim=True)


def pooled(kind: str, outputs: Tensor, ends: Tensor, mask: Tensor) -> Tensor:
    """Pool as `models.heads.pooling` does.

    Args:
        kind: ``last``, ``mean``, ``max`` or ``concat``.
        outputs: (T, B, D).
        ends: (R, B, D / R), the outputs at the end of each direction's reading.
        mask: (B, T) bool.

    Returns:
        (B, D), or (B, 3 D) for ``concat``.
    """
    last = ends.transpose(0, 1).flatten(1)
    if kind == "last":
        return last
    by_sequence = outputs.transpose(0, 1)
    mean = means(by_sequence, mask)
    if kind == "mean":
        return mean
    largest = torch.where(mask.unsqueeze(2), by_sequence, -torch.inf).amax(1)
    return largest if kind == "max" else torch.cat([last, largest, mean], dim=1)
