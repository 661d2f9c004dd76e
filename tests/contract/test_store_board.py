"""The wallboard's figures on a real database: as counted by hand, and only today's calls are read."""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from psap.board import store
from psap.board.model import Figures, midnight
from psap.calls.model import Call, Classification, Ending, Policy, QueueStay
from psap.calls.store import row_of, upsert
from psap.platform.clock import FixedClock, to_us
from psap.platform.database import Database
from psap.platform.schema import users
from tests.support.filling import multiplied
from tests.support.plans import plan_of, scanned
from tests.support.told import tell

SITE = "semarang"
ZONE = ZoneInfo("Asia/Jakarta")
HOUR = 3_600_000_000


def made(at: int, **more: Any) -> Call:
    fields = {"id": str(uuid.uuid4()), "site": SITE, "uniqueid": str(uuid.uuid4()), "started_at": at}
    return Call(**fields | more)


def answered(at: int, wait: float | None, word: Classification, agent: str | None = "agent1") -> Call:
    return made(
        at, ending=Ending.ANSWERED, answered_at=at + 9, ended_at=at + 99, agent=agent, talk_seconds=30.0,
        queue=QueueStay(wait_seconds=wait), classification=word,
    )  # fmt: skip


async def counted(database: Database, clock: FixedClock) -> Figures:
    now = clock.now_us()
    async with database.read() as connection:
        return await store.figures(connection, SITE, midnight(ZONE, now), now)


async def record(database: Database, *given: Call) -> None:
    async with database.write() as connection:
        await upsert(connection, [row_of(call, None, call.started_at) for call in given])


async def test_an_empty_day_is_nothing_and_its_means_unknown(database: Database, clock: FixedClock) -> None:
    found = await counted(database, clock)
    assert (found.today.calls, found.today.within, found.by_agent) == (0, {"10": 0, "15": 0, "20": 0}, [])
    assert found.today.mean_wait_seconds is None
    assert found.today.longest_answered_wait_seconds is None


async def test_the_figures_are_those_counted_by_hand(database: Database, clock: FixedClock) -> None:
    chance, now = random.Random(112), clock.now_us()
    since = midnight(ZONE, now)
    words = list(Classification)
    today: list[Call] = [
        answered(since, 10.0, Classification.EMERGENCY),  # the first microsecond, exactly ten seconds
        answered(since + 1, 10.001, Classification.GHOST, "agent2"),
        answered(since + 2, None, Classification.PRANK),  # an answer whose wait nobody knows
        # in conversation now
        made(since + 3, answered_at=since + 4, agent="agent2", queue=QueueStay(wait_seconds=3.0)),
        made(since + 5),  # at the gate now
        made(since + 6, ending=Ending.OVERFLOWED, answered_at=since + 7, queue=QueueStay(wait_seconds=61.0)),
        made(since + 8, ending=Ending.FAILED, policy=Policy(decision="overload")),
        made(since + 9, ending=Ending.FAILED, policy=Policy(decision="too_many")),
        made(since + 10, ending=Ending.FAILED, policy=Policy(decision=None)),
        made(since + 11, ending=Ending.BLOCKED),
        made(since + 12, ending=Ending.CHALLENGE_FAILED),
        made(since + 13, ending=Ending.NO_RESPONSE),
        made(since + 14, ending=Ending.ABANDONED_IN_QUEUE, queue=QueueStay(wait_seconds=4.0)),
        made(since + 15, ending=Ending.ABANDONED_IN_GATE, classification=Classification.PRANK),
    ]
    for place in range(200):
        wait = chance.uniform(0, 30)
        today.append(answered(since + 100 + place, wait, chance.choice(words), f"agent{place % 3 + 1}"))
    others = [
        answered(since - 1, 1.0, Classification.EMERGENCY),  # yesterday's last microsecond
        made(since + 20, direction="outbound", ending=Ending.ANSWERED, answered_at=since + 21),
        answered(since + 22, 1.0, Classification.PRANK).model_copy(update={"site": "bogor"}),
    ]
    await record(database, *today, *others)

    found = await counted(database, clock)
    taken = [call for call in today if call.answered_at and call.ending is not Ending.OVERFLOWED]
    waits = [call.queue.wait_seconds for call in taken if call.queue.wait_seconds is not None]
    told = found.today
    assert (told.calls, told.open, told.answered, told.timed) == (214, 2, 204, 203)
    assert told.within == {str(step): sum(wait <= step for wait in waits) for step in (10, 15, 20)}
    assert told.mean_wait_seconds == pytest.approx(fmean(waits))
    assert told.longest_answered_wait_seconds == max(waits)
    endings = (told.abandoned_in_queue, told.abandoned_in_gate, told.never_passed, told.overflowed)
    assert endings == (1, 1, 1, 1)
    assert (told.turned_away, told.refused, told.failed) == (2, 2, 1)

    def said(*words: Classification) -> int:
        return sum(call.classification in words for call in taken)

    word = Classification
    assert (told.emergency, told.information) == (said(word.EMERGENCY), said(word.INFORMATION))
    assert (told.prank, told.silent) == (said(word.PRANK), said(word.GHOST))
    assert told.other == said(word.CHILD, word.WRONG_NUMBER, word.TEST)
    assert told.classified == len(taken) - said(word.UNCLASSIFIED)
    by = {one.agent: one.answered for one in found.by_agent}
    assert by == {name: sum(call.agent == name for call in taken) for name in ("agent1", "agent2", "agent3")}
    assert [one.answered for one in found.by_agent] == sorted(by.values(), reverse=True)


async def test_a_call_taker_has_a_name_when_there_is_an_account(
    database: Database, clock: FixedClock
) -> None:
    since = midnight(ZONE, clock.now_us())
    person = {"id": "u1", "site": SITE, "username": "agent1", "name": "Ratna W.", "role": "agent"}
    async with database.write() as connection:
        await connection.execute(insert(users).values(**person, password_hash="x", created_at=1))
    await record(database, answered(since, 2.0, Classification.TEST))
    await record(database, answered(since, None, Classification.TEST, "gone"))
    found = await counted(database, clock)
    assert {one.agent: one.name for one in found.by_agent} == {"agent1": "Ratna W.", "gone": None}
    gone = next(one for one in found.by_agent if one.agent == "gone")
    assert (gone.talk_seconds, gone.mean_wait_seconds) == (30.0, None)


@pytest.mark.parametrize(
    ("zone", "moment", "begins"),
    [
        ("Asia/Jakarta", "2026-09-21T16:59:59", "2026-09-20T17:00:00"),
        ("Asia/Jakarta", "2026-09-21T17:00:00", "2026-09-21T17:00:00"),
        ("Asia/Jayapura", "2026-09-21T16:59:59", "2026-09-21T15:00:00"),
    ],
)
def test_the_day_begins_at_the_citys_midnight(zone: str, moment: str, begins: str) -> None:
    us = [to_us(datetime.fromisoformat(each).replace(tzinfo=UTC)) for each in (moment, begins)]
    assert midnight(ZoneInfo(zone), us[0]) == us[1]


async def test_only_the_days_calls_are_read(database: Database, clock: FixedClock) -> None:
    since = midnight(ZONE, clock.now_us())
    async with database.read() as connection:
        for query in (store.day_query(SITE, since), store.agents_query(SITE, since)):
            if connection.dialect.name == "postgresql":  # an empty table is read through all the same
                await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            told = await plan_of(connection, query)
            # which of the indexes that begin with site and start is PostgreSQL's choice, by its statistics
            assert "calls_by_start" in told or "started_at >=" in told.partition("Index Cond:")[2], told
            assert not scanned(told, "calls"), told


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_million_calls_cost_no_more_than_todays(database: Database, clock: FixedClock) -> None:
    """A million calls of earlier days, and a busy city's 3,000 of today."""
    since = midnight(ZONE, clock.now_us())
    story = [{"at": since, "what": f"step {n}", "data": {"agent": "agent1"}} for n in range(12)]

    async def put(start: int, count: int, step: int) -> None:
        """Copies of one call, spread over time, waits and call takers."""
        row = row_of(answered(start, 1.0, Classification.EMERGENCY), None, start) | {"timeline": story}
        async with database.write() as connection:
            await multiplied(
                connection,
                row,
                count,
                started_at=f"one.started_at + n * {step}",
                wait_seconds="(n % 40) / 1.5",
                agent="'agent' || CAST(n % 12 AS TEXT)",
            )

    async def median() -> float:
        took = []
        for _ in range(9):
            began = time.perf_counter()
            await counted(database, clock)
            took.append(time.perf_counter() - began)
        return sorted(took)[4] * 1000

    await put(since, 3_000, HOUR // 300)
    alone = await median()
    days = 20 * 24 * HOUR
    for part in range(20, 0, -1):  # a statement with all of them takes PostgreSQL longer than any of ours may
        await put(since - part * days, 50_000, days // 50_001)
    among = await median()
    found = await counted(database, clock)
    assert found.today.calls == 3_000
    tell("board", [f"3,000 calls today: {alone:.1f} ms; beside 1,000,000 older ones: {among:.1f} ms"])
    # reading all of them takes seconds; a margin for a machine that is busy
    assert among < 250
