"""Sampling from a language model: each token is read before the next is drawn.

T tokens of a text · V tokens in the vocabulary
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from data.files.errors import InputError
from models.recurrence.cells import State
from models.sequence.language_model import LanguageModel


def carry_on(model: LanguageModel, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Read tokens (T,) of one text from a state on → log-probabilities (V,) of the next, new state."""
    with torch.inference_mode():
        features, state = model.read(tokens, torch.tensor([len(tokens)]), state)
        return model.head.log_probabilities(features[-1:])[0], state


def choose(
    log_probabilities: Tensor, *, temperature: float, top_p: float, generator: torch.Generator
) -> int:
    """Draw the next token.

    Args:
        log_probabilities: (V,); -inf is never drawn.
        temperature: probabilities become p^(1 / temperature), normalised. Below 1 probable tokens
            become more probable. At 0 the most probable token is always taken.
        top_p: draw only among the most probable tokens that together have this probability
            (nucleus sampling: Holtzman 2020, "The Curious Case of Neural Text Degeneration").
        generator: source of the random numbers.
    """
    if temperature == 0:
        return int(log_probabilities.argmax())
    # The best is 0, which no temperature makes infinite.
    log_probabilities = log_probabilities.double() - log_probabilities.max()
    probabilities = (log_probabilities / temperature).softmax(0)
    if top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        # The sum before each token, not up to it: the most probable token always stays.
        beyond = ordered.cumsum(0) - ordered >= top_p
        probabilities[order[beyond]] = 0
    return int(torch.multinomial(probabilities, 1, generator=generator))


def continuation(
    model: LanguageModel,
    tokens: list[int],
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
    never: int | None = None,
) -> Iterator[int]:
    """Draw tokens without end; each is read, with the carried state, before the next is drawn.

    Args:
        model: in eval mode.
        tokens: the prompt, at least one token.
        temperature, top_p: see `choose`.
        seed: the same seed gives the same tokens.
        never: a token that is not drawn.

    Raises:
        InputError: scores that are not finite.
    """
    generator = torch.Generator().manual_seed(seed)
    state = None
    steps = torch.tensor(tokens)
    while True:
        log_probabilities, state = carry_on(model, steps, state)
        if log_probabilities.isnan().any() or log_probabilities.isposinf().any():
            raise InputError(
                "the model's scores are not finite (NaN or infinite) after this prompt; give another,"
                " or a model that was trained with a lower rate"
            )
        log_probabilities = log_probabilities.clone()
        if never is not None:
            log_probabilities[never] = -math.inf
        token = choose(log_probabilities, temperature=temperature, top_p=top_p, generator=generator)
        yield token
        steps = torch.tensor([token])
