"""Command ``make behave CKPT=…``: behaviour tests of a saved sentiment classifier."""

import sys
from pathlib import Path
from typing import Any, cast

from data.files.atomic_write import write_whole
from data.files.errors import InputError
from data.files.folders import why_no_file
from data.lessons.opinions import CLASSES
from pipelines.behaviour.answers import count_learnt, named_classes, positive_shares
from pipelines.behaviour.measures import asked_of, by_kind, measure, texts_of
from pipelines.behaviour.page import behaviour_page, text
from pipelines.behaviour.suite import Suite, read_suite
from pipelines.predict.inputs import text_items
from pipelines.predict.predictor import Predictor, load_predictor
from pipelines.predict.steps import TextSteps
from pipelines.runs.run_folders import RUNS, create_run, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.options import add_texts, option_parser, parse
from pipelines.runtime.processor import prepare_processor
from pipelines.runtime.strict_json import json_text
from pipelines.tasks.allowed_classes import TRUST_HELP

TASK = "behave"
# Failures of each test on the page; behaviour.json has them all.
_MOST_SHOWN = 50


def main(args: list[str] | None = None) -> None:
    """Run ``python -m pipelines.behaviour --ckpt=…``."""
    parser = option_parser("behaviour", COMMANDS["behaviour"].help)
    texts = {
        "ckpt": "the checkpoint",
        "trust": TRUST_HELP,
        "suite": "a YAML file with tests and word lists of your own",
        "texts": "texts to change beside those of templates: a .txt file with one a line, or a table",
        "text_column": "the texts' column in a table, or its number, from 1; by itself: text",
        "classes.positive": "the model's name of the class positive",
        "classes.negative": "the model's name of the class negative",
        "run": "name of the results in runs/behave",
        "output": "another folder for the results",
    }
    add_texts(parser, texts)
    with one_line_errors():
        options = parse(parser, sys.argv[1:] if args is None else args)
        if not options.ckpt:
            raise InputError(
                "CKPT is missing: name a checkpoint, e.g."
                " CKPT=runs/sentiment/latest/checkpoints/best.ckpt"
            )
        prepare_processor()
        suite = read_suite(options.suite)
        folder = _place(options.output, options.run)
        model = load_predictor(options.ckpt, task="sentiment", trust=options.trust)
        typed = {name: options.classes[name] for name in CLASSES}
        classes = named_classes(model.classes, typed)
        found = _figures(model, suite, _originals(model, options), classes, options)
        if options.output is None:
            create_run(TASK, folder.name, is_training=False)
        write_whole(folder / "behaviour.json", json_text(found))
        print(text(found))
        write_whole(folder / "behaviour.html", behaviour_page(found, most=_MOST_SHOWN))
        print(f"Page: {folder / 'behaviour.html'}")


def _place(output: str | None, run: str | None) -> Path:
    """Choose the folder of the results; one that already holds results is refused."""
    if output is None:
        return RUNS / TASK / name_run(TASK, run)
    if (Path(output) / "behaviour.html").exists() or Path(output).is_file():
        raise InputError(
            f"OUTPUT={output}: is there already and is never overwritten; name another"
        )
    return Path(output)


def _originals(model: Predictor, options: Any) -> list[str]:
    """Read the texts of the user; those without a word are left out."""
    if options.texts is None:
        return []
    path, reader = options.texts, cast(TextSteps, model.steps)
    if not Path(path).is_file():
        raise InputError(f"TEXTS={path}: {why_no_file(Path(path))}; name a .txt file or a table")
    column = options.text_column or reader.text_column
    format = reader.format_of(path, columns=None, encoding=None, quoting=None)
    try:
        items = [*text_items(path, column=column, format=format)]
    except InputError as error:
        raise InputError(str(error).replace(f"INPUT={path}", f"TEXTS={path}")) from error
    found = [item.source for item in items if item.problem is None and item.source.strip()]
    if not found:
        raise InputError(f"TEXTS={options.texts}: holds no text; name another file")
    return found


def _figures(
    model: Predictor, suite: Suite, originals: list[str], classes: dict[str, str], options: Any
) -> dict[str, Any]:
    every = asked_of(suite, originals)
    texts = texts_of(every)
    tests = measure(every, positive_shares(model, texts, classes))
    remarks = []
    if tuple(classes.values()) != tuple(classes):
        remarks.append(
            f"{classes['positive']} is taken for positive, {classes['negative']} for negative."
        )
    if suite.replaced:
        lists = ", ".join(suite.replaced)
        remarks.append(f"Word lists of {options.suite} stand in for the program's: {lists}.")
    return {
        "checkpoint": options.ckpt,
        "suite": options.suite,
        "texts": options.texts,
        "classes": classes,
        "num_texts": len(set(texts)),
        "num_learnt": count_learnt(model.model.description, texts_of(every, given=False)),
        "remarks": remarks,
        "by_kind": by_kind(tests),
        "tests": tests,
    }
