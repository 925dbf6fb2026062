"""Texts that read alike, and texts of one film: on one side where parts are drawn, else told."""

import time

import numpy as np
import pandas
import pytest
from datasets import Dataset

from data.files.errors import InputError
from data.splits.parts import split
from data.text.data_module import TextDataModule
from data.text.near_duplicates import joining_twins, keys_of_twins
from data.tokens.tokenizing import contents_of
from tests.benchmarks.measure import SHARED_DATA

KOREAN = SHARED_DATA / "korean_reviews" / "train.parquet"
LONG = "the very same review, copied to another film"


def write(folder, **columns):
    pandas.DataFrame(columns).to_csv(folder / "x.csv", index=False)
    return str(folder / "x.csv")


def part_of(data):
    return {int(row): name for name, part in data.parts.items() for row in part.ids}


def of_texts(texts):
    return keys_of_twins(contents_of(Dataset.from_dict({"text": texts})))


def test_what_reads_alike():
    keys = of_texts(["A b", "a \t B\n", "<br />A<br/> b", "a b!", "c", " ", None, "<p>", "a  B"])
    assert keys[0] is not None
    assert [key == keys[0] for key in keys] == [True, True, True, *[False] * 5, True]
    assert keys[3:8] == [None] * 5


def joined(texts, groups):
    table = Dataset.from_dict({"text": texts})
    keys = joining_twins(keys_of_twins(contents_of(table)), groups=groups, texts=table)
    return [key is not None for key in keys]


def test_only_copies_join_films():
    texts = [LONG, "good", LONG, "good", "unlike"]
    assert joined(texts, None) == [True, True, True, True, False]
    assert joined(texts, ["x", "x", "y", "y", "z"]) == [True, False, True, False, False]
    # With one film or none, short texts count too: they would join nothing.
    assert joined(texts, ["x", "x", "x", "x", "z"]) == [True, True, True, True, False]
    assert joined(texts, ["x", None, "y", None, "z"]) == [True, True, True, True, False]


def test_what_stands_in_many_films_joins_none():
    texts = [LONG] * 11
    assert all(joined(texts, [0, *range(10)]))
    assert not any(joined(texts, range(11)))


def films(count, *, reviews=4):
    rows = [(film, k) for film in range(count) for k in range(reviews)]
    return {
        "text": [f"review number {k} of film {film}" for film, k in rows],
        "label": ["pos" if k % 2 else "neg" for _, k in rows],
        "movie": [film for film, _ in rows],
    }


def test_films_with_a_copied_review_stay_together_and_a_phrase_joins_none(tmp_path):
    columns = films(40)
    for film in range(0, 40, 2):
        columns["text"][4 * film] = "good"
    for film in (0, 1, 5):
        columns["text"][4 * film + 3] = LONG
    path = write(tmp_path, **columns)
    data = TextDataModule(path=path, group_column="movie", val_share=0.2, test_share=0.2)
    where = part_of(data)
    assert all(len({where[4 * film + k] for k in range(4)}) == 1 for film in range(40))
    assert where[0] == where[4] == where[20]
    assert {name: len(part) for name, part in data.parts.items()} == {
        "train": 96,
        "val": 32,
        "test": 32,
    }
    assert {where[4 * film] for film in range(0, 40, 2)} == {"train", "val", "test"}
    notes = data.notes()
    assert notes["duplicates"]["in_two_parts"] == 1
    assert notes["leaks"] == []
    _ = TextDataModule(path=path, group_column="movie", on_leak="fail").parts


def test_a_phrase_everywhere_does_not_keep_parts_from_being_drawn(tmp_path):
    columns = films(30)
    columns["text"][::4] = ["This comment was removed by a moderator."] * 30
    data = TextDataModule(path=write(tmp_path, **columns), group_column="movie")
    assert {name: len(part) for name, part in data.parts.items()} == {
        "train": 96,
        "val": 12,
        "test": 12,
    }


def test_a_validation_part_is_cut_by_films_and_beside_twins(tmp_path):
    columns = films(40)
    columns["split"] = ["test" if film > 30 else "train" for film in columns["movie"]]
    columns["text"][5] = columns["text"][81].upper()
    data = TextDataModule(path=write(tmp_path, **columns), group_column="movie", val_share=0.2)
    where = part_of(data)
    assert sum(name == "test" for name in where.values()) == 36
    assert all(len({where[4 * film + k] for k in range(4)}) == 1 for film in range(40))
    assert where[5] == where[81]
    assert data.notes()["num_leaks"] == 0


def test_leaks_of_given_parts_are_told_by_the_names_they_have(tmp_path, caplog):
    columns = films(10)
    columns["split"] = ["dev" if film > 7 else "train" for film in columns["movie"]]
    columns["text"][33] = f" {columns['text'][2]}"
    columns["label"][33], columns["label"][2] = "pos", "neg"
    path = write(tmp_path, **columns)
    data = TextDataModule(path=path, val_share=0.25)
    notes = data.notes()
    assert notes["num_leaks"] == 1
    assert notes["leaks"][0]["rows"] == {"train": [2], "val": [33]}
    assert notes["duplicates"]["with_unlike_labels"] == 1
    assert "1 leak(s) between its parts, e.g. row 2 (train) and row 33 (val)" in caplog.text
    with pytest.raises(InputError, match=r"1 leak.*on_leak=report"):
        _ = TextDataModule(path=path, on_leak="fail").parts


def test_a_given_split_that_tears_films_apart_is_told(tmp_path):
    columns = films(10)
    columns["split"] = ["test" if k % 4 == 3 else "train" for k in range(40)]
    data = TextDataModule(path=write(tmp_path, **columns), group_column="movie", val_share=0.25)
    assert data.notes()["num_leaks"] == 10
    assert data.notes()["leaks"][1] == {
        "kind": "group",
        "name": "1",
        "rows": {"train": [4, 5, 6], "test": [7]},
    }


def test_rows_that_cannot_be_used_are_nobodys_twins(tmp_path):
    columns = films(10)
    columns["text"][1], columns["label"][1] = columns["text"][0], ""
    data = TextDataModule(path=write(tmp_path, **columns))
    assert data.notes()["duplicates"]["texts"] == 0


def test_a_test_of_other_texts_needs_no_group(tmp_path):
    columns = films(10)
    trained = TextDataModule(path=write(tmp_path, **columns), group_column="movie")
    description = trained.describe()
    del columns["movie"]
    data = TextDataModule(path=write(tmp_path, **columns), group_column="movie")
    data.adopt(description)
    data.reported_part = "all"
    assert len(data.parts["all"]) == 40


def test_an_older_checkpoint_is_tested_on_what_it_has_not_seen(tmp_path):
    columns = films(30)
    del columns["movie"]
    columns["group"] = [k // 10 for k in range(120)]
    columns["text"][7] = columns["text"][3]
    columns["text"][9] = " "
    path = write(tmp_path, **columns)
    new = TextDataModule(path=path)
    description = new.describe()
    assert description["keeps_together"] is True
    del description["keeps_together"], description["parts"]
    old = TextDataModule(path=path)
    old.adopt(description)
    labels = [0, 1] * 60
    expected, _ = split(
        labels, None, classes=["neg", "pos"], val_share=0.1, test_share=0.1, seed=0, where=""
    )
    for name, rows in expected.items():
        assert old.parts[name].ids.tolist() == [row for row in rows.tolist() if row != 9]
    assert len({part_of(new)[row] for row in range(10) if row != 9}) == 1


def test_a_few_pairs_leave_a_split_of_25_000_stratified_and_quick():
    # As the 25,000 IMDB reviews have them.
    groups = np.arange(25_000)
    groups[-96:] = np.arange(96) * 7
    labels = (np.arange(25_000) % 2).tolist()
    start = time.process_time()
    parts, _ = split(
        labels, None, groups=groups, classes="ab", val_share=0.1, test_share=0.1, seed=0, where=""
    )
    assert time.process_time() - start < 10
    for name, count in (("train", 10_000), ("val", 1250), ("test", 1250)):
        assert np.bincount(np.take(labels, parts[name])).tolist() == [count, count]
    sides = [set(groups[rows]) for rows in parts.values()]
    assert len(set.union(*sides)) == sum(map(len, sides))


@pytest.mark.slow
@pytest.mark.skipif(not KOREAN.is_file(), reason=f"{KOREAN} is missing")
def test_korean_reviews_by_film():
    data = TextDataModule(path=str(KOREAN), group_column="movie", tokenizer="subwords")
    movies = np.asarray(pandas.read_parquet(KOREAN, columns=["movie"])["movie"])
    sides = [set(movies[part.ids]) for part in data.parts.values()]
    assert len(set.union(*sides)) == sum(map(len, sides)) == len(set(movies))
    assert sum(map(len, data.parts.values())) == len(movies) == 194_082
    for name in ("val", "test"):
        shares = np.bincount(data.parts[name].labels) / np.bincount(
            np.concatenate([part.labels for part in data.parts.values()])
        )
        assert np.abs(shares - 0.1).max() < 0.001
    notes = data.notes()
    assert notes["unknown_share"]["test"] == 0
    assert notes["duplicates"]["texts"] == 1548
    assert notes["num_leaks"] == 0
