"""The console as a client sees it: REST with a session, and the live channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from tests.support.home import DEMO_PASSWORD

Json = dict[str, Any]


class ApiError(AssertionError):
    """An answer that was not expected, with its body."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}: {body[:500]}")
        self.status = status


class Api:
    """A signed-in person. ``async with Api(url, "agent1")``."""

    def __init__(self, url: str, username: str, password: str = DEMO_PASSWORD) -> None:
        self.url = url
        self.username = username
        self._password = password

    async def __aenter__(self) -> Self:
        # the own Origin, as a browser sends it; a jar that keeps cookies of bare addresses
        self.session = aiohttp.ClientSession(
            headers={"Origin": self.url}, cookie_jar=aiohttp.CookieJar(unsafe=True)
        )
        try:
            await self.post("/session", {"username": self.username, "password": self._password})
        except BaseException:
            await self.session.close()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.session.close()

    async def request(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        """One request; the decoded answer. Raises ApiError for anything but 2xx."""
        async with self.session.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=30),
        ) as answer:
            text = await answer.text()
            if answer.status >= 300:
                raise ApiError(answer.status, text)
            return json.loads(text) if text else None

    async def get(self, path: str) -> Any:
        return await self.request("GET", path)

    async def post(self, path: str, body: Json | None = None) -> Any:
        return await self.request("POST", path, body)

    async def put(self, path: str, body: Json) -> Any:
        return await self.request("PUT", path, body)

    async def patch(self, path: str, body: Json) -> Any:
        return await self.request("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self.request("DELETE", path)

    async def calls_of(self, number: str) -> list[Json]:
        """Every call of a number, newest first."""
        found: list[Json] = (await self.post("/calls/search", {"number": number}))["items"]
        return found

    async def ended_call(self, number: str, *, count: int = 1, timeout: float = 10) -> Json:
        """The newest record of a number once it has ``count`` closed ones, with its timeline.

        Polls, so that it also works while the live channel is away.
        """
        found: list[Json] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    with contextlib.suppress(aiohttp.ClientError, ApiError):
                        found = await self.calls_of(number)
                        if len(found) >= count and found[0]["ending"]:
                            return dict(await self.get(f"/calls/{found[0]['id']}"))
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no closed record of {number} within {timeout} s: {found}") from None


@dataclass(slots=True)
class Heard:
    """One message of the live channel; ``at`` is time.monotonic of its arrival."""

    at: float
    type: str
    data: Json
    raw: Json


class Live:
    """A WebSocket client that keeps everything it hears."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.heard: list[Heard] = []
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        url = self._api.url.replace("http", "ws", 1) + "/api/v1/events"
        self._socket = await self._api.session.ws_connect(url)
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._task.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue
            now = time.monotonic()
            raw = json.loads(message.data)
            async with self._news:
                self.heard.append(Heard(now, raw["type"], raw.get("data", {}), raw))
                self._news.notify_all()

    async def wait(
        self, kind: str, *, number: str | None = None, call_id: str | None = None, timeout: float = 15,
        where: Callable[[Json], bool] = lambda _data: True,
    ) -> Heard:  # fmt: skip
        """The first message of a kind about a caller or a call, also if it came already. ``*``: any kind."""

        def found() -> Heard | None:
            for item in self.heard:
                data = item.data
                caller = data.get("caller") or (data.get("call") or {}).get("caller") or {}
                if kind not in (item.type, "*") or (number and caller.get("number") != number):
                    continue
                if (call_id is None or data.get("call_id") == call_id) and where(data):
                    return item
            return None

        async def await_it() -> Heard:
            async with self._news:
                await self._news.wait_for(lambda: found() is not None)
                item = found()
                assert item is not None
                return item

        try:
            return await asyncio.wait_for(await_it(), timeout)
        except TimeoutError:
            seen = [(item.type, (item.data.get("caller") or {}).get("number")) for item in self.heard[-20:]]
            raise AssertionError(f"no {kind} for {number or call_id} in {timeout} s; heard {seen}") from None
