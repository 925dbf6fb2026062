"""Picture of where a decoder looked for each token that it wrote.

T tokens written · S steps of the source
"""

import numpy as np
from matplotlib.figure import Figure

from pipelines.pages.lettering import drawable
from pipelines.pages.palette import GREY

_MOST_TOKENS = 30


def draw_attention(weights: np.ndarray, source: list[str], answer: list[str]) -> Figure | None:
    """Draw the weight of each source token (columns) for each token written (rows).

    Args:
        weights: (T, S), also with a row for END, which is left out.
        source: S tokens.
        answer: T tokens.

    Returns:
        The picture of at most the first 30 tokens of each; None without attention, or a token.
    """
    weights = weights[: len(answer)][:_MOST_TOKENS, :_MOST_TOKENS]
    if weights.size == 0:
        return None
    rows, columns = weights.shape
    figure = Figure(figsize=(1.6 + 0.34 * columns, 0.9 + 0.26 * rows), layout="constrained")
    axes = figure.subplots()
    axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    tokens = [one.strip() or "_" for one in source[:columns] + answer[:rows]]
    families, names = drawable(tokens, what="token")
    axes.set_xticks(range(columns), names[:columns], rotation=60, ha="left", family=families)
    axes.set_yticks(range(rows), names[columns:], family=families)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=9, colors=GREY)
    axes.spines[:].set_visible(False)
    return figure
