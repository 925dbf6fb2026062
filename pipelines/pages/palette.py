"""The colours of all pages and figures."""

INK, GREY = "#1c2b3a", "#5b6673"
BLUE, RED, GREEN, AMBER = "#2f6ea3", "#c2553f", "#3f8f5b", "#c99a2e"
PURPLE, TEAL, PINK, OLIVE, NAVY = "#7a5aa6", "#2a9aa0", "#b0567f", "#7d7d3c", "#173f63"
#: told apart in one figure
SERIES = (BLUE, RED, GREEN, AMBER, PURPLE, TEAL, PINK, OLIVE)
#: behind or beside what counts
PALE_BLUE, MUTED, FAINT = "#b9d0e4", "#8d99a6", "#c9d2db"
#: what a figure is drawn on
SPINE, GRID, EMPTY, PAPER = "#b5bcc6", "#eceff2", "#e4e4e4", "#ffffff"
#: tints of a step, from barely to fully coloured, blue for what is high and red for what is low
NUM_LEVELS = 6


def rgb(color: str) -> str:
    """A colour as the red, green and blue of CSS, to which an opacity is added."""
    return ",".join(str(int(color[k : k + 2], 16)) for k in (1, 3, 5))
