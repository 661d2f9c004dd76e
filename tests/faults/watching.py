"""What browsers are told: a live channel that comes back by itself and counts the words of each call."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from typing import Self

import aiohttp

from tests.support.api import Api

COUNTED = ("call.started", "call.ended")
RETRY = 0.2  # seconds


class Watcher:
    """A supervisor's WebSocket; after each loss it asks for what it missed (``after``), as the page does.

    What comes twice under one ``seq`` counts twice as well: a client is promised each message once.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seq: str | None = None
        self._news = asyncio.Condition()
        self._open = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._open.wait(), 20)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        url = self._api.url.replace("http", "ws", 1) + "/api/v1/events"
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                where = f"{url}?after={self._seq}" if self._seq else url
                async with self._api.session.ws_connect(where) as socket:
                    self._open.set()
                    async for message in socket:
                        if message.type == aiohttp.WSMsgType.TEXT:
                            await self._take(json.loads(message.data))
            await asyncio.sleep(RETRY)

    async def _take(self, raw: dict[str, object]) -> None:
        if raw["type"] == "reset":
            self._seq = None
            return
        if raw.get("seq"):
            self._seq = str(raw["seq"])
        data = raw.get("data")
        if raw["type"] in COUNTED and isinstance(data, dict):
            async with self._news:
                self._counts[str(data["call_id"]), str(raw["type"])] += 1
                self._news.notify_all()

    def told(self, call_id: str) -> tuple[int, int]:
        """How often (call.started, call.ended) were heard of a call."""
        started, ended = (self._counts[call_id, kind] for kind in COUNTED)
        return started, ended

    async def end_of(self, call_id: str, timeout: float) -> None:
        """Wait until a call's end was told, at most ``timeout`` seconds: it may be lost with Redis."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: self.told(call_id)[1] > 0)
