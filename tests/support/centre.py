"""A running home with telephones around it: callers on the carrier's side, call takers at desks."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from psap.sip import audio
from psap.sip.caller import Caller
from psap.sip.phone import DeskPhone
from psap.sip.sipp import Lines
from tests.support.api import Api, Live
from tests.support.home import DEMO_PASSWORD, Home
from tests.support.persons import remember

CALLER_TONE = 440.0
AGENT_TONE = 880.0


@functools.cache
def hum(hertz: float) -> tuple[bytes, ...]:
    """Half a second of a tone, for repeating."""
    return tuple(audio.tone((hertz,), 0.5))


@functools.cache
def phone_account(home: Home, agent: str) -> dict[str, Any]:
    """What ``./112 phone`` gives; the same for a home's whole life."""
    account: dict[str, Any] = json.loads(home.cli("phone", agent, "--json").stdout)
    return account


def fresh_number() -> str:
    """A mobile number nobody has called from."""
    return remember(f"0812{secrets.randbelow(10**8):08d}")


@dataclass
class Seat:
    """A call taker who is logged in, with a registered desk phone."""

    agent: str
    phone: DeskPhone
    api: Api
    seen: set[str] = field(default_factory=set)  # calls a test has dealt with


class Centre:
    """What a test of calls needs; made by the fixture ``centre``."""

    def __init__(self, home: Home, stack: AsyncExitStack) -> None:
        self.home = home
        self._stack = stack
        settings = home.settings
        self.target = (settings.sip_bind, settings.sip_port)
        self.carrier = Lines(self.target, "127.0.0.2")
        self.desk_lines = Lines(self.target, "127.0.0.1")
        self.supervisor = Api(home.http_url, "supervisor1")
        self.live: Live

    async def open(self) -> None:
        """Connect everything."""
        await self._stack.enter_async_context(self.carrier)
        await self._stack.enter_async_context(self.desk_lines)
        await self._stack.enter_async_context(self.supervisor)
        self.live = await self._stack.enter_async_context(Live(self.supervisor))

    def caller(self, number: str | None, **options: Any) -> Caller:
        """A citizen; ``async with`` dials."""
        return Caller(self.carrier, number, **options)

    @asynccontextmanager
    async def seat(
        self,
        agent: str = "agent1",
        password: str | None = None,
        *,
        lines: Lines | None = None,
        **options: Any,
    ) -> AsyncIterator[Seat]:
        """A call taker logged in and ready, until the end of the block."""
        account = await asyncio.to_thread(phone_account, self.home, agent)
        options.setdefault("sound", list(hum(AGENT_TONE)))
        phone = DeskPhone(
            lines or self.desk_lines,
            account["username"],
            account["password"],
            domain=account["domain"],
            **options,
        )
        async with Api(self.home.http_url, agent, password or DEMO_PASSWORD) as api, phone:
            await api.post("/agents/me/login")
            try:
                # who already waits may be ringing, or talking, before we look
                await self.agent_is(agent, "ready", "ringing", "talking")
                yield Seat(agent, phone, api)
            finally:
                with contextlib.suppress(AssertionError, OSError):
                    await api.post("/agents/me/logout")

    async def agent_is(self, agent: str, *states: str, timeout: float = 20) -> dict[str, Any]:
        """Wait until an agent is in one of the states, as ``GET /queue`` tells it."""
        row: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    rows = (await self.supervisor.get("/queue"))["agents"]
                    row = next((item for item in rows if item["agent"] == agent), {})
                    if row.get("state") in states and ("ready" not in states or row["phone_registered"]):
                        return row
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{agent} is not {states} but {row}") from None

    async def record(self, number: str, *, count: int = 1, timeout: float = 10) -> dict[str, Any]:
        """The closed record of a number's newest call."""
        return await self.supervisor.ended_call(number, count=count, timeout=timeout)

    async def closed(self, call_id: str, timeout: float = 10) -> dict[str, Any]:
        """One call's record once it is closed: written a moment after ``call.ended`` is told."""
        found: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout):
                while not found.get("ending"):
                    found = await self.supervisor.get(f"/calls/{call_id}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not closed within {timeout} s: {found}") from None
        return found
