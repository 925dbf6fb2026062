import numpy as np
import pytest
import torch

from data.text.part import windows
from models.encoders.ngrams import NgramEmbedding
from models.errors import OptionError


def shown(*texts, ngrams=3):
    tokens = np.concatenate([np.asarray(text, np.int64) for text in texts])
    lengths = np.array([len(text) for text in texts])
    return torch.from_numpy(windows(tokens, lengths, ngrams=ngrams))


def encoder(**options):
    torch.manual_seed(0)
    made = NgramEmbedding(9, features=4, num_ngrams=2000, **options).eval()
    torch.nn.init.normal_(made.ngrams.weight[:-1].detach())
    every = torch.cartesian_prod(*[torch.arange(9)] * 3)
    made.know(torch.cat(list(made.codes_of(every))).unique())
    return made


def test_only_those_that_are_known_have_a_vector_each_its_own():
    made = NgramEmbedding(9, features=4, num_ngrams=3).eval()
    pair, triple = (int(code[0]) for code in made.codes_of(torch.tensor([[7, 6, 5]])))
    made.know(torch.tensor([triple, pair]))
    with torch.no_grad():
        made.ngrams.weight[:-1] = torch.eye(4)[:3]
    first, second = (1, 0) if pair > triple else (0, 1)
    added = made(shown([5, 6, 7])) - made.embedding(torch.tensor([5, 6, 7]))
    expected = torch.eye(4)[first] + torch.eye(4)[second]
    torch.testing.assert_close(added, torch.stack([0 * expected, 0 * expected, expected]))
    # None is known before it is told, and what it is told is kept with the weights.
    assert not (made(shown([1, 2])) - made.embedding(torch.tensor([1, 2]))).any()
    assert "known" in made.state_dict()


def test_a_new_one_says_what_the_words_say():
    torch.manual_seed(0)
    made = NgramEmbedding(9, features=4).eval()
    steps = shown([1, 2, 3], [4])
    torch.testing.assert_close(made(steps), made.embedding(steps[:, 0]))
    torch.nn.init.ones_(made.ngrams.weight)
    made.reset_parameters()
    assert not made.ngrams.weight.any()


def test_a_step_is_its_word_and_what_ends_with_it_in_its_own_text():
    made = encoder()
    alone, together = made(shown([5, 6, 7])), made(shown([1, 2], [5, 6, 7]))
    torch.testing.assert_close(together[2:], alone)
    # The first of a text has no more than its word.
    torch.testing.assert_close(alone[0], made.embedding.weight[5])
    # The same bigram before other words, and as a part of a longer n-gram.
    pairs = made(shown([5, 6], ngrams=2)), made(shown([3, 5, 6], ngrams=2))
    torch.testing.assert_close(pairs[0][1], pairs[1][2])
    assert not torch.allclose(made(shown([5, 6]))[1], made(shown([6, 5]))[0])
    assert not torch.allclose(made(shown([1, 5, 6]))[2], made(shown([2, 5, 6]))[2])


def test_short_vectors_are_mapped():
    made = NgramEmbedding(9, features=4, num_ngrams=3, ngram_features=2).eval()
    pair = next(made.codes_of(torch.tensor([[7, 6]])))
    made.know(pair)
    with torch.no_grad():
        made.ngrams.weight[0] = torch.tensor([1.0, -2.0])
        made.ngram_map.weight.copy_(torch.arange(8.0).view(4, 2))
    added = made(shown([6, 7], ngrams=2)) - made.embedding(torch.tensor([6, 7]))
    torch.testing.assert_close(added, torch.tensor([[0.0] * 4, [-2.0, -4, -6, -8]]))
    before = made.ngram_map.weight.clone()
    made.reset_parameters()
    assert not torch.equal(made.ngram_map.weight, before)


def test_left_out_ngrams_leave_the_word():
    made = encoder(ngram_dropout=0.999999).train()
    steps = shown([5, 6, 7])
    torch.testing.assert_close(made(steps), made.embedding(steps[:, 0]))


def test_nothing_is_learnt_for_what_would_begin_before_the_text():
    made = encoder(ngram_dropout=0.0).train()
    made(shown([5], ngrams=3)).sum().backward()
    assert not made.ngrams.weight.grad.any()


def test_options_that_cannot_be():
    with pytest.raises(OptionError, match="num_ngrams=0"):
        NgramEmbedding(5, num_ngrams=0)
    with pytest.raises(OptionError, match="ngram_dropout=1"):
        NgramEmbedding(5, ngram_dropout=1.0)
