"""Continuation of a prompt by a language model: ``make sample-language CKPT=… PROMPT="…"``."""

import math
import sys
from itertools import islice

from data.files.encodings import typed_text
from data.files.errors import InputError
from data.plain_text.content import clean
from data.plain_text.prompts import first_tokens, readable
from data.tokens.vocabulary import END, UNKNOWN
from pipelines.predict.continuation import continuation
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.text_checkpoints import load_language, tokenizer_of


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.sample --ckpt=… --prompt=…``."""
    parser = option_parser("sample", COMMANDS["sample"].help)
    parser.add_argument("--ckpt", type=str | None, default=None, help="the checkpoint")
    parser.add_argument("--trust", type=str | None, default=None, help=TRUST_HELP)
    parser.add_argument("--prompt", type=str, default="", help="what to continue")
    parser.add_argument("--length", type=int, default=500, help="how many tokens to add")
    parser.add_argument("--temperature", type=float, default=0.8, help="0: always the likeliest")
    parser.add_argument("--top_p", type=float, default=1.0, help="leave out the improbable rest")
    parser.add_argument("--seed", type=int, default=0, help="what chance is drawn from")
    with one_line_errors():
        options = parse(parser, sys.argv[1:] if args is None else args)
        _check(options)
        prompt = clean(typed_text(options.prompt, option="PROMPT"))
        task = load_language(options.ckpt, trust=options.trust)
        tokenizer = tokenizer_of(task)
        end = tokenizer.token_to_id(END)
        drawn = continuation(
            task.model,
            first_tokens(tokenizer, prompt, end=end),
            temperature=options.temperature,
            top_p=options.top_p,
            seed=options.seed,
            never=tokenizer.token_to_id(UNKNOWN),
        )
        written = list(islice(drawn, options.length))
        print(readable(tokenizer, prompt, written, end=end))


def _check(options: object) -> None:
    ckpt, length, temperature, top_p, seed = (
        getattr(options, name) for name in ("ckpt", "length", "temperature", "top_p", "seed")
    )
    if ckpt is None:
        raise InputError(
            "CKPT is missing: name a checkpoint,"
            " e.g. CKPT=runs/language/latest/checkpoints/best.ckpt"
        )
    if length < 1:
        raise InputError(f"LENGTH={length}: at least 1 token")
    if not 0 <= temperature < math.inf:
        raise InputError(f"--temperature={temperature}: 0 (always the likeliest) or more")
    if not 0 < top_p <= 1:
        raise InputError(f"--top_p={top_p}: more than 0 and at most 1 (all tokens)")
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed={seed}: from 0 to {2**63 - 1}")


if __name__ == "__main__":
    main()
