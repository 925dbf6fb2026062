"""Options of the watch command, and what is told of those that cannot be met."""

import math
from pathlib import Path
from typing import Any

from data.files.errors import InputError
from pipelines.predict.overlay import check_suffix
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.options import add_texts, option_parser, parse
from pipelines.tasks.allowed_classes import TRUST_HELP
from pipelines.watch.telling import Format

_POSITIVE = (
    "every_seconds",
    "window_seconds",
    "stride_seconds",
    "timeout_seconds",
    "late_seconds",
    "segment_seconds",
    "every_steps",
    "window_tokens",
    "stride_tokens",
)


def watch_options(args: list[str]) -> Any:
    """Parse and check the options.

    Raises:
        InputError: one is wrong by itself.
    """
    parser = option_parser(
        "watch",
        COMMANDS["watch"].help,
        epilog="A line a second of the stream, and one at the end of each sequence. Exit code 0: the"
        " source came to its end; 1: it was lost for good; 2: an option or a source that cannot be"
        " used.",
    )
    texts = {
        "ckpt": "the checkpoint",
        "trust": TRUST_HELP,
        "source": "clip.mp4, camera:0, rtsp://…, http://… or - (standard input); for models of texts a"
        " file or -",
        "reset": "when a new sequence begins: seconds=60, quiet=5 (clips: the picture stands still;"
        " texts: nothing comes), for texts also tokens=500 or line; or several with commas",
        "overlay": "write the drawn video in segments: OUT.mp4 makes OUT-000.mp4, OUT-001.mp4, …",
        "encoding": "of texts that are neither UTF-8 nor marked as UTF-16: cp1252, cp949, …",
    }
    add_texts(parser, texts)
    numbers: dict[str, tuple[Any, Any, str]] = {
        "every_seconds": (float, 1.0, "from one line to the next, in the stream's time"),
        "every_steps": (int | None, None, "frames or tokens from one line to the next instead"),
        "window_seconds": (float | None, None, "of clips: read the last so many seconds anew"),
        "stride_seconds": (
            float | None,
            None,
            "from one reading of a window to the next; half of it",
        ),
        "window_tokens": (int | None, None, "of texts: read the last so many tokens anew"),
        "stride_tokens": (int | None, None, "from one reading of a window to the next; half of it"),
        "late_seconds": (
            float | None,
            1.0,
            "a frame of a live source that waited longer is dropped; null: none is",
        ),
        "quiet_level": (
            float,
            2.0,
            "the picture stands still below this mean difference of pixels, of 255",
        ),
        "segment_seconds": (float, 60.0, "of the segments of --overlay"),
        "timeout_seconds": (float, 10.0, "a live source that gives nothing for so long is lost"),
        "reopen": (int | None, None, "the most times in a row that a lost source is opened again"),
    }
    for name, (kind, default, help) in numbers.items():
        parser.add_argument(f"--{name}", type=kind, default=default, help=help)
    parser.add_argument("--format", type=Format, default="text", help="of what is printed")
    parser.add_argument("--pace", action="store_true", help="read a file at the pace of its frames")
    options = parse(parser, args)
    _check(options)
    return options


def _check(options: Any) -> None:
    if not options.ckpt:
        raise InputError(
            "CKPT is missing: name a checkpoint, e.g. CKPT=runs/video/latest/checkpoints/best.ckpt"
        )
    if not options.source:
        raise InputError(
            "SOURCE is missing: give clip.mp4, camera:0, rtsp://…, http://… or - (standard input)"
        )
    for name in _POSITIVE:
        value = options[name]
        if value is not None and not 0 < value < math.inf:
            raise InputError(f"--{name}={value}: a number above 0 is needed")
    if not 0 <= options.quiet_level <= 255:
        raise InputError(f"--quiet_level={options.quiet_level}: allowed are numbers from 0 to 255")
    if options.reopen is not None and options.reopen < 0:
        raise InputError(f"--reopen={options.reopen}: 0 or more times, or null for ever")
    for unit in ("seconds", "tokens"):
        if options[f"stride_{unit}"] is not None and options[f"window_{unit}"] is None:
            raise InputError(f"--stride_{unit}: is that of a window; add --window_{unit}=…")
    if options.overlay is not None:
        check_suffix(Path(options.overlay))


def window_of(options: Any, *, unit: str) -> tuple[float, float] | None:
    """Length and stride of a window in seconds or tokens; None: none is asked for."""
    length, stride = options[f"window_{unit}"], options[f"stride_{unit}"]
    if length is None:
        return None
    return float(length), float(length / 2 if stride is None else stride)


def refuse_options(options: Any, *names: str, because: str) -> None:
    """Refuse options that a model of this kind does not have.

    Raises:
        InputError: one is given.
    """
    for name in names:
        if options[name]:
            raise InputError(f"--{name}: CKPT is a model for {because}; leave it out")
