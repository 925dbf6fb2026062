"""The doctor's verdicts, on clips that were copied, mislabelled or put where they do not belong."""

import os
import shutil

import numpy as np
import pytest

from data.clips.clip import Clip, Listing
from data.clips.layouts import clips
from data.video.doctor import VERDICTS, WRONG, examine
from tests.clips import write_classes, write_clip


def verdicts(diagnosis):
    return [finding.verdict for finding in diagnosis.findings]


def reasons(diagnosis):
    return [finding.reason for finding in diagnosis.findings]


def look(rows, source, **options):
    return examine(Listing(rows, "here"), source, show_progress=False, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Ten clips, no two alike, that take little time."""
    folder = tmp_path_factory.mktemp("small")
    return [write_clip(folder / f"{k}.mp4", num_frames=3 + k) for k in range(10)]


def rows_of(paths, labels, parts=None, groups=None):
    parts, groups = parts or [None] * len(paths), groups or [None] * len(paths)
    return [Clip(*row) for row in zip(paths, labels, parts, groups, strict=True)]


def test_nothing_is_wrong(tmp_path):
    folder = write_classes(tmp_path / "clips", clips_per_class=3)
    diagnosis = examine(clips(folder, columns={}), folder, show_progress=False)
    assert diagnosis.is_healthy
    assert verdicts(diagnosis) == ["ok"] * 6
    assert reasons(diagnosis) == [""] * 6
    assert (diagnosis.unlisted, diagnosis.no_videos, diagnosis.copies) == ([], [], [])
    first = diagnosis.findings[0]
    assert first.num_bytes == first.clip.path.stat().st_size


def test_duplicates_are_told_and_are_not_wrong(small, tmp_path):
    copy = shutil.copy(small[0], tmp_path / "copy.mp4")
    paths = [*small[:6], copy, small[5]]
    diagnosis = look(rows_of(paths, [*"aaabbb", "a", "b"]), tmp_path)
    assert diagnosis.is_healthy
    assert diagnosis.copies == [[0, 6], [5, 7]]
    assert [(k, v) for k, v in enumerate(verdicts(diagnosis)) if v != "ok"] == [
        (k, "duplicate") for k in (0, 5, 6, 7)
    ]
    assert reasons(diagnosis)[0] == f"the same bytes as {copy}"
    assert reasons(diagnosis)[6] == f"the same bytes as {small[0]}"
    assert reasons(diagnosis)[5] == reasons(diagnosis)[7] == "listed once more"


def test_conflict_is_worse_than_leak_and_leak_than_duplicate(small, tmp_path):
    copies = [shutil.copy(small[k], tmp_path / f"copy{k}.mp4") for k in (0, 1, 2)]
    diagnosis = look(
        rows_of(
            [*small[:8], *copies],
            [*"aaaabbbb", "b", "a", "a"],
            ["train"] * 4 + ["train", "train", "valid", "test"] + ["test", "test", "training"],
            [None, None, None, "g", "g", "h", "h", "h", None, None, None],
        ),
        tmp_path,
    )
    assert not diagnosis.is_healthy
    assert verdicts(diagnosis) == [
        *("conflict", "leak", "duplicate", "ok", "ok", "leak", "leak", "leak"),
        *("conflict", "leak", "duplicate"),
    ]
    assert reasons(diagnosis)[0] == f"the same bytes as {copies[0]} with the label 'b'"
    assert reasons(diagnosis)[1] == f"the same bytes as {copies[1]} in the part 'test'"
    assert reasons(diagnosis)[7] == f"of the group 'h', as {small[5]} in the part 'train'"
    assert [finding.verdict for finding in diagnosis.wrong] == ["conflict"] * 2 + ["leak"] * 5
    assert [leak.kind for leak in diagnosis.leaks] == ["duplicate", "duplicate", "group"]


def test_what_cannot_be_read_is_worse_than_all_else(small, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    shutil.copy(bad, tmp_path / "too.mp4")
    paths = [*small[:6], bad, tmp_path / "too.mp4", small[6]]
    diagnosis = look(rows_of(paths, [*"aaabbb", "a", "b", None]), tmp_path)
    assert verdicts(diagnosis)[6:] == ["unreadable", "unreadable", "unlabelled"]
    assert reasons(diagnosis)[8] == "has no label"
    assert VERDICTS.index("unreadable") == len(VERDICTS) - 1
    assert set(VERDICTS) - WRONG == {"ok", "duplicate"}


def test_stretches_of_one_film_may_differ_in_label_and_not_in_part(small, tmp_path):
    film = small[9]

    def rows(*parts):
        stretches = [
            Clip(film, label, part, None, start, start + 0.2)
            for label, part, start in zip("ab", parts, (0.0, 0.2), strict=True)
        ]
        return rows_of(small[:6], "aaabbb", [parts[0]] * 6) + stretches

    assert look(rows(None, None), tmp_path).is_healthy
    assert verdicts(look(rows("train", "test"), tmp_path))[6:] == ["leak", "leak"]


@pytest.mark.parametrize(
    ("labels", "parts", "problem"),
    [
        ([None] * 6, None, "no clip has a label: at least 2 classes"),
        (["a"] * 6, None, "only the class 'a' occurs: at least 2 classes"),
        ([*"aaaabb"], None, "class 'b': 2 clip(s) that can be read are too few to draw parts from"),
        ([*"aaaabb"], ["train"] * 4 + ["test"] * 2, "class 'b': 0 clip(s) that can be read"),
        ([*"aaabbb"], ["train", "test", "oops"] * 2, "unknown part 'oops'"),
        ([*"aaabbb"], ["test"] * 6, "class 'a': 0 clip(s) that can be read are too few for train"),
        ([*"aaabbb"], ["train", "train", ""] * 2, "unknown part ''"),
    ],
)
def test_what_is_wrong_with_the_whole(small, tmp_path, labels, parts, problem):
    diagnosis = look(rows_of(small[:6], labels, parts), tmp_path)
    assert problem in diagnosis.problems[0]
    assert not diagnosis.is_healthy


def test_parts_that_groups_leave_no_room_for(small, tmp_path):
    groups = ["one"] * 3 + ["two"] * 3
    diagnosis = look(rows_of(small[:6], [*"aaabbb"], None, groups), tmp_path)
    assert len(diagnosis.problems) == 1
    assert "nothing can be set aside for 'test'" in diagnosis.problems[0]


def test_files_that_are_left_out(tmp_path):
    folder = write_classes(tmp_path / "clips", clips_per_class=3, num_frames=2)
    loose = shutil.copy(folder / "dark/0.mp4", folder / "loose.mp4")
    for name in ("dark/notes.txt", "bright/clip.mp4.part", "README", "dark/.hidden.txt"):
        (folder / name).touch()
    diagnosis = examine(clips(folder, columns={}), folder, show_progress=False)
    assert diagnosis.unlisted == [loose]
    assert diagnosis.no_videos == [folder / "bright/clip.mp4.part", folder / "dark/notes.txt"]
    assert diagnosis.is_healthy
    # Beside a table lies whatever people put there; only videos are worth a word.
    table = folder / "list.csv"
    names = [f"{label}/{k}.mp4" for label in ("bright", "dark") for k in range(3)]
    table.write_text("path,label\n" + "".join(f"{n},{n[0]}\n" for n in names[:5]))
    diagnosis = examine(clips(table, columns={}), table, show_progress=False)
    assert diagnosis.unlisted == [folder / "dark/2.mp4"]
    assert diagnosis.no_videos == []


def test_names_of_any_kind(tmp_path):
    folder = tmp_path / "clips"
    for label in ("a", "b"):
        for k in range(3):
            write_clip(folder / label / f"{k}.mp4", num_frames=2 + k, level=30 + ord(label))
    os.rename(folder / "a/0.mp4", folder / "a/two\nlines, \x1b[31m and a blank .mp4")
    os.rename(folder / "a/1.mp4", folder / "a/ä ✓.MP4")
    try:
        os.rename(folder / "b/0.mp4", os.fsencode(folder / "b") + b"/\xff\xfe.mp4")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    diagnosis = examine(clips(folder, columns={}), folder, show_progress=False)
    assert diagnosis.is_healthy
    assert len(diagnosis.findings) == 6
    assert np.all([finding.checkup.frames_decoded > 0 for finding in diagnosis.findings])
