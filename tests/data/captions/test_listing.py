"""Lists of captions in all their formats, and what is wrong with them."""

import json

import numpy as np
import pytest

from data.captions import CaptionDataModule
from data.captions.listing import read_captions
from data.files.errors import InputError
from tests.pictures import write_picture

COLUMNS = {"path": "path", "label": "caption", "split": "split", "group": "group"}


def read(source, folder=None, **columns):
    return read_captions(str(source), columns=COLUMNS | columns, header=None, folder=folder)


def facts(found):
    return [
        (clip.path.name, clip.part, some)
        for clip, some in zip(found.clips, found.references, strict=True)
    ]


def write_pictures(folder, count):
    """Pictures a0.png, a1.png … that all differ."""
    for k in range(count):
        write_picture(folder / f"a{k}.png", np.full((16, 16, 3), 10 * k, np.uint8))


def test_rows_of_one_picture_are_its_references(tmp_path):
    write_pictures(tmp_path, 2)
    (tmp_path / "a.csv").write_text(
        'path,caption,split\na0.png,"a dog, running",train\na1.png,a cat,test\na0.png,one dog,train\n'
    )
    assert facts(read(tmp_path / "a.csv")) == [
        ("a0.png", "train", ["a dog, running", "one dog"]),
        ("a1.png", "test", ["a cat"]),
    ]


def test_columns_by_option(tmp_path):
    write_pictures(tmp_path, 1)
    (tmp_path / "a.csv").write_text("image,text\na0.png,a dog\n")
    assert facts(read(tmp_path / "a.csv", path="image", label="text")) == [
        ("a0.png", None, ["a dog"])
    ]
    with pytest.raises(InputError, match=r"no column 'caption'.*--data\.caption_column"):
        read(tmp_path / "a.csv", path="image")


def test_coco(tmp_path):
    write_pictures(tmp_path / "train2014", 2)
    content = {
        "images": [{"id": 7, "file_name": "a1.png"}, {"id": 3, "file_name": "a0.png"}],
        "annotations": [
            {"image_id": 3, "caption": "A dog."},
            {"image_id": 7, "caption": "A cat."},
            {"image_id": 3, "caption": "One dog."},
        ],
    }
    (tmp_path / "captions.json").write_text(json.dumps(content))
    found = read(tmp_path / "captions.json")
    assert facts(found) == [("a0.png", None, ["A dog.", "One dog."]), ("a1.png", None, ["A cat."])]
    assert found.clips[0].path == tmp_path / "train2014" / "a0.png"
    assert read(tmp_path / "captions.json", folder=str(tmp_path)).clips[0].path.parent == tmp_path


def test_splits_of_karpathy(tmp_path):
    write_pictures(tmp_path, 2)
    content = {
        "images": [
            {"filename": "a0.png", "split": "restval", "sentences": [{"raw": "A dog."}]},
            {"filename": "a1.png", "split": "test", "sentences": [{"raw": "B."}, {"raw": "C."}]},
        ]
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert facts(read(tmp_path / "a.json")) == [
        ("a0.png", "train", ["A dog."]),
        ("a1.png", "test", ["B.", "C."]),
    ]


def test_the_files_of_flickr8k(tmp_path):
    write_pictures(tmp_path / "Flicker8k_Dataset", 3)
    lines = ["a0.png#0\tA dog .", "a0.png#1\tOne dog .", "a1.png#0\tA cat .", "a2.png#0\tNothing ."]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    assert [part for _, part, _ in facts(read(tmp_path / "Flickr8k.token.txt"))] == [None] * 3
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("a0.png\n")
    (tmp_path / "Flickr_8k.devImages.txt").write_text("a1.png\n")
    assert facts(read(tmp_path / "Flickr8k.token.txt")) == [
        ("a0.png", "train", ["A dog .", "One dog ."]),
        ("a1.png", "val", ["A cat ."]),
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "{}", "is no list of captions in JSON"),
        ("a.json", '{"images": 3}', "is no list of captions in JSON"),
        ("a.json", "[1, 2", "is no list of captions in JSON"),
        ("a.txt", "a0.png#0\tA dog\nno row", "line 2: is no row of Flickr8k"),
        ("a.csv", "path,caption\na0.png,\n", "holds no caption"),
        ("a.csv", "path,caption,split\na0.png,x,train\na0.png,y,test\n", "is in two parts"),
        ("a.json", '{"images": [{"id": 1, "file_name": "b.png"}], "annotations":'
         ' [{"image_id": 1, "caption": "x"}]}', r"b\.png is not beside it.*--data\.folder"),
    ],
)  # fmt: skip
def test_what_is_no_list(tmp_path, name, content, reason):
    write_pictures(tmp_path, 1)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


def table(folder, rows):
    (folder / "a.csv").write_text(
        "path,caption,split\n" + "".join(f"{','.join(row)}\n" for row in rows)
    )
    return str(folder / "a.csv")


def rows_of(count):
    parts = ["train"] * (count - 4) + ["val"] * 2 + ["test"] * 2
    return [(f"a{k}.png", f"number {k} or so", part) for k, part in enumerate(parts)]


def test_batches_have_all_captions_of_each_picture(tmp_path):
    write_pictures(tmp_path, 8)
    rows = [*rows_of(8), ("a0.png", "a second one", "train")]
    data = CaptionDataModule(path=table(tmp_path, rows), size_px=16, min_frequency=1)
    batch = data.parts["train"].__getitems__([0, 3])
    assert batch.steps.shape == (2, 3, 16, 16)
    assert (batch.lengths.tolist(), batch.source_of.tolist()) == ([1, 1], [0, 0, 1])
    end = data.num_tokens - 1
    starts = batch.token_lengths.cumsum(0) - batch.token_lengths
    assert batch.tokens[starts].tolist() == [end] * 3
    texts = [
        data.tokenizer.decode(some.tolist())
        for some in batch.targets.split(batch.token_lengths.tolist())
    ]
    assert texts == ["number 0 or so", "a second one", "number 3 or so"]
    assert data.parts["train"].lengths.tolist()[:2] == [1 + 5 + 4, 1 + 5]


def test_what_cannot_be_read_is_listed_or_fails(tmp_path, caplog):
    write_pictures(tmp_path, 8)
    rows = [*rows_of(8), ("gone.png", "x", "train"), ("a.txt", "x", "train")]
    (tmp_path / "a.txt").write_text("no picture")
    write_picture(tmp_path / "silent.png", np.full((16, 16, 3), 99, np.uint8))
    rows.append(("silent.png", "", "train"))
    data = CaptionDataModule(path=table(tmp_path, rows), size_px=16)
    assert len(data.parts["train"]) == 4
    reasons = {one.source.rpartition("/")[2]: one.reason for one in data.skipped}
    assert reasons["gone.png"] == "no such file"
    assert "is a text file" in reasons["a.txt"]
    assert reasons["silent.png"] == "has no caption"
    with pytest.raises(InputError, match=r"on_error=skip"):
        _ = CaptionDataModule(path=table(tmp_path, rows), size_px=16, on_error="fail").parts


def test_parts_of_further_lists_and_a_picture_that_is_in_two(tmp_path, caplog):
    write_pictures(tmp_path, 3)
    for name, picture in (("train", "a0"), ("val", "a1"), ("test", "a2")):
        rows = f"path,caption\n{picture}.png,a dog\n"
        (tmp_path / f"{name}.csv").write_text(rows + ("a0.png,again\n" if name == "test" else ""))
    data = CaptionDataModule(
        path=str(tmp_path / "train.csv"),
        val_path=str(tmp_path / "val.csv"),
        test_path=str(tmp_path / "test.csv"),
        size_px=16,
    )
    assert [len(data.parts[name]) for name in ("train", "val", "test")] == [1, 1, 2]
    assert data.notes()["repeated_sources"] == {"test": 1}
    assert "also learnt from" in caplog.text


def test_the_most_frequent_caption_is_that_of_the_training_part(tmp_path):
    write_pictures(tmp_path, 4)
    said = ["a dog", "A cat", "a cat", "a cat sits"]
    rows = [("a0.png", text, "train") for text in said]
    rows += [(f"a{k}.png", "a dog", "val" if k == 1 else "test") for k in (1, 2, 3)]
    data = CaptionDataModule(path=table(tmp_path, rows), size_px=16)
    assert data.most_frequent is None
    _ = data.parts
    assert data.most_frequent == "A cat"
