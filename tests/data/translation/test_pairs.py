"""Pairs of texts from tables and aligned files, and the parts that are made of them."""

import gzip

import numpy as np
import pandas
import pytest

from data.files.errors import InputError
from data.tables.table_format import UNSAID
from data.tokens.vocabulary import END
from data.translation import TranslationDataModule
from data.translation.pairs import read_pairs

COLUMNS = {"source_column": "source", "target_column": "target", "split_column": "split"}


def read(source):
    return read_pairs(str(source), format=UNSAID, **COLUMNS)


def numbers(count):
    """Pairs that differ: ``number 7`` → ``7``."""
    return [f"number {k}" for k in range(count)], [str(k) for k in range(count)]


def test_two_files_belong_together_line_by_line(tmp_path):
    (tmp_path / "a.en").write_text("a dog\nno\u2028line end\nlast")
    with gzip.open(tmp_path / "a.de.gz", "wt", encoding="utf-8") as file:
        file.write("ein Hund\nkein Zeilenende\nletzte\n")
    found = read(f"{tmp_path}/a.en:{tmp_path}/a.de.gz")
    assert found.sources == ["a dog", "no\u2028line end", "last"]
    assert found.targets == ["ein Hund", "kein Zeilenende", "letzte"]
    assert (found.parts, found.problems) == (None, {})


def test_other_numbers_of_lines(tmp_path):
    (tmp_path / "a.en").write_text("one\ntwo\nthree\n")
    (tmp_path / "a.de").write_text("eins\nzwei\n")
    with pytest.raises(InputError, match=r"a\.en has 3 lines and .*a\.de has 2; line n of one"):
        read(f"{tmp_path}/a.en:{tmp_path}/a.de")


def test_a_file_of_two_is_missing(tmp_path):
    (tmp_path / "a.en").write_text("one\n")
    with pytest.raises(InputError, match=r"a\.de is no file; give two text files"):
        read(f"{tmp_path}/a.en:{tmp_path}/a.de")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_tables(tmp_path, suffix):
    rows = {"source": ["a dog", "", "two"], "target": ["ein Hund", "leer", None]}
    table = pandas.DataFrame(rows | {"split": ["train", "val", "test"]})
    file = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        table.to_parquet(file)
    elif suffix == "jsonl":
        table.to_json(file, orient="records", lines=True)
    else:
        table.to_csv(file, index=False, sep="\t" if suffix == "tsv" else ",")
    found = read(file)
    assert found.sources[0] == "a dog"
    assert found.targets[0] == "ein Hund"
    assert found.parts == ["train", "val", "test"]
    assert found.usable == [0]
    assert set(found.problems) == {1, 2}


def test_a_missing_column_is_called_as_it_is_here(tmp_path):
    pandas.DataFrame({"source": ["a"], "german": ["b"]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InputError, match=r"--data\.target_column"):
        read(tmp_path / "a.csv")


def test_numbers_stay_as_they_are_written(tmp_path):
    (tmp_path / "a.csv").write_text("source,target\n007,7\n08,8.50\n")
    found = read(tmp_path / "a.csv")
    assert found.sources == ["007", "08"]
    assert found.targets == ["7", "8.50"]


def test_no_pair_has_both_sides(tmp_path):
    (tmp_path / "a.csv").write_text('source,target\n"",b\na,""\n')
    with pytest.raises(InputError, match="no pair of two texts"):
        read(tmp_path / "a.csv")


def module(tmp_path, **options):
    sources, targets = numbers(100)
    sources[90:] = sources[:10]  # ten sources occur twice
    pandas.DataFrame({"source": sources, "target": targets}).to_csv(tmp_path / "a.csv", index=False)
    return TranslationDataModule(path=str(tmp_path / "a.csv"), **options)


def test_pairs_with_one_source_stay_together(tmp_path):
    parts = module(tmp_path).parts
    texts = [set(part.texts) for part in parts.values()]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 90
    assert sum(len(part) for part in parts.values()) == 100


def test_a_batch_reads_from_end_and_writes_to_end(tmp_path):
    data = module(tmp_path)
    part = data.parts["val"]
    end = data.tokenizer.token_to_id(END)
    assert end == data.num_tokens - 1
    batch = part.__getitems__([0, 1])
    assert batch.ids.tolist() == part.ids[:2].tolist()
    read_tokens, written = (
        one.split(batch.token_lengths.tolist()) for one in (batch.tokens, batch.targets)
    )
    for k in range(2):
        ids = data.tokenizer.encode(part.targets[k]).ids
        assert read_tokens[k].tolist() == [end, *ids]
        assert written[k].tolist() == [*ids, end]
        assert data.tokenizer.decode(ids) == part.targets[k]
    assert part.__getitems__([]).num_sequences == 0


def test_every_pair_is_in_one_batch(tmp_path):
    data = module(tmp_path, steps_per_batch=60)
    ids = np.concatenate([batch.ids.numpy() for batch in data.train_dataloader()])
    assert sorted(ids.tolist()) == sorted(data.parts["train"].ids.tolist())


def test_further_sources_are_the_other_parts(tmp_path):
    for name, word in (("train", "one"), ("val", "two"), ("test", "three")):
        (tmp_path / f"{name}.en").write_text(f"{word} a\n{word} b\n")
        (tmp_path / f"{name}.de").write_text("eins\nzwei\n")
    files = {
        name: f"{tmp_path}/{name}.en:{tmp_path}/{name}.de" for name in ("train", "val", "test")
    }
    data = TranslationDataModule(
        path=files["train"], val_path=files["val"], test_path=files["test"], min_frequency=1
    )
    assert {name: part.texts for name, part in data.parts.items()} == {
        "train": ["one a", "one b"],
        "val": ["two a", "two b"],
        "test": ["three a", "three b"],
    }


def test_a_text_that_spells_end_has_none(tmp_path):
    data = module(tmp_path)
    _ = data.parts
    ids = data.tokenizer.encode(f"a {END} b").ids
    assert data.tokenizer.token_to_id(END) not in ids
    assert data.tokenizer.decode(ids) == f"a {END} b"


def test_digits_are_tokens_each(tmp_path):
    data = module(tmp_path, min_frequency=1)
    _ = data.parts
    assert len(data.tokenizer.encode("12345").ids) == 5


def test_only_pairs_to_train_on_are_cut_off(tmp_path):
    whole, cut = module(tmp_path).parts, module(tmp_path, max_tokens=2).parts
    assert cut["train"].truncated_steps > 0
    assert max(map(len, cut["train"].source_tokens)) == 2
    for name in ("val", "test"):
        assert cut[name].truncated_steps == 0
        assert cut[name].lengths.tolist() == whole[name].lengths.tolist()


def test_too_few_pairs_are_told_without_a_class(tmp_path):
    pandas.DataFrame({"source": ["one"], "target": ["eins"]}).to_csv(tmp_path / "a.csv")
    data = TranslationDataModule(path=str(tmp_path / "a.csv"))
    with pytest.raises(InputError, match=r"a\.csv: there are too few examples .*: 3 are the least"):
        _ = data.parts
