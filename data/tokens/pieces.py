"""Tokens of a text that comes bit by bit: exactly those of the whole text.

A text is cut only where its tokenizer cuts anyway, whatever comes after: before a blank that follows a
letter, a digit or a sign, before a sign of scripts without blanks, and never within a tag that may still
be closed. The tokens of what comes before the last such place are given out, and the rest waits.
"""

import json
import re
from typing import Any

from tokenizers import Tokenizer

from data.tokens.unread import rewritten
from data.tokens.vocabulary import learn_tokenizer

# The longest tag has 2 + 10 + 102 characters (see `data.plain_text.content.MARKUP`).
_LONGEST_TAG = 120
# The place between a letter, a digit or a sign, and a blank. Not after a tag: it becomes a blank, and
# blanks in a row are one piece. Signs of other scripts may stand within an address.
_PLACE = re.compile(r"(?<=[^\W_])(?=[\u3002\uff0c\uff01\uff1f\u3001])|(?<=[\w.,;:!?()])(?=[ \n\t])")
#: characters that wait at most for a place to cut; a longer text is cut where it stands
MOST_WAITING = 2**16


class TextPieces:
    """Cuts a text that comes bit by bit into tokens.

    Args:
        tokenizer: one of `learn_tokenizer` (see `cuts_as_known`); any, where only `hold` is called.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._waiting = ""

    def add(self, text: str) -> list[int]:
        """Take the next characters; return the tokens that are certain by now."""
        self._waiting += text
        place = _last_place(self._waiting)
        if place == 0 and len(self._waiting) > MOST_WAITING:
            place = len(self._waiting)
        piece, self._waiting = self._waiting[:place], self._waiting[place:]
        return self._tokens(piece)

    def hold(self, text: str) -> None:
        """Take characters of a text that is to be cut as a whole, at its end."""
        self._waiting += text

    def end(self) -> list[int]:
        """Tokens of what is left: the text ends here, and another may begin."""
        piece, self._waiting = self._waiting, ""
        return self._tokens(piece)

    def _tokens(self, piece: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(piece).ids if piece else []
        return found


def _last_place(text: str) -> int:
    """The last place at which a text may be cut; 0: there is none."""
    # Most places are near the end: look there first.
    for start in (max(len(text) - 200, 0), 0):
        places = [found.start() for found in _PLACE.finditer(text, start)]
        for place in reversed(places):
            if not _may_be_in_tag(text, place):
                return place
    return 0


def _may_be_in_tag(text: str, place: int) -> bool:
    opened = text.rfind("<", max(place - _LONGEST_TAG, 0), place)
    return opened >= 0 and ">" not in text[opened:place]


def cuts_as_known(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer cuts as those of `learn_tokenizer` do, so that `TextPieces` is exact."""
    own = _cutting(tokenizer)
    known = [
        learn_tokenizer(
            ["a"],
            kind=kind,
            vocabulary_size=300,
            min_frequency=1,
            lowercase=lowercase,
            strip_markup=strip_markup,
            strip_addresses=strip_addresses,
            each_digit=each_digit,
            rewritten=rewritten(unread),
        )
        for kind, each_digit in _KINDS
        for lowercase in (False, True)
        for strip_markup in (False, True)
        for strip_addresses in (False, True)
        for unread in (_UNREAD if kind == "words" else ((),))
    ]
    return any(own == _cutting(one) for one in known)


_KINDS: Any = (("words", False), ("subwords", False), ("subwords", True), ("characters", False))
_UNREAD: Any = ((), ("groups",), ("numbers",), ("groups", "numbers"))


def _cutting(tokenizer: Tokenizer) -> list[Any]:
    parts = json.loads(tokenizer.to_str())
    model = parts["model"]
    is_byte_pair = bool(model.get("merges")) or parts["pre_tokenizer"] is not None
    return [
        parts["normalizer"],
        parts["pre_tokenizer"],
        parts["post_processor"],
        parts["added_tokens"],
        model["type"],
        is_byte_pair,
    ]
