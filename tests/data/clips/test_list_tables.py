"""Lists of clips as people and programs write them: what is read, and what is said; files are empty."""

import logging
from contextlib import suppress

import pytest

from data.clips.layouts import clips
from data.files.errors import InputError
from data.tables.table_format import named_columns


@pytest.fixture
def read(tmp_path, caplog):
    """Reads a list that lies beside the clips ``a 0.mp4``, ``b.mp4`` and ``c.mp4``."""
    for name in ("a 0.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).touch()

    def read(text, *, name="list.csv", header=(), encoding="utf-8", **columns):
        content = text if isinstance(text, bytes) else text.encode(encoding)
        (tmp_path / name).write_bytes(content)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = clips(tmp_path / name, columns=columns, header=header).clips
        return [(clip.path.name, *clip[1:]) for clip in found], caplog.text

    return read


def labelled(found):
    return [(path, label) for path, label, *_ in found]


BOTH = [("b.mp4", "run"), ("c.mp4", "jump")]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("b.mp4,run\nc.mp4,jump\n", "path,label"),
        ("b.mp4;run\nc.mp4;jump\n", "path,label"),
        ("sep=;\r\nb.mp4;run\r\nc.mp4;jump\r\n", "path,label"),
        ("b.mp4\trun\r\nc.mp4\tjump\r\n", "path,label"),
        ("b.mp4|run\nc.mp4|jump", "path,label"),
        ("b.mp4 run\nc.mp4   jump\n", "path,label"),
        ("b.mp4 run\r\n\r\n c.mp4 jump \r\n", "path,label"),
        ("run,b.mp4\njump,c.mp4\n", "label,path"),
        ('"b.mp4","run"\n"c.mp4","jump"\n', "path,label"),
        ("# clips\n\nb.mp4,run\n# more\nc.mp4,jump\n", "path,label"),
    ],
)
@pytest.mark.parametrize("name", ["list.csv", "list.txt"])
def test_no_line_of_column_names(read, text, order, name):
    found, said = read(text, name=name)
    assert labelled(found) == BOTH
    assert f"no line of column names; its columns are read as {order}" in said


def test_blanks_within_paths(read):
    found, _ = read('a 0.mp4 3\n"a 0.mp4" 4\nb.mp4 12\n')
    assert labelled(found) == [("a 0.mp4", "3"), ("a 0.mp4", "4"), ("b.mp4", "12")]
    with pytest.raises(InputError, match=r"line 2: 'a 0\.mp4 wave hand' does not end in 1 word"):
        read("a 0.mp4 3\na 0.mp4 wave hand\n")
    with pytest.raises(InputError, match=r"line 2: 'b\.mp4' does not end in 1 word"):
        read("a 0.mp4 3\nb.mp4\n")


def test_a_comma_in_a_path_of_a_list_with_blanks(read, tmp_path):
    (tmp_path / "d,e.mp4").touch()
    assert labelled(read("d,e.mp4 3\nb.mp4 4\n")[0]) == [("d,e.mp4", "3"), ("b.mp4", "4")]


def test_column_names_with_blanks_between_them(read):
    found, _ = read("path label split\na 0.mp4 run train\nb.mp4 jump test\n")
    assert [clip[:3] for clip in found] == [("a 0.mp4", "run", "train"), ("b.mp4", "jump", "test")]


@pytest.mark.parametrize(
    "text", ["b.mp4,run,train\n", "b.mp4\nc.mp4\n", "b.mp4 12 3\n", "b.mp4,c.mp4\n"]
)
def test_what_is_not_certain_without_column_names_is_asked_for(read, text):
    with pytest.raises(InputError, match=r"no line of column names: .* --data\.columns=path,label"):
        read(text)


@pytest.mark.parametrize("text", [",\n,", ",\n,\n", " , \n , "])
def test_a_list_of_blank_cells_has_no_column_of_paths(read, text):
    with pytest.raises(InputError, match=r"list\.csv"):
        read(text)


def test_columns_that_are_named(read):
    found, said = read("b.mp4,run,train\nc.mp4,jump,test\n", header=["path", "label", "split"])
    assert [clip[:3] for clip in found] == [("b.mp4", "run", "train"), ("c.mp4", "jump", "test")]
    assert said == ""
    found, _ = read("12;run;a 0.mp4\n", header=["id", "label", "path"])
    assert labelled(found) == [("a 0.mp4", "run")]
    found, _ = read("a 0.mp4 12 run\n", header=["path", "frames", "label"])
    assert labelled(found) == [("a 0.mp4", "run")]
    found, said = read("path,label\nb.mp4,run\n", header=["path", "label"])
    assert labelled(found) == [("b.mp4", "run")]
    assert "--data.columns is not needed" in said
    with pytest.raises(InputError, match=r"seems to name its columns: 'file,class'; leave out"):
        read("file,class\nb.mp4,run\n", header=["path", "label"])
    with pytest.raises(InputError, match=r"names 2 columns, and its first line has 3"):
        read("b.mp4,run,train\n", header=["path", "label"])
    with pytest.raises(InputError, match=r"no column 'label': its columns are path, kind"):
        read("b.mp4,run\n", header=["path", "kind"])
    with pytest.raises(InputError, match="lists no clip"):
        read("", header=["path", "label"])


def test_the_option_that_names_columns():
    assert named_columns(None, example="path,label") is None
    assert named_columns("path, label,split", example="path,label") == ("path", "label", "split")
    for wrong in ("", "path,,label", "path,path"):
        with pytest.raises(InputError, match="name each column once"):
            named_columns(wrong, example="path,label")


@pytest.mark.parametrize(
    ("header", "said_so"),
    [
        ("video,class", "video as path, class as label"),
        ("Video Path,Category", "Video Path as path, Category as label"),
        ("filename,action", "filename as path, action as label"),
    ],
)
def test_usual_names_of_columns(read, header, said_so):
    found, said = read(f"{header}\nb.mp4,run\nc.mp4,jump\n")
    assert labelled(found) == BOTH
    assert f"columns are read by their usual names: {said_so}" in said


def test_a_text_that_is_no_list(read):
    says = r"no column 'path': its columns are Some words; .* name the columns by --data\.columns="
    with pytest.raises(InputError, match=says):
        read("Some words\n\nand others, more, than, before\n")


def test_several_columns_that_could_be_meant(read):
    with pytest.raises(InputError, match=r"class, category; name the right one by .*label_column"):
        read("path,class,category\nb.mp4,run,x\n")
    with pytest.raises(InputError, match=r"file, video; name the right one by .*path_column"):
        read("file,video,label\nb.mp4,b.mp4,run\n")
    found, _ = read("path,class,category\nb.mp4,run,x\n", label="category")
    assert labelled(found) == [("b.mp4", "x")]


def test_parts_by_another_name(read):
    found, said = read("path,label,set\nb.mp4,run,train\nc.mp4,jump,Val\n")
    assert [clip[2] for clip in found] == ["train", "Val"]
    assert "set as split" in said
    found, said = read("path,label,set\nb.mp4,run,A\nc.mp4,jump,train\n")
    assert [clip[2] for clip in found] == [None, None]
    assert "the column 'set' is not read as parts: 'A' is none of train, val, test" in said
    assert "parts" not in read("path,label,set\nb.mp4,run,A\nc.mp4,jump,B\n")[1]
    found, _ = read("path,label,split\nb.mp4,run,train\nc.mp4,jump,test\n", split=None)
    assert [clip[2] for clip in found] == [None, None]


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("path,label,start,end\nb.mp4,run,00:00.2,00:01\n", (0.2, 1.0)),
        ("path,label,start_time,end_time\nb.mp4,run,0:01:00,0:01:30.5\n", (60.0, 90.5)),
        ("path,label,t_start,t_end\nb.mp4,run,1,2\n", (1.0, 2.0)),
        ("path,label,begin,stop\nb.mp4,run,1,\n", (1.0, None)),
        ("path;label;start_s;end_s\nb.mp4;run;1,5;2,25\n", (1.5, 2.25)),
        ('path,label,start,end\nb.mp4,run,"0:01,5",2\n', (1.5, 2.0)),
    ],
)
def test_times(read, text, stretch):
    found, said = read(text)
    assert found[0][-2:] == stretch
    assert "as start_seconds" in said


def test_times_with_colons_are_told(read):
    _, said = read("path,label,start_seconds\nb.mp4,run,1:30\n")
    assert "times such as 1:30 are read as [hours:]minutes:seconds" in said


@pytest.mark.parametrize(
    "header", ["start_frame,end_frame", "start_ms,end_ms", "frameStart,frameEnd"]
)
def test_columns_like_times_that_are_not_read_are_told(read, header):
    found, said = read(f"path,label,{header}\nb.mp4,run,10,20\n")
    assert found[0][-2:] == (None, None)
    assert f"the column(s) {header.replace(',', ', ')} are not read" in said
    assert "--data.start_seconds_column" in said


def test_times_can_be_switched_off(read):
    text = "path,label,start,end\nb.mp4,run,early,late\n"
    with pytest.raises(InputError, match=r"line 2: from 'early' .*start_seconds_column=null"):
        read(text)
    found, said = read(text, start_seconds=None, end_seconds=None)
    assert found[0][-2:] == (None, None)
    assert said == ""


def test_comments(read, tmp_path):
    found, said = read("# made by hand\n# path,label\nb.mp4,run\n#c.mp4,jump\nc.mp4,jump\n")
    assert labelled(found) == BOTH
    assert "1 line(s) that begin with # are left out" in said
    (tmp_path / "#1.mp4").touch()
    assert labelled(read("#1.mp4,run\nb.mp4,jump\n")[0]) == [("#1.mp4", "run"), ("b.mp4", "jump")]


def test_lines_keep_their_numbers(read):
    with pytest.raises(InputError, match="line 5: no path"):
        read("\n# clips\npath,label\nb.mp4,run\n,jump\n")


def test_the_line_that_excel_writes_first(read):
    with pytest.raises(InputError, match="line 4: no path"):
        read("sep=,\npath,label\nb.mp4,run\n,jump\n")
    assert labelled(read('"sep=;"\npath;label\nb.mp4;run, fast\n')[0]) == [("b.mp4", "run, fast")]


@pytest.mark.parametrize("odd", ["\x0c\n", "\x85", '"', ",", "#\n", "~\0,x\n", "\u2028", "sep="])
@pytest.mark.parametrize("rest", ["", "path,label\nb.mp4,run\n", "b.mp4 run\n"])
def test_odd_beginnings_are_read_or_told(read, odd, rest):
    with suppress(InputError):
        assert read(odd + rest)[0]


def test_composed_labels_are_one(read):
    found, _ = read("path,label\nb.mp4,cafe\u0301\nc.mp4,caf\u00e9\n")
    assert labelled(found) == [("b.mp4", "caf\u00e9"), ("c.mp4", "caf\u00e9")]
