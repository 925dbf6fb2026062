"""Translation by a saved model: ``make translate CKPT=… TEXT="…"|INPUT=file|-``."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Literal, TextIO

from data.files.encodings import typed_text
from data.files.errors import InputError
from data.tables.table_format import table_format
from models.sequence.search import Hypothesis
from pipelines.predict.inputs import STANDARD_INPUT, Item, standard_input, text_items
from pipelines.predict.output import (
    Format,
    csv_lines,
    json_object,
    print_answer,
    print_answers,
)
from pipelines.predict.translator import Translation, Translator
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.escaping import printable
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.text_checkpoints import load_translator

_COLUMNS = ["source", "rank", "text", "score", "finished", "error"]


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.translate --ckpt=… --text=… | --input=…``.

    Exit code 0: every text was translated; 1: some were not; 2: an option cannot be used.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        _check(options)
        prepare_processor()
        model = load_translator(options.ckpt, trust=options.trust)
        translator = Translator(
            model,
            beam=options.beam,
            num_best=options.num_best,
            blocked_ngram=options.blocked_ngram,
            temperature=options.temperature,
            seed=options.seed,
            keeps_attention=options.attention,
        )
        print_answers(partial(_translate, translator, options), options.format)


def _translate(translator: Translator, options: Any, out: TextIO) -> int:
    """Print all translations; return the number of texts without one."""
    if options.format == "csv":
        out.write(csv_lines([_COLUMNS]))
    num_bad = 0
    for group in _groups(translator, options):
        for found in translator.answers(group):
            num_bad += found.problem is not None
            if options.format == "text":
                told = _text(found)
            elif options.format == "csv":
                told = csv_lines(_rows(found))
            else:
                told = json_object(_object(found, translator if options.attention else None))
            print_answer(told, out)
    return num_bad


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "translate",
        COMMANDS["translate"].help,
        epilog="A line for each text, in their order. Exit code 0: all were translated; 1: some were"
        " not; 2: an option or a file that cannot be used.",
    )
    texts = {
        "ckpt": "the checkpoint",
        "trust": TRUST_HELP,
        "text": "a text to translate",
        "input": "texts: a .txt file with one a line, a .csv, .tsv, .jsonl, .json or .parquet table, or"
        " - for the lines of standard input",
        "text_column": "the texts' column in a table, or its number, from 1; by itself: as in training",
        "columns": "names for the columns of a CSV file whose first line is a row: source,target",
        "encoding": "of texts that are neither UTF-8 nor marked as UTF-16: cp1252, cp949, …",
    }
    for name, help in texts.items():
        parser.add_argument(f"--{name}", type=str, default=None, help=help)
    parser.add_argument(
        "--quoting",
        type=Literal["double", "none"],
        default="double",
        help="of CSV: none where quotes mean nothing",
    )
    parser.add_argument("--format", type=Format, default="text", help="of what is printed")
    parser.add_argument("--beam", type=int | None, default=None, help="hypotheses; 1: greedy")
    parser.add_argument("--num_best", type=int, default=1, help="translations of each text")
    parser.add_argument(
        "--blocked_ngram", type=int, default=0, help="no so many tokens come twice; 0: they may"
    )
    parser.add_argument(
        "--temperature",
        type=float | None,
        default=None,
        help="draw translations by chance, in place of a search; below 1 the probable ones more often",
    )
    parser.add_argument("--seed", type=int, default=0, help="what chance is drawn from")
    parser.add_argument(
        "--attention", action="store_true", help="in json, also the weight of each source token"
    )
    return parse(parser, args)


def _check(options: Any) -> None:
    if not options.ckpt:
        raise InputError(
            "CKPT is missing: name a checkpoint,"
            " e.g. CKPT=runs/translation/latest/checkpoints/best.ckpt"
        )
    if (options.text is None) == (options.input is None):
        raise InputError('give one of TEXT="…", a text, and INPUT=texts.txt, a file of texts or -')
    if options.beam is not None and options.beam < 1:
        raise InputError(f"--beam={options.beam}: at least 1 hypothesis")
    if options.num_best < 1 or (options.beam is not None and options.num_best > options.beam):
        raise InputError(
            f"--num_best={options.num_best}: at least 1, and at most as many as --beam"
        )
    if options.blocked_ngram < 0:
        raise InputError(f"--blocked_ngram={options.blocked_ngram}: 0 (none) or more tokens")
    if options.temperature is not None and options.temperature <= 0:
        raise InputError(
            f"--temperature={options.temperature}: more than 0; for the likeliest, leave it out"
        )
    if options.temperature is not None and options.beam is not None:
        raise InputError(
            f"--temperature={options.temperature} draws and --beam={options.beam} searches; leave one"
            " of them out"
        )
    if options.attention and options.format != "json":
        raise InputError("--attention: is written as JSON; add --format=json")


def _groups(translator: Translator, options: Any) -> Iterator[Iterable[Item]]:
    if options.text is not None:
        return iter([[Item(typed_text(options.text, option="TEXT"))]])
    format = table_format(
        columns=options.columns, encoding=options.encoding, quoting=options.quoting, prefix="--"
    )
    if options.input == STANDARD_INPUT:
        return standard_input(sys.stdin.fileno(), encoding=format.encoding)
    column = options.text_column or translator.model.description["data"]["source_column"]
    return iter([text_items(options.input, column=column, format=format)])


def _text(found: Translation) -> str:
    if found.problem is not None:
        return f"error\t{printable(found.source)}: {found.problem}\n"
    return "".join(f"{printable(text)}\n" for text in found.texts)


def _object(found: Translation, speller: Translator | None) -> dict[str, Any]:
    """Plain values of a translation; with the attention if a translator is given to spell tokens."""
    if found.problem is not None:
        return {"source": found.source, "error": found.problem}
    best = [
        {"text": text, "score": one.score, "log_probability": one.log_probability,
         "finished": one.is_finished}
        | ({} if speller is None else _attention(found.tokens, one, speller))
        for text, one in zip(found.texts, found.best, strict=True)
    ]  # fmt: skip
    return {"source": found.source, **best[0]} | ({"best": best} if len(best) > 1 else {})


def _attention(source: list[int], one: Hypothesis, speller: Translator) -> dict[str, Any]:
    weights = one.attention[: len(one.tokens), : len(source)]
    return {
        "source_tokens": speller.pieces(source),
        "tokens": speller.pieces(one.tokens),
        "attention": [[round(weight, 4) for weight in row] for row in weights.tolist()],
    }


def _rows(found: Translation) -> Iterator[list[Any]]:
    if found.problem is not None:
        yield [found.source, None, None, None, None, found.problem]
    for rank, (text, one) in enumerate(zip(found.texts, found.best, strict=True), start=1):
        yield [found.source, rank, text, one.score, str(one.is_finished).lower(), None]


if __name__ == "__main__":
    main()
