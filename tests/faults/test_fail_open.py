"""Whatever breaks, before or during a call: the caller talks to a call taker, and the record is there."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.breaking import HOW, recovered
from tests.faults.table import Row, Table
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, Seat, fresh_number, hum
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(90)]

MOST = 8.0  # seconds a fault may cost a caller
LISTEN = 1.0  # seconds of conversation while something is broken
PRESS_AFTER = 0.5  # a person needs a moment

CELLS = [
    ("agi", "killed", "before"),
    ("agi", "killed", "in the gate"),
    ("agi", "stopped", "before"),
    ("agi", "stopped", "in the gate"),
    ("agi", "slow", "before"),
    ("agi", "slow", "in the gate"),
    ("redis", "killed", "before"),
    ("redis", "killed", "while talking"),
    ("redis", "stopped", "before"),
    ("redis", "stopped", "while talking"),
    ("database", "locked", "before"),
    ("database", "locked", "while talking"),
    ("ami_bridge", "killed", "before"),
    ("ami_bridge", "killed", "in the gate"),
    ("ami_bridge", "killed", "while talking"),
    ("ami_bridge", "stopped", "before"),
    ("ami_bridge", "stopped", "while talking"),
    ("console", "killed", "before"),
    ("console", "killed", "while talking"),
]
# a fault lasts this long after the call: longer than a writer waits for the lock
LASTS = {"database": 2.5}
# the same faults in another way: only in the long run
LONG = [cell for cell in CELLS if cell[:2] in {("redis", "stopped"), ("ami_bridge", "stopped")}]
PARAMETERS = [
    pytest.param(*cell, id=" ".join(cell), marks=[pytest.mark.long] if cell in LONG else []) for cell in CELLS
]


@dataclass
class Talk:
    """What a call was like. Seconds."""

    to_voice: float  # from dialling to the call taker's voice
    gap: float  # the longest silence of the conversation while something was broken
    talked: float


async def place_call(
    centre: Centre, seat: Seat, number: str, fault: AsyncExitStack, breaking: Any, moment: str
) -> Talk:
    """A caller presses 0, both hear each other, the caller hangs up; ``breaking`` begins at its moment."""
    if moment == "before":
        await fault.enter_async_context(breaking)
    calls_before = len(seat.phone.calls)
    dialled = time.monotonic()
    async with centre.caller(number) as caller:
        answered = await caller.answered()
        if moment == "in the gate":
            await fault.enter_async_context(breaking)
        await asyncio.sleep(max(0.0, answered + PRESS_AFTER - time.monotonic()))
        await caller.press("0")
        await caller.media.hears(AGENT_TONE, timeout=20)
        to_voice = time.monotonic() - dialled
        caller.media.background = list(hum(CALLER_TONE))
        await seat.phone.media.hears(CALLER_TONE, timeout=5)
        broken = time.monotonic()
        if moment == "while talking":
            await fault.enter_async_context(breaking)
        await asyncio.sleep(LISTEN)
        # still a voice each way, and never a longer silence than a jittery network's
        now = time.monotonic()
        times = [broken, *(when for when, _ in caller.media.heard if when >= broken), now]
        gap = max(later - earlier for earlier, later in itertools.pairwise(times))
        await caller.media.hears(AGENT_TONE, timeout=1)
        await seat.phone.media.hears(CALLER_TONE, timeout=1)
        over = caller.hang_up()
        assert len(seat.phone.calls) == calls_before + 1
        call = seat.phone.calls[-1]
        assert await call.ended(5) == "caller"
        assert call.talked_from is not None
        return Talk(to_voice, gap, over - call.talked_from)


async def without_fault(centre: Centre, seat: Seat) -> float:
    """The same call with everything well: seconds to the call taker's voice."""
    async with AsyncExitStack() as nothing:
        talk = await place_call(centre, seat, fresh_number(), nothing, None, "never")
    return talk.to_voice


async def test_the_same_call_without_a_fault(centre: Centre, table: Table) -> None:
    async with centre.seat("agent1", answer_after=0.0) as seat:
        table.baseline = await without_fault(centre, seat)


@pytest.mark.parametrize(("part", "how", "moment"), PARAMETERS)
async def test_the_caller_talks_and_the_record_is_there(
    home: Home, centre: Centre, table: Table, part: str, how: str, moment: str
) -> None:
    await recovered(home)
    number = fresh_number()
    async with centre.seat("agent1", answer_after=0.0) as seat:
        if table.baseline is None:  # this cell was chosen alone
            table.baseline = await without_fault(centre, seat)
            await centre.agent_is("agent1", "ready")
        async with AsyncExitStack() as fault:
            talk = await place_call(centre, seat, number, fault, HOW[how](home, part), moment)
            await asyncio.sleep(LASTS.get(part, 0.0))
        seconds = talk.gap if moment == "while talking" else max(0.0, talk.to_voice - table.baseline)
        row = Row(part, how, moment, seconds, number)
        table.rows.append(row)
        await recovered(home)
        row.record = record = await centre.record(number, timeout=20)
        await centre.agent_is("agent1", "ready")
    assert seconds <= MOST
    assert len(await centre.supervisor.calls_of(number)) == 1
    assert (record["ending"], record["ended_by"]) == ("answered", "caller")
    assert record["source"] in ("live", "ledger")
    assert record["agent"] == "agent1"
    assert record["talk_seconds"] == pytest.approx(talk.talked, abs=0.4)
    if part != "agi":
        assert record["gate"]["result"] == "key0"
    elif how != "slow":  # a slow one may still have heard the key
        assert record["gate"]["result"] == "local"
    assert not (await centre.supervisor.get("/queue"))["waiting"]


async def test_nothing_made_a_second_record(centre: Centre, table: Table) -> None:
    """At the end of all faults: what recovery wrote late would show here."""
    for row in table.rows:
        assert len(await centre.supervisor.calls_of(row.number)) == 1, row
