"""Tracks: named properties of the steps of a text or a clip, with which units are compared.

After Karpathy, Johnson & Fei-Fei 2015, "Visualizing and Understanding Recurrent Networks", §4.2, who
found single cells of a character model that tell whether it is within quotes, a comment or the
condition of an ``if``.

A track tells how things stand once a step has been read, because a state knows no more. An opening
sign is therefore inside, and the closing one is outside again. In ``/*`` the second character is the
first inside.

T steps · L characters of the text · S height and width of a frame
"""

import re
from typing import Literal, NamedTuple

import numpy as np

#: syntax of a text: ``c`` (comments ``/* */`` and ``//``, as in C, C++, Java, JavaScript, Go and
#: Rust), ``script`` (comments ``#``, as in Python, shell and YAML), or ``prose``
Syntax = Literal["c", "script", "prose"]

SUFFIXES: dict[Syntax, str] = {
    "c": ".c .h .cc .hh .cpp .hpp .cxx .cu .cuh .java .js .ts .go .rs .cs .swift .kt",
    "script": ".py .pyi .sh .bash .rb .pl .r .yaml .yml .toml",
}
TAB_COLUMNS = 8


class Track(NamedTuple):
    """Named property of the steps."""

    name: str
    """Completes the sentence "a unit rises …" or "a unit follows …"."""
    values: np.ndarray
    """(T,) bool for a property that holds or does not, float64 for a number."""

    @property
    def is_binary(self) -> bool:
        """True for a property that holds or does not, false for a number."""
        return self.values.dtype == bool


# Comments and quotes together, because each may contain the opening sign of the other. In C a character
# in single quotes is skipped, so that '"' opens no quotes. An apostrophe without a closing one nearby
# (as in an #error line) is ignored.
_C = re.compile(
    r"(?P<block>/\*.*?(?:\*/|\Z))|(?P<line>//(?:\\\n|[^\n])*)"
    r'|(?P<quote>"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z))'
    r"|(?P<letter>'(?:\\[^\n][^'\n]{0,9}|[^'\\\n]{1,4})')",
    re.DOTALL,
)
_SCRIPT = re.compile(
    r"(?P<line>\#[^\n]*)"
    r'|(?P<quote>"""(?:\\.|.)*?(?:"""|\Z)' + r"|'''(?:\\.|.)*?(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*(?:"|(?=\n)|\Z)' + r"|'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z))",
    re.DOTALL,
)
_BRACKETS = re.compile(r"(?P<condition>\b(?:if|while)\s*\()|\n(?P<end>\})|[(){}]")

# Quotes end with their paragraph at the latest. Single ones are left out: most are apostrophes.
_SPOKEN = re.compile(r'"(?:(?!\n\s*\n)[^"])*"?|“(?:(?!\n\s*\n)[^”])*”?|«(?:(?!\n\s*\n)[^»])*»?')
_ASIDE = re.compile(r"\((?:(?!\n\s*\n)[^()])*\)")
# From a negation to the end of its clause, as Pang et al. 2002 ("Thumbs up?", §6.1) mark words.
_NEGATION = re.compile(
    r"\b(?:not|no|never|nor|neither|none|nobody|nothing|nowhere|cannot|without|\w+n['’]t)\b"
    r"(?P<clause>(?:(?!\n\s*\n)[^.,:;!?()\"“”])*)",
    re.IGNORECASE,
)


def guess_syntax(text: str, file_name: str = "") -> Syntax:
    """Guess the syntax of a text from the suffix of its file, or else from the ends of its lines."""
    ending = file_name.lower().rpartition(".")[2]
    for syntax, suffixes in SUFFIXES.items():
        if "." in file_name and f".{ending}" in suffixes.split():
            return syntax
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    of_c = sum(line.endswith((";", "{", "}", "*/")) for line in lines)
    return "c" if len(lines) >= 3 and of_c >= 0.2 * len(lines) else "prose"


def text_tracks(text: str, ends: np.ndarray, syntax: Syntax) -> list[Track]:
    """Make the tracks of a text.

    ``c``: inside a comment, double quotes, a condition (the parentheses after ``if`` or ``while``),
    parentheses; the depth of braces, the indentation in columns (as far as it has been read), and
    the position in the line. ``script``: the same without conditions and braces, but with single
    quotes too. ``prose``: inside quotes and parentheses; after an English negation, to the end of
    its clause; the position in the line, if the text has several, and in the text.

    Args:
        text: L characters.
        ends: (T,) int64: index behind the last character of each step. A step of several characters
            has the properties of its last.
        syntax: syntax of the text.
    """
    along: dict[str, np.ndarray]
    if syntax == "prose":
        along = _of_prose(text)
    else:
        along = _of_code(text, _C if syntax == "c" else _SCRIPT, has_braces=syntax == "c")
    if "\n" in text:
        along["the position in the line"] = _position_in_line(text)
    if syntax == "prose":
        along["the position in the text"] = np.arange(len(text), dtype=np.float64)
    else:
        along["the indentation"] = _indentation(text)
    places = np.maximum(ends - 1, 0)
    return [Track(name, values[places]) for name, values in along.items()]


def frame_tracks(pixels: np.ndarray) -> list[Track]:
    """Make the tracks of frames (T, 3, S, S) uint8: motion, brightness, position in the clip.

    Motion is the mean absolute difference to the frame before, in levels of 0 to 255 over all pixels
    and colours; it is 0 for the first frame. Brightness is the mean level.
    """
    motion = np.zeros(len(pixels))
    for k in range(1, len(pixels)):
        motion[k] = np.abs(pixels[k].astype(np.int16) - pixels[k - 1]).mean()
    brightness = np.array([frame.mean() for frame in pixels], np.float64)
    return [
        Track("the motion", motion),
        Track("the brightness", brightness),
        Track("the position in the clip", np.arange(len(pixels), dtype=np.float64)),
    ]


def _of_prose(text: str) -> dict[str, np.ndarray]:
    negated = np.zeros(len(text), bool)
    for found in _NEGATION.finditer(text):
        negated[found.start("clause") - 1 : found.end()] = True
    return {
        "inside quotes": _inside(text, _SPOKEN),
        "inside parentheses": _inside(text, _ASIDE),
        "after a negation": negated,
    }


def _inside(text: str, pattern: re.Pattern[str]) -> np.ndarray:
    """Mark (L,) the characters of each match, without its closing sign if it has one."""
    found = np.zeros(len(text), bool)
    for match in pattern.finditer(text):
        is_closed = len(match[0]) > 1 and match[0][-1] in '"”»)'
        found[match.start() : match.end() - is_closed] = True
    return found


def _of_code(text: str, pattern: re.Pattern[str], *, has_braces: bool) -> dict[str, np.ndarray]:
    commented, quoted = np.zeros(len(text), bool), np.zeros(len(text), bool)
    bare = list(text)
    for match in pattern.finditer(text):
        start, end = match.span()
        piece = match[0]
        bare[start:end] = " " * (end - start)
        if match.lastgroup == "block":
            is_closed = len(piece) > 3 and piece.endswith("*/")
            commented[start + 1 : end - is_closed] = True
        elif match.lastgroup == "line":
            commented[start + piece.startswith("//") : end] = True
        elif match.lastgroup == "quote":
            opening = 3 if piece[:3] in ('"""', "'''") else 1
            is_closed = len(piece) >= 2 * opening and piece.endswith(piece[:opening])
            quoted[start + opening - 1 : end - is_closed] = True
    parentheses, conditions, braces = _depths("".join(bare))
    found = {
        "inside a comment": commented,
        "inside quotes": quoted,
        "inside parentheses": parentheses > 0,
    }
    if has_braces:
        found["inside a condition"] = conditions > 0
        found["the depth of braces"] = braces.astype(np.float64)
    return found


def _depths(bare: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the open parentheses, conditions and braces in code without comments and quotes: (L,) each.

    A closing brace in the first column ends all parentheses: branches of an ``#if`` may leave some open.
    """
    places, states = [0], [(0, 0, 0)]
    opened: list[bool] = []  # for each open parenthesis: it is a condition's
    braces = 0
    for match in _BRACKETS.finditer(bare):
        sign = bare[match.end() - 1]
        if sign == "(":
            opened.append(match.lastgroup == "condition")
        elif sign == ")":
            opened = opened[:-1]
        elif sign == "{":
            braces += 1
        else:
            braces = max(braces - 1, 0)
            opened = [] if match.lastgroup == "end" else opened
        places.append(match.end() - 1)
        states.append((len(opened), sum(opened), braces))
    lengths = np.diff([*places, len(bare)])
    along = np.repeat(np.array(states, np.int64), lengths, axis=0)
    return along[:, 0], along[:, 1], along[:, 2]


def _position_in_line(text: str) -> np.ndarray:
    """Number of characters since the last line end, which itself is at 0."""
    places = np.arange(len(text))
    is_end = np.fromiter((sign == "\n" for sign in text), bool, len(text))
    return (places - np.maximum.accumulate(np.where(is_end, places, -1))).astype(np.float64)


def _indentation(text: str) -> np.ndarray:
    """Number of columns of blanks at the start of the line, as far as it has been read."""
    columns, is_leading = 0, True
    found = np.zeros(len(text))
    for place, sign in enumerate(text):
        if sign == "\n":
            columns, is_leading = 0, True
        elif is_leading and sign in " \t":
            columns += TAB_COLUMNS - columns % TAB_COLUMNS if sign == "\t" else 1
        else:
            is_leading = False
        found[place] = columns
    return found
