"""Pictures of a few hundred bytes that decode to as many pixels as their header says, made by hand.

N width and height in pixels
"""

import struct
import zlib


def gif(size_px: int) -> bytes:
    """GIF of N × N px, of which one is drawn."""
    screen = struct.pack("<HHBBB", size_px, size_px, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0;"


def webp(size_px: int) -> bytes:
    """Lossless WebP of N × N px of one colour: its codes have one symbol each, of no bits."""
    bits = f"{0x2F:08b}"[::-1]
    for value, count in ((size_px - 1, 14), (size_px - 1, 14), (0, 1 + 3), (0, 3)):
        bits += f"{value:0{count}b}"[::-1]
    bits += "1000" * 5
    content = int(bits[::-1], 2).to_bytes(24, "little")
    chunk = b"WEBPVP8L" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


def png(size_px: int) -> bytes:
    """PNG of N × N px with four channels of 16 bits; its rows are missing."""
    header = struct.pack(">IIBBBBB", size_px, size_px, 16, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(5000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def jpeg(size_px: int) -> bytes:
    """Progressive JPEG of N × N px, of which each of 12 scans is missing after its first bytes.

    A decoder keeps all coefficients of a progressive picture: nine bytes a pixel.
    """
    tables = b"\xff\xdb\0\x43\0" + b"\1" * 64
    for table in (0, 0x10):
        tables += b"\xff\xc4" + struct.pack(">HB", 20, table) + b"\1" + bytes(16)
    parts = b"".join(bytes([k, 0x11, 0]) for k in (1, 2, 3))
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, size_px, size_px, 3) + parts
    scan = b"\xff\xda" + struct.pack(">HB", 12, 3) + bytes([1, 0, 2, 0, 3, 0, 0, 0, 0]) + bytes(8)
    return b"\xff\xd8" + tables + frame + scan * 12 + b"\xff\xd9"


BOMBS = {"gif": gif, "webp": webp, "png": png, "jpg": jpeg}
