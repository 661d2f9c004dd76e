"""A film of a page by the browser's own screencast, without ffmpeg: an AVI of JPEGs that players know."""

from __future__ import annotations

import base64
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Page

RATE = 4  # pictures a second: somebody types, nothing flies


@dataclass
class Film:
    """What was seen: (seconds since the beginning, JPEG), only where something changed."""

    pictures: list[tuple[float, bytes]] = field(default_factory=list)

    def even(self) -> list[bytes]:
        """A picture for every quarter of a second: the last that was seen by then."""
        frames: list[bytes] = []
        for at, picture in self.pictures:
            while frames and len(frames) < at * RATE:
                frames.append(frames[-1])
            frames.append(picture)
        return frames

    def write(self, path: Path, width: int, height: int) -> None:
        """As an AVI of one video stream."""
        frames = self.even()

        def chunk(name: bytes, body: bytes) -> bytes:
            return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

        def a_list(kind: bytes, body: bytes) -> bytes:
            return chunk(b"LIST", kind + body)

        largest = max(map(len, frames), default=0)
        head = struct.pack(
            "<14I",
            1_000_000 // RATE,
            largest * RATE,
            0,
            0x10,
            len(frames),
            0,
            1,
            largest,
            width,
            height,
            *[0] * 4,
        )
        stream = struct.pack(
            "<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1, RATE, 0, len(frames), largest, 0, 0, 0, 0,
            width, height,
        )  # fmt: skip
        shape = struct.pack(
            "<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0
        )
        header = a_list(
            b"hdrl", chunk(b"avih", head) + a_list(b"strl", chunk(b"strh", stream) + chunk(b"strf", shape))
        )
        movie, index, place = b"", b"", 4
        for frame in frames:
            one = chunk(b"00dc", frame)
            index += struct.pack("<4sIII", b"00dc", 0x10, place, len(frame))
            place += len(one)
            movie += one
        body = header + a_list(b"movi", movie) + chunk(b"idx1", index)
        path.write_bytes(chunk(b"RIFF", b"AVI " + body))


@asynccontextmanager
async def filmed(page: Page, path: Path) -> AsyncIterator[Film]:
    """Film the page until the end of the block, also when it fails."""
    film = Film()
    began = time.monotonic()
    session = await page.context.new_cdp_session(page)

    async def seen(frame: dict[str, Any]) -> None:
        film.pictures.append((time.monotonic() - began, base64.b64decode(frame["data"])))
        await session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    session.on("Page.screencastFrame", seen)
    await session.send("Page.startScreencast", {"format": "jpeg", "quality": 45, "everyNthFrame": 4})
    try:
        yield film
    finally:
        await session.send("Page.stopScreencast")
        size = page.viewport_size or {"width": 0, "height": 0}
        film.write(path, size["width"], size["height"])
