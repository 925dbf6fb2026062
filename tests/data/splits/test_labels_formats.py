"""The same labels in CSV, JSON and Parquet are the same classes; names of a source go first."""

import json

import numpy as np
import pandas
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from data.files.errors import InputError
from data.text.data_module import TextDataModule
from data.text.sources import read_texts

FORMATS = ("csv", "jsonl", "json", "parquet")


def write(path, labels, **columns):
    """A table of a text for each label."""
    frame = pandas.DataFrame(
        {"text": [f"film number {k} is here" for k in range(len(labels))], "label": labels}
        | columns
    )
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        lines = [json.dumps(row) for row in rows]
        path.write_text("\n".join(lines) if path.suffix == ".jsonl" else f"[{','.join(lines)}]")
    return path


def named(data):
    """By row, the name of its class."""
    return {
        int(row): data.classes[label]
        for part in data.parts.values()
        for row, label in zip(part.ids, part.labels, strict=True)
    }


def later(trained, path, **options):
    data = TextDataModule(path=str(path), **options)
    data.adopt(trained.describe())
    data.reported_part = "all"
    return data


LABELS = {
    "stars": (range(1, 6), ["1", "2", "3", "4", "5"]),
    "half stars": ([k / 2 for k in range(1, 11)], [f"{k / 2:g}" for k in range(1, 11)]),
    "floats": ([1.0, 2.0, 10.0], ["1", "2", "10"]),
    "gaps": ([1.0, 2.0, None], ["1", "2"]),
    "signs": ([-1, 0, 1], ["-1", "0", "1"]),
    "booleans": ([True, False], ["False", "True"]),
    "words": (["pos", "neg"], ["neg", "pos"]),
    "large": ([2**53, 2**53 + 1], [str(2**53), str(2**53 + 1)]),
    "fractions": ([0.1, 0.2, 0.3], ["0.1", "0.2", "0.3"]),
}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", LABELS)
def test_a_format_makes_no_difference(tmp_path, name, kind):
    values, classes = LABELS[name]
    labels = list(values) * 12
    data = TextDataModule(path=str(write(tmp_path / f"x.{kind}", labels)))
    assert data.classes == classes
    shown = {row: classes[classes.index(c)] for row, c in named(data).items()}
    expected = [
        None if label is None else f"{label:g}" if isinstance(label, float) else str(label)
        for label in labels
    ]
    assert [shown.get(row) for row in range(len(labels))] == expected


PARQUET = {
    "category of numbers": pandas.Series([3, 11, 2] * 10, dtype="category"),
    "category of words": pandas.Series(["3", "11", "2"] * 10, dtype="category"),
    "nullable integers": pandas.Series([3, 11, 2] * 10, dtype="Int64"),
    "small integers": pandas.Series([3, 11, 2] * 10, dtype="int8"),
    "float32": pandas.Series([3, 11, 2] * 10, dtype="float32"),
}


@pytest.mark.parametrize("name", PARQUET)
def test_types_of_parquet(tmp_path, name):
    data = TextDataModule(path=str(write(tmp_path / "x.parquet", PARQUET[name])))
    assert data.classes == ["2", "3", "11"]
    assert named(data) == {row: ["3", "11", "2"][row % 3] for row in range(30)}


def test_narrow_floats_are_what_was_meant(tmp_path):
    labels = pandas.Series([0.1, 0.7] * 10, dtype="float32")
    assert TextDataModule(path=str(write(tmp_path / "x.parquet", labels))).classes == ["0.1", "0.7"]


def class_labels(path, names, labels):
    features = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    rows = {"text": [f"film number {k} is here" for k in range(len(labels))], "label": labels}
    Dataset.from_dict(rows, features=features).to_parquet(path)
    return path


def test_names_of_a_source_go_before_its_numbers(tmp_path):
    data = TextDataModule(path=str(class_labels(tmp_path / "x.parquet", ["1", "0"], [0, 1] * 10)))
    assert named(data) == {row: ["1", "0"][row % 2] for row in range(20)}
    # As `class_encode_column` has them: sorted as text.
    names = sorted(map(str, range(12)))
    labels = [names.index(str(k % 12)) for k in range(48)]
    data = TextDataModule(path=str(class_labels(tmp_path / "y.parquet", names, labels)))
    assert named(data) == {row: str(row % 12) for row in range(48)}


def test_another_order_of_names_is_matched_by_name(tmp_path, caplog):
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", ["negative", "positive"] * 10)))
    path = class_labels(tmp_path / "x.parquet", ["positive", "negative", "mixed"], [0, 1, 2] * 4)
    data = later(trained, path)
    assert named(data) == {
        row: ["positive", "negative"][row % 3] for row in range(12) if row % 3 < 2
    }
    assert {skip.id for skip in data.skipped} == {2, 5, 8, 11}
    assert "unknown label 'mixed'" in data.skipped[0].reason
    assert "0 =" not in caplog.text


def test_minus_one_of_a_source_with_names_is_no_label(tmp_path):
    path = class_labels(tmp_path / "x.parquet", ["neg", "pos"], [0, 1, -1, None] * 10)
    data = TextDataModule(path=str(path))
    assert data.classes == ["neg", "pos"]
    assert len(named(data)) == 20
    assert "row 2 has no label" in data.skipped[0].reason


def test_a_number_is_a_place_only_where_classes_are_words_and_all_fit(tmp_path, caplog):
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", ["neg", "neutral", "pos"] * 10)))
    data = later(trained, write(tmp_path / "y.csv", [2, 0, 1] * 4))
    assert named(data) == {row: ["pos", "neg", "neutral"][row % 3] for row in range(12)}
    assert caplog.text.count("0 = neg, 1 = neutral, 2 = pos") == 1
    with pytest.raises(
        InputError, match=r"labels are '0', '1', '3', allowed are neg, neutral, pos"
    ):
        _ = later(trained, write(tmp_path / "z.csv", [0, 1, 3] * 4)).parts
    data = later(trained, write(tmp_path / "mixed.csv", ["pos", "0", "neg"] * 4))
    assert named(data) == {row: ["pos", "", "neg"][row % 3] for row in range(12) if row % 3 != 1}
    assert "unknown label '0'" in data.skipped[0].reason


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    ("learnt", "asked", "known"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 0], "1234"),
        ([1, 2, 3], [0, 1, 2], "12"),
        ([-1, 1], [-1, 0, 1], ["-1", "1"]),
        ([0, 1, "other"], [0, 1, 2], "01"),
        (["001", "002"], [1, 2, 3], ["001", "002"]),
        ([0.5, 1.0, 1.5], [0, 1, 2], "1"),
    ],
    ids=str,
)
def test_where_a_class_is_a_number_none_is_a_place(tmp_path, learnt, asked, known, kind):
    labels = [str(label) for label in learnt]
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", labels * 10)))
    data = later(trained, write(tmp_path / f"y.{kind}", asked * 3))
    found = named(data)
    assert sorted(set(found.values())) == sorted(known)
    for row, name in found.items():
        assert float(name) == asked[row % len(asked)]
    assert len(data.skipped) == 3 * (len(asked) - len(known))


def test_texts_in_the_place_of_labels_are_not_told_at_length(tmp_path):
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", ["neg", "pos"] * 10)))
    data = later(
        trained, write(tmp_path / "y.csv", [f"{k} word" + " more" * 999 for k in range(20)])
    )
    with pytest.raises(InputError, match="and 17 more, allowed are neg, pos") as caught:
        _ = data.parts
    assert len(str(caught.value)) < 500


def test_numbers_in_the_names_of_classes_are_no_places(tmp_path):
    stars = ["1 star", "2 stars", "3 stars"]
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", stars * 10)))
    with pytest.raises(InputError, match=r"labels are '1', '2', allowed are 1 star, .* of its own"):
        _ = later(trained, write(tmp_path / "y.csv", [1, 2] * 4)).parts
    trained = TextDataModule(path=str(write(tmp_path / "z.csv", ["LABEL_0", "LABEL_1"] * 10)))
    assert named(later(trained, write(tmp_path / "y.csv", [1, 0] * 4)))[0] == "LABEL_1"


def test_spellings_of_a_number_are_one_class_and_told(tmp_path, caplog):
    path = write(tmp_path / "x.csv", ["01", "1", "02", "2.0"] * 10)
    assert TextDataModule(path=str(path)).classes == ["1", "2"]
    assert "equal numbers are one class: 01 = 1, 02 = 2.0" in caplog.text
    path = write(tmp_path / "y.csv", ["001", "002", "010"] * 10)
    assert TextDataModule(path=str(path)).classes == ["001", "002", "010"]


def test_classes_that_look_alike_are_told_and_stay_two(tmp_path, caplog):
    path = write(tmp_path / "x.csv", ["Positive", "positive", "other"] * 10)
    trained = TextDataModule(path=str(path))
    assert trained.classes == ["Positive", "other", "positive"]
    assert "the classes 'Positive' and 'positive' differ in case or blanks alone" in caplog.text
    trained = TextDataModule(path=str(write(tmp_path / "y.csv", ["other", "positive"] * 10)))
    data = later(trained, write(tmp_path / "z.csv", ["other", "Positive"] * 4))
    assert len(data.parts["all"]) == 4
    assert "'Positive', which the class 'positive' differs from in case" in data.skipped[0].reason


SPLIT = ["train"] * 20 + ["validation"] * 6 + ["test"] * 6


@pytest.mark.parametrize("kind", FORMATS)
def test_labels_that_a_benchmark_keeps_back(tmp_path, caplog, kind):
    labels = [k % 2 for k in range(26)] + [-1] * 6
    path = write(tmp_path / f"x.{kind}", labels, split=SPLIT)
    data = TextDataModule(path=str(path))
    assert data.classes == ["0", "1"]
    assert caplog.text.count("-1, the label of all 6 rows of the part 'test'") == 1
    assert "no row of the part 'test' (6) has a label" in caplog.text
    assert "the part 'val' is reported instead" in caplog.text
    assert data.origin.reported_part == "val"
    assert data.parts["test"].ids.tolist() == list(range(20, 26))
    assert set(data.parts["val"].ids) <= set(range(20))
    assert data.skipped == []


def test_minus_one_among_other_labels_of_a_measured_part(tmp_path, caplog):
    labels = [k % 2 for k in range(20)] + [0, 1, -1] * 2 + [0, -1, 1] * 2
    data = TextDataModule(path=str(write(tmp_path / "x.csv", labels, split=SPLIT)))
    assert data.classes == ["0", "1"]
    assert data.parts["test"].ids.tolist() == [26, 28, 29, 31]
    assert data.parts["val"].ids.tolist() == [20, 21, 23, 24]
    assert caplog.text.count("-1, the label of 2 of 6 rows of the part 'test', is taken") == 1
    assert data.skipped == []


def test_a_benchmark_of_the_hub_keeps_labels_back(tmp_path, monkeypatch, caplog):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    sizes = {"train": 20, "validation": 6, "test": 6}
    parts = {
        part: Dataset.from_dict(
            {
                "text": [f"film number {k} of {part}" for k in range(size)],
                "label": [-1 if part == "test" else k % 2 for k in range(size)],
            },
            features=features,
        )
        for part, size in sizes.items()
    }
    monkeypatch.setattr("datasets.load_dataset", lambda name: DatasetDict(parts))
    data = TextDataModule(path="somebody/texts")
    assert data.classes == ["neg", "pos"]
    assert data.parts["test"].ids.tolist() == list(range(20, 26))
    assert data.origin.reported_part == "val"
    assert data.skipped == []
    assert caplog.text.count("no row of the part 'test' (6)") == 1


def test_where_errors_fail_a_label_that_is_kept_back_does(tmp_path):
    labels = [k % 2 for k in range(26)] + [-1] * 6
    path = write(tmp_path / "x.csv", labels, split=SPLIT)
    with pytest.raises(InputError, match="row 26 has no label"):
        _ = TextDataModule(path=str(path), on_error="fail").parts


def test_a_part_without_labels_cannot_be_asked_for(tmp_path):
    labels = [k % 2 for k in range(20)] + [-1] * 6 + [0, 1] * 3
    trained = TextDataModule(path=str(write(tmp_path / "x.csv", labels, split=SPLIT)))
    assert trained.classes == ["0", "1"]
    data = later(trained, tmp_path / "x.csv")
    data.reported_part, data.is_other_source = "val", True
    with pytest.raises(InputError, match=r"no row of the part 'val' \(6\) has a label"):
        _ = data.parts
    data = later(trained, write(tmp_path / "y.csv", [-1] * 6))
    with pytest.raises(InputError, match="benchmark keeps the label back"):
        _ = data.parts


@pytest.mark.parametrize(
    "labels",
    [
        [-1, 1] * 10 + [-1, 1, 0] * 2 + [-1] * 6,
        [-1, 0, 1, 0] * 5 + [-1] * 12,
        [-2, 2] * 10 + [2] * 6 + [-1] * 6,
        [0, 1] * 10 + [0, -2] * 3 + [-1] * 6,
        ["bad", "good"] * 10 + ["bad", "-1"] * 6,
    ],
)
def test_minus_one_is_a_class_where_it_may_be_one(tmp_path, labels):
    data = TextDataModule(path=str(write(tmp_path / "x.csv", labels, split=SPLIT)))
    assert set(data.classes) == set(map(str, labels))
    assert len(data.parts["test"]) == 6


@pytest.mark.parametrize("place", ["train/unsup", "unsup"])
def test_unlabelled_texts_beside_classes_are_no_class(tmp_path, caplog, place):
    parts = ("train/", "test/") if "/" in place else ("",)
    folders = [*(f"{part}{name}" for part in parts for name in ("neg", "pos")), place]
    for folder in folders:
        for k in range(6):
            file = tmp_path / "aclImdb" / folder / f"{k}_0.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"film number {k} of {folder}")
    source = str(tmp_path / "aclImdb")
    assert TextDataModule(path=source).classes == ["neg", "pos"]
    advised = f"{source}/{place}"
    assert f"--data.unlabelled={advised}" in caplog.text
    found = read_texts(advised, text_column="text", cache=tmp_path / "cache")
    assert len(found) == 6
    data = TextDataModule(path=source, unlabelled=advised)
    assert len(data.parts["unlabelled"]) == 6


def test_unlabelled_rows_of_a_table_are_no_class(tmp_path, caplog):
    path = write(tmp_path / "x.csv", ["neg", "pos", "unsup"] * 10)
    data = TextDataModule(path=str(path))
    assert data.classes == ["neg", "pos"]
    assert "'unsup' is no class, its 10 rows have no label" in caplog.text
    assert data.skipped == []
    # Where there is no other pair, it is one.
    data = TextDataModule(path=str(write(tmp_path / "y.csv", ["pos", "unlabelled"] * 10)))
    assert data.classes == ["pos", "unlabelled"]


def test_classes_that_a_part_lacks_are_told(tmp_path, caplog):
    labels = ["a", "b", "c"] * 6 + ["a", "b"] + ["a", "b", "d"] * 4
    data = TextDataModule(path=str(write(tmp_path / "x.csv", labels, split=SPLIT)))
    assert data.classes == ["a", "b", "c", "d"]
    assert caplog.text.count("no example of") == 3
    assert "the part 'train' has no example of d" in caplog.text
    assert "the part 'test' has no example of c" in caplog.text
    assert "the part 'val' has no example of c" in caplog.text
    caplog.clear()
    later_data = later(data, write(tmp_path / "y.csv", ["a", "b", "d"] * 4))
    assert np.bincount(later_data.parts["all"].labels).tolist() == [4, 4, 0, 4]
    assert "no example of c: nothing is measured of it" in caplog.text
