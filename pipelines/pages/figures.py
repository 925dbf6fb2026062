"""Figures: axes as all pages have them, and a figure or an image as part of a page."""

import base64
import io

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from pipelines.pages.palette import GREY, GRID, SPINE

# Resolution of the images within a figure.
_IMAGE_DPI = 150
# Letters of 8 points are 7 pixels high then.
_LEAST_PX_PER_INCH = 64
_JPEG_QUALITY = 82


def panels(count: int, *, width: float = 4.2, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """A figure of some panels side by side, each of a width and height in inches."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    made = list(figure.subplots(1, count, squeeze=False)[0])
    for axes in made:
        dress(axes)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, made


def dress(axes: Axes, *, spines: tuple[str, ...] = ("left", "bottom")) -> None:
    """Thin spines at some sides only, and grey ticks."""
    axes.spines[:].set_visible(False)
    axes.spines[list(spines)].set_visible(True)
    axes.spines[list(spines)].set_color(SPINE)
    axes.tick_params(colors=GREY, labelsize=9)


def figure_url(figure: Figure) -> Markup:
    """A figure as SVG, sharp at any size, in a URL that holds all of it."""
    content = io.BytesIO()
    # Without a date, and with ids that depend on nothing else, the same figure is the same file.
    with matplotlib.rc_context({"svg.hashsalt": "manytoone", "svg.fonttype": "path"}):
        figure.savefig(
            content, format="svg", bbox_inches="tight", metadata={"Date": None}, dpi=_IMAGE_DPI
        )
    return _data_url("image/svg+xml", content.getvalue())


def least_width_px(figure: Figure) -> int:
    """On a phone a wide figure is moved sideways: at a third of its size nobody can read it."""
    return round(_LEAST_PX_PER_INCH * figure.get_figwidth())


def image_url(pixels: np.ndarray, *, side_px: int) -> Markup:
    """An image (H, W, 3) uint8, no side longer than ``side_px``, in a URL that holds all of it."""
    content, image = io.BytesIO(), Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side_px, side_px))
    image.save(content, "JPEG", quality=_JPEG_QUALITY)
    return _data_url("image/jpeg", content.getvalue())


def _data_url(kind: str, content: bytes) -> Markup:
    # Base64 holds nothing to escape, and there is too much of it to look at every letter.
    return Markup(f"data:{kind};base64,{base64.b64encode(content).decode()}")
