"""The export command: ``make export CKPT=… RUN=name``."""

import sys
from pathlib import Path
from typing import Any

from data.files.errors import InputError
from pipelines.runs.places import refuse_full_places
from pipelines.runs.run_folders import RUNS, name_run
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.extras import require_extra
from pipelines.runtime.options import add_texts, option_parser, parse
from pipelines.tasks.allowed_classes import TRUST_HELP

TASK = "export"


def main(args: list[str] | None = None) -> None:
    """``python -m pipelines.export --ckpt=… [--run=…] [--int8]``."""
    with one_line_errors():
        options = _options(sys.argv[1:] if args is None else args)
        if not options.ckpt:
            raise InputError(
                "CKPT is missing: name a checkpoint, e.g."
                " CKPT=runs/sentiment/latest/checkpoints/best.ckpt"
            )
        require_extra("export", "onnx", "onnxscript", "onnxruntime")
        # The libraries are there only now.
        from pipelines.export.folder import export

        refuse_full_places(RUNS / TASK)
        folder = RUNS / TASK / name_run(TASK, options.run)
        about = export(Path(options.ckpt), folder, trust=options.trust, int8=options.int8)
        print(_told(folder, about))


def _options(args: list[str]) -> Any:
    parser = option_parser(
        "export",
        COMMANDS["export"].help,
        epilog="Each graph is compared with the checkpoint's model at three sizes before it counts.",
    )
    add_texts(parser, {"ckpt": "the checkpoint", "trust": TRUST_HELP, "run": "name of the run"})
    parser.add_argument(
        "--int8",
        action="store_true",
        help="weights of 8 bits, if accuracy on the validation part falls by at most half a point",
    )
    return parse(parser, args)


def _told(folder: Path, about: dict[str, Any]) -> str:
    lines = [
        f"{name:14} {graph['bytes'] / 2**20:6.2f} MiB, off by at most"
        f" {about['checks'][name]['largest_difference']:.1e}"
        for name, graph in about["graphs"].items()
    ]
    if about["int8"] is not None:
        found = about["int8"]
        lines.append(
            f"int8: accuracy {found['accuracy_int8']:.4f} on {found['validation_examples']:,} validation"
            f" examples, {found['accuracy_float32']:.4f} before"
        )
    return "\n".join([*lines, f"{folder}: python {folder}/answer.py answers; see its README.md"])
