"""Beam search over a decoder's graph, for one source; the rules are those of the trained model's search.

K hypotheses · V tokens in the vocabulary · t tokens so far
"""

import math
from typing import Any, NamedTuple

import numpy as np

from pipelines.export.standalone.session import Session, state_after


class Found(NamedTuple):
    """A sequence that was found."""

    tokens: list[int]
    log_probability: float
    score: float
    is_finished: bool


def beam_search(
    step: Session,
    remembered: dict[str, np.ndarray],
    *,
    beam: int,
    end: int,
    max_tokens: int,
    length_power: float,
    blocked_ngram: int,
    never: list[int],
) -> Found:
    """Find the best sequence for one source.

    Args:
        step: the graph of the decoder's step.
        remembered: what the graph of the source gave for it.
        beam: K.
        end: the token that is read first and written last.
        max_tokens: the most tokens, END not counted.
        length_power: a of the score ln p / (number of tokens with END)^a.
        blocked_ngram: n; no n tokens come twice. 0: they may.
        never: tokens that are never written.
    """
    names = [name for name in step.inputs if name.startswith("state.")]
    memory = {name: value for name, value in remembered.items() if name in step.inputs}
    state: dict[str, Any] = {
        name: np.repeat(remembered[name.removeprefix("state.")][:, :, None], beam, axis=2)
        for name in names
    }
    tokens = np.full((beam, 1), end, np.int64)
    totals = np.full(beam, -np.inf, np.float32)
    totals[0] = 0
    ended: list[Found] = []
    for length in range(1, max_tokens + 2):
        found = step.run({"tokens": tokens[None, :, -1], **state, **memory})
        scores = found["log_probabilities"][0]
        scores[:, never] = -np.inf
        if blocked_ngram > 0:
            _block_repeats(scores, tokens[:, 1:], blocked_ngram)
        num_tokens = scores.shape[1]
        sums = (scores + totals[:, None]).ravel()
        best = _largest(sums, 2 * beam)
        is_end = best % num_tokens == end
        for place, which in enumerate(best[:beam].tolist()):
            if is_end[place] and math.isfinite(sums[which]):
                total = float(sums[which])
                written = tokens[which // num_tokens, 1:].tolist()
                ended.append(Found(written, total, total / length**length_power, True))
        ended.sort(key=lambda one: -one.score)
        going = best[~is_end][:beam]
        reachable = float(sums[going[0]]) / (max_tokens + 1) ** length_power
        is_settled = bool(ended) and ended[0].score >= reachable
        if is_settled or len(ended) >= beam or not math.isfinite(reachable):
            break
        if length <= max_tokens:
            rows = going // num_tokens
            state = {name: value[:, :, rows] for name, value in state_after(found).items()}
            tokens = np.concatenate([tokens[rows], (going % num_tokens)[:, None]], axis=1)
            totals = sums[going]
    if ended:
        return ended[0]
    row = int(totals.argmax())
    total, written = float(totals[row]), tokens[row, 1:].tolist()
    return Found(written, total, total / max(len(written), 1) ** length_power, False)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest values, in their order."""
    count = min(count, len(values))
    chosen = np.argpartition(-values, count - 1)[:count]
    return chosen[np.argsort(-values[chosen], kind="stable")]


def _block_repeats(scores: np.ndarray, tokens: np.ndarray, size: int) -> None:
    """Rule out each token that would end ``size`` tokens which the row has already."""
    if tokens.shape[1] < size:
        return
    windows = np.lib.stride_tricks.sliding_window_view(tokens, size, axis=1)
    last = tokens[:, tokens.shape[1] - size + 1 :]
    is_repeat = (windows[:, :, :-1] == last[:, None]).all(2)
    row, place = is_repeat.nonzero()
    scores[row, windows[row, place, -1]] = -np.inf
