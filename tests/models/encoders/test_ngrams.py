import pytest
import torch

from models.encoders.ngrams import NgramEmbedding, windows
from models.encoders.words import Several
from models.errors import OptionError


def encoded(made, *texts):
    """The features of texts that come end to end."""
    return made.encode_ragged(*ragged(*texts))


def ragged(*texts):
    return torch.tensor([token for text in texts for token in text]), torch.tensor(
        [len(text) for text in texts]
    )


def encoder(**options):
    torch.manual_seed(0)
    made = NgramEmbedding(9, ngrams=3, features=4, num_ngrams=2000, **options).eval()
    torch.nn.init.normal_(made.ngrams.weight[:-1].detach())
    every = torch.cartesian_prod(*[torch.arange(9)] * 3)
    made.know(torch.cat(list(made.codes_of(every))).unique())
    return made


def test_a_window_ends_with_its_token_and_begins_in_its_text():
    found = windows(*ragged([3, 4, 5], [6]), size=3)
    assert found.tolist() == [[3, -1, -1], [4, 3, -1], [5, 4, 3], [6, -1, -1]]
    assert windows(*ragged([3, 4]), size=4).tolist() == [[3, -1, -1, -1], [4, 3, -1, -1]]
    nothing = torch.empty(0, dtype=torch.int64)
    assert windows(nothing, nothing, size=2).shape == (0, 2)


def test_windows_are_those_of_a_loop_over_texts():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 9, (50,), generator=generator)
    texts = torch.randint(30, (int(lengths.sum()),), generator=generator).split(lengths.tolist())
    expected = [
        [int(text[place - back]) if place >= back else -1 for back in range(5)]
        for text in texts
        for place in range(len(text))
    ]
    assert windows(torch.cat(texts), lengths, size=5).tolist() == expected


def test_only_those_that_are_known_have_a_vector_each_its_own():
    made = NgramEmbedding(9, ngrams=3, features=4, num_ngrams=3).eval()
    pair, triple = (int(code[0]) for code in made.codes_of(torch.tensor([[7, 6, 5]])))
    made.know(torch.tensor([triple, pair]))
    with torch.no_grad():
        made.ngrams.weight[:-1] = torch.eye(4)[:3]
    first, second = (1, 0) if pair > triple else (0, 1)
    added = encoded(made, [5, 6, 7]) - made.embedding(torch.tensor([5, 6, 7]))
    expected = torch.eye(4)[first] + torch.eye(4)[second]
    torch.testing.assert_close(added, torch.stack([0 * expected, 0 * expected, expected]))
    # None is known before it is told, and what it is told is kept with the weights.
    assert not (encoded(made, [1, 2]) - made.embedding(torch.tensor([1, 2]))).any()
    assert "known" in made.state_dict()


def test_a_new_one_says_what_the_words_say():
    torch.manual_seed(0)
    made = NgramEmbedding(9, features=4).eval()
    said = encoded(made, [1, 2, 3], [4])
    torch.testing.assert_close(said, made.embedding(torch.tensor([1, 2, 3, 4])))
    torch.nn.init.ones_(made.ngrams.weight)
    made.reset_parameters()
    assert not made.ngrams.weight.any()


def test_a_step_is_its_word_and_what_ends_with_it_in_its_own_text():
    made = encoder()
    alone, together = encoded(made, [5, 6, 7]), encoded(made, [1, 2], [5, 6, 7])
    torch.testing.assert_close(together[2:], alone)
    # The first of a text has no more than its word.
    torch.testing.assert_close(alone[0], made.embedding.weight[5])
    # The same bigram before other words, and as a part of a longer n-gram.
    pairs = [made(windows(*ragged(text), size=2)) for text in ([5, 6], [3, 5, 6])]
    torch.testing.assert_close(pairs[0][1], pairs[1][2])
    assert not torch.allclose(encoded(made, [5, 6])[1], encoded(made, [6, 5])[0])
    assert not torch.allclose(encoded(made, [1, 5, 6])[2], encoded(made, [2, 5, 6])[2])


def test_it_looks_back_so_far_and_no_further():
    made = encoder()
    assert made.looks_back == 2
    torch.testing.assert_close(encoded(made, [1, 5, 6, 7])[3], encoded(made, [2, 5, 6, 7])[3])


def test_several_look_back_each_by_itself():
    torch.manual_seed(0)
    both = Several(encoder(), copies=2).eval()
    texts = [5, 6, 7], [5, 6]
    each = [encoded(one, *texts) for one in both.encoders]
    torch.testing.assert_close(encoded(both, *texts), torch.cat(each, dim=1))
    assert both.looks_back == 2


def test_short_vectors_are_mapped():
    made = NgramEmbedding(9, ngrams=2, features=4, num_ngrams=3, ngram_features=2).eval()
    pair = next(made.codes_of(torch.tensor([[7, 6]])))
    made.know(pair)
    with torch.no_grad():
        made.ngrams.weight[0] = torch.tensor([1.0, -2.0])
        made.ngram_map.weight.copy_(torch.arange(8.0).view(4, 2))
    added = encoded(made, [6, 7]) - made.embedding(torch.tensor([6, 7]))
    torch.testing.assert_close(added, torch.tensor([[0.0] * 4, [-2.0, -4, -6, -8]]))
    before = made.ngram_map.weight.clone()
    made.reset_parameters()
    assert not torch.equal(made.ngram_map.weight, before)


def test_left_out_ngrams_leave_the_word():
    made = encoder(ngram_dropout=0.999999).train()
    torch.testing.assert_close(encoded(made, [5, 6, 7]), made.embedding(torch.tensor([5, 6, 7])))


def test_nothing_is_learnt_for_what_would_begin_before_the_text():
    made = encoder(ngram_dropout=0.0).train()
    encoded(made, [5]).sum().backward()
    assert not made.ngrams.weight.grad.any()


def test_options_that_cannot_be():
    with pytest.raises(OptionError, match="num_ngrams=0"):
        NgramEmbedding(5, num_ngrams=0)
    with pytest.raises(OptionError, match="ngram_dropout=1"):
        NgramEmbedding(5, ngram_dropout=1.0)
    for ngrams in (1, 65):
        with pytest.raises(OptionError, match=f"ngrams={ngrams}: from 2 to 64"):
            NgramEmbedding(5, ngrams=ngrams)
