"""What metrics and the page Keadaan count from the records: as counted by hand, alike on both engines."""

from __future__ import annotations

import uuid

from sqlalchemy import insert

from psap.board.count_store import HOUR_US, by_words, hours, open_missed
from psap.calls.model import Classification, Ending, Gate, GateResult, QueueStay
from psap.platform.clock import FixedClock, rfc3339
from psap.platform.database import Database
from psap.platform.schema import missed
from tests.contract.test_store_board import SITE, answered, made, record


async def test_the_day_by_words(database: Database, clock: FixedClock) -> None:
    now = clock.now_us()
    key0 = Gate(result=GateResult.KEY0)
    await record(
        database,
        *(answered(now - at, 3.0, Classification.PRANK) for at in range(3)),
        made(now - 5, ending=Ending.ABANDONED_IN_QUEUE, gate=key0, queue=QueueStay(wait_seconds=40.0)),
        made(now - 6, gate=key0),
        made(now - HOUR_US, ending=Ending.FAILED),
        made(now - 7, ending=Ending.FAILED, direction="outbound"),
        made(now - 8, ending=Ending.FAILED, site="elsewhere"),
    )
    async with database.read() as connection:
        found = await by_words(connection, SITE, now - 1_000)
    assert {word: count for word, count in found["today"].items() if count} == {
        "answered": 3,
        "abandoned_in_queue": 1,
        "open": 1,
    }
    assert {word: count for word, count in found["today_gate"].items() if count} == {"key0": 2}
    assert {word: count for word, count in found["today_kinds"].items() if count} == {"prank": 3}
    assert found["today"]["no_response"] == 0  # nothing, rather than not there


async def test_the_last_hours_with_the_empty_ones(database: Database, clock: FixedClock) -> None:
    now = clock.now_us()
    first = (now // HOUR_US - 3) * HOUR_US
    await record(
        database,
        made(first - 1, ending=Ending.FAILED),
        answered(first, 4.0, Classification.PRANK),
        answered(first + HOUR_US - 1, 8.0, Classification.PRANK),
        made(first + 5, ending=Ending.ABANDONED_IN_QUEUE, queue=QueueStay(wait_seconds=90.0)),
        made(first + 2 * HOUR_US, ending=Ending.OVERFLOWED, answered_at=first + 2 * HOUR_US + 9),
        made(now, ending=None),
    )
    async with database.read() as connection:
        found = await hours(connection, SITE, now, 4)
    assert [hour.at for hour in found] == [rfc3339(first + number * HOUR_US) for number in range(4)]
    assert [(hour.calls, hour.answered, hour.abandoned) for hour in found] == [
        (3, 2, 1),
        (0, 0, 0),
        (1, 0, 0),
        (1, 0, 0),
    ]
    assert [hour.mean_wait_seconds for hour in found] == [6.0, None, None, None]


async def test_who_is_still_to_be_called_back(database: Database, clock: FixedClock) -> None:
    now = clock.now_us()
    statuses = ["open", "open", "claimed", "closed"]
    times = {"first_at": now, "last_at": now, "updated_at": now}
    entry = {"site": SITE, "version": 1, "kind": "mobile", "count": 1, "claim": 0, "attempts": 0}
    lists = {"last": {}, "flags": []}
    rows = [{"id": str(uuid.uuid4()), "status": status, **times, **entry, **lists} for status in statuses]
    async with database.write() as connection:
        await connection.execute(insert(missed), rows)
    async with database.read() as connection:
        assert await open_missed(connection, SITE) == {"open": 2, "claimed": 1, "calling": 0, "unknown": 0}
