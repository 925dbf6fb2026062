"""Tracks of each syntax, checked by hand: `^` marks the characters at which a track is on."""

import numpy as np
import pytest

from pipelines.microscope.tracks import frame_tracks, guess_syntax, text_tracks


def track(name, text, syntax="c", ends=None):
    ends = np.arange(1, len(text) + 1) if ends is None else np.array(ends)
    found = {one.name: one for one in text_tracks(text, ends, syntax)}
    return found[name].values


def marks(name, text, syntax="c"):
    return "".join("^" if holds else " " for holds in track(name, text, syntax)).rstrip()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # The second sign that opens is inside; the one that closes is not.
        ("a comment", r"a /* b */ c", r"   ^^^^^"),
        ("a comment", r"a // b", r"   ^^^"),
        ("a comment", "// b\nc", r" ^^^"),
        ("a comment", "// b\\\nc\nd", r" ^^^^^^"),
        ("a comment", r"/*/ b */", r" ^^^^^^"),
        ("a comment", r"/* b", r" ^^^"),
        ("a comment", r"/* // */ a", r" ^^^^^^"),
        ("a comment", r"// /* b", r" ^^^^^^"),
        # Signs within quotes are no comment, and quotes within a comment are none.
        ("a comment", r'"/* b */" c', r""),
        ("a comment", r'"//" /* " */ d', r"      ^^^^^"),
        ("quotes", r'"//" /* " */ d', r"^^^"),
        ("quotes", r'a = "b";', r"    ^^"),
        ("quotes", r'"a\"b" c', r"^^^^^"),
        ("quotes", r'"a\\" "b"', r"^^^^  ^^"),
        ("quotes", r"""c = '"'; "d" """, r"         ^^"),
        ("quotes", r"""#error don't; "d" """, r"              ^^"),
        # A line that does not close its quotes does so by ending.
        ("quotes", '"a\nb"c', '^^  ^^'),
        ("quotes", '""', "^"),
        ("parentheses", r"f(a, (b)) c", r" ^^^^^^^"),
        ("parentheses", r"f(')', ')' /*)*/) c", r" ^^^^^^^^^^^^^^^"),
        # A brace in the first column ends what was left open.
        ("parentheses", "f((\n}\n g(a)", " ^^^    ^^"),
        ("a condition", r"if (a(b)) c(d)", r"   ^^^^^"),
        ("a condition", r"f(a) while(b)", r"          ^^"),
        ("a condition", r"diff(a) iff (b)", r""),
    ],
)  # fmt: skip
def test_code_by_hand(name, text, expected):
    assert marks(f"inside {name}", text) == expected


def test_depth_indentation_and_position():
    text = "f() {\n\tif (a) {\n  b;}\n}}\nc"
    assert track("the depth of braces", text).tolist() == (
        [0] * 4 + [1] * 2 + [1] * 8 + [2] * 2 + [2] * 4 + [1] * 2 + [0] * 4
    )
    assert track("the indentation", text).tolist() == (
        [0] * 6 + [8] * 9 + [0] + [1, 2, 2, 2, 2, 0] + [0] * 4
    )
    assert track("the position in the line", text)[:8].tolist() == [1, 2, 3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a comment", "a # b 'c'\nd", "  ^^^^^^^"),
        ("a comment", "'#' \"#\" # d", "        ^^^"),
        ("quotes", "a = 'b' # 'c'", "    ^^"),
        ("quotes", "'''a'b''' \"c'\"", "  ^^^^^^  ^^^"),
        ("parentheses", "f(')') g", " ^^^^"),
    ],
)
def test_scripts_by_hand(name, text, expected):
    assert marks(f"inside {name}", text, "script") == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("inside quotes", 'He said "no". So', "        ^^^"),
        ("inside quotes", "“a b” c", "^^^^"),
        ("inside quotes", 'a "b\n\nc "d"', "  ^^    ^^"),
        ("inside quotes", "don't 'a'", ""),
        ("inside parentheses", "a (b c) :( d", "  ^^^^"),
        # Having read the negation's last letter, one knows.
        ("after a negation", "not a good film, but", "  ^^^^^^^^^^^^^"),
        ("after a negation", "I don't know. It", "      ^^^^^^"),
        ("after a negation", "a knot, a note", ""),
    ],
)
def test_prose_by_hand(name, text, expected):
    assert marks(name, text, "prose") == expected


def test_a_token_is_taken_as_it_stands_behind_its_last_character():
    #       not|a|good|film|,
    assert track("after a negation", "not a good film,", "prose", [3, 5, 10, 15, 16]).tolist() == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert track("the position in the text", "ab cd", "prose", [2, 5]).tolist() == [1, 4]


@pytest.mark.parametrize(
    ("text", "name", "syntax"),
    [
        ("whatever", "a.C", "c"),
        ("whatever", "a.py", "script"),
        ("int a;\nint b;\nvoid f() {\n}\n", "all.txt", "c"),
        ("He came.\nShe went;\nThey stayed.\nAnd so on,\nand on.\nThe end.", "all.txt", "prose"),
        ("int a;", "", "prose"),
    ],
)
def test_the_syntax_is_guessed(text, name, syntax):
    assert guess_syntax(text, name) == syntax


def test_frames_by_hand():
    pixels = np.zeros((4, 3, 2, 2), np.uint8)
    pixels[1] = 10
    pixels[2, 0] = 250
    pixels[3, 0] = 250
    motion, brightness, position = frame_tracks(pixels)
    assert motion.values.tolist() == pytest.approx([0, 10, (240 + 10 + 10) / 3, 0])
    assert brightness.values.tolist() == pytest.approx([0, 10, 250 / 3, 250 / 3])
    assert position.values.tolist() == [0, 1, 2, 3]
    assert not motion.is_binary
