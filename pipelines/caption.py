"""Captions by a saved model: ``make caption CKPT=… INPUT=photo|clip|folder``."""

import sys
from functools import partial
from typing import Any, TextIO

from data.files.checkpoint import read_saved
from data.files.errors import InputError
from pipelines.predict.output import print_answers
from pipelines.predict.writing.captioner import Captioner
from pipelines.predict.writing.options import (
    add_writing_options,
    check_writing_options,
    print_written,
    writer_options,
)
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.text_checkpoints import CAPTIONS, source_to_text_of


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.caption --ckpt=… --input=…``.

    Exit code 0: every picture and clip has a caption; 1: some have none; 2: an option cannot be used.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        check_writing_options(options, folder="captions")
        if not options.input:
            raise InputError("INPUT is missing: give a picture, a clip, or a folder of them")
        prepare_processor()
        saved = read_saved(options.ckpt, task=CAPTIONS)
        model = source_to_text_of(saved, where=f"CKPT={options.ckpt}", trust=options.trust)
        captioner = Captioner(model, **writer_options(options))
        print_answers(partial(_caption, captioner, options), options.format)


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "caption",
        COMMANDS["caption"].help,
        epilog="A line for each picture or clip: its caption and its path. Exit code 0: all have one; 1:"
        " some have none; 2: an option or a file that cannot be used.",
    )
    parser.add_argument(
        "--input",
        type=str | None,
        default=None,
        help="a picture, a clip, a folder of them, or a pattern in quotes such as 'photos/*.jpg'",
    )
    add_writing_options(parser)
    return parse(parser, args)


def _caption(captioner: Captioner, options: Any, out: TextIO) -> int:
    items = captioner.steps.items_at(options.input)
    return print_written(captioner.answers(items), options.format, out, names_source=True)


if __name__ == "__main__":
    main()
