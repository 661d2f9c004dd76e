"""Events on their way to the hot store: in order, in memory while Redis is away, never waiting."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections import deque

from psap.platform.events import Event, EventType
from psap.platform.hot import Hot, HotAwayError

BUFFER = 20_000  # events kept while Redis is away; the stream itself holds no more
RETRY = 0.5  # seconds
BATCH = 100  # events in one question to Redis: it answers a batch well within a screen-pop's patience


# who looks at a list of people does not see so short a while; a question to Redis costs more than the event
PATIENT = frozenset((EventType.AGENT_CHANGED, EventType.QUEUE_CHANGED))
PATIENCE = 0.02  # seconds that these wait for another event to go with


class Publisher:
    """A buffer and the task that empties it."""

    def __init__(self, hot: Hot) -> None:
        self._hot = hot
        self._buffer: deque[tuple[str, Event]] = deque(maxlen=BUFFER)
        # named, so that a second attempt adds no second one; no other process has our names
        self._names = map(f"{secrets.token_hex(8)}-{{}}".format, itertools.count(1))
        self._news = asyncio.Event()
        self._now = asyncio.Event()  # something waits that must not
        self._empty = asyncio.Event()
        self._empty.set()
        self.away: str | None = None  # why Redis cannot be reached, in words

    def put(self, event: Event) -> None:
        """Remember an event; never waits. The oldest go first when Redis stays away for long."""
        self._buffer.append((next(self._names), event))
        self._empty.clear()
        self._news.set()
        if event.type not in PATIENT:
            self._now.set()

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
                    await self._patience()
                    batch = list(itertools.islice(self._buffer, BATCH))
                    if len(self._buffer) > BATCH:
                        self._now.set()  # among the rest may be what must not wait
                    await self._hot.publish_all(batch)
                    for told in batch:
                        # a full buffer may have dropped it meanwhile
                        if self._buffer and self._buffer[0] is told:
                            self._buffer.popleft()
                self.away = None
            except HotAwayError as error:
                self.away = str(error)
                await asyncio.sleep(RETRY)

    async def _patience(self) -> None:
        """Where nothing is urgent, wait a moment: what comes meanwhile goes in the same question."""
        if not self._now.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await self._now.wait()
        self._now.clear()

    async def flush(self, seconds: float) -> None:
        """Wait until everything so far is published, at most ``seconds``."""
        self._now.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
