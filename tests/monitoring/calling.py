"""Real calls for the figures: answered, given up in the queue, silent at the gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.support.centre import Centre, fresh_number

PATIENCE = 40.0  # seconds, on an overloaded machine


async def exposition(centre: Centre) -> str:
    """GET /metrics, as Prometheus asks for it: without a session."""
    async with centre.supervisor.session.get(f"{centre.home.http_url}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def shows(centre: Centre, *wanted: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Wait until the figures are as wanted: ``{"name{labels}": value}``."""
    found: dict[str, float] = {}
    async with asyncio.timeout(PATIENCE):
        while True:
            found = values(await exposition(centre))
            if all(one(found) for one in wanted):
                return found
            await asyncio.sleep(0.2)  # figures are told once a second, nobody says when


def values(text: str) -> dict[str, float]:
    """Each sample of an exposition by its name and labels as written."""
    rows = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


async def answered(centre: Centre, *, classified: str | None = "emergency") -> tuple[str, str]:
    """A citizen presses 0, is answered, and hangs up: (number, call id)."""
    number = fresh_number()
    async with centre.seat("agent1", answer_after=0.1) as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        event = await centre.live.wait("call.answered", number=number)
        caller.hang_up()
        await caller.ended(10)
        record = await centre.record(number)
        if classified is not None:
            await seat.api.patch(f"/calls/{record['id']}", {"classification": classified})
    return number, str(event.data["call_id"])


async def gave_up(centre: Centre) -> str:
    """A citizen presses 0, waits while nobody is there, and hangs up: the number."""
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        await centre.live.wait("call.queued", number=number)
        caller.hang_up()
        await caller.ended(10)
    await centre.record(number)
    return number


async def silent(centre: Centre) -> str:
    """A citizen who hangs up in the greeting: the number."""
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        caller.hang_up()
        await caller.ended(10)
    await centre.record(number)
    return number
