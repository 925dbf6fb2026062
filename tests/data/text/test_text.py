import json
from functools import partial

import pandas
import pytest

from data.files.errors import InputError
from data.text import data_module, left_out
from data.text.data_module import TextDataModule
from data.text.sources import one_table, read_texts
from data.tokens.vocabulary import learn_tokenizer

WORDS = {"good": ["fine", "great", "lovely"], "bad": ["poor", "dull", "awful"]}


def rows(count=10):
    return [
        (f"a {words[k % 3]} film number {'very ' * k}", label)
        for label, words in WORDS.items()
        for k in range(count)
    ]


def write(folder, kind):
    table = pandas.DataFrame(rows(), columns=["text", "label"])
    path = folder / f"reviews.{kind}"
    if kind in ("csv", "tsv"):
        table.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    elif kind == "parquet":
        table.to_parquet(path)
    elif kind == "jsonl":
        lines = (json.dumps({"text": text, "label": label}) for text, label in rows())
        path.write_text("\n".join(lines))
    else:
        for k, (text, label) in enumerate(rows()):
            file = folder / "texts" / label / f"{k}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return folder / "texts"
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl", "folder"])
def test_sources_give_the_same_texts(tmp_path, kind):
    data = TextDataModule(path=str(write(tmp_path, kind)))
    assert data.classes == ["bad", "good"]
    parts = data.parts
    assert {name: len(part) for name, part in parts.items()} == {"train": 16, "val": 2, "test": 2}
    labels = dict(rows())
    for part in parts.values():
        for text, label in zip(part.sources(), part.labels, strict=True):
            assert labels[text] == data.classes[label]


def test_batches_hold_the_tokens_of_their_texts(tmp_path):
    data = TextDataModule(path=str(write(tmp_path, "csv")), steps_per_batch=40, min_frequency=1)
    part, seen = data.parts["train"], []
    for batch in data.train_dataloader():
        start = 0
        for length, row in zip(batch.lengths.tolist(), batch.ids.tolist(), strict=True):
            position = part.ids.tolist().index(row)
            tokens = batch.steps[start : start + length].tolist()
            assert tokens == data.tokenizer.encode(part.sources([position])[0]).ids
            start += length
            seen.append(row)
    assert sorted(seen) == part.ids.tolist()


def test_vocabulary_is_of_the_training_part_only(tmp_path):
    path = tmp_path / "reviews.csv"
    lines = ["text,label,split"]
    lines += [f"seen word {k},{'ab'[k % 2]},train" for k in range(10)]
    lines += [f"unheard word {k},{'ab'[k % 2]},test" for k in range(10)]
    path.write_text("\n".join(lines))
    data = TextDataModule(path=str(path))
    assert data.num_tokens == 3
    assert set(data.tokenizer.get_vocab()) == {"<unk>", "seen", "word"}
    assert data.tokenizer.encode("unheard word").ids[0] == 0


def test_words_markup_and_scripts():
    tokenizer = learn_tokenizer(
        ["Don't<br />stop, naïve 영화 최고! 10/10"],
        kind="words",
        vocabulary_size=50,
        min_frequency=1,
    )
    tokens = tokenizer.encode("Don't<br />stop, naïve 영화 최고! 10/10").tokens
    assert tokens == ["don't", "stop", ",", "naïve", "영화", "최고", "!", "10", "/", "10"]


def test_empty_texts_are_listed_or_fail(tmp_path):
    path = tmp_path / "reviews.csv"
    table = pandas.DataFrame([*rows(), ("  ", "good"), ("", "bad")], columns=["text", "label"])
    table.to_csv(path, index=False)
    data = TextDataModule(path=str(path))
    assert sum(map(len, data.parts.values())) == 20
    assert [skip.id for skip in data.skipped] == [20, 21]
    assert "row 20" in data.skipped[0].reason
    with pytest.raises(InputError, match=r"row 20 .* holds no word"):
        _ = TextDataModule(path=str(path), on_error="fail").parts


def test_max_tokens_counts_what_it_cuts(tmp_path):
    data = TextDataModule(path=str(write(tmp_path, "csv")), max_tokens=4)
    part = data.parts["train"]
    assert part.lengths.max() == 4
    assert part.truncated_steps > 0
    assert part.__getitems__([0, 1]).lengths.tolist() == part.lengths[:2].tolist()


def test_a_text_too_long_to_learn_from_is_left_out_unless_it_is_cut(tmp_path, monkeypatch):
    for module in (data_module, left_out):
        monkeypatch.setattr(module, "MOST_LEARNT", 11)
    path = str(write(tmp_path, "csv"))
    data = TextDataModule(path=path)
    assert data.parts["train"].lengths.max() <= 11
    # Other parts are read without a gradient.
    assert max(data.parts[name].lengths.max() for name in ("val", "test")) > 11
    assert data.skipped
    assert all("has more than 11 tokens, too many for a step" in one.reason for one in data.skipped)
    assert not TextDataModule(path=path, max_tokens=100).skipped
    with pytest.raises(InputError, match=r"name the most to read by --data[.]max_tokens, or leave"):
        _ = TextDataModule(path=path, on_error="fail").parts


def test_strange_texts_survive(tmp_path):
    path = tmp_path / "reviews.jsonl"
    texts = ["nul \0 here", "emoji 😀", "long " * 5000, 'quotes " and, commas\nand lines']
    strange = [(text, label) for label in ("good", "bad") for text in texts]
    path.write_text("\n".join(json.dumps({"text": t, "label": y}) for t, y in strange))
    data = TextDataModule(path=str(path))
    assert sum(map(len, data.parts.values())) == 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"path": "nowhere.csv"}, "no such file or folder"),
        ({"text_column": "body"}, "no column 'body': its columns are text, label; .*text_column"),
        ({"label_column": "stars"}, "no column 'stars'"),
    ],
)
def test_bad_sources(tmp_path, options, says):
    options = {"path": str(write(tmp_path, "csv")), **options}
    with pytest.raises(InputError, match=says):
        _ = TextDataModule(**options).parts


def test_hub_names_that_cannot_be_reached_are_one_line():
    with pytest.raises(InputError, match="neither a file or folder here nor a data set"):
        _ = TextDataModule(path="somebody/no-such-data-set").parts


def test_hub_parts_become_one_table():
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    one = Dataset.from_dict({"text": ["a"], "label": [1]}, features=features)
    table = one_table(DatasetDict(train=one, test=one, unsupervised=one))
    assert table["split"][:] == ["train", "test"]
    assert table.features["label"].names == ["neg", "pos"]


def test_texts_without_labels_are_all_files_below_a_folder(tmp_path):
    for name, text in (("1_0.txt", "fine"), ("more/2_0.txt", "dull")):
        (tmp_path / "unsup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "unsup" / name).write_text(text)
    found = read_texts(str(tmp_path / "unsup"), text_column="body", cache=tmp_path)
    assert found["text"][:] == ["fine", "dull"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.txt file in this folder"):
        read_texts(str(tmp_path / "empty"), text_column="text", cache=tmp_path)


def test_texts_without_labels_are_all_parts_of_the_hub_s_or_the_one_named(monkeypatch, tmp_path):
    from datasets import Dataset, DatasetDict

    parts = DatasetDict({name: Dataset.from_dict({"text": [name]}) for name in ("test", "more")})
    monkeypatch.setattr("datasets.load_dataset", lambda name: {"somebody/texts": parts}[name])
    read = partial(read_texts, text_column="text", cache=tmp_path)
    assert read("somebody/texts")["text"][:] == ["test", "more"]
    assert read("somebody/texts:more")["text"][:] == ["more"]
    with pytest.raises(InputError, match="has the parts test, more; name one"):
        read("somebody/texts:less")
