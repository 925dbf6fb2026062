"""Views of examples for the page: a picture or frames, what was written, and where the model looked.

T frames · P places of a frame · W words written · S height and width of a frame
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from pipelines.metrics.writing.captions import tokens_of
from pipelines.report.captions.attention import draw_frame_attention
from pipelines.report.captions.outcome import Outcome

# So many frames of a clip, or words over a picture, are shown.
_MOST_FRAMES, _MOST_WORDS = 10, 20
_TILES_IN_ROW = 7
_FRAME_PX, _PICTURE_PX = 90, 130
# Where the model did not look, a picture keeps this share of its light.
_DIMMED = 0.2


class Tile(NamedTuple):
    """A small picture with its name below."""

    pixels: np.ndarray
    """(S, S, 3) uint8."""
    name: str
    alt: str


def example_view(outcome: Outcome, place: int) -> dict[str, Any]:
    """View of one example, by its place in the outcome."""
    batch = outcome.shown(place)
    frames = batch.steps.permute(0, 2, 3, 1).numpy()
    written, words = outcome.written[place], outcome.words[place]
    attention = written.attention.float().numpy()[: len(words)]
    view: dict[str, Any] = {
        "source": outcome.sources[place],
        "answer": outcome.answers[place],
        "references": outcome.references[place],
        "score": outcome.scores[place],
        "is_finished": written.is_finished,
        "is_right": tokens_of(outcome.answers[place]) in map(tokens_of, outcome.references[place]),
        "attention": None,
    }
    if len(frames) == 0:  # the file has gone or changed since
        return view | {"columns": 1, "side_px": _FRAME_PX, "tiles": []}
    num_places = attention.shape[1] // len(frames) if attention.size else 1
    if len(frames) == 1:
        tiles = [Tile(frames[0], "", "the picture")]
        if num_places > 1:
            tiles += _looks(frames[0], attention[:_MOST_WORDS], words)
        return view | {"columns": _TILES_IN_ROW, "side_px": _PICTURE_PX, "tiles": tiles}
    if attention.size:
        by_frame = attention.reshape(len(attention), len(frames), num_places).sum(2)
        view["attention"] = draw_frame_attention(frames, by_frame, words)
        return view | {"columns": 1, "side_px": _FRAME_PX, "tiles": []}
    shown = np.unique(np.linspace(0, len(frames) - 1, _MOST_FRAMES).round().astype(int))
    tiles = [Tile(frames[k], str(k + 1), f"frame {k + 1}") for k in shown.tolist()]
    return view | {"columns": len(tiles), "side_px": _FRAME_PX, "tiles": tiles}


def _looks(picture: np.ndarray, attention: np.ndarray, words: list[str]) -> list[Tile]:
    """A tile for each word: the picture, lit where the model looked; attention is (W, P)."""
    side = math.isqrt(attention.shape[1])
    if side * side != attention.shape[1]:
        return []
    grid = torch.from_numpy(attention).reshape(len(attention), 1, side, side)
    light = functional.interpolate(grid, picture.shape[:2], mode="bicubic", align_corners=False)
    light = light.clamp(min=0)
    light = light / light.amax((2, 3), keepdim=True).clamp(min=1e-9)
    shares = _DIMMED + (1 - _DIMMED) * light.permute(0, 2, 3, 1).numpy()
    return [
        Tile(
            (picture * share).astype(np.uint8),
            word.strip(),
            f"where it looked for “{word.strip()}”",
        )
        for word, share in zip(words, shares, strict=False)
    ]
