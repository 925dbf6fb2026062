"""Panel of an overlay: the names of the most probable classes, with a bar and a number for each.

H, W height and width of the picture · h, w of the panel
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from matplotlib.font_manager import fontManager, get_font
from PIL import Image, ImageDraw, ImageFont

from pipelines.pages.lettering import drawable
from pipelines.predict.predictor import Timeline

MOST_CLASSES = 4
# Height of letters as a share of the picture's shorter side, within limits.
_LETTER_SHARE, _SMALLEST_PX, _LARGEST_PX = 1 / 22, 9, 48
# RGBA; the background lets 30 % of the picture through.
_PAPER, _INK = (20, 26, 34, 178), (242, 245, 248, 255)
_BAR, _BEST_BAR, _NO_BAR = (128, 142, 158, 255), (94, 190, 255, 255), (70, 80, 92, 255)


class ClassPanel:
    """Draws probabilities on pictures of one size, in their upper left corner.

    Rows are fixed, so that no class jumps between rows.

    Args:
        classes: names of the K classes.
        rows: the classes that have a row, the most important first.
        widest: the classes whose names fit into the panel; None: those of the rows.
        height, width: H and W; on a small picture the panel shows fewer classes and shorter names.
    """

    def __init__(
        self,
        classes: list[str],
        *,
        rows: Callable[[int], np.ndarray],
        widest: Iterable[int] | None = None,
        height: int,
        width: int,
    ) -> None:
        letter = round(min(height, width) * _LETTER_SHARE)
        self._letter = min(max(letter, _SMALLEST_PX), _LARGEST_PX)
        self._row, self._gap = round(1.4 * self._letter), self._letter // 2
        # Even: in 4:2:0 colour has half the resolution, and an odd edge would bleed.
        self.margin = self._letter // 4 * 2
        room_h, room_w = height - 2 * self.margin, width - 2 * self.margin
        num_rows = min(max((room_h - self._gap) // self._row, 1), MOST_CLASSES)
        self.shown = rows(num_rows)
        self._families, self._names = drawable(classes)
        self._labels = [self._lettered(k) for k in self.shown]
        self._number_font = self._font(self._families[0])
        number_w = int(self._number_font.getlength("0.00")) + 1
        fitted = self._labels if widest is None else map(self._lettered, widest)
        label_w = max(int(font.getlength(name)) + 1 for name, font in fitted)
        # Name and bar share the width left beside the number. A bar that would be short is left out.
        left = max(room_w - number_w - 4 * self._gap, 0)
        beside_bar = left - 2 * self._letter
        self._label_w = min(label_w, beside_bar if beside_bar >= 4 * self._letter else left)
        bar_w = min(6 * self._letter, left - self._label_w)
        self._bar_w = bar_w if bar_w >= self._letter else 0
        w = 4 * self._gap + self._label_w + self._bar_w + number_w
        h = len(self.shown) * self._row + self._gap
        self.width = max(min(w + w % 2, room_w), 1)
        self.height = max(min(h + h % 2, room_h), 1)
        # An answer stands for many frames.
        self._drawn = lru_cache(maxsize=1)(self._draw)

    def draw_shares(self, pixels: np.ndarray, shares: np.ndarray) -> None:
        """Draw probabilities (K,) onto a picture (H, W, 3) uint8."""
        color, opacity = self._drawn(tuple(self.shown.tolist()), tuple(shares[self.shown].tolist()))
        top = left = self.margin
        under = pixels[top : top + self.height, left : left + self.width]
        under[:] = (color * opacity + under * (1 - opacity) + 0.5).astype(np.uint8)

    def _draw(
        self, classes: tuple[int, ...], shares: tuple[float, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colours (h, w, 3) and opacity (h, w, 1) from 0 to 1 of the panel, float32."""
        image = Image.new("RGBA", (self.width, self.height), _PAPER)
        brush = ImageDraw.Draw(image)
        gap, bar_x = self._gap, 2 * self._gap + self._label_w
        for row, (share, (name, font)) in enumerate(zip(shares, self._labels, strict=True)):
            top = gap // 2 + row * self._row
            middle = top + self._row // 2
            brush.text((gap, middle), _fitting(name, font, self._label_w), _INK, font, "lm")
            if self._bar_w:
                box = (bar_x, top + self._row // 4, bar_x + self._bar_w, top + 3 * self._row // 4)
                brush.rectangle(box, _NO_BAR)
                end = bar_x + round(self._bar_w * share)
                color = _BEST_BAR if share == max(shares) else _BAR
                brush.rectangle((*box[:2], end, box[3]), color)
            number_x = bar_x + self._bar_w + gap
            brush.text((number_x, middle), f"{share:.2f}", _INK, self._number_font, "lm")
        drawn = np.asarray(image, np.float32)
        return drawn[:, :, :3], drawn[:, :, 3:] / 255

    def _lettered(self, place: int) -> tuple[str, ImageFont.FreeTypeFont]:
        """Name of a class with the first font that has glyphs for all of its letters."""
        name = self._names[place]
        letters = set(map(ord, name))
        able = (family for family in self._families if letters <= _glyphs(family))
        return name, self._font(next(able, self._families[0]))

    def _font(self, family: str) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(_file_of(family), self._letter)


class Panel(ClassPanel):
    """Draws a timeline: the classes with the highest probabilities at any time.

    They are in the order of the final answer.

    Args:
        timeline: the running answer.
        height, width: H and W.
    """

    def __init__(self, timeline: Timeline, *, height: int, width: int) -> None:
        self.probabilities = timeline.probabilities
        super().__init__(
            timeline.classes,
            rows=lambda count: _likeliest(timeline.probabilities, count),
            height=height,
            width=width,
        )

    def draw(self, pixels: np.ndarray, place: int) -> None:
        """Draw the probabilities at one place of the timeline onto a picture (H, W, 3) uint8."""
        self.draw_shares(pixels, self.probabilities[place])


class LivePanel(ClassPanel):
    """Draws probabilities as they come: the likeliest class always has a row.

    Where it has none, it takes that of the least probable one.

    Args:
        classes: names of the K classes.
        height, width: H and W.
    """

    def __init__(self, classes: list[str], *, height: int, width: int) -> None:
        every = range(len(classes))
        super().__init__(
            classes,
            rows=lambda count: np.arange(min(count, len(classes))),
            widest=every,
            height=height,
            width=width,
        )

    def draw_shares(self, pixels: np.ndarray, shares: np.ndarray) -> None:
        """Draw probabilities (K,) onto a picture (H, W, 3) uint8."""
        best = int(shares.argmax())
        if best not in self.shown:
            row = int(shares[self.shown].argmin())
            self.shown[row], self._labels[row] = best, self._lettered(best)
        super().draw_shares(pixels, shares)


def _likeliest(probabilities: np.ndarray, count: int) -> np.ndarray:
    """Classes (count,) with the highest peaks of (P, K), sorted by their last probabilities."""
    peaks = np.argsort(-probabilities.max(0), kind="stable")[:count]
    return peaks[np.argsort(-probabilities[-1, peaks], kind="stable")]


def _fitting(name: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Shorten a name to a width in pixels."""
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(name + "…") > width:
        name = name[:-1]
    return name + "…" if name else ""


def _file_of(family: str) -> str:
    return fontManager.findfont(family)


def _glyphs(family: str) -> set[int]:
    return set(get_font(_file_of(family)).get_charmap())
