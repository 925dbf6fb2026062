"""Folders and tables of clips; nothing is decoded, so the files are empty."""

from pathlib import Path

import pytest

from data.clips.clip import film_of
from data.clips.layouts import Clip, clips, folder_per_class
from data.files.errors import InputError

COLUMNS = {
    name: name for name in ("path", "label", "split", "group", "start_seconds", "end_seconds")
}


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def table(folder, text, *, encoding="utf-8", **columns):
    (folder / "list.csv").write_bytes(text.encode(encoding))
    return clips(folder / "list.csv", columns=COLUMNS | columns).clips


def test_folder_per_class(tmp_path):
    touch(tmp_path, "run/b.MP4", "run/deep/a.avi", "run/notes.txt", "jump/c.webm", "jump/._c.webm")
    found, where, classes = clips(tmp_path, columns=COLUMNS)
    assert found == [
        Clip(tmp_path / "jump/c.webm", "jump", None),
        Clip(tmp_path / "run/b.MP4", "run", None),
        Clip(tmp_path / "run/deep/a.avi", "run", None),
    ]
    assert (where, classes) == (str(tmp_path), None)


def test_parts_above_the_classes(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "train/b/2.mp4", "Validate/a/3.mp4", "Validate/b/4.mp4")
    found = clips(tmp_path, columns=COLUMNS).clips
    assert [(clip.path.name, clip.label, clip.part) for clip in found] == [
        ("3.mp4", "a", "Validate"),
        ("4.mp4", "b", "Validate"),
        ("1.mp4", "a", "train"),
        ("2.mp4", "b", "train"),
    ]


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, "disk/1.mp4", "data/a/2.mp4", "data/b/3.mp4")
    (tmp_path / "data/a/linked").symlink_to(tmp_path / "disk", target_is_directory=True)
    (tmp_path / "disk/loop").symlink_to(tmp_path / "disk", target_is_directory=True)
    names = [clip.path.name for clip in folder_per_class(tmp_path / "data")]
    assert names == ["2.mp4", "1.mp4", "3.mp4"]


def test_names_as_in_ucf_give_groups(tmp_path):
    assert film_of("v_Archery_g07_c02.avi") == "v_Archery_g07"
    assert film_of("v_Archery_g07.avi") is None
    assert film_of("clip_c02.avi") is None
    touch(tmp_path, "a/v_a_g01_c01.mp4", "b/v_b_g01_c02.mp4", "b/other.mp4")
    assert [clip.group for clip in folder_per_class(tmp_path)] == ["v_a_g01", None, "v_b_g01"]
    assert table(tmp_path, "path,label\na/v_a_g01_c01.mp4,a\n")[0].group == "v_a_g01"
    assert table(tmp_path, "path,label,group\na/v_a_g01_c01.mp4,a,\n")[0].group is None


def test_a_class_without_videos(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/1.txt")
    with pytest.raises(InputError, match=r"b: no video file in the folder of this class"):
        clips(tmp_path, columns=COLUMNS)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"no such file or folder.*path,label\[,split\]\[,group\]"):
        clips(tmp_path / "missing", columns=COLUMNS)


def test_manifest_with_everything(tmp_path):
    (tmp_path / "list.csv").write_text(
        "path,label,split,group,start_seconds,end_seconds\n"
        "a/1.mp4,run,train,Anna,0,2.5\n"
        "/videos/2.mp4,jump,test,,,\n"
        "a/3.mp4,jump,test,Ben,1.5,\n"
    )
    found, where, classes = clips(tmp_path / "list.csv", columns=COLUMNS)
    assert found == [
        Clip(tmp_path / "a/1.mp4", "run", "train", "Anna", 0.0, 2.5),
        Clip(Path("/videos/2.mp4"), "jump", "test", None, None, None),
        Clip(tmp_path / "a/3.mp4", "jump", "test", "Ben", 1.5, None),
    ]
    assert where == f"{tmp_path / 'list.csv'}, column 'label'"
    assert classes is None


def test_columns_by_other_names(tmp_path):
    names = {"path": "file", "label": "kind", "group": "camera", "end_seconds": "to"}
    found = table(tmp_path, "to,kind,file,camera\n3,run,1.mp4,c1\n", **names)
    assert found == [Clip(tmp_path / "1.mp4", "run", None, "c1", None, 3.0)]
    with pytest.raises(
        InputError, match=r"no column 'place': its columns are path, label; .*group_"
    ):
        table(tmp_path, "path,label\n1.mp4,run\n", group="place")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path,label,split\n1.mp4,é,train\n", "utf-8-sig"),
        ("path,label,split\r\n1.mp4,é,train\r\n", "utf-16"),
        ("path,label,split\r1.mp4,é,train\r", "utf-8"),
        ("\n\npath, label , split\n\n1.mp4, é ,train, ,,\n   \n,,\n", "utf-8"),
        ("path;label;split\n1.mp4;é;train\n", "utf-8"),
        ("path\tlabel\tsplit\n1.mp4\té\ttrain\n", "utf-8"),
        ('"path"|"label"|"split"\n"1.mp4"|"é"|"train"\n', "utf-8"),
        # More commas than semicolons, in a name of a column that is not asked for.
        ("path;label;split;size, px, or less, or more\n1.mp4;é;train;\n", "utf-8"),
    ],
)
def test_tables_as_programs_write_them(tmp_path, text, encoding):
    assert table(tmp_path, text, encoding=encoding) == [Clip(tmp_path / "1.mp4", "é", "train")]


def test_cells_missing_at_the_end(tmp_path):
    found = table(tmp_path, "path,label,split,start_seconds\n1.mp4,run\n2.mp4\n3.mp4,run,train\n")
    assert [(clip.label, clip.part) for clip in found] == [
        ("run", ""),
        (None, ""),
        ("run", "train"),
    ]
    assert table(tmp_path, "path,label,split\n1.mp4,run,\n")[0].part is None


@pytest.mark.parametrize(
    "path",
    ["http://host/1.mp4", "concat:1.mp4|2.mp4", "pipe:0", "file:///1.mp4", "a\0b.mp4", "é\n.mp4"],
)
def test_addresses_are_names_of_files_that_are_not_there(tmp_path, path):
    (found,) = table(tmp_path, f'path,label\n"{path}",run\n')
    assert found.path == tmp_path / path.replace("\0", "\ufffd")
    assert not found.path.is_file()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("x", ""),
        ("", "1:75"),
        ("-1", ""),
        ("2", "2"),
        ("3", "2"),
        ("", "0"),
        ("nan", ""),
        ("0", "inf"),
    ],
)
def test_no_stretch_of_time(tmp_path, start, end):
    text = f"path,label,start_seconds,end_seconds\n1.mp4,run,0,1\n\n2.mp4,run,{start},{end}\n"
    says = rf"list\.csv, line 4: from '{start}' to '{end}' .*0 <= start < end, or empty"
    with pytest.raises(InputError, match=says):
        table(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists no clip"),
        ("path,label\n", "lists no clip"),
        ("place,label\n1,run\n", r"no column 'path': its columns are place, label; name"),
        ("path,kind\n1.mp4,run\n", r"no column 'label'.*--data\.label_column"),
        ("path,label\n1.mp4,run\n,run\n", "line 3: no path; fill it in or drop the row"),
        (
            "path,label\n1.mp4,run\n2, or so.mp4,run\n",
            r"line 3: has 3 cell\(s\) where .* has 2: .*','",
        ),
        ("path,label,label\n1.mp4,run,run\n", "the column 'label' is there twice"),
        (
            'path,label\n1.mp4,run\n"2.mp4,run\n3.mp4,run\n',
            r"line 3: its quotes cannot be followed",
        ),
    ],
)
def test_bad_tables(tmp_path, text, says):
    with pytest.raises(InputError, match=says) as caught:
        table(tmp_path, text)
    assert "\n" not in str(caught.value)
