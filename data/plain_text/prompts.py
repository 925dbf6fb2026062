"""Prompts of a language model, and their continuations as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def first_tokens(tokenizer: "Tokenizer", prompt: str, *, end: int | None) -> list[int]:
    """Tokens of a prompt, at least one; an empty prompt gives the token that begins a text.

    Args:
        tokenizer: the model's.
        prompt: the text to continue.
        end: the token between documents; None: there is none.
    """
    tokens: list[int] = tokenizer.encode(prompt).ids
    if end is not None:
        return [end, *tokens]
    return tokens or tokenizer.encode("\n").ids or [0]  # 0 is unknown in every tokenizer


def readable(tokenizer: "Tokenizer", prompt: str, tokens: list[int], *, end: int | None) -> str:
    """Prompt as typed with the decoded continuation; a blank line separates documents."""
    documents: list[list[int]] = [[]]
    for token in tokens:
        if token == end:
            documents.append([])
        else:
            documents[-1].append(token)
    # Decode prompt and continuation together: a tokenizer may drop the space of a first word.
    asked = tokenizer.encode(prompt).ids
    known, whole = tokenizer.decode(asked), tokenizer.decode(asked + documents[0])
    first = whole.removeprefix(known) if whole.startswith(known) else whole
    return "\n\n".join([prompt + first, *map(tokenizer.decode, documents[1:])])
