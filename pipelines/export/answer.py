"""Answers from an exported folder: ``python answer.py "a fine film"``, ``python answer.py clip.mp4``.

From Python: ``from answer import load; model = load("folder"); model("a fine film")["label"]``.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.export.standalone.answerers import (
    ANSWERERS,
    Answerer,
    ClassAnswerer,
    ContinuationAnswerer,
)

#: version of the folder's layout
FORMAT = 1


def load(folder: str | Path) -> Answerer:
    """The model of an exported folder.

    Raises:
        ValueError: it is no such folder, or one of a later version.
    """
    file = Path(folder) / "model.json"
    if not file.is_file():
        raise ValueError(f"{folder}: holds no model.json; give a folder that `make export` wrote")
    about = json.loads(file.read_text(encoding="utf-8"))
    if about["format"] != FORMAT:
        raise ValueError(f"{folder}: is of version {about['format']}, and this reads {FORMAT}")
    return ANSWERERS[about["answers"]](Path(folder), about)


def main(args: list[str] | None = None, *, folder: str | Path | None = None) -> None:
    """Print a line of JSON for each item.

    Args:
        args: what was typed; None: ``sys.argv``.
        folder: the exported folder; None: the first item.

    Exit code 0: every item was answered; 1: some were not; 2: an option cannot be used.
    """
    parser = argparse.ArgumentParser(
        "answer.py", description="Answers of an exported model, as JSON."
    )
    if folder is None:
        parser.add_argument("folder", help="the exported folder")
    parser.add_argument(
        "items", nargs="*", help="texts, or paths of clips; -: lines of standard input"
    )
    parser.add_argument("--running", action="store_true", help="also the answer after each step")
    parser.add_argument("--length", type=int, help="language models: how many tokens to add")
    parser.add_argument(
        "--temperature", type=float, help="language models: 0: always the likeliest"
    )
    parser.add_argument("--seed", type=int, help="language models: what chance is drawn from")
    options = parser.parse_args(args)
    try:
        model = load(folder if folder is not None else options.folder)
    except ValueError as error:
        parser.error(str(error))
    if not options.items:
        parser.error("no item: give a text, the path of a clip, or - for lines of standard input")
    for name in ("length", "temperature", "seed"):
        value = getattr(options, name)
        if value is None:
            continue
        if not isinstance(model, ContinuationAnswerer) or value < 0:
            parser.error(f"--{name}={value}: 0 or more, and for a language model")
        setattr(model, name, value)
    if options.running and not isinstance(model, ClassAnswerer):
        parser.error("--running: is for a model that answers with a class")
    num_bad = 0
    for answer in model.many(_items(options.items)):
        if options.running and "error" not in answer:
            assert isinstance(model, ClassAnswerer)
            answer["running"] = list(model.running(answer["source"]))
        num_bad += "error" in answer
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    sys.exit(1 if num_bad else 0)


def _items(typed: Iterable[str]) -> Iterator[str]:
    for one in typed:
        if one == "-":
            yield from (line.rstrip("\n") for line in sys.stdin)
        else:
            yield one


if __name__ == "__main__":
    main()
