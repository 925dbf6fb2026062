"""The predict command: a saved model classifies a user's own clips and texts.

From Python: ``from pipelines.predict import load; model = load("best.ckpt"); model("a fine film")``.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, TextIO, cast

from data.files.encodings import typed_text
from data.files.errors import InputError
from data.tokens.vocabulary import MOST_UNKNOWN
from pipelines.predict.inputs import (
    STANDARD_INPUT,
    Item,
    standard_input,
    text_items,
)
from pipelines.predict.output import Format, lines_of, print_answer, print_answers
from pipelines.predict.overlay import check_output, write_overlay
from pipelines.predict.predictor import Predictor, Unanswered, load_predictor
from pipelines.predict.steps import TextSteps
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.tasks.kinds import classifiers

log = logging.getLogger(__name__)


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.predict --ckpt=… --text=… | --input=…``.

    Exit code 0: every item was answered; 1: some were not; 2: an option cannot be used.
    """
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        _check(options)
        prepare_processor()
        model = load_predictor(options.ckpt, task=options.task, trust=options.trust)
        print_answers(partial(_predict, model, options), options.format)


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "predict",
        COMMANDS["predict"].help,
        epilog="A line for each clip or text, in their order, blank lines and what cannot be read too."
        " Exit code 0: all were answered; 1: some were not; 2: an option or a file that cannot be"
        " used.",
    )
    texts = {
        "ckpt": "the checkpoint",
        "trust": TRUST_HELP,
        "text": "a text to classify",
        "input": "a clip, a folder of clips or a pattern such as 'clips/*.mp4'; or texts: a .txt file"
        " with one a line, a .csv, .tsv, .jsonl, .json or .parquet table, or - for the lines of"
        " standard input",
        "text_column": "the texts' column in a table, or its number, from 1; by itself: text",
        "columns": "names for the columns of a CSV file whose first line is a row: label,text",
        "encoding": "of texts that are neither UTF-8 nor marked as UTF-16: cp1252, cp949, …",
        "overlay": "write the clip, of which there must be one, with the running answer drawn on it:"
        " OUT.mp4",
    }
    for name, help in texts.items():
        parser.add_argument(f"--{name}", type=str, default=None, help=help)
    parser.add_argument(
        "--task",
        type=Literal[tuple(classifiers())] | None,
        default=None,
        help="refuse a checkpoint of another task",
    )
    parser.add_argument(
        "--quoting",
        type=Literal["double", "none"] | None,
        default=None,
        help="of CSV: none where quotes mean nothing; by itself: double",
    )
    parser.add_argument("--format", type=Format, default="text", help="of what is printed")
    parser.add_argument(
        "--timeline",
        action="store_true",
        help="also the running answer: what it would be after each step; in csv a row for each, the"
        " last of which is the answer",
    )
    return parse(parser, args)


def _check(options: Any) -> None:
    """Raise for wrong options that can be detected without the checkpoint."""
    if not options.ckpt:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/video/latest/checkpoints/best.ckpt"
        )
    if options.text is not None and options.input is not None:
        raise InputError("TEXT and INPUT are both given; give one of them")
    if options.overlay is not None:
        check_output(Path(options.overlay))


def _predict(model: Predictor, options: Any, out: TextIO) -> int:
    """Print all answers; return the number of items without one."""
    groups = _paths(model, options) if model.steps.takes_paths else _texts(model, options)
    before, lines = lines_of(
        options.format,
        classes=model.classes,
        timeline=options.timeline,
        has_seconds=model.steps.draws,
    )
    out.write(before)
    num_bad = num_answered = num_doubtful = 0
    draws = options.overlay is not None
    for group in groups:
        for found, timeline in model.answers(group, timeline=options.timeline or draws):
            if isinstance(found, Unanswered):
                num_bad += 1
            else:
                num_answered += 1
                num_doubtful += found.unknown_share > MOST_UNKNOWN
            print_answer(lines(found, timeline if options.timeline else None), out)
            if draws and timeline is not None:
                write_overlay(Path(found.source), Path(options.overlay), timeline)
    if num_doubtful:
        log.warning(
            "%d of %d answers are doubtful: most words of these texts are not in the model's vocabulary",
            *(num_doubtful, num_answered),
        )
    return num_bad


def _texts(model: Predictor, options: Any) -> Iterator[Iterable[Item]]:
    if options.overlay is not None:
        raise InputError("--overlay draws on a clip, and CKPT is a model for texts; leave it out")
    if options.text is not None:
        return iter([[Item(typed_text(options.text, option="TEXT"))]])
    if options.input is None:
        raise InputError(
            'TEXT is missing: give the text to classify, TEXT="…", or texts, INPUT=texts.csv'
        )
    reader = cast(TextSteps, model.steps)  # the only reader of texts
    format = reader.format_of(
        options.input, columns=options.columns, encoding=options.encoding, quoting=options.quoting
    )
    if options.input == STANDARD_INPUT:
        return standard_input(sys.stdin.fileno(), encoding=format.encoding)
    column = options.text_column or reader.text_column
    return iter([text_items(options.input, column=column, format=format)])


def _paths(model: Predictor, options: Any) -> Iterator[Iterable[Item]]:
    if options.text is not None or options.text_column is not None:
        raise InputError(
            f"TEXT is for models of texts, and CKPT is a model for {model.task}; give INPUT=clip.mp4"
        )
    if options.input is None or options.input == STANDARD_INPUT:
        raise InputError(
            "INPUT is missing: give the clip to classify, INPUT=clip.mp4, a folder, or a pattern"
        )
    items = model.steps.items_at(options.input)
    if options.overlay is not None and not model.steps.draws:
        raise InputError(
            f"--overlay draws on a clip, and CKPT is a model for {model.task}; leave it out"
        )
    if options.overlay is not None and len(items) > 1:
        raise InputError(
            f"--overlay={options.overlay}: draws on one clip, and INPUT={options.input} is"
            f" {len(items)}; name one of them"
        )
    if len(items) > 1:
        model.steps.leave_cores()
    return iter([items])
