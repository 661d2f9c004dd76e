"""Events on their way to the hot store: in order, in memory while Redis is away, never waiting."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque

from psap.platform.events import Event
from psap.platform.hot import Hot, HotAwayError

BUFFER = 20_000  # events kept while Redis is away; the stream itself holds no more
RETRY = 0.5  # seconds


class Publisher:
    """A buffer and the task that empties it."""

    def __init__(self, hot: Hot) -> None:
        self._hot = hot
        self._buffer: deque[tuple[str, Event]] = deque(maxlen=BUFFER)
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.away: str | None = None  # why Redis cannot be reached, in words

    def put(self, event: Event) -> None:
        """Remember an event; never waits. The oldest go first when Redis stays away for long."""
        self._buffer.append(
            (secrets.token_hex(8), event)
        )  # named, so that a second attempt adds no second one
        self._empty.clear()
        self._news.set()

    @property
    def waiting(self) -> int:
        """Events that Redis does not have yet."""
        return len(self._buffer)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            if not self._buffer:
                self._empty.set()
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._news.wait()
            try:
                if not self._buffer:
                    await self._hot.ping()
                while self._buffer:
                    first = self._buffer[0]
                    name, event = first
                    await self._hot.publish(event, name)
                    # a full buffer may have dropped it meanwhile
                    if self._buffer and self._buffer[0] is first:
                        self._buffer.popleft()
                self.away = None
            except HotAwayError as error:
                self.away = str(error)
                await asyncio.sleep(RETRY)

    async def flush(self, seconds: float) -> None:
        """Wait until everything so far is published, at most ``seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
