"""Translation by a saved model: ``make translate CKPT=… TEXT="…"|INPUT=file|-``."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from data.files.encodings import typed_text
from data.files.errors import InputError
from data.tables.table_format import TableFormat
from models.sequence.search import Hypothesis
from pipelines.predict.inputs import STANDARD_INPUT, Item, standard_input, text_items
from pipelines.predict.translator import Translation, Translator
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.escaping import printable
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.text_checkpoints import load_generation

Format = Literal["text", "json", "csv"]


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.translate --ckpt=… --text=… | --input=…``.

    Exit code 0: every text was translated; 1: some were not; 2: an option cannot be used.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        _check(options)
        prepare_processor()
        task = load_generation(options.ckpt, trust=options.trust)
        translator = Translator(task, beam=options.beam, num_best=options.num_best)
        num_bad = 0
        try:
            if options.format == "csv":
                sys.stdout.write(_csv([COLUMNS]))
            for group in _groups(options):
                for one in translator.answers(group):
                    num_bad += one.problem is not None
                    sys.stdout.write(_WRITERS[options.format](one, options.attention))
                    sys.stdout.flush()
        except BrokenPipeError:
            # The reader of the pipe has closed it; the flush at exit must not fail once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            num_bad = 1
    if num_bad:
        sys.exit(1)


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
        "text_column": "the texts' column in a table, or its number, from 1; by itself: source",
        "columns": "names for the columns of a CSV file whose first line is a row: source,target",
        "encoding": "of texts that are neither UTF-8 nor marked as UTF-16: cp1252, cp949, …",
    }
    for name, help in texts.items():
        parser.add_argument(f"--{name}", type=str, default=None, help=help)
    parser.add_argument("--format", type=Format, default="text", help="of what is printed")
    parser.add_argument("--beam", type=int | None, default=None, help="hypotheses; 1: greedy")
    parser.add_argument("--num_best", type=int, default=1, help="translations of each text")
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
    if options.attention and options.format != "json":
        raise InputError("--attention: is written as JSON; add --format=json")


def _groups(options: Any) -> Iterator[Iterable[Item]]:
    if options.text is not None:
        return iter([[Item(typed_text(options.text, option="TEXT"))]])
    if options.input == STANDARD_INPUT:
        return standard_input(sys.stdin.fileno(), encoding=options.encoding)
    names = None if options.columns is None else tuple(options.columns.split(","))
    format = TableFormat(columns=names, encoding=options.encoding, prefix="--")
    return iter([text_items(options.input, column=options.text_column or "source", format=format)])


def _text(found: Translation, attention: bool) -> str:
    if found.problem is not None:
        return f"error\t{printable(found.source)}: {found.problem}\n"
    return "".join(f"{printable(text)}\n" for text in found.texts)


def _json(found: Translation, attention: bool) -> str:
    if found.problem is not None:
        return (
            json.dumps({"source": found.source, "error": found.problem}, ensure_ascii=False) + "\n"
        )
    best = [
        {"text": text, "score": one.score, "log_probability": one.log_probability,
         "finished": one.is_finished}
        | (_attention(found.pieces[0], pieces, one) if attention else {})
        for text, one, pieces in zip(found.texts, found.best, found.pieces[1], strict=True)
    ]  # fmt: skip
    content = {"source": found.source, **best[0]}
    if len(best) > 1:
        content["best"] = best
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def _attention(source: list[str], answer: list[str], one: Hypothesis) -> dict[str, Any]:
    weights = one.attention[: len(answer), : len(source)]
    return {
        "source_tokens": source,
        "tokens": answer,
        "attention": [[round(weight, 4) for weight in row] for row in weights.tolist()],
    }


COLUMNS = ["source", "rank", "text", "score", "finished", "error"]


def _csv_rows(found: Translation, attention: bool) -> str:
    if found.problem is not None:
        return _csv([[found.source, "", "", "", "", found.problem]])
    return _csv(
        [found.source, rank, text, one.score, str(one.is_finished).lower(), ""]
        for rank, (text, one) in enumerate(zip(found.texts, found.best, strict=True), start=1)
    )


def _csv(rows: Iterable[list[Any]]) -> str:
    content = io.StringIO(newline="")
    csv.writer(content, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(rows)
    return content.getvalue()


_WRITERS = {"text": _text, "json": _json, "csv": _csv_rows}

if __name__ == "__main__":
    main()
