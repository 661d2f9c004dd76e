"""The hot store: Redis, disposable. Nobody else imports its library, but for the wire beside this file.

Streams carry events; nothing that must survive lives here. Every call answers within
``TIMEOUT`` seconds or raises ``HotAwayError``.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from psap.platform.events import STREAM, STREAM_LENGTH, Event, EventType
from psap.platform.hot_wire import HotWire

TIMEOUT = 0.5  # seconds
BLOCK = 5.0  # seconds that a blocking read waits for news
READ = 100  # events in one read: so many may become one write to a browser
ONCE_SECONDS = 300  # so long a name that was published under is remembered
PLACE = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")  # how the stream names one
# Whether a timed-out command was done is unknown, and both redis-py and the publisher try again: what was
# published under a name is not published again, however late the first attempt is done.
# One question for all that waits: a question costs as much as twenty events in it.
ONCE = """
local seqs = {}
for i = 2, #KEYS do
  local seq = redis.call('GET', KEYS[i])
  if not seq then
    local fields = {'type', ARGV[3 * i - 3], 'at', ARGV[3 * i - 2], 'data', ARGV[3 * i - 1]}
    seq = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(fields))
    redis.call('SET', KEYS[i], seq, 'EX', ARGV[2])
  end
  seqs[i - 1] = seq
end
return seqs
"""


class HotAwayError(Exception):
    """Redis does not answer. Callers go on without it."""


class Hot:
    """One connection pool to the hot store."""

    def __init__(self, url: str) -> None:
        # Any: the library types its answers for bytes and both protocol versions at once
        self._redis: Any = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
        )
        self._url = url
        self._teller = HotWire(url, TIMEOUT)

    async def ping(self) -> None:
        """Raises HotAwayError when Redis does not answer."""
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise HotAwayError(_why(error)) from error

    async def publish(self, event: Event, name: str | None = None) -> str:
        """Append an event to the stream and return its sequence; under one ``name`` only once."""
        return (await self.publish_all([(name or secrets.token_hex(8), event)]))[0]

    async def publish_all(self, named: Sequence[tuple[str, Event]]) -> list[str]:
        """Append events in this order, each only once under its name; their sequences."""
        words: list[str | int] = [STREAM]
        words += [f"{STREAM}:once:{name}" for name, _ in named]
        words += (STREAM_LENGTH, ONCE_SECONDS)
        for _, event in named:
            words += (event.type.value, event.at, json.dumps(event.data, separators=(",", ":")))
        try:
            # named, so a second attempt adds nothing twice
            seqs: list[str] = await self._teller.ask(
                TIMEOUT, "EVAL", ONCE, len(named) + 1, *words, again=True
            )
        except (RedisError, OSError, TimeoutError) as error:
            raise HotAwayError(_why(error)) from error
        return seqs

    async def last_seq(self) -> str:
        """The sequence of the newest event, ``0-0`` if there is none."""
        try:
            rows = await self._redis.xrevrange(STREAM, count=1)
        except (RedisError, OSError, TimeoutError) as error:
            raise HotAwayError(_why(error)) from error
        return str(rows[0][0]) if rows else "0-0"

    async def since(self, seq: str, most: int) -> list[tuple[str, Event]] | None:
        """Events after ``seq``; None when that place is unknown or trimmed, or there are more: fetch anew."""
        if not PLACE.fullmatch(seq):
            return None
        try:
            # whether it is there is asked first: of a place that is gone the stream would give everything
            rows = await self._redis.xrange(STREAM, min=seq, count=1)
            if rows and rows[0][0] == seq:
                rows = await self._redis.xrange(STREAM, min=seq, count=most + 2)
        except (RedisError, OSError, TimeoutError) as error:
            if isinstance(error, RedisError) and "Invalid stream ID" in str(error):
                return None
            raise HotAwayError(_why(error)) from error
        if not rows or rows[0][0] != seq or len(rows) > most + 1:
            return None
        return [(row_id, _event(fields)) for row_id, fields in rows[1:]]

    async def follow(self, after: str = "$") -> AsyncIterator[list[tuple[str, Event]]]:
        """Events as they happen, for ever: all that there are by now at once, at most ``READ``.

        Raises:
            HotAwayError: Redis went away, even if it is back: what it lost meanwhile nobody knows.
        """
        last = after
        wire = HotWire(self._url, TIMEOUT)  # a read that waits for news holds it meanwhile
        words = ("XREAD", "COUNT", READ, "BLOCK", int(BLOCK * 1000), "STREAMS", STREAM)
        try:
            while True:
                try:
                    # it waits longer than a question, and still notices a stopped server
                    answer = await wire.ask(BLOCK + TIMEOUT, *words, last)
                except (RedisError, OSError, TimeoutError) as error:
                    raise HotAwayError(_why(error)) from error
                if not answer:
                    continue
                # RESP2 gives a list of pairs, RESP3 a mapping
                rows = answer[STREAM] if isinstance(answer, dict) else answer[0][1]
                last = rows[-1][0]
                yield [(row_id, _event(dict(zip(*[iter(flat)] * 2, strict=True)))) for row_id, flat in rows]
        finally:
            await wire.close()

    async def forget(self, words: Collection[str]) -> int:
        """Delete the events that hold one of these words (a person's numbers); how many."""
        gone: list[str] = []
        try:
            for row_id, fields in await self._redis.xrange(STREAM):
                if any(f'"{word}"' in fields.get("data", "") for word in words):
                    gone.append(row_id)
            if gone:
                await self._redis.xdel(STREAM, *gone)
                await self._redis.bgrewriteaof()  # what was appended holds them still
        except (RedisError, OSError, TimeoutError) as error:
            raise HotAwayError(_why(error)) from error
        return len(gone)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._teller.close()


def _why(error: Exception) -> str:
    """In words, never empty: asyncio's own time-out says nothing."""
    return str(error) or "no answer in time"


def _event(fields: dict[str, str]) -> Event:
    text = fields["data"]
    return Event(EventType(fields["type"]), int(fields["at"]), json.loads(text), text)
