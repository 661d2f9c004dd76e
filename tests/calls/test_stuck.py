"""Callers who hang up in the very instant of the answer: each call ends, and has its record.

On Asterisk 22.10.1 some of them would stay in the bridge for ever (ami_bridge/stuck.py says why).
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from tests.support.centre import Centre, fresh_number

pytestmark = [pytest.mark.calls, pytest.mark.long, pytest.mark.timeout(300)]

CALLS = 160
AT_ONCE = 8


async def test_each_of_them_ends(centre: Centre) -> None:
    draw = random.Random(112)
    numbers = [fresh_number() for _ in range(CALLS)]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: str) -> None:
        async with places, centre.caller(number, sound=None, events=False) as caller:
            await caller.answered(30)
            await caller.press("0", how="info")
            await asyncio.sleep(draw.uniform(0.05, 0.5))
            caller.hang_up()
            await caller.ended(20)

    async with AsyncExitStack() as stack:
        for agent in ("agent1", "agent2", "agent3", "agent4"):
            await stack.enter_async_context(centre.seat(agent, answer_after=0.1, talk=0.5))
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(one(number))
        for number in numbers:
            await centre.record(number, timeout=30)
            assert len(await centre.supervisor.calls_of(number)) == 1
    assert not (await centre.supervisor.get("/queue"))["waiting"]
