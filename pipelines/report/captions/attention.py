"""Picture of where a captioner looked in a clip for each word that it wrote.

T frames · W words written · S height and width of a frame
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from pipelines.pages.lettering import drawable
from pipelines.pages.palette import GREY

_MOST_FRAMES, _MOST_WORDS = 12, 30
_COLUMN_INCHES, _ROW_INCHES = 0.62, 0.24


def draw_frame_attention(frames: np.ndarray, weights: np.ndarray, words: list[str]) -> Figure:
    """Draw frames side by side, and below each its weight for each word.

    Args:
        frames: (T, S, S, 3) uint8. Of more than 12, neighbours share a column and their weights add up.
        weights: (W, T).
        words: W words, of which at most the first 30 are drawn.
    """
    groups = np.array_split(np.arange(len(frames)), min(len(frames), _MOST_FRAMES))
    words, count = words[:_MOST_WORDS], len(groups)
    summed = np.stack([weights[: len(words), group].sum(1) for group in groups], axis=1)
    strip = np.concatenate([frames[group[len(group) // 2]] for group in groups], axis=1)
    heights = (_COLUMN_INCHES, _ROW_INCHES * len(words))
    figure = Figure(
        figsize=(1.2 + _COLUMN_INCHES * count, sum(heights) + 0.3),
        layout=ConstrainedLayoutEngine(hspace=0, h_pad=0.02),
    )
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    top.imshow(strip, extent=(-0.5, count - 0.5, 0, 1), aspect="auto")
    below.imshow(summed, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    families, names = drawable([word.strip() or "_" for word in words], what="token")
    top.set_yticks([])
    below.set_yticks(range(len(words)), names, family=families)
    numbers = [
        str(group[0] + 1) if len(group) == 1 else f"{group[0] + 1}–{group[-1] + 1}"
        for group in groups
    ]
    below.set_xticks(range(count), numbers)
    for axes in (top, below):
        axes.tick_params(length=0, labelsize=9, colors=GREY)
        axes.spines[:].set_visible(False)
    top.tick_params(labelbottom=False)
    return figure
