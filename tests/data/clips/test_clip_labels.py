"""Labels of clips: matched as those of texts are, in training, evaluation and by the doctor."""

import shutil
import unicodedata

import pytest

from data.clips.clip import Clip, Listing
from data.clips.layouts import clips
from data.files.errors import InputError
from data.video.data_module import VideoDataModule
from data.video.doctor import examine
from pipelines.doctor.table import table
from tests.clips import write_clip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Twelve clips, no two alike."""
    folder = tmp_path_factory.mktemp("clips")
    return [write_clip(folder / f"{k}.mp4", num_frames=2, level=20 + 5 * k) for k in range(12)]


def listed(path, files, labels, parts=None):
    """A table that lists the clips with these labels."""
    parts = parts or [""] * len(labels)
    rows = zip(files, labels, parts, strict=False)
    lines = ["path,label,split", *(f"{file},{label},{part}" for file, label, part in rows)]
    path.write_text("\n".join(lines))
    return path


def module(path, classes=None):
    data = VideoDataModule(path=str(path), size_px=16)
    if classes is not None:
        data.known_classes = classes
        data.reported_part = "all"
    return data


def named(data):
    return [data.classes[label] for label in data.parts["all"].labels]


def test_zeros_that_a_spreadsheet_dropped_do_no_harm(tmp_path, files):
    for k, file in enumerate(files):
        place = tmp_path / "lead" / f"00{k % 3 + 1}"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    classes = module(tmp_path / "lead").classes
    assert classes == ["001", "002", "003"]
    data = module(listed(tmp_path / "x.csv", files, [1, 2] * 4), classes)
    assert named(data) == ["001", "002"] * 4


@pytest.mark.parametrize("classes", [["1", "2", "3"], ["001", "002", "003"], ["1", "2", "other"]])
def test_a_stray_number_is_an_unknown_label(tmp_path, files, classes):
    path = listed(tmp_path / "x.csv", files, [1, 2] * 4 + [0])
    with pytest.raises(InputError, match=r"row 8 has the unknown label '0': allowed are .*1, "):
        _ = module(path, classes).parts


def test_places_of_words_are_told(tmp_path, files, caplog):
    path = listed(tmp_path / "x.csv", files, [1, 0] * 4)
    assert named(module(path, ["calm", "wild"])) == ["wild", "calm"] * 4
    assert caplog.text.count("0 = calm, 1 = wild") == 1


def test_composed_and_decomposed_letters_are_one_class(tmp_path, files):
    word = "caf\u00e9"
    labels = [word, unicodedata.normalize("NFD", word), "bar"] * 4
    data = module(listed(tmp_path / "x.csv", files, labels))
    assert data.classes == ["bar", word]
    known = [unicodedata.normalize("NFD", word), "bar"]
    assert named(module(tmp_path / "x.csv", known)) == [known[0], known[0], "bar"] * 4


def test_labels_that_a_benchmark_keeps_back(tmp_path, files, caplog):
    parts = ["train"] * 6 + ["val"] * 4 + ["test"] * 2
    path = listed(tmp_path / "x.csv", files, [0, 1] * 5 + [-1] * 2, parts)
    data = module(path)
    assert data.classes == ["0", "1"]
    assert data.origin.reported_part == "val"
    assert data.parts["test"].ids.tolist() == [6, 7, 8, 9]
    assert "-1, the label of all 2 rows of the part 'test'" in caplog.text
    assert "the part 'val' is reported instead" in caplog.text


def look(files, labels, parts=None):
    rows = zip(files, labels, parts or [None] * len(labels), strict=False)
    return examine(
        Listing([Clip(*row) for row in rows], "here"), files[0].parent, show_progress=False
    )


def test_the_doctor_knows_equal_numbers(tmp_path, files):
    copy = shutil.copy(files[0], tmp_path / "copy.mp4")
    diagnosis = look([*files[:6], copy], ["1", "01", "1.0", "2", "02", "2", "001"])
    assert diagnosis.is_healthy
    assert [finding.verdict for finding in diagnosis.findings[1:6]] == ["ok"] * 5
    assert [diagnosis.findings[k].verdict for k in (0, 6)] == ["duplicate", "duplicate"]
    assert [finding.clip.label for finding in diagnosis.findings] == [*"1112221"]
    diagnosis = look([*files[:6], copy], ["1", "1", "1", "-1", "-1", "-1", "-01"])
    assert [diagnosis.findings[k].verdict for k in (0, 6)] == ["conflict", "conflict"]


def test_the_doctor_tells_of_names_that_look_alike(files):
    diagnosis = look(files, ["Dark", "dark", "bright"] * 4)
    assert diagnosis.is_healthy
    assert "note: the classes 'Dark' and 'dark' differ in case or blanks alone" in table(diagnosis)
    assert not look(files, ["dark", "bright"] * 6).hints


def test_the_doctor_and_training_tell_of_a_class_that_the_test_part_lacks(tmp_path, files, caplog):
    labels, parts = ["a", "b", "c"] * 3 + ["a", "b"], ["train"] * 9 + ["test"] * 2
    path = listed(tmp_path / "x.csv", files, labels, parts)
    _ = module(path).parts
    line = "the part 'test' has no example of c: nothing is measured of it"
    assert caplog.text.count(line) == 1
    caplog.clear()
    examine(clips(path, columns={}), path, show_progress=False)
    assert caplog.text.count(line) == 1
