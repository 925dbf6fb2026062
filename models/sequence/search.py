"""Search: the sequence of tokens that a decoder finds most probable, or one drawn from it.

B sources · K hypotheses of each · R = B · K rows · V tokens in the vocabulary · S remembered steps

A result is that of its source alone, whatever others are searched with it. A source whose search has
ended leaves the batch.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from models.recurrence.cells import State
from models.sequence.encoder_decoder import EncoderDecoder, Memory


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
    """(number of tokens read from, S): the weight of each remembered step, for END too."""


class _Rows(NamedTuple):
    """Hypotheses that go on, K for each source that is still searched."""

    tokens: Tensor
    """(R, t) int64, END first."""
    totals: Tensor
    """(R,) float32: ln p so far."""
    attention: Tensor
    """(R, t - 1, S)."""
    state: State
    memory: Memory

    def select(self, rows: Tensor) -> "_Rows":
        state = tuple(part.index_select(1, rows) for part in self.state)
        return _Rows(
            self.tokens.index_select(0, rows),
            self.totals.index_select(0, rows),
            self.attention.index_select(0, rows),
            state,
            self.memory.rows(rows),
        )


def limits(lengths: Iterable[int], *, least: int) -> list[int]:
    """The most tokens to write for each source: ``least``, or twice the tokens of a longer one."""
    return [max(least, 2 * length) for length in lengths]


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

    Returns:
        for each source its best hypotheses, the best first; where none has ended, the best unfinished.
    """
    rows = _begin(memory, beam, end=end)
    finished: list[list[Hypothesis]] = [[] for _ in range(memory.num_sources)]
    limits = [max_tokens] * memory.num_sources if isinstance(max_tokens, int) else max_tokens
    searched = torch.arange(memory.num_sources, device=rows.tokens.device)
    for length in range(1, max(limits, default=0) + 2):
        rows, scores = _score(model, rows, never=never, blocked_ngram=blocked_ngram)
        totals = (rows.totals.unsqueeze(1) + scores).unflatten(0, (-1, beam)).flatten(1)
        best, at = totals.topk(min(2 * beam, totals.shape[1]), dim=1)
        is_end = at % scores.shape[1] == end
        is_best = torch.arange(at.shape[1], device=at.device) < beam
        parents = at // scores.shape[1] + beam * torch.arange(len(at), device=at.device)[:, None]
        for k, j in (is_end & is_best & best.isfinite()).nonzero().tolist():
            parent = int(parents[k, j])
            finished[int(searched[k])].append(
                _hypothesis(rows, parent, float(best[k, j]), length, length_power, finished=True)
            )
        # The K best that go on, in their order.
        going, order = best.masked_fill(is_end, -torch.inf).sort(
            dim=1, descending=True, stable=True
        )
        going, order = going[:, :beam], order[:, :beam]
        goes_on = []
        totals_of = going[:, 0].tolist()
        for k, source in enumerate(searched.tolist()):
            found, limit = finished[source], limits[source]
            reachable = totals_of[k] / (limit + 1) ** length_power
            found.sort(key=lambda one: -one.score)
            is_settled = len(found) >= num_best and found[num_best - 1].score >= reachable
            is_full = len(found) >= beam or length > limit or not math.isfinite(reachable)
            if not is_settled and not is_full:
                goes_on.append(k)
            elif not found:
                found.append(_cut(rows, k * beam, beam, length_power))
        keep = torch.tensor(goes_on, dtype=torch.int64, device=at.device)
        if len(keep) == 0:
            break
        searched = searched[keep]
        tokens = (at % scores.shape[1]).gather(1, order)[keep].flatten()
        rows = rows.select(parents.gather(1, order)[keep].flatten())
        rows = rows._replace(
            tokens=torch.cat([rows.tokens, tokens[:, None]], dim=1), totals=going[keep].flatten()
        )
    return [found[:num_best] for found in finished]


@torch.no_grad()
def sampled(
    model: EncoderDecoder,
    memory: Memory,
    *,
    end: int,
    max_tokens: int,
    temperature: float,
    generator: torch.Generator,
    never: tuple[int, ...] = (),
) -> list[Hypothesis]:
    """Draw each source's sequence token by token, from probabilities p^(1 / temperature).

    The numbers are drawn in the order of the batch: other than in a beam search, a result depends on
    what is drawn before it.
    """
    rows = _begin(memory, 1, end=end)
    results: dict[int, Hypothesis] = {}
    searched = torch.arange(memory.num_sources, device=rows.tokens.device)
    for length in range(1, max_tokens + 2):
        rows, scores = _score(model, rows, never=never, blocked_ngram=0)
        chances = (scores / temperature).softmax(1)
        tokens = torch.multinomial(chances, 1, generator=generator)
        totals = rows.totals + scores.gather(1, tokens).squeeze(1)
        has_ended = tokens.squeeze(1) == end
        for k in has_ended.nonzero().flatten().tolist():
            results[int(searched[k])] = _hypothesis(
                rows, k, float(totals[k]), length, 1.0, finished=True
            )
        going = (~has_ended).nonzero().flatten()
        if length > max_tokens:
            results |= {int(searched[k]): _cut(rows, k, 1, 1.0) for k in going.tolist()}
            break
        searched = searched[going]
        if len(going) == 0:
            break
        rows = rows.select(going)
        rows = rows._replace(
            tokens=torch.cat([rows.tokens, tokens[going]], dim=1), totals=totals[going]
        )
    return [results[k] for k in range(memory.num_sources)]


def _begin(memory: Memory, beam: int, *, end: int) -> _Rows:
    device = memory.state[0].device
    rows = torch.arange(memory.num_sources, device=device).repeat_interleave(beam)
    memory = memory.rows(rows)
    tokens = torch.full((len(rows), 1), end, dtype=torch.int64, device=device)
    # All hypotheses are alike at first: only one of them goes on.
    totals = torch.full((len(rows),), -torch.inf, device=device)
    totals[::beam] = 0.0
    size = 0 if memory.attended is None else memory.attended.values.shape[1]
    attention = torch.zeros(len(rows), 0, size, device=device)
    return _Rows(tokens, totals, attention, memory.state, memory)


def _score(
    model: EncoderDecoder, rows: _Rows, *, never: tuple[int, ...], blocked_ngram: int
) -> tuple[_Rows, Tensor]:
    """Read each row's last token → the rows with the state after it, and scores (R, V) of the next."""
    scores, state, weights = model.step(rows.tokens[:, -1], rows.state, rows.memory)
    scores = scores.float()
    if never:
        scores[:, list(never)] = -torch.inf
    if blocked_ngram > 0:
        _block_repeats(scores, rows.tokens, blocked_ngram)
    attention = torch.cat([rows.attention, weights.float().unsqueeze(1)], dim=1)
    return rows._replace(state=state, attention=attention), scores


def _block_repeats(scores: Tensor, tokens: Tensor, size: int) -> None:
    """Rule out, in place, each token that would end ``size`` tokens which the row has already."""
    if tokens.shape[1] <= size:  # END, which is first, is no part of the sequence
        return
    windows = tokens[:, 1:].unfold(1, size, 1)
    last = tokens[:, tokens.shape[1] - size + 1 :]
    is_repeat = (windows[:, :, :-1] == last.unsqueeze(1)).all(2)
    row, place = is_repeat.nonzero(as_tuple=True)
    scores[row, windows[row, place, -1]] = -torch.inf


def _hypothesis(
    rows: _Rows, row: int, total: float, length: int, power: float, *, finished: bool
) -> Hypothesis:
    return Hypothesis(
        rows.tokens[row, 1:].tolist(), total, total / length**power, finished, rows.attention[row]
    )


def _cut(rows: _Rows, first: int, beam: int, power: float) -> Hypothesis:
    """The best of a source's rows, unfinished."""
    row = first + int(rows.totals[first : first + beam].argmax())
    length = max(rows.tokens.shape[1] - 1, 1)
    return _hypothesis(rows, row, float(rows.totals[row]), length, power, finished=False)
