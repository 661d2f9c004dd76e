"""Browsers of ``./112 bench pop``: ``python -m bench.pop_browsers``, WebSockets that note when what came.

Each input line is JSON: ``["open", port, path, [token, ...]]`` connects one for each token and answers
``"open"``; ``["lack", ["TYPE CALL", ...]]`` answers with how many of these are still to come, at all
browsers together; ``["take"]`` with what came since the last time: ``{"TYPE CALL": [ns, ...]}``, in
nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share. Lighter than any browser, so that
what is measured is the way to it.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import re
import sys
import time
from collections import defaultdict

MESSAGE = re.compile(rb'"type":"(call\.[a-z]+)".*?"call_id":"([^"]+)"')
LENGTH_16, LENGTH_64, PING = 126, 127, 9


class Browser(asyncio.Protocol):
    """One WebSocket. What comes is kept with its moment and looked at later."""

    def __init__(self, path: str, token: str) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._came: list[tuple[int, bytes]] = []
        self._rest = b""
        self._found: dict[str, int] = {}
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        self._came.append((time.monotonic_ns(), data))
        if not self.opened.done():
            self._open()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(RuntimeError(f"refused before it was open: {exc}"))

    def _open(self) -> None:
        head, end, rest = b"".join(data for _, data in self._came).partition(b"\r\n\r\n")
        if not end:
            return
        if b" 101 " not in head.partition(b"\r\n")[0]:
            self.opened.set_exception(RuntimeError(head.partition(b"\r\n")[0].decode("utf-8", "replace")))
            return
        self._came = [(time.monotonic_ns(), rest)]
        self.opened.set_result(None)

    def lacks(self, keys: list[str]) -> int:
        """How many of these have not come since the last time."""
        self._look()
        return sum(key not in self._found for key in keys)

    def take(self) -> dict[str, int]:
        """TYPE CALL -> ns of the messages since the last time; of what was told twice the first."""
        self._look()
        found, self._found = self._found, {}
        return found

    def _look(self) -> None:
        came, self._came = self._came, []
        for moment, data in came:
            self._rest += data
            while (frame := self._frame()) is not None:
                message = MESSAGE.search(frame)
                if message is not None:
                    self._found.setdefault(f"{message[1].decode()} {message[2].decode()}", moment)

    def _frame(self) -> bytes | None:
        """The next whole frame's content."""
        rest = self._rest
        if len(rest) < 2:
            return None
        length, start = rest[1] & 0x7F, 2
        if length == LENGTH_16:
            length, start = int.from_bytes(rest[2:4], "big"), 4
        elif length == LENGTH_64:
            length, start = int.from_bytes(rest[2:10], "big"), 10
        if len(rest) < start + length:
            return None
        self._rest = rest[start + length :]
        if rest[0] & 0x0F == PING:
            self._transport.write(b"\x8a\x80\0\0\0\0")
        return rest[start : start + length]


async def serve() -> None:
    """Answer the lines of our input until it ends."""
    browsers: list[Browser] = []
    loop = asyncio.get_running_loop()
    print(json.dumps("ready"), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        match json.loads(line):
            case ["open", port, path, tokens]:
                for token in tokens:
                    _, browser = await loop.create_connection(
                        lambda token=token: Browser(path, token),
                        "127.0.0.1",
                        port,  # type: ignore[misc]
                    )
                    await asyncio.wait_for(browser.opened, 30)
                    browsers.append(browser)
                gc.collect()
                gc.freeze()
                print(json.dumps("open"), flush=True)
            case ["lack", keys]:
                print(json.dumps(sum(browser.lacks(keys) for browser in browsers)), flush=True)
            case ["take"]:
                found: dict[str, list[int]] = defaultdict(list)
                for browser in browsers:
                    for key, moment in browser.take().items():
                        found[key].append(moment)
                print(json.dumps(found), flush=True)
            case other:
                raise ValueError(f"{other} is nothing that is answered here")


if __name__ == "__main__":
    asyncio.run(serve())
