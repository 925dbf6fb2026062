import numpy as np
import pytest
import torch

from data.text_part import windows
from models.errors import OptionError
from models.ngrams import NgramEmbedding


def shown(*texts, ngrams=3):
    tokens = np.concatenate([np.asarray(text, np.int64) for text in texts])
    lengths = np.array([len(text) for text in texts])
    return torch.from_numpy(windows(tokens, lengths, ngrams=ngrams))


def encoder(**options):
    torch.manual_seed(0)
    made = NgramEmbedding(9, features=4, buckets=50, **options).eval()
    torch.nn.init.normal_(made.ngrams.weight[:-1].detach())
    return made


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


def test_left_out_ngrams_leave_the_word():
    made = encoder(ngram_dropout=0.999999).train()
    steps = shown([5, 6, 7])
    torch.testing.assert_close(made(steps), made.embedding(steps[:, 0]))


def test_nothing_is_learnt_for_what_would_begin_before_the_text():
    made = encoder(ngram_dropout=0.0).train()
    made(shown([5], ngrams=3)).sum().backward()
    assert not made.ngrams.weight.grad.any()


def test_options_that_cannot_be():
    with pytest.raises(OptionError, match="buckets=0"):
        NgramEmbedding(5, buckets=0)
    with pytest.raises(OptionError, match="ngram_dropout=1"):
        NgramEmbedding(5, ngram_dropout=1.0)
