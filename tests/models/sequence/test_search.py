"""Search: greedy, beam and sampling, against hand-made tables and against trying all sequences."""

import math
from itertools import product

import pytest
import torch

from models.heads.attention import GeneralAttention
from models.sequence import search
from models.sequence.encoder_decoder import Memory
from models.sequence.search import beam_search, sampled
from tests.models.sequence.test_encoder_decoder import END, LENGTHS, SOURCE, V, translator

# From the token read last (row) to the next (column); token 0 is END.
PLANTED = torch.tensor(
    [
        [0.0, 0.6, 0.4, 0.0],  # greedy takes 1 …
        [0.34, 0.33, 0.0, 0.33],  # … after which nothing is sure: 0.6 · 0.34
        [0.0, 0.0, 0.0, 1.0],  # 2 leads to 3,
        [1.0, 0.0, 0.0, 0.0],  # and 3 to the end: 0.4
    ]
)
LOOP = torch.tensor([[0.0, 0.9, 0.1], [0.1, 0.9, 0.0], [0.5, 0.5, 0.0]])


class Chain:
    """Next token from the last one by a table of probabilities."""

    def __init__(self, table):
        self.table = table

    def step(self, tokens, state, memory):
        return self.table[tokens].log(), state, torch.zeros(len(tokens), 0)


def chain_memory(count=1):
    return Memory((torch.zeros(1, count, 1),), None)


def found_in(table, **options):
    options = {"end": 0, "max_tokens": 6, "beam": 2, "length_power": 0.0} | options
    return beam_search(Chain(table), chain_memory(), **options)[0]


def test_a_beam_finds_what_greedy_misses():
    (greedy,) = found_in(PLANTED, beam=1)
    assert greedy.tokens == [1]
    assert greedy.log_probability == pytest.approx(torch.tensor(0.6 * 0.34).log())
    (best,) = found_in(PLANTED)
    assert (best.tokens, best.is_finished) == ([2, 3], True)
    assert best.log_probability == pytest.approx(torch.tensor(0.4).log())
    # ln p over the number of tokens, END among them.
    assert found_in(PLANTED, length_power=1.0)[0].score == pytest.approx(best.score / 3)


def test_the_best_are_returned_in_their_order():
    found = found_in(PLANTED, beam=3, num_best=3)
    assert [one.tokens for one in found] == [[2, 3], [1], [1, 3]]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@pytest.mark.parametrize("beam", [1, 2])
def test_no_end_is_told_and_the_best_so_far_is_given(beam):
    table = torch.tensor([[0.0, 1.0], [1e-9, 1.0]])
    (found,) = found_in(table, beam=beam, max_tokens=4)
    if beam == 1:
        assert (found.tokens, found.is_finished) == ([1, 1, 1, 1], False)
        assert found.log_probability == pytest.approx(0, abs=1e-6)
    else:
        # Among the two best there is one that ends, however improbable.
        assert found.is_finished


def test_tokens_that_are_never_written():
    (found,) = found_in(PLANTED, never=(3,), beam=3)
    assert found.tokens == [1]


def test_each_source_has_its_own_limit():
    table = torch.tensor([[0.0, 1.0], [0.01, 0.99]])
    options = {"end": 0, "beam": 1, "length_power": 1.0}
    found = beam_search(Chain(table), chain_memory(3), max_tokens=[4, 2, 5], **options)
    assert [len(one[0].tokens) for one in found] == [4, 2, 5]
    for limit, one in zip([4, 2, 5], found, strict=True):
        (alone,) = beam_search(Chain(table), chain_memory(), max_tokens=limit, **options)
        assert alone[0].score == pytest.approx(one[0].score)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_n_tokens_are_written_twice(size):
    (plain,) = found_in(LOOP, beam=1, max_tokens=8)
    assert plain.tokens == [1] * 8
    (found,) = found_in(LOOP, beam=1, max_tokens=8, blocked_ngram=size)
    assert found.tokens == [1] * size
    assert found.is_finished


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(power):
    model = translator()
    memory = model.remember(SOURCE, LENGTHS)
    options = {"end": END, "max_tokens": 2, "length_power": power}
    found = beam_search(model, memory, beam=V**2, num_best=1, **options)
    for k in range(len(LENGTHS)):
        alone = memory.rows(torch.tensor([k]))
        scores = {}
        for words in (
            words for length in range(3) for words in product(range(1, V), repeat=length)
        ):
            tokens, targets = (torch.tensor(one) for one in ([END, *words], [*words, END]))
            losses = model.losses(alone, tokens, torch.tensor([len(tokens)]), targets)
            scores[words] = -float(losses.detach().sum()) / len(tokens) ** power
        best = max(scores, key=scores.get)
        assert tuple(found[k][0].tokens) == best
        assert found[k][0].score == pytest.approx(scores[best], abs=1e-4)


@pytest.mark.parametrize("beam", [1, 4])
def test_a_result_does_not_depend_on_its_batch(beam):
    model = translator()
    options = {"end": END, "max_tokens": 7, "beam": beam, "num_best": beam}
    together = beam_search(model, model.remember(SOURCE, LENGTHS), **options)
    for k, source in enumerate(SOURCE.split(LENGTHS.tolist())):
        alone = beam_search(model, model.remember(source, LENGTHS[k : k + 1]), **options)[0]
        assert [one.tokens for one in alone] == [one.tokens for one in together[k]]
        assert [one.score for one in alone] == pytest.approx([one.score for one in together[k]])
        for mine, theirs in zip(alone, together[k], strict=True):
            # A row for each token and for END, where it was read; padding has no weight.
            assert len(mine.attention) == len(mine.tokens) + 1
            padded = theirs.attention[:, : len(source)]
            assert torch.allclose(mine.attention, padded, atol=1e-5)
            assert padded.sum(1).tolist() == pytest.approx([1.0] * len(padded))


def test_a_beam_of_one_is_greedy():
    model = translator()
    memory = model.remember(SOURCE, LENGTHS)
    found = beam_search(model, memory, end=END, max_tokens=7, beam=1)
    for k, (one,) in enumerate(found):
        alone = memory.rows(torch.tensor([k]))
        state, token, tokens = alone.state, END, []
        for _ in range(7):
            scores, state, _ = model.step(torch.tensor([token]), state, alone)
            token = int(scores.argmax())
            if token == END:
                break
            tokens.append(token)
        assert one.tokens == tokens


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_samples_come_as_often_as_they_are_probable():
    options = {"end": 0, "max_tokens": 6}
    found = sampled(
        Chain(PLANTED), chain_memory(4000), temperature=1.0, generators=generators(*range(4000)),
        **options,
    )  # fmt: skip
    share = sum(one.tokens == [2, 3] for one in found) / len(found)
    assert share == pytest.approx(0.4, abs=0.03)
    assert {one.is_finished for one in found} == {True, False}
    cut = next(one for one in found if not one.is_finished)
    assert len(cut.tokens) == 6
    assert all(math.isfinite(one.log_probability) for one in found)
    (cold,) = sampled(
        Chain(PLANTED), chain_memory(), temperature=1e-3, generators=generators(0), **options
    )
    assert cold.tokens[:1] == [1]


def test_samples_are_those_drawn_alone():
    model = translator()
    options = {"end": END, "temperature": 1.5}
    most = [7, 30, 3]
    together = sampled(
        model, model.remember(SOURCE, LENGTHS), max_tokens=most, generators=generators(4, 5, 6),
        **options,
    )  # fmt: skip
    assert len({tuple(one.tokens) for one in together}) > 1
    for k, source in enumerate(SOURCE.split(LENGTHS.tolist())):
        memory = model.remember(source, LENGTHS[k : k + 1])
        (alone,) = sampled(
            model, memory, max_tokens=most[k], generators=generators(4 + k), **options
        )
        assert alone.tokens == together[k].tokens
        assert alone.score == pytest.approx(together[k].score)
        padded = together[k].attention[:, : len(source)]
        assert torch.allclose(alone.attention, padded, atol=1e-5)
        assert len(padded) == len(alone.tokens) + 1


def test_samples_repeat_no_blocked_tokens():
    found = sampled(
        Chain(LOOP), chain_memory(50), end=0, max_tokens=8, temperature=1.0, blocked_ngram=1,
        generators=generators(*range(50)),
    )  # fmt: skip
    assert all(len(set(one.tokens)) == len(one.tokens) for one in found)
    assert max(len(one.tokens) for one in found) == 2


def test_the_largest_of_many():
    torch.manual_seed(0)
    for count, width in product((1, 4, 10), (12, 130, 500, 8003)):
        values = torch.randn(3, width)
        values[1, 5:] = -torch.inf
        found, at = search._largest(values, count)
        assert torch.equal(found, values.topk(count, dim=1)[0])
        assert torch.equal(values.gather(1, at), found)


@pytest.mark.parametrize("kind", [None, GeneralAttention])
def test_attention_is_left_out_where_it_is_not_asked_for(kind):
    model = translator(kind)
    memory = model.remember(SOURCE, LENGTHS)
    options = {"end": END, "max_tokens": 7, "beam": 3}
    kept = beam_search(model, memory, **options)
    left_out = beam_search(model, memory, keeps_attention=False, **options)
    for (one,), (other,) in zip(kept, left_out, strict=True):
        assert one[:4] == other[:4]
        assert other.attention.numel() == 0
