"""Warnings of the doctor about readable clips that are not as they seem."""

import csv
import shutil

import pytest

from pipelines.doctor import command as doctor
from tests.clips import numbered, write_classes, write_video
from tests.odd_clips import join, write_fields, write_streams


def examine(capsys, source, out):
    """Exit code, the lines that were printed, and verdict and reason by the name of the clip."""
    with pytest.raises(SystemExit) as ending:
        doctor.main([f"--data.path={source}", f"--out={out}"])
    with open(out, newline="", encoding="utf-8") as lines:
        found = {row["path"].rsplit("/", 1)[1]: row for row in csv.DictReader(lines)}
    return ending.value.code, capsys.readouterr().out.splitlines(), found


def test_remarks_stand_beside_what_is_ok(tmp_path, capsys):
    folder = write_classes(tmp_path / "clips", clips_per_class=3, num_frames=4)
    join(folder / "dark/joined.ts", [20, 20], options={"bf": "2"})
    write_fields(folder / "dark/fields.MTS", 20)
    write_streams(folder / "dark/two.mp4", [(80, 64), (160, 128)], default=1, lengths=[20, 20])
    code, lines, found = examine(capsys, folder, tmp_path / "doctor.csv")
    assert (code, lines[-1]) == (0, "Nothing is wrong with these 9 clips.")
    assert {row["verdict"] for row in found.values()} == {"ok"}
    reasons = {name: row["reason"] for name, row in found.items() if row["reason"]}
    assert reasons == {
        "joined.ts": "2 recordings joined: times start again at frame 20",
        "two.mp4": "2 video streams: h264 160x128 is read, h264 80x64 is not",
    }
    for name, reason in reasons.items():
        assert f"note: {folder}/dark/{name}: {reason}" in lines
    for name, num_frames in (("joined.ts", 40), ("fields.MTS", 20), ("two.mp4", 20)):
        row = found[name]
        assert [row["frames"], row["frames_decoded"]] == [str(num_frames)] * 2
        assert float(row["frames_per_second"]) == pytest.approx(25)
        assert float(row["seconds"]) == pytest.approx(num_frames / 25)


def test_a_clock_that_cannot_be_right_needs_a_look(tmp_path, capsys):
    folder = write_classes(tmp_path / "clips", clips_per_class=3, num_frames=4)
    write_video(
        folder / "dark/far.mkv", numbered(20), times=[*range(10), *range(10**7, 10**7 + 10)]
    )
    code, lines, found = examine(capsys, folder, tmp_path / "doctor.csv")
    assert (code, lines[-1]) == (1, "1 of 7 clips needs a look: 1 implausible.")
    row = found["far.mkv"]
    gap = "a gap of 111.1 h in its times before frame 10, which is read as one usual step"
    assert (row["verdict"], row["reason"]) == ("implausible", gap)
    assert (row["frames"], float(row["seconds"])) == ("20", pytest.approx(0.8))
    assert f"implausible: {folder}/dark/far.mkv: {gap}" in lines
    assert "implausible   1" in lines


@pytest.mark.parametrize(("names", "code"), [(["test"], 0), (["test", "validation"], 1)])
def test_classes_that_are_called_like_parts(tmp_path, capsys, names, code):
    folder = write_classes(tmp_path / "clips", clips_per_class=3, num_frames=4)
    for name in names:
        shutil.copytree(folder / "dark", folder / name)
        for k, path in enumerate(sorted((folder / name).iterdir())):
            write_video(path, numbered(5 + k))
    found, lines, _ = examine(capsys, folder, tmp_path / "doctor.csv")
    assert found == code
    quoted = ", ".join(f"'{name}'" for name in names)
    assert any(line.startswith(f"note: {quoted} is read as a class") for line in lines)
    assert code == any(line.startswith("wrong: the classes 'test', 'valid") for line in lines)
