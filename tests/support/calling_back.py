"""A centre with a way out: citizens who were lost, and whose telephones can be rung."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psap.sip.phone import DeskPhone
from psap.sip.sipp import Lines
from tests.support.api import Json
from tests.support.centre import CALLER_TONE, Centre, hum
from tests.support.home import Home
from tests.support.outside import Outside


@dataclass
class Scene:
    """A centre with a way out."""

    centre: Centre
    outside: Lines

    @asynccontextmanager
    async def citizen(self, number: str, **options: Any) -> AsyncIterator[DeskPhone]:
        """The telephone of a citizen, to be rung."""
        options.setdefault("sound", list(hum(CALLER_TONE)))
        async with Outside(self.outside, number, **options) as phone:
            yield phone

    async def lost_call(self, number: str | None, keys: str = "0") -> None:
        """Somebody calls, waits, and hangs up before anybody answers."""
        async with self.centre.caller(number) as caller:
            await caller.answered()
            await caller.press(keys)
            queued = number if number is not None else None
            await self.centre.live.wait("call.queued", number=queued)
            caller.hang_up()
            await caller.ended()

    async def entry(
        self, number: str, where: Callable[[Json], bool] = lambda _: True, *, closed: bool = False
    ) -> Json:
        """The number's entry once it is as wished."""
        found: list[Json] = []
        path = "/missed?status=closed" if closed else "/missed"
        try:
            async with asyncio.timeout(60):
                while True:
                    items = (await self.centre.supervisor.get(path))["items"]
                    found = [item for item in items if item["caller"]["number"] == number]
                    if found and where(found[0]):
                        return found[0]
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"no such entry of {number}: {found}") from None


@asynccontextmanager
async def open_scene(home: Home) -> AsyncIterator[Scene]:
    """Telephones around a home that was started with PSAP_TRUNK_PROXY."""
    address, _, port = str(home.settings.trunk_proxy).partition(":")
    async with AsyncExitStack() as stack:
        centre = Centre(home, stack)
        await centre.open()
        outside = Lines(centre.target, address, int(port))
        await stack.enter_async_context(outside)
        yield Scene(centre, outside)
