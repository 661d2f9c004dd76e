"""Everything of ours dead while callers reach agents; the bridge killed amid many calls; Asterisk killed.

Each time: one record a call, equal to what undisturbed live tracking wrote of the very same calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from psap.platform import supervise
from tests.calls.test_many import PASSWORDS, call_takers
from tests.catchup.shadow import Shadow, same_as_live
from tests.faults.breaking import OURS, killed, recovered
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(300)]

KINDS = ("talks", "is talked to", "leaves the gate", "leaves the queue", "talks", "hides")


@asynccontextmanager
async def _seats(centre: Centre, agents: list[str], **options: Any) -> AsyncIterator[list[Seat]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(centre.seat(agent, PASSWORDS.get(agent), **options))
            for agent in agents
        ]


@contextlib.contextmanager
def _database_away(home: Home) -> Iterator[None]:
    """Another process would hold it no other way: nobody else can write."""
    with contextlib.closing(sqlite3.connect(home.settings.home / "psap.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=10000")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("callers", "phones"), [(5, 2), pytest.param(50, 12, marks=[pytest.mark.long, pytest.mark.timeout(400)])]
)
async def test_with_everything_of_ours_away_each_caller_has_a_record(
    home: Home, centre: Centre, callers: int, phones: int
) -> None:
    agents = await asyncio.to_thread(call_takers, centre, phones)
    numbers = [fresh_number() for _ in range(callers)]

    async def call(place: int, number: str) -> None:
        async with centre.caller(number) as caller:
            await caller.answered(20)
            await caller.media.hears(AGENT_TONE, timeout=100)
            if place % 2:
                caller.hang_up()
            await caller.ended(30)

    async with Shadow(home, agents) as shadow, _seats(centre, agents, answer_after=0.1, talk=1.0):
        await recovered(home, timeout=120)
        with _database_away(home):
            async with killed(home, *OURS):
                async with asyncio.TaskGroup() as group:
                    for place, number in enumerate(numbers):
                        group.create_task(call(place, number))
                        await asyncio.sleep(0.2)  # five calls a second
                await shadow.ended(numbers)
        await recovered(home, timeout=120)
        records = await same_as_live(centre, shadow, numbers)
    assert {record["ending"] for record in records} == {"answered"}
    assert {record["source"] for record in records} == {"ledger"}
    assert {record["gate"]["result"] for record in records} == {"local"}
    assert {record["ended_by"] for record in records} == {"caller", "agent"}


async def _one(centre: Centre, kind: str, number: str) -> None:
    async with centre.caller(number) as caller:
        await caller.answered(20)
        if kind == "leaves the gate":
            await asyncio.sleep(0.7)
        else:
            await caller.press("55" if kind == "hides" else "0")
            if kind == "leaves the queue":
                await asyncio.sleep(0.4)
            elif kind == "talks":
                await caller.media.hears(AGENT_TONE, timeout=100)
        if kind not in ("is talked to", "hides"):
            caller.hang_up()
        await caller.ended(100)


@pytest.mark.parametrize(
    ("calls", "phones", "rate"),
    [(8, 3, 4.0), pytest.param(200, 16, 5.0, marks=[pytest.mark.long, pytest.mark.timeout(400)])],
)
async def test_the_bridge_killed_amid_many_calls(
    home: Home, centre: Centre, calls: int, phones: int, rate: float
) -> None:
    seed = int(os.environ.get("PSAP_SEED", random.SystemRandom().randrange(10**6)))
    moment = random.Random(seed).uniform(0.2, calls / rate)
    print(f"PSAP_SEED={seed}: the bridge is killed after {moment:.3f} s")
    agents = await asyncio.to_thread(call_takers, centre, phones)
    numbers = {fresh_number(): KINDS[place % len(KINDS)] for place in range(calls)}
    async with Shadow(home, agents) as shadow, _seats(centre, agents, answer_after=0.2, talk=1.5):
        await recovered(home, timeout=120)
        pid = supervise.info(home.settings)["ami_bridge"].pid
        assert pid is not None

        async def kill() -> None:
            await asyncio.sleep(moment)
            os.kill(pid, signal.SIGKILL)

        async with asyncio.TaskGroup() as group:
            group.create_task(kill())
            for number, kind in numbers.items():
                group.create_task(_one(centre, kind, number))
                await asyncio.sleep(1 / rate)
        await shadow.ended(numbers)
        await recovered(home, timeout=120)
        assert supervise.info(home.settings)["ami_bridge"].pid != pid
        await same_as_live(centre, shadow, numbers)


async def test_calls_open_when_asterisk_dies_end_as_failed(home: Home, centre: Centre) -> None:
    talks, waits = fresh_number(), fresh_number()
    async with (
        centre.seat("agent1") as seat,
        centre.caller(talks) as talking,
        centre.caller(waits) as waiting,
    ):
        await talking.answered()
        await talking.press("0")
        call = await seat.phone.ringing()
        await call.answer()
        await centre.live.wait("call.answered", number=talks)
        await waiting.answered()
        await waiting.press("0")
        await centre.live.wait("call.queued", number=waits)
        pid = supervise.info(home.settings)["asterisk"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)  # supervisord starts it anew
        records = [await centre.record(number, timeout=90) for number in (talks, waits)]
        await recovered(home, timeout=120)
    for record in records:
        assert (record["ending"], record["ended_by"]) == ("failed", "system")
        assert record["ended_at"] >= record["started_at"]
        assert record["gate"]["result"] == "key0"
        assert len(await centre.supervisor.calls_of(record["caller"]["number"])) == 1
    assert records[0]["agent"] == "agent1"
    assert records[0]["answered_at"] is not None
    assert records[1]["answered_at"] is None
    assert records[1]["queue"]["wait_seconds"] is not None
