"""Lists and folders of clips and captions: what they name is found, or one line says why not."""

import json
import math
from contextlib import suppress

from hypothesis import assume, example, given
from hypothesis import strategies as st

from data.captions.listing import read_captions
from data.clips.clip import Clip, is_video
from data.clips.layouts import clips
from data.clips.manifest import COLUMNS, parse_seconds
from data.files.folders import composed
from data.plain_text.content import clean
from tests.fuzz.conftest import Refused, folder, fuzzed, outcome
from tests.fuzz.test_text_tables import TEXT, csv_text, may_be_binary


def may_be_name(text):
    return text == text.strip() and not set("/\0") & set(text) and text not in ("", ".", "..")


NAME = st.one_of(
    st.sampled_from(["a.mp4", "b c.mkv", "#1.avi", "~.mp4", "c:\\d.mp4", "é.mp4", "path", "1"]),
    TEXT.filter(may_be_name),
)
SECONDS = st.none() | st.floats(0, 1e6, allow_subnormal=False)


@st.composite
def listed(draw):
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    has_parts, has_groups, has_times = (draw(st.booleans()) for _ in range(3))
    rows = []
    for name in names:
        start = draw(SECONDS) if has_times else None
        length = draw(st.floats(0.1, 1e4))
        end = draw(st.sampled_from([None, (start or 0) + length])) if has_times else None
        part = draw(st.sampled_from(["train", "Val", "test"])) if has_parts else None
        group = draw(TEXT) if has_groups else ""
        rows.append((name, draw(TEXT), part, group, start, end))
    return rows, has_parts, has_groups, has_times


@fuzzed(30)
@given(
    rows=listed(), delimiter=st.sampled_from(",;\t|"), end=st.sampled_from(["\n", "\r\n"]),
    quotes_all=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)  # fmt: skip
def test_a_list(rows, delimiter, end, quotes_all, encoding):
    rows, has_parts, has_groups, has_times = rows
    shown = [has_parts, has_groups, has_times, has_times]
    records = [
        ["path", "label", *(n for n, is_shown in zip(
            ("split", "group", "start_seconds", "end_seconds"), shown, strict=True) if is_shown)]
    ]  # fmt: skip
    for path, label, *others in rows:
        cells = ["" if one is None else str(one) for one in others]
        records.append(
            [path, label, *(c for c, is_shown in zip(cells, shown, strict=True) if is_shown)]
        )
    content = csv_text(records, delimiter=delimiter, end=end, quotes_all=quotes_all)
    with folder() as place:
        for name, *_ in rows:
            (place / name).touch()
        (place / "list.csv").write_bytes(content.encode(encoding))
        # A name that the disk has composed in another way is another one.
        assume(len(list(place.iterdir())) == len(rows) + 1)
        found = outcome(lambda: clips(place / "list.csv", columns=COLUMNS), names="list.csv")
        if isinstance(found, Refused):
            assert may_be_binary(content), found
            return
        due = [
            Clip(
                place / path, composed(label.strip()) or None, part,
                (group.strip() or None) if has_groups else None, start, stop,
            )
            for path, label, part, group, start, stop in rows
        ]  # fmt: skip
    assert [clip if has_groups else clip._replace(group=None) for clip in found.clips] == due


@fuzzed(40)
@given(
    content=st.one_of(st.binary(max_size=60), st.lists(st.lists(
        st.one_of(NAME, TEXT, st.sampled_from([
            "path", "label", "split", "train", "start_seconds", "1:30", "/x/a.mp4", "C:\\x\\a.mp4",
            "~x/a.mp4", "~\0/a.mp4", "http://x/a.mp4", "é/a.mp4", "a" * 300 + ".mp4", "a.mp4/b.mp4"])),
        max_size=4), max_size=5).map(lambda rows: csv_text(
            rows, delimiter=",", end="\n", quotes_all=False).encode())),
    name=st.sampled_from(["list.csv", "list.txt", "list.tsv", "list.csv.gz", "list.zip", "list"]),
    header=st.sampled_from([None, ["path", "label"], ["label", "path", "x"]]),
)  # fmt: skip
def test_any_list(content, name, header):
    with folder() as place:
        (place / "a.mp4").touch()
        (place / name).write_bytes(content)
        found = outcome(lambda: clips(place / name, columns=COLUMNS, header=header), names="list")
    assert isinstance(found, Refused) or all(isinstance(one, Clip) for one in found.clips)


STEP = st.sampled_from(
    [
        "train",
        "Test",
        "val",
        "a",
        "b",
        "é",
        "e\u0301",
        "runs",
        ".git",
        "__MACOSX",
        "1",
        "a b",
        "a\nb",
    ]
)
FILE = st.sampled_from(["1.mp4", "2.MKV", "v_a_g01_c01.avi", "._1.mp4", "x.txt", "1", "é.mp4"])


@fuzzed(30)
@given(tree=st.lists(st.tuples(st.lists(STEP, max_size=4), st.none() | FILE), max_size=12))
def test_any_folder(tree):
    with folder() as place:
        (place / "clips").mkdir()
        for steps, name in tree:
            here = place.joinpath("clips", *steps)
            # A file may be where a folder is to be.
            with suppress(FileExistsError, NotADirectoryError):
                here.mkdir(parents=True, exist_ok=True)
                (here / (name or ".")).touch()
        found = outcome(lambda: clips(place / "clips", columns=COLUMNS), names="clips")
        if isinstance(found, Refused):
            return
        paths = [clip.path for clip in found.clips]
        assert len(set(paths)) == len(paths) > 0
        for clip in found.clips:
            assert clip.path.is_file()
            assert is_video(clip.path.name)
            above = [composed(step) for step in clip.path.relative_to(place / "clips").parts[:-1]]
            assert above[:2][clip.part is not None] == clip.label
            assert clip.part in (None, clip.path.relative_to(place / "clips").parts[0])


LINE = st.one_of(
    st.sampled_from(["a/v_a_g01_c01.avi 1", "a/v_b_g02_c01.avi", "1.avi 1", "2.avi 2", "1 a", "2 b",
                     "label,youtube_id,time_start,time_end,split", "a,xyz,1,11,train",
                     "a,xyz,nan,inf,train", "a,xyz,1e999,2,", ",x,1,2,train"]),
    TEXT,
)  # fmt: skip


@fuzzed(30)
@given(
    files=st.dictionaries(
        st.sampled_from(["trainlist01.txt", "testlist01.txt", "classInd.txt", "a_test_split1.txt",
                         "b_test_split1.txt", "train.csv", "kinetics_val.csv", "trainlist²1.txt"]),
        st.lists(LINE, max_size=4).map(lambda lines: "\n".join(lines).encode())
        | st.binary(max_size=30),
        min_size=1,
    ),
    fold=st.integers(-1, 3),
)  # fmt: skip
def test_any_official_lists(files, fold):
    with folder() as place:
        (place / "clips" / "a").mkdir(parents=True)
        (place / "clips" / "a" / "v_a_g01_c01.avi").touch()
        for name, content in files.items():
            (place / "clips" / name).write_bytes(content)
        found = outcome(lambda: clips(place / "clips", columns=COLUMNS, fold=fold), names="clips")
    assert isinstance(found, Refused) or found.clips


@fuzzed(50)
@given(seconds=st.floats(0, allow_infinity=False, allow_nan=False), text=TEXT)
def test_times(seconds, text):
    assert parse_seconds(repr(seconds)) == seconds
    if seconds < 1e9:
        clock = f"{int(seconds // 60)}:{int(seconds % 60):02d}.{int(seconds % 1 * 1000):03d}"
        assert math.isclose(parse_seconds(clock), seconds, abs_tol=2e-3)
    try:
        found = parse_seconds(text)
    except ValueError:
        return
    assert found >= 0
    assert math.isfinite(found)


KEYS = st.sampled_from(
    ["images", "annotations", "id", "image_id", "file_name", "caption", "filename", "sentences", "raw",
     "split", "filepath"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=5),
        st.sampled_from(["a.jpg", "\ud800", "a\0.jpg", "x" * 300 + ".jpg", "train", 0.5, 1e999]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def captions_of(path):
    columns = {"path": "path", "label": "caption", "split": "split"}
    return read_captions(str(path), columns=columns, header=None, folder=None)


@fuzzed(40)
@given(content=JSON)
@example(
    content={
        "images": [{"id": 1, "file_name": "x" * 300}],
        "annotations": [{"image_id": 1, "caption": "a"}],
    }
)
@example(content={"images": [], "annotations": []})
@example(content={"images": [{"filename": "a.jpg", "split": [1], "sentences": [{"raw": "a"}]}]})
@example(content={"images": [{"filename": "a.jpg", "split": 1, "sentences": [{"raw": "a"}]}]})
def test_any_json_of_captions(content):
    with folder() as place:
        (place / "a.jpg").touch()
        (place / "c.json").write_text(json.dumps(content))
        found = outcome(lambda: captions_of(place / "c.json"), names="c.json")
    assert isinstance(found, Refused) or any(found.references)


CAPTION = TEXT.filter(lambda one: clean(one).strip() and "\0" not in one)


@fuzzed(30)
@given(
    captions=st.dictionaries(st.sampled_from(["a.jpg", "b c.png", "d.mp4"]),
                             st.lists(CAPTION, min_size=1, max_size=3), min_size=1),
    kind=st.sampled_from(["csv", "coco", "karpathy", "flickr"]),
)  # fmt: skip
def test_captions_of_each_picture(captions, kind):
    if kind == "flickr":
        captions = {n: [" ".join(c.split()) for c in some] for n, some in captions.items()}
        assume(all(all(some) for some in captions.values()))
    pairs = [(name, one) for name, some in captions.items() for one in some]
    ids = {name: k for k, name in enumerate(captions)}
    if kind == "csv":
        content = csv_text([("path", "caption"), *pairs], delimiter=",", end="\n", quotes_all=True)
    elif kind == "coco":
        content = json.dumps({
            "images": [{"id": k, "file_name": name} for name, k in ids.items()],
            "annotations": [{"image_id": ids[name], "caption": one} for name, one in pairs],
        })  # fmt: skip
    elif kind == "karpathy":
        content = json.dumps({"images": [
            {"filename": name, "split": "restval", "sentences": [{"raw": one} for one in some]}
            for name, some in captions.items()
        ]})  # fmt: skip
    else:
        content = "".join(f"{name}#{k}\t{one}\n" for k, (name, one) in enumerate(pairs))
    suffix = {"csv": "csv", "flickr": "txt"}.get(kind, "json")
    with folder() as place:
        for name in captions:
            (place / name).touch()
        (place / f"c.{suffix}").write_bytes(content.encode())
        found = outcome(lambda: captions_of(place / f"c.{suffix}"), names="c.")
        if isinstance(found, Refused):
            assert may_be_binary(content), found
            return
        assert [clip.path.name for clip in found.clips] == [*captions]
        assert {clip.part for clip in found.clips} == {"train" if kind == "karpathy" else None}
    composed_ones = kind == "csv"
    for some, due in zip(found.references, captions.values(), strict=True):
        assert some == [composed(one.strip()) if composed_ones else one.strip() for one in due]
