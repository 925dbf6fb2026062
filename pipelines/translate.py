"""Translation by a saved model: ``make translate CKPT=… TEXT="…"|INPUT=file|-``."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Literal, TextIO

from data.files.encodings import typed_text
from data.files.errors import InputError
from data.tables.table_format import table_format
from pipelines.predict.inputs import STANDARD_INPUT, Item, standard_input, text_items
from pipelines.predict.output import print_answers
from pipelines.predict.writing.options import (
    add_writing_options,
    check_writing_options,
    print_written,
    writer_options,
)
from pipelines.predict.writing.translator import Translator
from pipelines.predict.writing.writer import WrittenAnswer
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.text_checkpoints import load_translator


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.translate --ckpt=… --text=… | --input=…``.

    Exit code 0: every text was translated; 1: some were not; 2: an option cannot be used.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        check_writing_options(options, folder="translation")
        if (options.text is None) == (options.input is None):
            raise InputError(
                'give one of TEXT="…", a text, and INPUT=texts.txt, a file of texts or -'
            )
        prepare_processor()
        model = load_translator(options.ckpt, trust=options.trust)
        translator = Translator(model, **writer_options(options))
        print_answers(partial(_translate, translator, options), options.format)


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "translate",
        COMMANDS["translate"].help,
        epilog="A line for each text, in their order. Exit code 0: all were translated; 1: some were"
        " not; 2: an option or a file that cannot be used.",
    )
    texts = {
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
    add_writing_options(parser)
    return parse(parser, args)


def _translate(translator: Translator, options: Any, out: TextIO) -> int:
    answers = _answers(translator, options)
    return print_written(answers, options.format, out, names_source=False)


def _answers(translator: Translator, options: Any) -> Iterator[WrittenAnswer]:
    for group in _groups(translator, options):
        yield from translator.answers(group)


def _groups(translator: Translator, options: Any) -> Iterator[Iterable[Item]]:
    if options.text is not None:
        return iter([[Item(typed_text(options.text, option="TEXT"))]])
    format = table_format(
        columns=options.columns, encoding=options.encoding, quoting=options.quoting, prefix="--"
    )
    if options.input == STANDARD_INPUT:
        return standard_input(sys.stdin.fileno(), encoding=format.encoding)
    trained_on = translator.model.description["data"]
    column = options.text_column or trained_on.get("source_column", "source")
    return iter([text_items(options.input, column=column, format=format)])


if __name__ == "__main__":
    main()
