"""Colours of all pages and figures."""

INK, GREY = "#1c2b3a", "#5b6673"
BLUE, RED, GREEN, AMBER = "#2f6ea3", "#c2553f", "#3f8f5b", "#c99a2e"
PURPLE, TEAL, PINK, OLIVE, NAVY = "#7a5aa6", "#2a9aa0", "#b0567f", "#7d7d3c", "#173f63"
#: colours of the curves in one figure, easy to tell apart
SERIES = (BLUE, RED, GREEN, AMBER, PURPLE, TEAL, PINK, OLIVE)
#: colours of secondary elements
PALE_BLUE, MUTED, FAINT = "#b9d0e4", "#8d99a6", "#c9d2db"
#: colours of the frame, grid and background of a figure
SPINE, GRID, EMPTY, PAPER = "#b5bcc6", "#eceff2", "#e4e4e4", "#ffffff"
#: number of tints of a step in each colour: blue for high values, red for low ones
NUM_LEVELS = 6


def rgb(color: str) -> str:
    """Convert a colour to the red, green and blue that CSS takes before an opacity."""
    return ",".join(str(int(color[k : k + 2], 16)) for k in (1, 3, 5))
