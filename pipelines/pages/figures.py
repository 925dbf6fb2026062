"""Figures: axes in the common style, and embedding of figures and images into a page."""

import base64
import io

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from pipelines.pages.palette import GREY, GRID, SPINE

# Resolution of pixel images within an SVG figure.
_IMAGE_DPI = 150
# At this scale letters of 8 points are 7 pixels high, the least that is readable.
_LEAST_PX_PER_INCH = 64
_JPEG_QUALITY = 82


def panels(count: int, *, width: float = 4.2, height: float = 3.2) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels side by side, each of a width and height in inches."""
    figure = Figure(figsize=(width * count, height), layout="constrained")
    made = list(figure.subplots(1, count, squeeze=False)[0])
    for axes in made:
        dress(axes)
        axes.grid(color=GRID, linewidth=0.8)
        axes.set_axisbelow(True)
    return figure, made


def dress(axes: Axes, *, spines: tuple[str, ...] = ("left", "bottom")) -> None:
    """Give axes thin spines at the given sides only, and grey ticks."""
    axes.spines[:].set_visible(False)
    axes.spines[list(spines)].set_visible(True)
    axes.spines[list(spines)].set_color(SPINE)
    axes.tick_params(colors=GREY, labelsize=9)


def figure_url(figure: Figure) -> Markup:
    """Encode a figure as SVG, sharp at any size, in a data URL."""
    content = io.BytesIO()
    # No date and a fixed salt of the ids, so that the same figure gives the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "manytoone", "svg.fonttype": "path"}):
        figure.savefig(
            content, format="svg", bbox_inches="tight", metadata={"Date": None}, dpi=_IMAGE_DPI
        )
    return _data_url("image/svg+xml", content.getvalue())


def least_width_px(figure: Figure) -> int:
    """Compute the least width at which a figure is readable; on a phone, it is scrolled sideways."""
    return round(_LEAST_PX_PER_INCH * figure.get_figwidth())


def image_url(pixels: np.ndarray, *, side_px: int) -> Markup:
    """Encode an image (H, W, 3) uint8, scaled to sides of at most ``side_px``, in a data URL."""
    content, image = io.BytesIO(), Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side_px, side_px))
    image.save(content, "JPEG", quality=_JPEG_QUALITY)
    return _data_url("image/jpeg", content.getvalue())


def _data_url(kind: str, content: bytes) -> Markup:
    # Base64 needs no escaping, and is too long to be scanned for it.
    return Markup(f"data:{kind};base64,{base64.b64encode(content).decode()}")
