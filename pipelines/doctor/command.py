"""Command that examines a video data set: a table on the screen, a row for each clip in a CSV file."""

import inspect
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.clips.layouts import clips
from data.files.errors import InputError
from data.tables.table_format import named_columns
from data.video.data_module import VideoDataModule
from data.video.doctor import Diagnosis, Finding, examine
from pipelines.doctor.table import conclusion, table
from pipelines.runtime.commands import COMMANDS
from pipelines.runtime.errors import one_line_errors
from pipelines.runtime.escaping import csv_text
from pipelines.runtime.library_warnings import ignore_noise
from pipelines.runtime.options import option_parser, parse

OPTIONS = (
    "path",
    *(f"{name}_column" for name in ("path", "label", "split", "group")),
    *("start_seconds_column", "end_seconds_column", "columns", "fold", "limit_seconds"),
)
COLUMNS = (
    *("path", "label", "part", "group", "start_seconds", "end_seconds", "verdict", "reason"),
    *("frames", "frames_decoded", "seconds", "width_px", "height_px", "frames_per_second"),
    *("rate_varies", "codec", "container", "bytes"),
)


def main(args: list[str] | None = None) -> None:
    """Run ``python -m pipelines.doctor --data.path=…``; the exit code is 1 if something is wrong."""
    ignore_noise()
    with one_line_errors():
        diagnosis = _examine(sys.argv[1:] if args is None else args)
    sys.exit(0 if diagnosis.is_healthy else 1)


def _examine(args: list[str]) -> Diagnosis:
    parser = option_parser("doctor", COMMANDS["doctor"].help)
    # Options that select clips have the same names as in training.
    every = inspect.signature(VideoDataModule).parameters
    parser.add_class_arguments(VideoDataModule, "data", skip=set(every) - set(OPTIONS))
    parser.add_argument(
        "--out", type=str, default="doctor.csv", help="where the row for every clip goes"
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="leave texts as they are that a spreadsheet takes for formulas; by itself, an apostrophe"
        " goes before them",
    )
    options = parse(parser, args)
    data, out = options.data, Path(options.out)
    if data.path is None:
        raise InputError("DATA is missing: name a folder or CSV file, e.g. DATA=my/clips")
    if data.limit_seconds <= 0:
        raise InputError(f"--data.limit_seconds={data.limit_seconds}: a number above 0 is needed")
    source = Path(data.path)
    _check_place(out, source)
    columns = {
        option.removesuffix("_column"): data[option]
        for option in OPTIONS
        if option.endswith("_column")
    }
    header = named_columns(data.columns, example="path,label,split")
    listing = clips(source, columns=columns, header=header, fold=data.fold)
    diagnosis = examine(listing, source, limit_seconds=data.limit_seconds)
    write_csv(diagnosis.findings, out, is_exact=options.exact)
    text = f"{table(diagnosis)}\n\nA row for every clip: {out}\n{conclusion(diagnosis)}"
    # The encoding of a terminal may lack letters of a file's name.
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
    return diagnosis


def _check_place(out: Path, source: Path) -> None:
    """Refuse an output file that cannot be written, before hours of examination."""
    folder = out.absolute().parent
    if os.path.isdir(out) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(f"--out={out}: cannot be written; name a file in a folder that is there")
    if os.path.exists(out) and os.path.exists(source) and out.samefile(source):
        raise InputError(f"--out={out}: is the data itself; name another file")


def write_csv(findings: Iterable[Finding], out: Path, *, is_exact: bool = False) -> None:
    """Write a row for every clip (see `csv_text`); the file appears whole or not at all."""
    new = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        table = csv_text([COLUMNS, *map(_row, findings)], is_exact=is_exact)
        new.write_text(table, encoding="utf-8", newline="")
        new.replace(out)
    except OSError as error:
        raise InputError(f"--out={out}: {error.strerror}; name another place") from error
    finally:
        new.unlink(missing_ok=True)


def _row(finding: Finding) -> list[Any]:
    clip, checkup = finding.clip, finding.checkup
    return [
        *(str(clip.path), clip.label, clip.part, clip.group, clip.start_seconds, clip.end_seconds),
        *(finding.verdict, finding.reason, checkup.frames, checkup.frames_decoded),
        *(round(checkup.seconds, 3), checkup.width_px, checkup.height_px),
        *(round(checkup.frames_per_second, 3), "yes" if checkup.rate_varies else "no"),
        *(checkup.codec, checkup.container, finding.num_bytes),
    ]
