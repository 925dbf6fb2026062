"""The one writer of reports: text and tables first, then pictures and the page, report.json last."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from data.files.atomic_write import write_whole
from pipelines.pages.page import UnfinishedPageError
from pipelines.runtime.strict_json import json_text

_DPI, _MARGIN_INCHES = 150, 0.2


@dataclass(frozen=True, kw_only=True)
class ReportFiles:
    """Contents of the files of a report, for any task."""

    figures: Mapping[str, Any]  # report.json: plain values; what is not finite becomes null
    text: str  # report.txt
    tables: Mapping[str, str] = field(default_factory=dict)  # by file name, CSV
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)  # by file name
    page: Callable[[], str] | None = None  # report.html; raises as `render_page` does


def write_files(folder: Path, report: ReportFiles) -> None:
    """Write a report; each file appears whole or not at all.

    A picture or a page that fails keeps no other file from being written; the first error goes on
    when all others are there. report.json is the last: where it stands, nothing more will come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "report.txt", report.text)
    for name, table in report.tables.items():
        write_whole(folder / name, table)
    errors = []
    made: dict[str, Callable[[], bytes | str]] = {
        name: partial(_png, draw) for name, draw in report.pictures.items()
    }
    if report.page is not None:
        made["report.html"] = report.page
    for name, make in made.items():
        try:
            write_whole(folder / name, make())
        except Exception as error:
            errors.append(error)
            if isinstance(error, UnfinishedPageError):
                write_whole(folder / name, error.page)
    write_whole(folder / "report.json", json_text(report.figures))
    if errors:
        raise errors[0]


def _png(draw: Callable[[], Figure]) -> bytes:
    content = io.BytesIO()
    draw().savefig(content, format="png", dpi=_DPI, bbox_inches="tight", pad_inches=_MARGIN_INCHES)
    return content.getvalue()
