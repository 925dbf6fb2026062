"""Texts as they come: characters of a pipe or a file, a block at a time."""

import logging
import os
from collections.abc import Iterator

from data.files.encodings import BAD_BYTE, decoder_of, encoding_of, is_too_short, undecodable
from data.plain_text.content import clean

log = logging.getLogger(__name__)

_BYTES_AT_ONCE = 2**16


def text_blocks(descriptor: int, *, name: str, encoding: str | None = None) -> Iterator[str]:
    """Decode what has come, without waiting for more; every line end becomes a line feed.

    Bytes that cannot be decoded become U+FFFD, and the first of them is told.

    Args:
        descriptor: that of an open file or pipe.
        name: of the source in messages.
        encoding: of a text without a byte order mark; None is UTF-8, or UTF-16 where that is certain.
    """
    start = b""
    while (block := os.read(descriptor, _BYTES_AT_ONCE)) and is_too_short(start + block):
        start += block
    block = start + block
    used, decoder = encoding_of(block, encoding), decoder_of(block, encoding)
    is_told = False
    while True:
        text = decoder.decode(block, final=not block)
        if bad := BAD_BYTE.search(text):
            if not is_told:
                log.warning("%s %s", name, undecodable(bad[0], used, option="--encoding"))
            is_told = True
            text = BAD_BYTE.sub("\ufffd", text)
        if text:
            yield clean(text)
        if not block:
            return
        block = os.read(descriptor, _BYTES_AT_ONCE)
