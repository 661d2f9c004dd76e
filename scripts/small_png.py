"""Screenshots made small enough for a repository: a palette of the colours that are there, well compressed.

Chromium writes three bytes a dot and compresses in a hurry. Screens of ours have few colours: the commonest
256 serve, and what is rarer (the edges of letters) takes the nearest of them.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def shrink(path: Path) -> int:
    """Rewrite an 8-bit RGB or RGBA picture with a palette. Returns its new size in bytes.

    Raises:
        ValueError: the file is not such a picture.
    """
    width, height, dots = _read(path.read_bytes())
    colours = list(zip(dots[0::3], dots[1::3], dots[2::3], strict=True))
    counted = Counter(colours)
    palette = [colour for colour, _ in counted.most_common(256)]
    place = {colour: index for index, colour in enumerate(palette)}
    for colour in counted:
        if colour not in place:
            place[colour] = min(range(len(palette)), key=lambda at: _far(palette[at], colour))
    indexed = bytes(map(place.__getitem__, colours))
    rows = b"".join(b"\0" + indexed[at : at + width] for at in range(0, width * height, width))
    whole = SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(value for colour in palette for value in colour)),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )
    path.write_bytes(whole)
    return len(whole)


def _far(one: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(whole: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(whole):
        (length,) = struct.unpack(">I", whole[at : at + 4])
        yield whole[at + 4 : at + 8], whole[at + 8 : at + 8 + length]
        at += length + 12


def _read(whole: bytes) -> tuple[int, int, bytes]:
    """Width, height and three bytes for each dot."""
    parts = list(_chunks(whole)) if whole.startswith(SIGNATURE) else []
    heads = [data for kind, data in parts if kind == b"IHDR"]
    if not heads:
        raise ValueError("bukan PNG / not a PNG")
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", heads[0])
    if depth != 8 or kind not in (2, 6):
        raise ValueError("hanya RGB(A) 8 bit / only 8-bit RGB(A)")
    size = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
    stride = width * size
    before, dots = bytes(stride), bytearray()
    for at in range(0, height * (stride + 1), stride + 1):
        before = _unfiltered(raw[at], raw[at + 1 : at + 1 + stride], before, size)
        dots += before
    if size == 4:
        del dots[3::4]
    return width, height, bytes(dots)


def _unfiltered(kind: int, row: bytes, above: bytes, size: int) -> bytes:
    """One row as it was before PNG's filter (specification, 9.2)."""
    if kind == 0:
        return row
    if kind == 2:
        return bytes((a + b) & 255 for a, b in zip(row, above, strict=True))
    done = bytearray(row)
    for at in range(len(row)):
        left = done[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above[at]) // 2
        else:
            near = left + above[at] - corner
            guess = min((left, above[at], corner), key=lambda one: abs(near - one))
        done[at] = (row[at] + guess) & 255
    return bytes(done)
