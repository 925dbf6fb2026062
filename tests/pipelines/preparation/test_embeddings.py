from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.batches.ragged import collate
from data.files.errors import InputError
from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import WordEmbedding
from pipelines.cli.training import train
from pipelines.predict import command as predict
from pipelines.preparation.embeddings import (
    _occurrences,
    frequent_ngrams,
    prepare_embeddings,
)
from tests.pipelines.conftest import SENTIMENT, read_predictions, write_reviews


def data(vectors=None):
    return SimpleNamespace(vectors=vectors)


def test_vectors_that_were_found_replace_those_drawn():
    encoder = WordEmbedding(3, features=2)
    drawn = encoder.embedding.weight.detach().clone()
    table = np.array([[0, 0], [1, 2], [0, 0]], np.float32)
    prepare_embeddings([encoder], data(vectors=SimpleNamespace(table=table, found=table.any(1))))
    weight = encoder.embedding.weight
    assert weight[1].tolist() == [1, 2]
    assert torch.equal(weight[[0, 2]], drawn[[0, 2]])
    assert weight.requires_grad


def test_vectors_of_another_size_are_refused():
    vectors = SimpleNamespace(table=np.zeros((3, 50), np.float32), found=np.ones(3, bool))
    with pytest.raises(InputError, match=r"features=2: the word vectors have 50"):
        prepare_embeddings([WordEmbedding(3, features=2)], data(vectors=vectors))


def test_the_frequent_ngrams_of_the_training_part_have_vectors(monkeypatch):
    texts = [[1, 2, 3], [1, 2], [1, 2, 3], [5, 1, 2, 3], [7, 8]]
    batches = [
        collate(
            torch.tensor([token for text in some for token in text]),
            lengths=[len(text) for text in some],
            labels=[0] * len(some),
            ids=range(len(some)),
        )
        for some in (texts[:3], texts[3:])
    ]
    given = SimpleNamespace(loader=lambda part, alone: batches, learnt_part=None)
    for at_once in (1, 100):
        monkeypatch.setattr("pipelines.preparation.embeddings._STEPS_AT_ONCE", at_once)
        # 1 2 four times, 2 3 and 1 2 3 three times, all others less often.
        found = frequent_ngrams(given, NgramEmbedding(9, ngrams=3, num_ngrams=10))
        bigrams, trigrams = NgramEmbedding.codes_of(torch.tensor([[2, 1, -1], [3, 2, 1]]))
        assert set(found.tolist()) == {*bigrams.tolist(), trigrams[1].item()}
        assert found[0] == bigrams[0]
        one = NgramEmbedding(9, ngrams=3, num_ngrams=1)
        assert frequent_ngrams(given, one).tolist() == [bigrams[0]]


def test_ngrams_from_training_to_prediction(in_folder, capsys):
    table = write_reviews(in_folder / "reviews.csv")
    train(
        "sentiment",
        [
            f"--data.path={table}", "--run=one", *SENTIMENT, "--data.tokenizer=characters",
            "--model.encoder=models.encoders.NgramEmbedding", "--model.encoder.ngrams=3",
            "--model.encoder.features=4", "--model.encoder.num_ngrams=50", "--model.members=2",
        ],
    )  # fmt: skip
    capsys.readouterr()
    run = in_folder / "runs/sentiment/one"
    row = read_predictions(run)[0]
    predict.main([f"--ckpt={run}/checkpoints/best.ckpt", f"--text={row['text']}"])
    label, first, *_ = capsys.readouterr().out.strip().split("\t")
    assert label == row["predicted"]
    name, value = first.split("=")
    assert float(value) == pytest.approx(float(row[f"probability_{name}"]), abs=1e-4)


def test_context_is_fitted_to_texts_with_labels_and_without(in_folder):
    table = write_reviews(in_folder / "reviews.csv")
    # Words that occur once in the training part are known by what stands beside them elsewhere.
    words = [
        "the",
        "film",
        "is",
        "a",
        "fine",
        "one",
        "and",
        "not",
        "so",
        "dull",
        "as",
        "they",
        "say",
    ]
    rows = [" ".join(np.random.default_rng(k).permutation(words)) for k in range(30)]
    (in_folder / "more.csv").write_text("text\n" + "\n".join(rows) + "\n")
    found = {}
    for run, more in (("alone", []), ("more", ["--data.unlabelled=more.csv"])):
        options = [f"--data.path={table}", f"--run={run}", *SENTIMENT, *more]
        train("sentiment", [*options, "--model.encoder.context_features=6", "--model.members=2"])
        checkpoint = in_folder / f"runs/sentiment/{run}/checkpoints/best.ckpt"
        state = torch.load(checkpoint, weights_only=True)["state_dict"]
        words, other = (
            state[f"model.members.0.encoder.encoders.{k}.context.words"].float() for k in (0, 1)
        )
        assert torch.equal(words, other)
        assert words.any()
        found[run] = words
    assert not torch.allclose(found["alone"], found["more"], atol=1e-3)


def test_the_occurrences_of_words_and_ngrams_in_texts():
    encoder = NgramEmbedding(9, ngrams=3, num_ngrams=5)
    pair, triple = (int(code[0]) for code in encoder.codes_of(torch.tensor([[7, 6, 5]])))
    encoder.know(torch.tensor([pair, triple]))
    found = _occurrences(torch.tensor([5, 6, 7, 6, 7]), torch.tensor([3, 2]), encoder)
    assert found.text_starts.tolist() == [0, 0, 0, 3, 3]
    assert found.text_ends.tolist() == [3, 3, 3, 5, 5]
    units = list(zip(found.units.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True))
    assert units[:5] == [(5, 0, 0), (6, 1, 1), (7, 2, 2), (6, 3, 3), (7, 4, 4)]
    rows = [9 + int(encoder.places_of(torch.tensor([code]))) for code in (pair, triple)]
    assert units[5:] == [(rows[0], 1, 2), (rows[0], 3, 4), (rows[1], 0, 2)]
