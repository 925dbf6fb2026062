"""Search: the sequence of tokens that a decoder finds most probable, or one drawn from it.

B sources · K hypotheses of each · R = B · K rows, those of a source side by side · V tokens in the
vocabulary · S remembered steps · t tokens so far

A result is that of its source alone, whatever others are searched with it. A source whose search has
ended leaves the batch. What is remembered of a source is kept once for all of its hypotheses.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models.recurrence.cells import State
from models.sequence.encoder_decoder import EncoderDecoder, Memory

# Tokens are sought in groups of so many: the best group of each holds the best token.
_GROUP = 32


class Hypothesis(NamedTuple):
    """A sequence that was found."""

    tokens: list[int]
    """Its tokens without END."""
    log_probability: float
    """ln p of all of them, and of END where it was reached."""
    score: float
    """The log-probability over a power of the number of tokens, by which hypotheses are ranked."""
    is_finished: bool
    """Whether END was reached; False: cut off at ``max_tokens``."""
    attention: Tensor
    """(number of tokens read from, S): the weight of each remembered step, for END too; (0, 0) where
    it was not kept."""


class _Rows(NamedTuple):
    """Hypotheses that go on, K for each source that is still searched."""

    memory: Memory
    """Memory of the B sources."""
    state: State
    """After the tokens before the last, (num_layers, R, H) each."""
    tokens: Tensor
    """(R, t) int64, END first."""
    totals: Tensor
    """(R,) float32: ln p so far."""


class _Ended(NamedTuple):
    """A hypothesis that goes on no more."""

    score: float
    total: float
    tokens: list[int]
    row: int
    """Its row at the last step that was computed for it."""
    is_finished: bool


class _Trail:
    """The attention at each step, and the row of the step before that each row goes on from."""

    def __init__(self, *, is_kept: bool) -> None:
        self._is_kept = is_kept
        self._weights: list[Tensor] = []
        self._parents: list[list[int]] = []

    def step(self, weights: Tensor) -> None:
        """Take the attention (R, S) of a step."""
        if self._is_kept:
            self._weights.append(weights.float())

    def select(self, rows: Tensor) -> None:
        """Take the rows (R,) that the next step goes on from."""
        if self._is_kept:
            self._parents.append(rows.tolist())

    def behind(self, one: _Ended) -> Tensor:
        """Look up the attention that led to a hypothesis."""
        if not self._is_kept:
            return torch.zeros(0, 0)
        rows = [one.row]
        for parents in reversed(self._parents[: len(one.tokens)]):
            rows.append(parents[rows[-1]])
        pairs = zip(self._weights, reversed(rows), strict=False)
        return torch.stack([weights[row] for weights, row in pairs])


def limits(model: EncoderDecoder, lengths: Sequence[int], *, max_tokens: int) -> list[int]:
    """The most tokens to write for each source: ``max_tokens``, or twice the tokens of a longer text.

    A source is text where the decoder's tokens are encoded by the same encoder.
    """
    is_text = model.source.encoder is model.decoder.encoder
    return [max(max_tokens, 2 * length) if is_text else max_tokens for length in lengths]


@torch.no_grad()
def beam_search(
    model: EncoderDecoder,
    memory: Memory,
    *,
    end: int,
    max_tokens: int | Sequence[int],
    beam: int = 5,
    num_best: int = 1,
    length_power: float = 1.0,
    blocked_ngram: int = 0,
    never: tuple[int, ...] = (),
    keeps_attention: bool = True,
) -> list[list[Hypothesis]]:
    """Keep the K most probable beginnings at each step (Sutskever et al. 2014, §3.2).

    A hypothesis that ends among its step's K best is finished. A source's search ends with K finished
    ones, or once none that goes on can still come among the best ``num_best``. A beam of 1 is
    the greedy search.

    Args:
        model: in evaluation mode.
        memory: of B sources.
        end: END, the token that is read first and written last.
        max_tokens: the most tokens of a sequence, END not counted; or those of each of the B.
        beam: K.
        num_best: the most hypotheses to return of each source, at most K.
        length_power: a of the score ln p / (number of tokens with END)^a; 0: ln p itself, which
            prefers short sequences.
        blocked_ngram: n; a token that would repeat n tokens of its sequence is not taken. 0: none is.
        never: tokens that are never written.
        keeps_attention: whether hypotheses have their attention, which takes memory for each token.

    Returns:
        for each source its best hypotheses, the best first; where none has ended, the best unfinished.
    """
    rows, trail = _begin(memory, beam, end=end), _Trail(is_kept=keeps_attention)
    ended: list[list[_Ended]] = [[] for _ in range(memory.num_sources)]
    most = _most(max_tokens, memory.num_sources)
    searched = list(range(memory.num_sources))
    device = rows.tokens.device
    for length in range(1, max(most, default=0) + 2):
        scores, state, weights = _score(model, rows, never=never, blocked_ngram=blocked_ngram)
        trail.step(weights)
        num_tokens = scores.shape[1]
        totals = scores.add_(rows.totals.unsqueeze(1)).unflatten(0, (-1, beam)).flatten(1)
        best, at = _largest(totals, min(2 * beam, totals.shape[1]))
        is_end = at % num_tokens == end
        is_best = torch.arange(at.shape[1], device=device) < beam
        parents = at // num_tokens + beam * torch.arange(len(at), device=device)[:, None]
        done = is_end & is_best & best.isfinite()
        tokens = rows.tokens[parents[done], 1:].tolist()
        for k, row, total, written in zip(
            done.nonzero()[:, 0].tolist(),
            parents[done].tolist(),
            best[done].tolist(),
            tokens,
            strict=True,
        ):
            ended[searched[k]].append(
                _Ended(total / length**length_power, total, written, row, True)
            )
        # The K best that go on, in their order.
        going, order = best.masked_fill(is_end, -torch.inf).sort(
            dim=1, descending=True, stable=True
        )
        going, order = going[:, :beam], order[:, :beam]
        goes_on = []
        for k, total in enumerate(going[:, 0].tolist()):
            found, limit = ended[searched[k]], most[searched[k]]
            reachable = total / (limit + 1) ** length_power
            found.sort(key=lambda one: -one.score)
            is_settled = len(found) >= num_best and found[num_best - 1].score >= reachable
            is_full = len(found) >= beam or length > limit or not math.isfinite(reachable)
            if not is_settled and not is_full:
                goes_on.append(k)
            elif not found:
                found.append(_cut(rows, k * beam, beam, length_power))
        if not goes_on:
            break
        if len(goes_on) < len(searched):
            keep = torch.tensor(goes_on, device=device)
            at, order, parents, going = at[keep], order[keep], parents[keep], going[keep]
            searched = [searched[k] for k in goes_on]
            rows = rows._replace(memory=rows.memory.rows(keep))
        chosen = parents.gather(1, order).flatten()
        trail.select(chosen)
        rows = _Rows(
            rows.memory,
            tuple(part.index_select(1, chosen) for part in state),
            _longer(rows.tokens[chosen], (at % num_tokens).gather(1, order).flatten()),
            going.flatten(),
        )
    return [[_hypothesis(one, trail) for one in found[:num_best]] for found in ended]


@torch.no_grad()
def sampled(
    model: EncoderDecoder,
    memory: Memory,
    *,
    end: int,
    max_tokens: int | Sequence[int],
    temperature: float,
    generators: Sequence[torch.Generator],
    length_power: float = 1.0,
    blocked_ngram: int = 0,
    never: tuple[int, ...] = (),
    keeps_attention: bool = True,
) -> list[Hypothesis]:
    """Draw each source's sequence token by token, from probabilities p^(1 / temperature), normalised.

    Args:
        model, memory, end, max_tokens, length_power, blocked_ngram, never, keeps_attention: see
            `beam_search`.
        temperature: above 0; below 1 probable tokens become more probable.
        generators: one for each source, on the CPU, from which all of its sequence is drawn.
    """
    rows, trail = _begin(memory, 1, end=end), _Trail(is_kept=keeps_attention)
    most = _most(max_tokens, memory.num_sources)
    draws = [
        torch.rand(limit + 1, generator=generator)
        for generator, limit in zip(generators, most, strict=True)
    ]
    numbers = pad_sequence(draws, batch_first=True).to(rows.tokens.device)
    ended: dict[int, _Ended] = {}
    searched = list(range(memory.num_sources))
    for length in range(1, max(most, default=0) + 2):
        scores, state, weights = _score(model, rows, never=never, blocked_ngram=blocked_ngram)
        trail.step(weights)
        tokens = _drawn(scores / temperature, numbers[:, length - 1])
        totals = rows.totals + scores.gather(1, tokens[:, None]).squeeze(1)
        goes_on = []
        for k, (token, total) in enumerate(zip(tokens.tolist(), totals.tolist(), strict=True)):
            if token == end:
                written = rows.tokens[k, 1:].tolist()
                score = total / length**length_power
                ended[searched[k]] = _Ended(score, total, written, k, True)
            elif length > most[searched[k]] or not math.isfinite(total):
                ended[searched[k]] = _cut(rows, k, 1, length_power)
            else:
                goes_on.append(k)
        if not goes_on:
            break
        going = torch.tensor(goes_on, device=tokens.device)
        trail.select(going)
        searched, numbers = [searched[k] for k in goes_on], numbers[going]
        rows = _Rows(
            rows.memory if len(goes_on) == len(tokens) else rows.memory.rows(going),
            tuple(part.index_select(1, going) for part in state),
            _longer(rows.tokens[going], tokens[going]),
            totals[going],
        )
    return [_hypothesis(ended[k], trail) for k in range(memory.num_sources)]


def _most(max_tokens: int | Sequence[int], count: int) -> list[int]:
    return [max_tokens] * count if isinstance(max_tokens, int) else list(max_tokens)


def _begin(memory: Memory, beam: int, *, end: int) -> _Rows:
    device = memory.state[0].device
    num_rows = memory.num_sources * beam
    # All hypotheses are alike at first: only one of them goes on.
    totals = torch.full((num_rows,), -torch.inf, device=device)
    totals[::beam] = 0.0
    return _Rows(
        memory,
        tuple(part.repeat_interleave(beam, dim=1) for part in memory.state),
        torch.full((num_rows, 1), end, dtype=torch.int64, device=device),
        totals,
    )


def _score(
    model: EncoderDecoder, rows: _Rows, *, never: tuple[int, ...], blocked_ngram: int
) -> tuple[Tensor, State, Tensor]:
    """Read each row's last token → scores (R, V) of the next, the state after it, the attention."""
    scores, state, weights = model.step(rows.tokens[:, -1], rows.state, rows.memory)
    scores = scores.float()
    if never:
        scores[:, list(never)] = -torch.inf
    if blocked_ngram > 0:
        _block_repeats(scores, rows.tokens, blocked_ngram)
    return scores, state, weights


def _block_repeats(scores: Tensor, tokens: Tensor, size: int) -> None:
    """Rule out, in place, each token that would end ``size`` tokens which the row has already."""
    if tokens.shape[1] <= size:  # END, which is first, is no part of the sequence
        return
    windows = tokens[:, 1:].unfold(1, size, 1)
    last = tokens[:, tokens.shape[1] - size + 1 :]
    is_repeat = (windows[:, :, :-1] == last.unsqueeze(1)).all(2)
    row, place = is_repeat.nonzero(as_tuple=True)
    scores[row, windows[row, place, -1]] = -torch.inf


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest values of each row (B, N) in their order, and their places: `torch.topk`.

    The largest of each group are found first, by vector instructions; only the groups with the
    largest of these are sorted.
    """
    size = values.shape[1] // _GROUP * _GROUP
    if count >= size // _GROUP:
        return values.topk(count, dim=1)
    groups = values[:, :size].unflatten(1, (-1, _GROUP))
    chosen = groups.amax(2).topk(count, dim=1)[1].unsqueeze(2)
    rest = torch.arange(size, values.shape[1], device=values.device).expand(len(values), -1)
    places = chosen * _GROUP + torch.arange(_GROUP, device=values.device)
    places = torch.cat([places.flatten(1), rest], dim=1)
    found, at = values.gather(1, places).topk(count, dim=1)
    return found, places.gather(1, at)


def _drawn(scores: Tensor, numbers: Tensor) -> Tensor:
    """Tokens (R,) by scores (R, V), ln p up to a constant, and numbers (R,) from 0 to below 1."""
    sums = scores.double().softmax(1).cumsum(1)
    found = torch.searchsorted(sums, (numbers * sums[:, -1]).unsqueeze(1), right=True).squeeze(1)
    return found.clamp(max=scores.shape[1] - 1)  # scores that are not finite find none


def _longer(tokens: Tensor, last: Tensor) -> Tensor:
    return torch.cat([tokens, last.unsqueeze(1)], dim=1)


def _hypothesis(one: _Ended, trail: _Trail) -> Hypothesis:
    return Hypothesis(one.tokens, one.total, one.score, one.is_finished, trail.behind(one))


def _cut(rows: _Rows, first: int, beam: int, power: float) -> _Ended:
    """The best of a source's rows, unfinished."""
    row = first + int(rows.totals[first : first + beam].argmax())
    total, tokens = float(rows.totals[row]), rows.tokens[row, 1:].tolist()
    return _Ended(total / max(len(tokens), 1) ** power, total, tokens, row, False)
