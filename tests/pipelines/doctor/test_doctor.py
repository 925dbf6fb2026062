"""Output of the doctor: a table with a row per clip, and an exit code."""

import csv
import inspect
import os
import shutil
from pathlib import Path

import pytest

from data.video import data_module
from pipelines.doctor import command as doctor
from pipelines.doctor.command import COLUMNS, OPTIONS
from tests.clips import write_classes, write_clip


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("healthy") / "my clips"
    return write_classes(folder, clips_per_class=3)


@pytest.fixture
def sick(healthy, tmp_path):
    """A table of ten clips of which five need a look."""
    folder = shutil.copytree(healthy, tmp_path / "sick")
    (folder / "empty.mp4").touch()
    shutil.copy(folder / "dark/0.mp4", folder / "copy.mp4")
    (folder / "list.csv").write_text(
        "file,class,part,camera\n"
        + "".join(f"dark/{k}.mp4,dark,{p},\n" for k, p in enumerate(["train", "train", "test"]))
        + "".join(f"bright/{k}.mp4,bright,{p},\n" for k, p in enumerate(["train", "train", "dev"]))
        + "empty.mp4,dark,train,\n"
        + "copy.mp4,bright,train,\n"
        + "bright/0.mp4,bright,test,\n"
    )
    return folder / "list.csv"


COLUMN_OPTIONS = [
    "--data.path_column=file",
    "--data.label_column=class",
    "--data.split_column=part",
    "--data.group_column=camera",
]


def run(capsys, *args):
    """Exit code, the lines that were printed, and the errors."""
    with pytest.raises(SystemExit) as ending:
        doctor.main([str(arg) for arg in args])
    printed = capsys.readouterr()
    return ending.value.code, printed.out.splitlines(), printed.err


def rows(path):
    with open(path, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_nothing_is_wrong(healthy, in_folder, capsys):
    code, lines, errors = run(capsys, f"--data.path={healthy}")
    assert (code, errors) == (0, "")
    assert lines[0] == str(healthy)
    assert lines[-2:] == [
        "A row for every clip: doctor.csv",
        "Nothing is wrong with these 6 clips.",
    ]
    assert [" ".join(line.split()) for line in lines[2:13]] == [
        "clips 6 (54 frames, 0.00 hours)",
        "classes 2 clips share",
        "bright 3 50.0%",
        "dark 3 50.0%",
        "shown size 64x48 (6)",
        "rate 25 fps (6)",
        "varying rate none",
        "seconds 0.3 to 0.4, median 0.4",
        "frames 8 to 10, median 9",
        "codec h264 in mov (6)",
        "",
    ]
    kinds = ["unreadable", "damaged", "unlabelled", "conflict", "leak", "duplicates"]
    assert [line.split() for line in lines[13:19]] == [[kind, "none"] for kind in kinds]
    assert os.listdir(in_folder) == ["doctor.csv"]
    found = rows("doctor.csv")
    assert tuple(found[0]) == COLUMNS
    path = healthy / "bright/2.mp4"
    assert found[2] == {
        **dict.fromkeys(COLUMNS, ""),
        "path": str(path),
        "label": "bright",
        "verdict": "ok",
        "frames": "10",
        "frames_decoded": "10",
        "seconds": "0.4",
        "width_px": "64",
        "height_px": "48",
        "frames_per_second": "25.0",
        "rate_varies": "no",
        "codec": "h264",
        "container": "mov",
        "bytes": str(path.stat().st_size),
    }


def test_what_is_wrong_is_told_of_each_clip(sick, tmp_path, capsys):
    out = tmp_path / "verdicts.csv"
    code, lines, errors = run(capsys, f"--data.path={sick}", *COLUMN_OPTIONS, f"--out={out}")
    assert (code, errors) == (1, "")
    assert lines[-1] == "5 of 9 clips need a look: 1 unreadable, 2 conflict, 2 leak."
    assert [row["verdict"] for row in rows(out)] == [
        *("conflict", "ok", "ok", "leak", "ok", "ok", "unreadable", "conflict", "leak")
    ]
    assert [row["part"] for row in rows(out)][:6] == [
        *("train", "train", "test", "train", "train", "dev")
    ]
    text = "\n".join(lines)
    assert ["bright", "5", "55.6%", "3", "1", "1"] in [line.split() for line in lines]
    assert f"conflict: {sick.parent}/copy.mp4: the same bytes as {sick.parent}/dark/0.mp4" in text
    clip = f"{sick.parent}/bright/0.mp4"
    assert f"leak: the same bytes in train (1 clip, e.g. {clip}) and in test (1 clip" in text
    # The worst first.
    assert text.index("unreadable: /") < text.index("conflict: /") < text.index("leak: the same")


def test_a_set_can_be_wrong_with_no_clip_wrong(healthy, tmp_path, capsys):
    out = tmp_path / "doctor.csv"
    only = tmp_path / "only"
    shutil.copytree(healthy / "dark", only / "dark")
    code, lines, _ = run(capsys, f"--data.path={only}", f"--out={out}")
    assert code == 1
    assert lines[-1] == "Nothing is wrong with these 3 clips, but with the set that they make."
    assert "wrong: only the class 'dark' occurs: at least 2 classes are needed" in lines


def test_what_is_only_worth_knowing_is_not_wrong(tmp_path, capsys):
    folder = tmp_path / "clips"
    for label, count in (("few", 3), ("many", 31)):
        for k in range(count):
            write_clip(folder / label / f"{k}.mp4", num_frames=1 + k, level=10 + len(label))
    shutil.copy(folder / "few/1.mp4", folder / "loose.mp4")
    (folder / "few/notes.txt").touch()
    code, lines, _ = run(capsys, f"--data.path={folder}", f"--out={tmp_path / 'doctor.csv'}")
    assert (code, lines[-1]) == (0, "Nothing is wrong with these 34 clips.")
    text = "\n".join(lines)
    assert "note: 'many' has 10 times as many clips as 'few'; --model.class_weights" in text
    assert "note: 2 clips of a single frame, which has no order" in text
    assert f"1 file of video, in no class and no list, e.g. {folder}/loose.mp4" in text
    assert f"1 file whose names are not of videos, e.g. {folder}/few/notes.txt" in text


def test_names_cannot_break_the_table_nor_the_file(tmp_path, capsys):
    folder = tmp_path / "clips"
    for label in ("a\x1b[31m", "b"):
        for k in range(3):
            write_clip(folder / label / f"{k}\n.mp4", num_frames=2 + k, level=30 + len(label))
    if os.fsdecode(b"\xff") != "\udcff":
        pytest.skip("names are no UTF-8 here, and every byte is a letter")
    bad = os.fsencode(folder / "b") + b"/\xff.mp4"
    try:
        Path(os.fsdecode(bad)).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    out = tmp_path / "doctor.csv"
    code, lines, _ = run(capsys, f"--data.path={folder}", f"--out={out}")
    assert code == 1
    assert not any("\x1b" in line for line in lines)
    name = r"b/\udcff.mp4"
    assert f"unreadable: {folder}/{name}: is empty (0 bytes); copy or download it anew" in lines
    found = rows(out)
    assert [row["path"] for row in found][-1] == f"{folder}/{name}"
    assert len(found) == 7


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "DATA is missing: name a folder or CSV file"),
        (["--data.path=absent"], "absent: no such file or folder"),
        (["--data.path=/dev/zero"], "/dev/zero: neither a file nor a folder"),
        ([f"--data.path={'a' * 300}"], "a: no such file or folder"),
        (["--data.path={healthy}", "--out=no/where.csv"], "--out=no/where.csv: cannot be written"),
        (["--data.path={healthy}", "--out=."], "--out=.: cannot be written"),
        (["--data.path={healthy}", "--data.limit_seconds=0"], "--data.limit_seconds=0.0: a number"),
        (["--data.path={sick}", "--out={sick}"], "is the data itself"),
        (["--data.path={sick}", "--data.label_column=kind"], "no column 'kind'"),
        (["--data.path={sick}", "--data.columns=a,,b"], "name each column once"),
        (["--data.path={healthy}/dark/0.mp4"], "is a single clip"),
        (["--data.path={healthy}", "--data.size_px=3"], "--data.size_px: no such option"),
    ],
)
def test_mistakes_are_told_in_one_line(healthy, sick, in_folder, capsys, args, error):
    before = sick.read_text()
    code, lines, errors = run(capsys, *(arg.format(healthy=healthy, sick=sick) for arg in args))
    assert (code, lines) == (2, [])
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert error in errors
    assert not (in_folder / "doctor.csv").exists()
    assert sick.read_text() == before


def test_data_that_are_not_there_with_an_older_table(in_folder, capsys):
    (in_folder / "doctor.csv").write_text("older")
    code, lines, errors = run(capsys, "--data.path=absent")
    assert (code, lines) == (2, [])
    assert errors.startswith("error: absent: no such file or folder;")
    assert (in_folder / "doctor.csv").read_text() == "older"


def test_an_older_file_stays_when_the_new_one_cannot_be_written(healthy, in_folder, monkeypatch):
    (in_folder / "doctor.csv").write_text("older")

    def full(finding):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor, "_row", full)
    with pytest.raises(SystemExit) as ending:
        doctor.main([f"--data.path={healthy}"])
    assert ending.value.code == 2
    assert (in_folder / "doctor.csv").read_text() == "older"
    assert os.listdir(in_folder) == ["doctor.csv"]


def test_options_are_those_of_training():
    text = inspect.getsource(data_module)
    for option in OPTIONS:
        assert f"        {option}: " in text


def test_a_list_without_names_of_columns(healthy, in_folder, capsys):
    listed = [f"{label}/{k}.mp4;{label};train" for label in ("dark", "bright") for k in range(3)]
    folder = shutil.copytree(healthy, in_folder / "[clips] 100%")
    (folder / "list.csv").write_text("\n".join(listed), encoding="utf-16")
    options = [f"--data.path={folder}/list.csv", "--data.group_column=null"]
    code, lines, errors = run(capsys, *options)
    assert (code, lines) == (2, [])
    assert "name the columns in their order, e.g. --data.columns=path,label,split" in errors
    code, lines, _ = run(capsys, *options, "--data.columns=path,label,split")
    assert (code, lines[-1]) == (0, "Nothing is wrong with these 6 clips.")
    assert {row["part"] for row in rows("doctor.csv")} == {"train"}


def test_parts_with_another_folder_beside(in_folder, capsys, caplog):
    for part in ("train", "validation", "test"):
        for label, k in (("dark", 0), ("bright", 1)):
            to = in_folder / f"set/{part}/{label}/{part}.mp4"
            level = 10 + 20 * len(part) + k
            write_clip(to, num_frames=4, level=level)
    write_clip(in_folder / "set/runs/predict/demo.mp4", num_frames=2)
    code, lines, _ = run(capsys, "--data.path=set")
    assert (code, lines[-1]) == (0, "Nothing is wrong with these 6 clips.")
    assert "set: read as the parts test, train, validation; left out: runs" in caplog.text
    assert ["bright", "3"] in [line.split()[:2] for line in lines]
