"""Excerpts and lessons beside the training part, and words of opinions that are not read."""

import re

import numpy as np
import pandas
import pytest

from data.files.errors import InputError
from data.text.data_module import TextDataModule

TEXT = (
    "I went to see it with Anna and 14 others. It was {word}. We said so to Paul on the way home."
)


def written(path, *, names=("negative", "positive"), text=TEXT):
    words = [("bad", "good")[k % 2] for k in range(60)]
    rows = [text.format(word=f"{'very ' * (k % 5 + 1)}{word}") for k, word in enumerate(words)]
    labels = [names[k % 2] for k in range(60)]
    pandas.DataFrame({"text": rows, "label": labels}).to_csv(path, index=False)
    return str(path)


ALL = {"unread": ["names", "groups", "numbers"], "excerpts": 1, "lessons": True}


def test_excerpts_and_lessons_are_learnt_and_nothing_else_changes(tmp_path):
    path = written(tmp_path / "a.csv")
    plain, data = TextDataModule(path=path), TextDataModule(path=path, **ALL)
    learnt = data.learnt_part  # whatever is asked for first
    train = data.parts["train"]
    assert plain.learnt_part is plain.parts["train"]
    assert data.parts.keys() == plain.parts.keys()
    for name, part in plain.parts.items():
        assert data.parts[name].sources() == part.sources()
    counts = data.notes()["taught"]
    assert counts["excerpts"] == len(train)
    # Few texts are not outnumbered by what is not the user's.
    assert counts["lessons"] == len(train)
    assert counts["rewritten"] == 0  # so few texts leave no clause beyond doubt
    assert len(learnt) == len(train) + sum(counts.values())
    assert len(set(learnt.ids.tolist())) == len(learnt)
    np.testing.assert_array_equal(learnt.labels[: len(train)], train.labels)
    # The user's labels are certain. A sentence is as doubtful as its words leave it: by 0.6 if they say
    # nothing of the label, which two of the three sentences do not.
    assert (learnt.doubts[: len(train)] == 0).all()
    tells = np.zeros(len(train), bool)
    for k, text in enumerate(train.sources()):
        excerpt = learnt.sources([len(train) + k])[0]
        assert excerpt in text
        tells[k] = excerpt.startswith("It was ")
        assert learnt.labels[len(train) + k] == train.labels[k]
    doubts = learnt.doubts[len(train) : 2 * len(train)]
    assert tells.any()
    assert (doubts[tells] < 0.3).all()
    assert (abs(doubts[~tells] - 0.6) < 0.2).all()
    batch = learnt.__getitems__([0, len(train), len(learnt) - 1])
    assert batch.ids.tolist() == learnt.ids[[0, len(train), len(learnt) - 1]].tolist()
    assert batch.labels.tolist() == learnt.labels[[0, len(train), len(learnt) - 1]].tolist()


def test_clauses_of_the_texts_are_rewritten_where_their_words_are_sure(tmp_path):
    praise, blame = ("superb", "lovely", "a joy", "clever"), ("dire", "a mess", "dull", "poor")
    rows = [
        (f"The {thing} was {(blame, praise)[k % 2][k % 4]}. We went there on day {k}.", k % 2)
        for k, thing in enumerate(["plot", "cast", "music"] * 200)
    ]
    table = pandas.DataFrame(rows, columns=["text", "label"])
    table["label"] = table["label"].map({0: "negative", 1: "positive"})
    table.to_csv(tmp_path / "a.csv", index=False)
    data = TextDataModule(path=str(tmp_path / "a.csv"), lessons=True)
    learnt, counts = data.learnt_part, data.notes()["taught"]
    assert 0 < counts["rewritten"] <= len(data.parts["train"])
    texts = dict(zip(learnt.sources(), learnt.labels.tolist(), strict=True))
    denied = {one: label for one, label in texts.items() if re.match(r"The \w+ wasn't", one)}
    positive = data.classes.index("positive")
    assert denied
    for text, label in denied.items():
        assert (label == positive) == any(word in text for word in blame)


def test_single_sentences_come_once_more_where_excerpts_would_outnumber_them(tmp_path):
    def doubts(sentences):
        long, short = TEXT.format(word="good"), "It was a good one, {k} times."
        rows = [f"{long} And {k} more." for k in range(40)]
        rows += [short.format(k=k) for k in range(sentences)]
        labels = ["positive", "negative"] * (len(rows) // 2)
        pandas.DataFrame({"text": rows, "label": labels}).to_csv(tmp_path / "a.csv", index=False)
        data = TextDataModule(path=str(tmp_path / "a.csv"), excerpts=1)
        return data.parts["train"], data.learnt_part

    train, learnt = doubts(sentences=20)
    single = [text for text in train.sources() if text.startswith("It was")]
    assert learnt.sources()[-len(single) :] == single
    assert (learnt.doubts[-len(single) :] == 0).all()
    assert len(learnt) == 2 * len(train)
    # Where most are such sentences, they would only be learnt for twice as long.
    train, learnt = doubts(sentences=60)
    assert len(train) < len(learnt) < 2 * len(train)


def test_names_and_numbers_are_read_alike(tmp_path):
    data = TextDataModule(path=written(tmp_path / "a.csv"), **ALL)
    _ = data.parts
    first, second = (
        data.tokenizer.encode(text).ids
        for text in ("With Anna and 14 others", "With Xaver and 23 others")
    )
    assert first == second


@pytest.mark.parametrize(
    "kinds",
    [{"names": ("dog", "cat")}, {"text": "Wir sahen Anna. Der Film war {word}. Paul kam nicht."}],
)
def test_other_classes_and_languages_keep_their_words_and_have_no_lessons(tmp_path, kinds):
    path = written(tmp_path / "a.csv", **kinds)
    data, plain = TextDataModule(path=path, **ALL), TextDataModule(path=path)
    assert data.notes()["taught"] == {"excerpts": len(data.parts["train"])}
    assert data.num_tokens == plain.num_tokens


@pytest.mark.parametrize("tokenizer", ["subwords", "characters"])
def test_tokenizers_that_spell_words_read_them_all(tmp_path, tokenizer):
    path = written(tmp_path / "a.csv", text="An old man, 14 women, Anna and Paul. It was {word}.")
    options = {"path": path, "tokenizer": tokenizer, "vocabulary_size": 400}
    plain, data = TextDataModule(**options), TextDataModule(**options, **ALL)
    assert data.notes()["taught"]["lessons"] > 0
    assert plain.num_tokens == data.num_tokens
    text = "An old man, 14"
    assert data.tokenizer.decode(data.tokenizer.encode(text).ids).strip() == text.lower()


def test_without_excerpts_there_is_nothing_to_learn_beside_other_classes(tmp_path):
    path = written(tmp_path / "a.csv", names=("dog", "cat"))
    data = TextDataModule(path=path, lessons=True)
    assert data.learnt_part is data.parts["train"]
    assert "taught" not in data.notes()


def test_a_saved_model_s_data_learn_nothing(tmp_path):
    path = written(tmp_path / "a.csv")
    data = TextDataModule(path=path, **ALL)
    description = data.describe()
    other = TextDataModule(path=path, **ALL)
    other.adopt(description)
    assert other.learnt_part is other.parts["train"]


def test_wrong_options_are_refused():
    with pytest.raises(InputError, match=r"--data.excerpts=-1: 0 or more"):
        TextDataModule(excerpts=-1)
