"""Named categories of texts, by which a report gives its figures too: a column, and the length."""

import numpy as np
import pandas
import pytest

from data.files.errors import InputError
from data.text.data_module import TextDataModule
from data.text.part import lengths_by_name
from data.tokens.vocabulary import learn_tokenizer

ROWS = [
    (f"{word} film number {k} {'very ' * k}", label, source)
    for label, word in (("good", "fine"), ("bad", "dull"))
    for k, source in enumerate(
        ["web", "print", None, "web", "print", "web", "web", "web", "web", ""]
    )
]


def written(path, **columns):
    table = pandas.DataFrame(ROWS, columns=["text", "label", "source"]).rename(columns=columns)
    table.to_csv(path, index=False)
    return path


def test_lengths_have_names():
    assert lengths_by_name(np.array([1, 12, 13, 40, 41])).tolist() == [
        "up to 12 tokens", "up to 12 tokens", "13 to 40 tokens", "13 to 40 tokens", "more than 40 tokens"
    ]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"slice_column": "from"}])
def test_the_values_of_a_column_are_known_of_each_text(tmp_path, options):
    path = written(tmp_path / "a.csv", **({"source": "from"} if options else {}))
    part = TextDataModule(path=str(path), test_share=0.4, **options).parts["test"]
    name = options.get("slice_column", "source")
    expected = {text: source or None for text, _, source in ROWS}
    assert part.categories[name].tolist() == [expected[text] for text in part.sources()]
    assert len(part.categories["length"]) == len(part)


@pytest.mark.parametrize(
    ("options", "columns"), [({"slice_column": None}, {}), ({}, {"source": "else"})]
)
def test_no_column_is_missed_where_none_was_named(tmp_path, options, columns):
    path = written(tmp_path / "a.csv", **columns)
    part = TextDataModule(path=str(path), **options).parts["test"]
    assert list(part.categories) == ["length"]


def test_a_column_that_was_named_must_be_there(tmp_path):
    data = TextDataModule(path=str(written(tmp_path / "a.csv")), slice_column="absent")
    with pytest.raises(InputError, match=r"a.csv: no column 'absent'.* --data.slice_column"):
        _ = data.parts
    data = TextDataModule(path=str(tmp_path / "a.csv"), slice_column="absent")
    data.reported_part = "all"
    data.tokenizer = learn_tokenizer(["a"], kind="words", vocabulary_size=2, min_frequency=1)
    assert list(data.parts["all"].categories) == ["length"]


def test_a_column_may_have_another_role_too(tmp_path):
    path = written(tmp_path / "a.csv", text="source", source="text_of")
    data = TextDataModule(path=str(path), text_column="source")
    assert data.parts["test"].categories["source"].tolist() == data.parts["test"].sources()


def test_files_of_which_one_has_the_column_are_read_without_it(tmp_path):
    written(tmp_path / "train.csv")
    written(tmp_path / "test.csv", source="else")
    part = TextDataModule(path=str(tmp_path)).parts["test"]
    assert list(part.categories) == ["length"]


def test_batches_of_at_most_so_many_texts_are_for_training_alone(tmp_path):
    data = TextDataModule(path=str(written(tmp_path / "a.csv")), sequences_per_batch=3)
    assert max(batch.num_sequences for batch in data.train_dataloader()) == 3
    assert sum(batch.num_sequences for batch in data.train_dataloader()) == len(data.parts["train"])
    whole = data.loader(data.parts["train"])
    assert max(batch.num_sequences for batch in whole) > 3


def test_of_many_texts_a_batch_takes_a_thousandth(tmp_path):
    data = TextDataModule(path=str(written(tmp_path / "a.csv")), sequences_per_batch=3)

    class Many:
        doubts = None

        def __len__(self):
            return 5_000

    assert data._most_sequences(data.parts["train"]) == 3
    many = Many()
    assert data._most_sequences(many) == 5
    # Excerpts and lessons are no texts of their own.
    many.doubts = np.r_[np.zeros(4_000), np.full(1_000, 0.4)]
    assert data._most_sequences(many) == 4


def test_batches_of_no_text_are_refused():
    with pytest.raises(InputError, match=r"--data.sequences_per_batch=0: at least 1, or null"):
        TextDataModule(sequences_per_batch=0)
