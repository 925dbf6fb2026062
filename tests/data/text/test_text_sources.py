"""Texts as people have them: groups, twins, gaps, and files that are broken."""

import json
import re

import numpy as np
import pandas
import pytest
import torch

from data.files.errors import InputError
from data.text.data_module import TextDataModule
from data.text.near_duplicates import keys_of_twins
from data.tokens.tokenizing import contents_of

COUNT = 40


def table(count=COUNT):
    texts = [f"film number {k} is {'good' if k % 2 else 'bad'}" for k in range(count)]
    labels = ["pos" if k % 2 else "neg" for k in range(count)]
    return pandas.DataFrame({"text": texts, "label": labels})


def write(folder, frame, name="reviews.csv"):
    frame.to_csv(folder / name, index=False)
    return folder / name


def module(path, **options):
    return TextDataModule(path=str(path), **{"val_share": 0.2, "test_share": 0.2} | options)


def part_of(data):
    return {int(row): name for name, part in data.parts.items() for row in part.ids}


def test_films_stay_whole(tmp_path):
    frame = table().assign(movie=[k // 4 for k in range(COUNT)])
    data = module(write(tmp_path, frame), group_column="movie")
    where = part_of(data)
    assert len(where) == COUNT
    for film in range(COUNT // 4):
        assert len({where[4 * film + k] for k in range(4)}) == 1
    assert data.notes()["num_leaks"] == 0


def test_a_group_column_that_is_named_must_be_there(tmp_path):
    with pytest.raises(InputError, match=r"no column 'film'.*--data\.group_column"):
        _ = module(write(tmp_path, table()), group_column="film").parts


def test_texts_that_read_alike_stay_together_and_are_noted(tmp_path):
    frame = table()
    twins = pandas.DataFrame(
        {"text": [" FILM number 0<br />is  bad", "film number 1 is good"], "label": ["neg", "neg"]}
    )
    data = module(write(tmp_path, pandas.concat([frame, twins])))
    where = part_of(data)
    assert where[0] == where[COUNT]
    assert where[1] == where[COUNT + 1]
    assert data.notes()["duplicates"] == {
        "texts": 2,
        "rows": 4,
        "with_unlike_labels": 1,
        "in_two_parts": 0,
        "listed": [[0, COUNT], [1, COUNT + 1]],
    }


def test_parts_that_share_a_text_or_a_group_are_told_or_refused(tmp_path, caplog):
    frame = table().assign(split=["train"] * 30 + ["test"] * 10, group=[*range(39), 5])
    frame.loc[30, "text"] = frame.loc[3, "text"]
    path = write(tmp_path, frame)
    data = module(path)
    _ = data.parts
    assert [leak["kind"] for leak in data.notes()["leaks"]] == ["duplicate", "group"]
    assert data.notes()["leaks"][1] == {
        "kind": "group",
        "name": "5",
        "rows": {"train": [5], "test": [39]},
    }
    assert re.search(r"2 leak\(s\) .* row 3 \((train|val)\) and row 30 \(test\)", caplog.text)
    with pytest.raises(InputError, match="2 leak"):
        _ = module(path, on_leak="fail").parts


def test_rows_without_a_known_label_are_skipped_and_listed_or_fail(tmp_path):
    frame = table()
    frame.loc[3, "label"] = ""
    path = write(tmp_path, frame)
    data = module(path)
    assert sorted(part_of(data)) == [k for k in range(COUNT) if k != 3]
    (skip,) = data.skipped
    assert (skip.id, skip.source) == (3, "film number 3 is good")
    assert "row 3 has no label: allowed are neg, pos" in skip.reason
    with pytest.raises(InputError, match="row 3 has no label"):
        _ = module(path, on_error="fail").parts


def test_a_new_class_at_evaluation_is_skipped_and_listed(tmp_path):
    trained = module(write(tmp_path, table()))
    frame = table()
    frame.loc[[1, 3], "label"] = "mixed"
    later = module(write(tmp_path, frame, "later.csv"))
    later.adopt(trained.describe())
    later.reported_part = "all"
    assert len(later.parts["all"]) == COUNT - 2
    assert ["unknown label 'mixed'" in skip.reason for skip in later.skipped] == [True, True]


def test_gaps_in_numbers_are_missing_labels(tmp_path):
    frame = table().assign(label=[k % 2 for k in range(COUNT)])
    frame.loc[7, "label"] = np.nan
    frame.to_parquet(tmp_path / "reviews.parquet")
    data = module(tmp_path / "reviews.parquet")
    assert data.classes == ["0", "1"]
    assert [skip.id for skip in data.skipped] == [7]


def test_nothing_known_is_an_error(tmp_path):
    data = module(write(tmp_path, table()))
    data.known_classes = ["happy", "sad"]
    with pytest.raises(InputError, match="no row has a known label"):
        _ = data.parts


def test_what_texts_hold_does_not_end_the_run(tmp_path, monkeypatch):
    # One text is longer than a batch of rows may be.
    monkeypatch.setattr("data.tables.text_tables._CHARACTERS_AT_ONCE", 2**19)
    monkeypatch.setattr("data.tokens.tokenizing._BYTES_AT_ONCE", 2**19)
    odd = ["nul \x00 here", "one \ud800 half", "word " * 120_000, "zzzunknown", "\u200b", "\x00"]
    lines = [{"text": text, "label": "pos"} for text in odd]
    lines += [{"text": None, "label": "neg"}]
    lines = table().to_dict("records") + lines
    path = tmp_path / "reviews.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    data = module(path)
    where = part_of(data)
    assert {COUNT + k for k in range(4)} <= where.keys()
    assert [skip.id for skip in data.skipped] == [COUNT + 6]
    longest = max(int(part.lengths.max()) for part in data.parts.values())
    assert longest == 120_000


def test_texts_of_unknown_words_are_read_as_such(tmp_path):
    data = module(write(tmp_path, table()), vocabulary_size=4, min_frequency=1)
    part = data.parts["test"]
    share = data.notes()["unknown_share"]["test"]
    unknown = (part.__getitems__(range(len(part))).steps == 0).float().mean().item()
    assert share == pytest.approx(unknown)
    assert share > 0.3


@pytest.mark.parametrize("kind", ["words", "subwords", "characters"])
def test_each_tokenizer_reads_and_is_taken_over(tmp_path, kind):
    path = write(tmp_path, table())
    data = module(path, tokenizer=kind, vocabulary_size=300, min_frequency=1)
    batch = data.parts["train"].__getitems__([0])
    row = int(batch.ids[0])
    expected = data.tokenizer.encode(f"film number {row} is {'good' if row % 2 else 'bad'}").ids
    assert batch.steps.tolist() == expected
    later = module(path)
    later.adopt(data.describe())
    later.reported_part = "all"
    assert later.parts["all"].__getitems__([row]).steps.tolist() == expected


def test_a_tokenizer_may_be_given(tmp_path):
    path = write(tmp_path, table())
    learnt = module(path, tokenizer="characters", min_frequency=1)
    _ = learnt.parts
    (tmp_path / "tokenizer.json").write_text(learnt.tokenizer.to_str())
    description = {
        "manytoone": {"task": "sentiment", "inputs": learnt.describe()},
        "state_dict": {},
    }
    torch.save(description, tmp_path / "best.ckpt")
    for name in ("tokenizer.json", "best.ckpt"):
        given = module(path, tokenizer_from=str(tmp_path / name))
        assert given.num_tokens == learnt.num_tokens
    (tmp_path / "other.json").write_text("{}")
    torch.save(
        {"manytoone": {"task": "video", "inputs": {}}, "state_dict": {}}, tmp_path / "video.ckpt"
    )
    wrong = {
        "gone.json": "no such file",
        "gone.ckpt": "no such file",
        "other.json": "holds no tokenizer",
        "video.ckpt": "holds no tokenizer",
        "reviews.csv": "cannot be read as a checkpoint",
    }
    for name, reason in wrong.items():
        with pytest.raises(InputError, match=reason):
            _ = module(path, tokenizer_from=str(tmp_path / name)).parts


def test_unlabelled_texts_are_a_part_of_their_own(tmp_path):
    texts = pandas.DataFrame({"text": ["film number 7", "", "another one"]})
    extra = write(tmp_path, texts, "more.csv")
    data = module(write(tmp_path, table()), unlabelled=str(extra))
    part = data.parts["unlabelled"]
    assert part.ids.tolist() == [0, 2]
    assert part.sources() == ["film number 7", "another one"]
    with pytest.raises(InputError, match="no column 'body'"):
        _ = module(write(tmp_path, table()), unlabelled=str(extra), text_column="body").parts


BROKEN = {
    "quotes.csv": b'text,label\n"never closed,pos\nand more,neg\n',
    "cells.csv": b"text,label\na,pos\nb,neg,extra,cells\n",
    "latin.csv": "text,label\ncaf\u00e9,pos\n".encode("latin-1"),
    "empty.csv": b"",
    "header.csv": b"text,label\n",
    "cut.jsonl": b'{"text": "a", "label": "pos"}\n{"text": "b", "lab',
    "cut.parquet": b"PAR1 and nothing else",
    "empty.jsonl": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(InputError) as caught:
        _ = module(tmp_path / name).parts
    line = str(caught.value)
    assert "\n" not in line
    assert name in line
    assert {
        "quotes.csv": "line 2",
        "cells.csv": "line 3",
        "latin.csv": "UTF-8",
        "cut.jsonl": "line 2",
    }.get(name, "") in line


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_windows(tmp_path, mark, end):
    lines = ["text,label", *(f"{row.text},{row.label}" for row in table().itertuples())]
    (tmp_path / "reviews.csv").write_bytes((mark + end.join(lines)).encode())
    data = module(tmp_path / "reviews.csv")
    assert data.classes == ["neg", "pos"]
    assert (
        "film number 0 is bad"
        in data.parts["train"].sources()
        + data.parts["val"].sources()
        + data.parts["test"].sources()
    )


def test_contents_and_twins_by_hand():
    from datasets import Dataset

    texts = ["A b", "a  B", " ", "c", None, "<br/>a b"]
    contents = contents_of(Dataset.from_dict({"text": texts}))
    assert contents[0] == contents[1] == contents[5]
    assert contents[2] == contents[4] == 0
    keys = keys_of_twins(contents)
    assert keys[0] == keys[1] == keys[5] is not None
    assert [keys[k] for k in (2, 3, 4)] == [None] * 3
