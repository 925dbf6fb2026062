from itertools import pairwise

import numpy as np
import pandas
import pytest

from data.files.errors import InputError
from data.running_text import data_module as language
from data.running_text.data_module import END, LanguageDataModule
from data.running_text.documents import (
    NEAR_CHARACTERS,
    Documents,
    cut_after,
    divide,
    pieces,
    read_documents,
)
from data.running_text.streams import StreamBatches, streams_for
from data.text.data_module import TextDataModule
from data.tokens.tokenizing import content_of


def documents(*texts, is_whole=False):
    return Documents(list(texts), is_whole, 0)


def module(tmp_path, text, name="text.txt", **options):
    (tmp_path / name).write_text(text, encoding="utf-8")
    given = {"tokenizer": "characters", "min_frequency": 1, "num_streams": 4, "bptt_steps": 5}
    return LanguageDataModule(path=str(tmp_path / name), **given | options)


def streams(num_tokens, *, num_streams, bptt_steps, **options):
    """Tokens are their own places."""
    return StreamBatches(
        np.arange(num_tokens), num_streams=num_streams, bptt_steps=bptt_steps, **options
    )


def rows(batch):
    """The steps and the targets of each stream."""
    lengths = batch.lengths.tolist()
    return list(zip(batch.steps.split(lengths), batch.targets.split(lengths), strict=True))


# Where texts come from, and their parts.


def test_a_cut_stands_after_the_line_or_before_the_word():
    assert cut_after("one two\nthree\nfour", 4) == 8
    assert cut_after("one two\nthree\nfour", 8) == 8
    assert cut_after("one two three", 4) == 7
    assert cut_after("onetwothree", 4) == 4
    assert cut_after("abc", 3) == 3
    assert cut_after("a" * 9 + " " * NEAR_CHARACTERS + "\n", 5) == 9


def test_one_text_is_cut_and_validated_on_its_end():
    text = "".join(f"line {k}\n" for k in range(10))
    parts = divide(documents(text, is_whole=True), val_share=0.2, test_share=0.1, where="x")
    assert list(parts) == ["train", "test", "val"]
    assert "".join(piece for part in parts.values() for piece in part) == text
    assert parts["val"] == ["line 8\nline 9\n"]
    assert parts["test"] == ["line 7\n"]


def test_documents_stay_whole():
    ten = [f"{k}" * 10 for k in range(10)]
    parts = divide(documents(*ten), val_share=0.2, test_share=0.1, where="x")
    assert parts == {"train": ten[:7], "test": ten[7:8], "val": ten[8:]}
    assert list(divide(documents(*ten), val_share=0.2, test_share=0, where="x")) == ["train", "val"]


def test_parts_that_cannot_be():
    with pytest.raises(InputError, match="too little text to leave some for the part 'train'"):
        divide(documents("a b", "c d"), val_share=0.5, test_share=0.1, where="x")
    with pytest.raises(InputError, match="less than 1"):
        divide(documents("a", "b"), val_share=0.6, test_share=0.4, where="x")
    with pytest.raises(InputError, match="more than 0"):
        divide(documents("a", "b"), val_share=0, test_share=0.4, where="x")


def test_pieces_are_the_text():
    texts = ["one two three four\n" * 20, "x", "no-blank" * 30]
    found = list(pieces(texts, num_characters=50))
    assert "".join(piece for piece, _ in found) == "".join(texts)
    assert [ends for _, ends in found].count(True) == 3
    assert all(len(piece) <= 50 + 19 for piece, _ in found)


def test_sources(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "b.txt").write_bytes(b"sm\xc3\xb8rrebr\xc3\xb8d\r\n")
    (tmp_path / "folder" / "deep" / "c.txt").write_text("tea")
    (tmp_path / "folder" / "empty.txt").write_text(" \n")
    table = pandas.DataFrame({"text": ["null", "", "tea", "tea"], "label": [1, 2, 3, 4]})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    table.rename(columns={"text": "said"}).to_json(
        tmp_path / "t.jsonl", orient="records", lines=True
    )
    (tmp_path / "code.c").write_text("int main(void);\n")

    def read(name, column="text"):
        return read_documents(tmp_path / name, text_column=column, cache=tmp_path / "cache")

    assert read("folder") == (["smørrebrød\n", "tea"], False, 0)
    for name, column in (("t.csv", "text"), ("t.parquet", "text"), ("t.jsonl", "said")):
        assert read(name, column) == (["null", "tea"], False, 1)
    assert read("code.c") == (["int main(void);\n"], True, 0)
    for name, says in (
        ("missing.txt", "no such file or folder"),
        ("t.jsonl", "no column 'text': its columns are said, label"),
        ("cache", "no .txt file in this folder"),
        ("folder/empty.txt", "holds no text"),
        ("bad.parquet", "cannot be read as parquet"),
    ):
        (tmp_path / "bad.parquet").write_text("no")
        with pytest.raises(InputError, match=says):
            read(name)


def test_a_labelled_table_has_the_parts_of_the_classifier(tmp_path):
    texts = [f"word{k} and more" for k in range(40)]
    table = pandas.DataFrame({"said": [*texts, texts[0]], "class": ["a", "b"] * 20 + ["a"]})
    table.to_csv(tmp_path / "t.csv")
    columns = {"path": str(tmp_path / "t.csv"), "text_column": "said", "label_column": "class"}
    parts = TextDataModule(**columns, seed=3).parts
    held_out = parts["val"].sources() + parts["test"].sources()
    more = pandas.DataFrame({"said": ["Word0 and  MORE", "new", "", *map(str.upper, held_out)]})
    more.to_csv(tmp_path / "more.csv")
    data = LanguageDataModule(**columns, seed=3, unlabelled=str(tmp_path / "more.csv"))

    for name in ("val", "test"):
        ends = data.parts[name].tokens == data.tokenizer.token_to_id(END)
        assert ends.sum() == len(set(parts[name].sources()))
    learnt = data.describe()["contents"].tolist()
    assert content_of("new") in learnt
    assert not {content_of(text) for text in held_out} & set(learnt)
    assert data.num_withheld == len(held_out) + (texts[0] in held_out)
    # Texts of the table, of which one stands there twice, and "new".
    assert set(learnt) == {content_of(text) for text in [*parts["train"].sources(), "new"]}


def test_further_texts_stand_beside_documents_alone(tmp_path):
    (tmp_path / "more.csv").write_text("text\nb\n")
    data = module(tmp_path, "one text " * 30, unlabelled=str(tmp_path / "more.csv"))
    with pytest.raises(InputError, match="the text is a single one"):
        _ = data.parts


# Streams.


def test_every_token_but_the_first_is_predicted_once_and_in_order():
    for num_tokens, num_streams, bptt_steps in (
        (50, 4, 5),
        (49, 4, 5),
        (41, 4, 5),
        (9, 8, 3),
        (30, 3, 1),
    ):
        batches = list(streams(num_tokens, num_streams=num_streams, bptt_steps=bptt_steps))
        targets = np.concatenate([batch.targets for batch in batches])
        assert sorted(targets) == list(range(1, num_tokens))
        for batch in batches:
            assert (batch.targets == batch.steps + 1).all()
            assert len(batch.lengths) == num_streams
            assert batch.lengths.sum() == len(batch.steps)
        for before, after in pairwise(batches):
            for (_, last), (first, _) in zip(rows(before), rows(after), strict=True):
                assert first[0] == last[-1]


def test_batches_by_hand():
    batches = list(streams(14, num_streams=3, bptt_steps=2))
    assert [batch.lengths.tolist() for batch in batches] == [[1, 1, 1], [1, 1, 1], [3, 2, 2]]
    batches = list(streams(13, num_streams=3, bptt_steps=2))
    assert [batch.steps.tolist() for batch in batches] == [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]]
    assert batches[1].targets.tolist() == [3, 4, 7, 8, 11, 12]


def test_epochs_begin_elsewhere_and_predict_the_same():
    loader = streams(101, num_streams=4, bptt_steps=7, shift=True, seed=3)
    firsts = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        batches = list(loader)
        assert len(batches) == len(loader)
        assert sorted(np.concatenate([b.targets for b in batches])) == list(range(1, 101))
        firsts.append(int(batches[0].steps[0]))
    assert firsts[0] == firsts[2] != firsts[1]


def test_ranks_have_streams_of_their_own_and_as_many_batches():
    for num_tokens in range(40, 60):
        seen, counts = [], set()
        for rank in range(3):
            own = streams(num_tokens, num_streams=2, bptt_steps=3, num_ranks=3, rank=rank)
            batches = list(own)
            counts.add(len(batches))
            assert all((batch.lengths > 0).all() for batch in batches)
            seen += [t for batch in batches for t in batch.targets.tolist()]
        assert sorted(seen) == list(range(1, num_tokens))
        assert len(counts) == 1


def test_a_resumed_epoch_goes_on_at_its_place():
    loader = streams(101, num_streams=4, bptt_steps=7, shift=True)
    whole = [batch.steps.tolist() for batch in loader]
    given = iter(loader)
    next(given), next(given)
    state = loader.state_dict()
    assert state == {"num_given": 2, "num_batches": 4}
    other = streams(101, num_streams=4, bptt_steps=7, shift=True)
    other.load_state_dict(state)
    assert [batch.steps.tolist() for batch in other] == whole[2:]
    assert [batch.steps.tolist() for batch in other] == whole
    assert other.state_dict() == {"num_given": 0, "num_batches": 4}


def test_too_few_tokens_for_the_streams():
    with pytest.raises(InputError, match=r"part 'x': 8 tokens are too few for 8 streams"):
        streams(8, num_streams=4, num_ranks=2, bptt_steps=5, where="part 'x'")
    assert len(streams(9, num_streams=4, num_ranks=2, bptt_steps=5)) == 1


def test_short_parts_are_measured_in_fewer_streams():
    options = {"num_streams": 64, "bptt_steps": 100, "num_ranks": 2}
    assert streams_for(10, **options) == 1
    assert streams_for(10_000, **options) == 5
    assert streams_for(10_000_000, **options) == 64


# The module.


def test_characters_of_one_text(tmp_path):
    text = "Hello, world!\nHow are you?\n" * 20
    data = module(tmp_path, text, val_share=0.25, test_share=0.25)
    assert data.num_tokens == 1 + len(set(text))
    assert data.parts["train"].num_characters == len(text) // 2
    told = "".join(data.tokenizer.decode(part.tokens.tolist()) for part in data.parts.values())
    assert told == text
    assert data.tokenizer.token_to_id(END) is None
    assert data.reported_part == "test"
    batch = next(iter(data.train_dataloader()))
    assert batch.lengths.tolist() == [4] * 4  # 67 steps in 14 batches of 5 at most
    assert len(data.val_dataloader()) > 0
    assert isinstance(data.parts["train"].tokens, np.memmap)


def test_without_a_test_part_the_validation_is_reported(tmp_path):
    data = module(tmp_path, "abc\n" * 50, test_share=0)
    assert (list(data.parts), data.reported_part) == (["train", "val"], "val")
    assert len(data.test_dataloader()) == len(data.val_dataloader())


def test_documents_end_with_a_token(tmp_path):
    table = pandas.DataFrame({"text": [f"A film, number {k}!" for k in range(20)]})
    table.to_csv(tmp_path / "films.csv", index=False)
    data = LanguageDataModule(
        path=str(tmp_path / "films.csv"), num_streams=2, bptt_steps=5, min_frequency=1
    )
    end = data.tokenizer.token_to_id(END) if data.parts else None
    assert end == data.num_tokens - 1
    for name, count in (("train", 16), ("test", 2), ("val", 2)):
        part = data.parts[name]
        assert (part.tokens == end).sum() == count
        assert part.tokens[-1] == end
    # "A film , number 18 !" and the end, twice; the numbers are not known from training.
    assert (len(data.parts["val"].tokens), data.parts["val"].num_unknown) == (14, 2)
    assert data.parts["val"].num_characters == 2 * (len("A film, number 18!") + 1)


@pytest.mark.parametrize("kind", ["words", "subwords", "characters"])
def test_the_vocabulary_is_learnt_from_the_training_part_alone(tmp_path, kind):
    text = "the cat sat on the mat\n" * 30 + "zyzzyva zyzzyva\n" * 20
    data = module(
        tmp_path, text, tokenizer=kind, val_share=0.3, test_share=0.2, vocabulary_size=300
    )
    assert len(data.parts["train"].tokens) > 0
    known = data.tokenizer.get_vocab()
    assert not any("zy" in token for token in known)


def test_tokens_are_kept(tmp_path, monkeypatch):
    text = "to be or not to be\n" * 30
    first = module(tmp_path, text).parts
    monkeypatch.setattr(language, "tokens_of", None)
    again = module(tmp_path, text).parts
    for name, part in first.items():
        assert np.array_equal(part.tokens, again[name].tokens)
    with pytest.raises(TypeError):
        _ = module(tmp_path, text + "that is\n" * 9).parts


def test_another_module_adopts_the_tokenizer(tmp_path):
    first = module(tmp_path, "to be or not to be\n" * 30)
    other = module(tmp_path, "to see or not to see\n" * 30, name="other.txt")
    other.adopt(first.describe())
    assert other.num_tokens == first.num_tokens
    assert other.parts["train"].num_unknown > 0


def test_options_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="num_streams=0"):
        module(tmp_path, "a", num_streams=0)
    with pytest.raises(InputError, match="part 'val' has 1 tokens"):
        _ = module(
            tmp_path, "a b c d\n" * 3 + "e", tokenizer="words", val_share=0.04, test_share=0
        ).parts
    data = module(tmp_path, "abc\n" * 10, num_streams=40)
    with pytest.raises(InputError, match=r"part 'train': .* too few for 40 streams"):
        data.train_dataloader()


def test_many_tokens_cost_only_what_is_read(tmp_path):
    file = tmp_path / "many.npy"
    np.lib.format.open_memmap(file, mode="w+", dtype=np.int32, shape=(50_000_000,))[-1] = 7
    loader = StreamBatches(np.load(file, mmap_mode="r"), num_streams=64, bptt_steps=100)
    assert len(loader) == 7813
    first = next(iter(loader))
    assert first.steps.shape == (64 * 99,)  # 781,249 steps in 7,813 batches
