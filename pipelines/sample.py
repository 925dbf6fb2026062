"""A language model's continuation of a text: ``make sample-language CKPT=… PROMPT="…"``."""

import math
import sys
from collections.abc import Iterator
from itertools import islice

import torch
from jsonargparse import ArgumentParser
from tokenizers import Tokenizer
from torch import Tensor

from data.encodings import typed_text
from data.errors import InputError
from data.language import END
from data.vocabulary import UNKNOWN, clean
from models.language import LanguageModel
from pipelines.allowed_classes import TRUST_HELP
from pipelines.errors import one_line_errors
from pipelines.language_checkpoints import load_language, tokenizer_of
from pipelines.language_task import carry_on


def choose(
    log_probabilities: Tensor, *, temperature: float, top_p: float, generator: torch.Generator
) -> int:
    """Draw the next token.

    Args:
        log_probabilities: (V,); -inf is never drawn.
        temperature: p^(1 / temperature): below 1 the probable becomes more probable; at 0 the most
            probable token is always taken.
        top_p: only among the most probable tokens that together have this probability (Holtzman
            2020, "The Curious Case of Neural Text Degeneration").
        generator: what chance is drawn from.
    """
    if temperature == 0:
        return int(log_probabilities.argmax())
    probabilities = (log_probabilities.double() / temperature).softmax(0)
    if top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        # What stands before a token: the first one always stays.
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
    """Token after token, without end: each is read, with the carried state, before the next.

    Args:
        model: in eval mode.
        tokens: what is read first, at least one.
        temperature, top_p: see `choose`.
        seed: the same gives the same.
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


def first_tokens(tokenizer: Tokenizer, prompt: str) -> list[int]:
    """The tokens of a prompt; of an empty one, what stands before the beginning of a text."""
    end = tokenizer.token_to_id(END)
    tokens = tokenizer.encode(prompt).ids
    if end is not None:
        return [end, *tokens]
    return tokens or tokenizer.encode("\n").ids or [tokenizer.token_to_id(UNKNOWN) or 0]


def readable(tokenizer: Tokenizer, prompt: str, tokens: list[int]) -> str:
    """The prompt as it was typed and what was drawn after it, a blank line between documents."""
    end = tokenizer.token_to_id(END)
    documents: list[list[int]] = [[]]
    for token in tokens:
        if token == end:
            documents.append([])
        else:
            documents[-1].append(token)
    # What joins the first word to the prompt is what would have joined it within a text.
    asked = tokenizer.encode(prompt).ids
    known, whole = tokenizer.decode(asked), tokenizer.decode(asked + documents[0])
    first = whole.removeprefix(known) if whole.startswith(known) else whole
    return "\n\n".join([prompt + first, *map(tokenizer.decode, documents[1:])])


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.sample --ckpt=… --prompt=…``."""
    parser = ArgumentParser(description="A language model's continuation of a text.")
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
    parser.add_argument("--prompt", type=str, default="", help="what to continue")
    parser.add_argument("--length", type=int, default=500, help="how many tokens to add")
    parser.add_argument("--temperature", type=float, default=0.8, help="0: always the likeliest")
    parser.add_argument("--top_p", type=float, default=1.0, help="leave out the improbable rest")
    parser.add_argument("--seed", type=int, default=0, help="what chance is drawn from")
    options = parser.parse_args(sys.argv[1:] if args is None else args)
    with one_line_errors():
        _check(options)
        prompt = clean(typed_text(options.prompt, option="PROMPT"))
        task = load_language(options.ckpt, trust=options.trust)
        tokenizer = tokenizer_of(task)
        drawn = continuation(
            task.model,
            first_tokens(tokenizer, prompt),
            temperature=options.temperature,
            top_p=options.top_p,
            seed=options.seed,
            never=tokenizer.token_to_id(UNKNOWN),
        )
        print(readable(tokenizer, prompt, list(islice(drawn, options.length))))


def _check(options: object) -> None:
    ckpt, length, temperature, top_p = (
        getattr(options, name) for name in ("ckpt", "length", "temperature", "top_p")
    )
    if ckpt is None:
        raise InputError(
            "CKPT is missing: name a checkpoint,"
            " e.g. CKPT=runs/language/latest/checkpoints/best.ckpt"
        )
    if length < 1:
        raise InputError(f"LENGTH={length}: at least 1 token")
    if not temperature >= 0:
        raise InputError(f"--temperature={temperature}: 0 (always the likeliest) or more")
    if not 0 < top_p <= 1:
        raise InputError(f"--top_p={top_p}: more than 0 and at most 1 (all tokens)")


if __name__ == "__main__":
    main()
