"""The lists of UCF-101, HMDB-51 and Kinetics, on small trees of empty files."""

import logging
import time
import unicodedata

import pytest

from data.clips.layouts import Clip, clips
from data.files.errors import InputError


def write(folder, files):
    """Files by path → their lines; None is an empty clip."""
    for name, lines in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("" if lines is None else "\n".join(lines) + "\n")
    return folder


def read(folder, fold=1):
    return clips(folder, columns={}, fold=fold)


def ucf(folder, *, lists="", videos=""):
    names = ["Yo/v_Yo_g01_c01", "Yo/v_Yo_g02_c01", "Bow/v_Bow_g01_c01", "Bow/v_Bow_g01_c02"]
    return write(
        folder,
        {f"{videos}{name}.avi": None for name in names}
        | {
            f"{lists}classInd.txt": ["1 Yo", "2 Absent", "3 Bow"],
            f"{lists}trainlist01.txt": [f"{names[0]}.avi 1", f"{names[2]}.avi 3"],
            f"{lists}testlist01.txt": [f"{names[1]}.avi", f"{names[3]}.avi", ""],
            f"{lists}trainlist02.txt": [f"{names[1]}.avi 1", "Bow/v_Bow_g07_c03.avi 3"],
            f"{lists}testlist02.txt": [f"{names[0]}.avi\r"],
        },
    )


@pytest.mark.parametrize("lists", ["", "ucfTrainTestlist/"])
@pytest.mark.parametrize("videos", ["", "UCF-101/"])
def test_ucf(tmp_path, lists, videos):
    ucf(tmp_path, lists=lists, videos=videos)
    found, where, classes = read(tmp_path)
    home = tmp_path / videos
    assert found == [
        Clip(home / "Yo/v_Yo_g01_c01.avi", "Yo", "train", "v_Yo_g01"),
        Clip(home / "Bow/v_Bow_g01_c01.avi", "Bow", "train", "v_Bow_g01"),
        Clip(home / "Yo/v_Yo_g02_c01.avi", "Yo", "test", "v_Yo_g02"),
        Clip(home / "Bow/v_Bow_g01_c02.avi", "Bow", "test", "v_Bow_g01"),
    ]
    # In the order of their numbers; a class without a clip in the lists is none of the task.
    assert classes == ["Yo", "Bow"]
    assert where == f"{tmp_path}, lists of UCF-101, fold 1"


def test_ucf_fold_and_missing_clip(tmp_path):
    ucf(tmp_path, videos="UCF-101/")
    found = read(tmp_path, fold=2).clips
    assert [(clip.path.name[2:-4], clip.part) for clip in found] == [
        ("Yo_g02_c01", "train"),
        ("Bow_g07_c03", "train"),
        ("Yo_g01_c01", "test"),
    ]
    # Kept where it was looked for.
    assert found[1].path == tmp_path / "UCF-101/Bow/v_Bow_g07_c03.avi"
    with pytest.raises(
        InputError, match=r"no list 3 of UCF-101 \(--data.fold=3\): there are 1, 2;"
    ):
        read(tmp_path, fold=3)


def test_letters_of_classes_may_be_composed_or_not(tmp_path):
    one, other = (unicodedata.normalize(form, "Caf\u00e9") for form in ("NFC", "NFD"))
    write(tmp_path, {f"{one}/1.avi": None, "Yo/1.avi": None, "Yo/2.avi": None})
    write(tmp_path, {"trainlist01.txt": [f"{one}/1.avi 1", "Yo/1.avi 2"]})
    write(tmp_path, {"testlist01.txt": ["Yo/2.avi"], "classInd.txt": [f"1 {other}", "2 Yo"]})
    assert read(tmp_path)[2] == [one, "Yo"]


def test_clips_converted_to_another_container_in_folders_of_other_case(tmp_path):
    write(
        tmp_path,
        {"handstand/v_HandStand_g01_c01.mp4": None, "resized/Yo/1.avi": None, "Yo/1.avi": None},
    )
    lists = ["HandStand/v_HandStand_g01_c01.avi 1", "Yo/1.avi 2", "None/a b.avi 3"]
    write(tmp_path, {"trainlist01.txt": lists})
    found, _, classes = read(tmp_path)
    assert [str(clip.path.relative_to(tmp_path)) for clip in found] == [
        "handstand/v_HandStand_g01_c01.mp4",
        "Yo/1.avi",
        "None/a b.avi",
    ]
    assert [clip.label for clip in found] == ["HandStand", "Yo", "None"]
    assert classes is None


def test_accents_composed_in_another_way(tmp_path):
    write(tmp_path, {"UCF/cafe\u0301/v_e\u0301_g01_c01.avi": None, "UCF/b/1.avi": None})
    write(tmp_path, {"trainlist01.txt": ["caf\u00e9/v_\u00e9_g01_c01.avi 1", "b/1.avi 2"]})
    found = read(tmp_path).clips
    assert all(clip.path.is_file() for clip in found)
    assert [clip.label for clip in found] == ["caf\u00e9", "b"]


def test_junk_holds_no_lists_and_no_clips(tmp_path):
    write(tmp_path, {"__MACOSX/trainlist01.txt": ["A/a.avi 1"], "._trainlist01.txt": ["x"]})
    write(tmp_path, {"A/a.avi": None, "B/b.avi": None, "@eaDir/A/a.avi": None})
    assert [(clip.label, clip.part) for clip in read(tmp_path).clips] == [("A", None), ("B", None)]


def hmdb(folder, lists):
    return write(
        folder,
        {
            "hmdb51/wave/Some (film)_wave_u_cm.avi": None,
            "hmdb51/wave/b.avi": None,
            "hmdb51/brush_hair/c#1.avi": None,
            f"{lists}wave_test_split1.txt": [
                "Some (film)_wave_u_cm.avi 1 ",
                "b.avi 2 ",
                "d.avi 0 ",
            ],
            f"{lists}brush_hair_test_split1.txt": ["c#1.avi 1 ", "e.avi 2 "],
            f"{lists}wave_test_split3.txt": ["b.avi 1 "],
        },
    )


@pytest.mark.parametrize("lists", ["", "testTrainMulti_7030_splits/"])
def test_hmdb(tmp_path, lists):
    hmdb(tmp_path, lists)
    found, where, classes = read(tmp_path)
    home = tmp_path / "hmdb51"
    assert found == [
        Clip(home / "brush_hair/c#1.avi", "brush_hair", "train"),
        Clip(home / "brush_hair/e.avi", "brush_hair", "test"),
        Clip(home / "wave/Some (film)_wave_u_cm.avi", "wave", "train"),
        Clip(home / "wave/b.avi", "wave", "test"),
    ]
    assert (where, classes) == (f"{tmp_path}, lists of HMDB-51, fold 1", None)
    with pytest.raises(InputError, match=r"no list 2 of HMDB-51 .*there are 1, 3"):
        read(tmp_path, fold=2)
    with pytest.raises(InputError, match=r"no list brush_hair_test_split3\.txt of this class"):
        read(tmp_path, fold=3)


HEADER = "label,youtube_id,time_start,time_end,split"


def test_kinetics(tmp_path, caplog):
    write(
        tmp_path,
        {
            "train/wave hand/-a_b_000005_000015.mp4": None,
            "train/-a_b_000050_000060.mkv": None,
            "clapping/c.webm": None,
            "d_000000_000010.mp4": None,
            "lists/kinetics-400_train.csv": [
                HEADER,
                "wave hand,-a_b,5,15,train",
                "wave hand,-a_b,50,60,train",
                '"clap, slowly",c,000007,17.0,train',
            ],
            "lists/kinetics-400_validate.csv": [
                HEADER,
                "clapping,d,0,10,validate",
                "clapping,gone,1,2,",
            ],
            "test.csv": ["youtube_id,time_start,time_end,split", "x,0,10,test", "y,0,10,test"],
        },
    )
    with caplog.at_level(logging.WARNING):
        found, where, classes = read(tmp_path)
    assert found == [
        Clip(tmp_path / "train/wave hand/-a_b_000005_000015.mp4", "wave hand", "train", "-a_b"),
        Clip(tmp_path / "train/-a_b_000050_000060.mkv", "wave hand", "train", "-a_b"),
        Clip(tmp_path / "clapping/c.webm", "clap, slowly", "train", "c"),
        Clip(tmp_path / "d_000000_000010.mp4", "clapping", "validate", "d"),
        Clip(tmp_path / "validate/clapping/gone_000001_000002.mp4", "clapping", "validate", "gone"),
    ]
    assert (where, classes) == (f"{tmp_path}, lists of Kinetics", None)
    assert f"{tmp_path}: left out 2 rows that have no label" in caplog.text


def test_kinetics_columns_in_another_order_and_parts_by_file_name(tmp_path):
    header = "time_end,time_start,youtube_id,label"
    write(
        tmp_path,
        {
            "val/a.mp4": None,
            "train/a.mp4": None,
            "train.csv": [header, "10,0,a,x"],
            "val.csv": [header, "20,10,a,x"],
        },
    )
    # One name twice: each part has its own.
    assert read(tmp_path).clips == [
        Clip(tmp_path / "train/a.mp4", "x", "train", "a"),
        Clip(tmp_path / "val/a.mp4", "x", "val", "a"),
    ]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"trainlist01.txt": ["A/a.avi 1", "b.avi 2"]},
            r"trainlist01.txt, line 2: 'b.avi 2' is not",
        ),
        (
            {"trainlist01.txt": ["A/a.avi 1"], "classInd.txt": ["A"]},
            r"classInd.txt, line 1: 'A' is not",
        ),
        ({"trainlist01.txt": []}, "no clip with a label is listed"),
        ({"testlist01.txt": ["A/a.avi"]}, "no list 1 of UCF-101 .*there are none for training"),
        ({"a_test_split1.txt": ["a.avi 1", "b.avi 3"]}, r"split1.txt, line 2: 'b.avi 3' is not"),
        ({"a_test_split1.txt": ["1"]}, r"split1.txt, line 1: '1' is not clip.avi 0"),
        (
            {"train.csv": [HEADER, "x,a,now,then,train"]},
            r"train.csv, line 2: 'x,a,now,then,train' is",
        ),
        ({"test.csv": ["youtube_id,time_start", "a,0"]}, "no clip with a label is listed"),
    ],
)
def test_bad_lists(tmp_path, files, says):
    with pytest.raises(InputError, match=says):
        read(write(tmp_path, files))


def test_other_tables_and_texts_are_no_official_lists(tmp_path):
    files = {"a/1.mp4": None, "b/2.mp4": None, "train.csv": ["path,label", "a/1.mp4,a"]}
    write(tmp_path, files | {"a/notes.txt": ["1"], "README.txt": ["Hello"]})
    assert [clip.label for clip in read(tmp_path).clips] == ["a", "b"]


@pytest.mark.slow
def test_100_000_rows_of_kinetics_take_seconds(tmp_path):
    for k in range(100):
        (tmp_path / f"train/class {k}").mkdir(parents=True)
    rows = [(f"class {k % 100}", f"id{k:09d}", k % 50, k % 50 + 10) for k in range(100_000)]
    for label, film, start, end in rows:
        (tmp_path / f"train/{label}/{film}_{start:06d}_{end:06d}.mp4").touch()
    write(tmp_path, {"train.csv": [HEADER] + [",".join(map(str, (*row, "train"))) for row in rows]})
    began = time.perf_counter()
    found = read(tmp_path).clips
    assert time.perf_counter() - began < 10
    assert sum(clip.path.is_file() for clip in found) == len(found) == 100_000
