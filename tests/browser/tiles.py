"""A city's tiles in small: a PMTiles file (version 3) of one vector tile, with land and one road."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

ZOOM = 12
EXTENT = 4096


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, body: bytes | int) -> bytes:
    """One field of a protobuf message: a figure, or bytes with their length."""
    if isinstance(body, int):
        return _varint(number << 3) + _varint(body)
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _geometry(points: list[tuple[int, int]], *, closed: bool) -> bytes:
    """MoveTo, LineTo, and ClosePath for a ring; each point relative to the last."""
    words = [1 << 3 | 1]
    at = (0, 0)
    for index, (x, y) in enumerate(points):
        if index == 1:
            words.append((len(points) - 1) << 3 | 2)
        words += [_zigzag(x - at[0]), _zigzag(y - at[1])]
        at = (x, y)
    if closed:
        words.append(1 << 3 | 7)
    return b"".join(map(_varint, words))


def _layer(name: str, kind: int, geometry: bytes, tags: dict[str, str]) -> bytes:
    pairs = b"".join(_varint(place) * 2 for place in range(len(tags)))
    feature = _field(2, pairs) + _field(3, kind) + _field(4, geometry)
    body = _field(1, name.encode()) + _field(2, feature)
    body += b"".join(_field(3, key.encode()) for key in tags)
    body += b"".join(_field(4, _field(1, value.encode())) for value in tags.values())
    return _field(3, body + _field(5, EXTENT) + _field(15, 2))


def _tile() -> bytes:
    land = _geometry([(0, 0), (EXTENT, 0), (EXTENT, EXTENT), (0, EXTENT)], closed=True)
    road = _geometry([(0, EXTENT // 2), (EXTENT, EXTENT // 2)], closed=False)
    tags = {"kind": "major_road", "name": "Jalan Percobaan"}
    return _layer("earth", 3, land, {"kind": "earth"}) + _layer("roads", 2, road, tags)


def _tile_id(zoom: int, x: int, y: int) -> int:
    """A tile's place on the Hilbert curves of all zooms."""
    at, side = 0, 1 << zoom
    step = side // 2
    while step:
        right, down = int(x & step > 0), int(y & step > 0)
        at += step * step * (3 * right ^ down)
        if not down:
            if right:
                x, y = step - 1 - (x & (step - 1)), step - 1 - (y & (step - 1))
            x, y = y, x
        step //= 2
    return ((1 << 2 * zoom) - 1) // 3 + at


def write_tiles(path: Path, latitude: float, longitude: float) -> None:
    """Lay the file; its one tile is the one that holds the place."""
    side = 1 << ZOOM
    x = int((longitude + 180) / 360 * side)
    y = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * side)
    tile = _tile()
    directory = b"".join(map(_varint, (1, _tile_id(ZOOM, x, y), 1, len(tile), 1)))
    about = {"vector_layers": [{"id": "earth"}, {"id": "roads"}], "attribution": "Percobaan"}
    metadata = json.dumps(about).encode()
    root, meta = 127, 127 + len(directory)
    data = meta + len(metadata)
    box = [round(degrees * 1e7) for degrees in (longitude - 1, latitude - 1, longitude + 1, latitude + 1)]
    header = b"PMTiles\x03" + struct.pack(
        "<11Q", root, len(directory), meta, len(metadata), data, 0, data, len(tile), 1, 1, 1
    )
    header += struct.pack("<6B", 1, 1, 1, 1, ZOOM, ZOOM)
    header += struct.pack("<4iB2i", *box, ZOOM, round(longitude * 1e7), round(latitude * 1e7))
    path.write_bytes(header + directory + metadata + tile)
