"""One kept connection to the hot store, for what is asked with every event.

The pool of a client borrows, checks, times, counts and gives back a connection for each question, and
sends from a task of its own: two thirds of what a question cost. redis-py still connects, signs in and
reads; nothing else is left out.
"""

from __future__ import annotations

import asyncio
from typing import Any

import redis.asyncio as redis
from redis.exceptions import ConnectionError as RedisConnectionError


class HotWire:
    """One question at a time; who asks meanwhile waits within the own time limit."""

    def __init__(self, url: str, connect_seconds: float) -> None:
        # no time limit of its own: each question brings one, for everything that it takes
        # Any: the library does not say what a connection is
        self._pool: Any = redis.ConnectionPool.from_url(
            url, decode_responses=True, socket_timeout=None, socket_connect_timeout=connect_seconds
        )
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def ask(self, within: float, *words: str | int, again: bool = False) -> Any:
        """One command's answer. ``again``: may be sent a second time, when the connection is no more.

        Raises:
            RedisError, OSError, TimeoutError: no answer, or a refusal.
        """
        async with asyncio.timeout(within), self._turn:
            kept = self._connection is not None
            try:
                return await self._ask(words)
            except (RedisConnectionError, OSError):
                # Redis may have been started anew since the last question: that is no failure yet
                if not (again and kept):
                    raise
            return await self._ask(words)

    async def _ask(self, words: tuple[str | int, ...]) -> Any:
        if self._connection is None:
            self._connection = self._pool.make_connection()
        wire = self._connection
        answered = False
        try:
            if not wire.is_connected:
                await wire.connect()
            await wire.send_command(*words, check_health=False)
            answer = await wire.read_response()
            answered = True
            return answer
        finally:
            if not answered:  # what comes on it later would be taken for the next question's answer
                self._connection = None
                await wire.disconnect(nowait=True)

    async def close(self) -> None:
        """Hang up."""
        wire, self._connection = self._connection, None
        if wire is not None:
            await wire.disconnect()
