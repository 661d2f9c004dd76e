"""A TCP proxy between the bridge and Asterisk's AMI port, in which the connection can be broken.

It has a thread and an event loop of its own: a home's bridge lives longer than a test's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Literal, Self

Mode = Literal["well", "half-open", "slow"]
DELAY = 5.0  # seconds that "slow" holds back each piece of data, each way


class Proxy:
    """Listens on 127.0.0.1:``port`` and passes everything on to ``target``. ``with Proxy(...)``."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.mode: Mode = "well"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ami-proxy", daemon=True)
        self._ready = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flow: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the proxy does not listen"
        return self

    def __exit__(self, *_exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flow = asyncio.Event()
        self._flow.set()
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in [*self._tasks, *asyncio.all_tasks(self._loop)]:
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def cut(self) -> None:
        """Close every connection at once; new ones are taken."""
        self._loop.call_soon_threadsafe(self._cut)

    def turn(self, mode: Mode) -> None:
        """``half-open``: connections stay and nothing passes. ``slow``: everything comes ``DELAY`` late."""

        def change() -> None:
            self.mode = mode
            if mode == "half-open":
                self._flow.clear()
            else:
                self._flow.set()

        self._loop.call_soon_threadsafe(change)

    def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except (OSError, asyncio.CancelledError):  # cancelled: the proxy ends while Asterisk is away
            writer.transport.abort()
            return
        ends = {writer, back}
        self._writers |= ends
        ways = [asyncio.create_task(self._pass(reader, back)), asyncio.create_task(self._pass(there, writer))]
        self._tasks |= set(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
            self._tasks -= set(ways)
            self._writers -= ends
            for end in ends:
                end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        deliver = asyncio.create_task(self._deliver(late, writer))
        try:
            with contextlib.suppress(OSError):
                while data := await reader.read(65_536):
                    wait = DELAY if self.mode == "slow" else 0.0
                    late.put_nowait((self._loop.time() + wait, data))
        finally:
            deliver.cancel()

    async def _deliver(self, late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = await late.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flow.wait()
                writer.write(data)
                await writer.drain()
