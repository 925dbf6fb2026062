"""Vectors of context: beside the learnt ones, never trained, and shared by copies of an encoder."""

import torch

from models.encoders.ngrams import NgramEmbedding
from models.encoders.words import Several

TEXTS = torch.tensor([5, 6, 7, 6, 7]), torch.tensor([3, 2])


def encoder(**options):
    torch.manual_seed(0)
    options = {"ngrams": 3, "features": 4, "num_ngrams": 20, "context_features": 2} | options
    made = NgramEmbedding(9, **options)
    pair, triple = (int(code[0]) for code in made.codes_of(torch.tensor([[7, 6, 5]])))
    made.know(torch.tensor([pair, triple]))
    rows = made.places_of(torch.tensor([pair, triple]))
    words = torch.arange(18.0).reshape(9, 2)
    made.context.take(words, torch.tensor([[100.0, 200.0], [1000.0, 2000.0]])[rows.argsort()])
    return made


def test_they_stand_beside_the_learnt_vectors():
    made = encoder().eval()
    found = made.encode_ragged(*TEXTS)
    assert made.out_features == found.shape[1] == 8
    torch.testing.assert_close(found[:, :4], made.embedding(TEXTS[0]))
    assert found[:, 4:6].tolist() == [[10, 11], [12, 13], [14, 15], [12, 13], [14, 15]]
    # 6 7 and 5 6 7 have vectors; both end in the first text's last word, one in the second's.
    assert found[:, 6:].tolist() == [[0, 0], [0, 0], [1100, 2200], [0, 0], [100, 200]]


def test_training_leaves_them_as_they_are():
    made = encoder(context_dropout=0.0)
    assert not {"context.words", "context.ngrams"} & dict(made.named_parameters()).keys()
    assert {"context.words", "context.ngrams"} <= made.state_dict().keys()
    made.reset_parameters()
    assert made.context.words[5].tolist() == [10, 11]


def test_their_features_are_dropped_while_training_alone():
    made = encoder(context_dropout=0.5)
    torch.manual_seed(1)
    dropped = made.encode_ragged(*TEXTS)[:, 4:]
    kept = made.eval().encode_ragged(*TEXTS)[:, 4:]
    is_kept = dropped != 0
    assert 0 < is_kept.sum() < (kept != 0).sum()
    torch.testing.assert_close(dropped[is_kept], 2 * kept[is_kept])


def test_copies_of_an_encoder_share_them():
    first = encoder()
    several = Several(first, copies=3)
    assert all(one.context is first.context for one in several.encoders)
    assert not torch.equal(several.encoders[1].embedding.weight, first.embedding.weight)
    stored = {value.data_ptr() for key, value in several.state_dict().items() if "context" in key}
    assert len(stored) == 2


def test_fewer_ngrams_than_before_leave_no_vectors_behind():
    made = encoder()
    made.context.take(torch.zeros(9, 2), torch.zeros(0, 2))
    assert not made.context.ngrams.any()
