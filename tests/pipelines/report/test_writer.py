"""Files of a report come in their order, whatever fails."""

import json

import pytest
from matplotlib.figure import Figure

from pipelines.pages.page import UnfinishedPageError
from pipelines.report import writer
from pipelines.report.writer import ReportFiles, write_files

ORDER = ["report.txt", "a.csv", "a.png", "b.png", "report.html", "report.json"]


def fails():
    raise OSError("no such font")


def unfinished():
    raise UnfinishedPageError("all but one section", ValueError("x"), 1)


def report(**fields):
    pictures = {name: lambda: Figure((1, 1)) for name in ("a.png", "b.png")}
    options = {"figures": {"loss": float("inf")}, "text": "t", "tables": {"a.csv": "x"}}
    return ReportFiles(**(options | {"pictures": pictures, "page": lambda: "p"} | fields))


def test_the_json_comes_last(tmp_path, monkeypatch):
    written = []
    write_whole = writer.write_whole
    monkeypatch.setattr(
        writer,
        "write_whole",
        lambda path, content: (written.append(path.name), write_whole(path, content)),
    )
    write_files(tmp_path / "report", report())
    assert written == ORDER
    assert json.loads((tmp_path / "report/report.json").read_text()) == {"loss": None}


@pytest.mark.parametrize(
    ("fields", "error", "missing"),
    [
        ({"pictures": {"a.png": fails, "b.png": lambda: Figure((1, 1))}}, OSError, {"a.png"}),
        ({"page": fails}, OSError, {"report.html"}),
        ({"page": unfinished}, UnfinishedPageError, set()),
    ],
)
def test_what_fails_keeps_nothing_else_away(tmp_path, fields, error, missing):
    with pytest.raises(error):
        write_files(tmp_path, report(**fields))
    assert {path.name for path in tmp_path.iterdir()} == set(ORDER) - missing


def test_a_report_that_was_cut_off_has_no_json(tmp_path):
    def cut_off():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, report(page=cut_off))
    assert {path.name for path in tmp_path.iterdir()} == {*ORDER} - {"report.html", "report.json"}
