"""A month's figures: what the calls say now, whatever was counted before and whoever changed what since."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import OperationalError

from psap.platform.clock import from_us
from psap.platform.database import Database
from psap.platform.schema import calls, report_changes, report_days
from psap.reports import store
from psap.reports.model import Month
from tests.support.many_calls import COLUMNS, HOUR_US, SITE, ZONE, call_rows

FIRST = date(2026, 10, 1)
JSONS = ("gate", "policy", "flags", "legs", "evidence", "recording_ids", "location", "quality", "timeline")


async def put(database: Database, count: int, *, first: date = FIRST, days: int = 31, seed: int = 1) -> None:
    import json

    rows = [dict(zip(COLUMNS, row, strict=True)) for row in call_rows(count, first, days, seed=seed)]
    for row in rows:
        row["uniqueid"] += f"-{seed}"
        row |= {name: None if row[name] is None else json.loads(row[name]) for name in JSONS}
    async with database.write() as connection:
        await connection.execute(insert(calls), rows)


async def plainly(database: Database, first: date = FIRST, zone: ZoneInfo = ZONE) -> dict[str, Any]:
    """The same figures, counted from every row in the most obvious way."""
    query = select(calls).where(calls.c.site == SITE, calls.c.direction == "inbound")
    async with database.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        at = from_us(row["started_at"]).astimezone(zone)
        if (at.year, at.month) != (first.year, first.month):
            continue
        answered = row["answered_at"] is not None and row["ending"] != "overflowed"
        for key in (
            ("total", ""),
            ("by_day", at.date().isoformat()),
            ("by_hour", f"{at.hour:02d}"),
            ("by_category", row["classification"]),
        ):
            groups[key].append((row, answered))
        if answered and row["agent"]:
            groups["by_agent", row["agent"]].append((row, answered))
    found: dict[str, Any] = defaultdict(dict)
    for (kind, name), members in groups.items():
        waits = sorted(
            int(row["wait_seconds"] * 1000 + 0.5)
            for row, answered in members
            if answered and row["wait_seconds"] is not None
        )
        endings: dict[str, int] = defaultdict(int)
        for row, _ in members:
            endings[row["ending"] or "open"] += 1
        nine = waits[-(-9 * len(waits) // 10) - 1] if waits else None
        found[kind][name] = {
            "calls": len(members),
            "endings": dict(endings),
            "answered": sum(answered for _, answered in members),
            "mean_wait_seconds": sum(waits) / len(waits) / 1000 if waits else None,
            "p90_wait_seconds": None if nine is None else -(-nine // 1000),
        }
    return {**found, "total": found["total"].get("")}


def shape(month: Month) -> dict[str, Any]:
    """As ``plainly`` tells it: groups without calls left out."""
    told = month.model_dump(exclude={"since", "until"})
    for kind in ("by_day", "by_hour", "by_category", "by_agent"):
        told[kind] = {name: group for name, group in told[kind].items() if group["calls"]}
    return {name: group for name, group in told.items() if group}


async def right(database: Database, first: date = FIRST) -> Month:
    """Ask, and compare with the rows."""
    month = await store.month(database, SITE, ZONE, first)
    assert shape(month) == await plainly(database, first)
    return month


async def marks(database: Database) -> int:
    async with database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(report_changes)) or 0)


async def revisions(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        rows = await connection.execute(select(report_days.c.day, report_days.c.revision))
        return {row.day: row.revision for row in rows}


async def test_a_month_is_what_its_calls_say(database: Database) -> None:
    await put(database, 600)
    await put(database, 60, first=date(2026, 9, 30), days=1, seed=2)
    await put(database, 60, first=date(2026, 11, 1), days=1, seed=3)
    month = await right(database)
    assert month.total.calls > 550
    assert len(month.by_day) == 31
    assert len(month.by_hour) == 24
    assert (month.since, month.until) == (date(2026, 10, 1), date(2026, 10, 31))
    assert month == await right(database)
    # each day was counted once, and the neighbours' marks wait for their own month
    assert set((await revisions(database)).values()) == {1}
    assert await marks(database) > 0
    await right(database, date(2026, 9, 1))
    await right(database, date(2026, 11, 1))
    assert await marks(database) == 0


async def test_an_empty_month_has_no_figures(database: Database) -> None:
    month = await store.month(database, SITE, ZONE, date(2026, 2, 1))
    assert month.total.calls == 0
    assert month.total.mean_wait_seconds is None
    assert len(month.by_day) == 28


async def change(database: Database, statement: Any) -> None:
    async with database.write() as connection:
        await connection.execute(statement)


async def test_whatever_changes_a_call_changes_the_month_and_only_its_day(database: Database) -> None:
    """Late records, a classification, retention, a call that ends, one whose beginning was put right."""
    await put(database, 400)
    await right(database)
    async with database.read() as connection:
        ids = (await connection.execute(select(calls.c.id).order_by(calls.c.started_at))).scalars().all()
    some = calls.c.id == ids[200]
    steps = [
        update(calls).where(some).values(classification="test"),
        update(calls).where(some).values(ending=None, ended_at=None),
        update(calls)
        .where(some)
        .values(ending="answered", answered_at=1, agent="baru", wait_seconds=61.0005),
        update(calls).where(some).values(wait_seconds=None),
        update(calls).where(some).values(started_at=calls.c.started_at - 26 * HOUR_US),
        update(calls).where(some).values(direction="outbound"),
        delete(calls).where(calls.c.id.in_(ids[100:110])),
        delete(calls).where(calls.c.id == ids[-1]),
    ]
    for step in steps:
        before = await revisions(database)
        await change(database, step)
        assert await marks(database) > 0, step
        await right(database)
        after = await revisions(database)
        changed = [day for day, revision in after.items() if before[day] != revision]
        assert 1 <= len(changed) <= 4, (step, changed)
        assert await marks(database) == 0, step
    await put(database, 3, first=date(2026, 10, 7), days=1, seed=9)  # found in the ledger, days later
    await right(database)


async def test_what_no_report_tells_leaves_no_mark(database: Database) -> None:
    await put(database, 50)
    await right(database)
    await change(database, update(calls).values(note=None, number=None, e164=None, timeline=[], updated_at=5))
    assert await marks(database) == 0
    await right(database)


async def test_who_was_slower_does_not_overwrite_who_was_newer(database: Database) -> None:
    """Two count the same day; between the reading of the one and its keeping, a call changes and another
    counts. What the slower one kept would be wrong for good."""
    await put(database, 100)
    await right(database)
    await change(database, update(calls).values(classification="test"))
    days = store.days_of(FIRST)
    async with database.read() as connection:
        slow = await store._look(connection, SITE, ZONE, days)
        await store._count(connection, SITE, ZONE, [d for d in days if d not in slow.figures], slow)
    await change(database, update(calls).values(classification="child"))
    newer = await right(database)
    await store._keep(database, SITE, ZONE, slow)
    assert await right(database) == newer


async def test_changes_while_it_is_asked_all_the_time(database: Database) -> None:
    """A writer and two askers at once: in the end the figures are the calls'."""
    await put(database, 200)
    chance = random.Random(5)
    async with database.read() as connection:
        ids = (await connection.execute(select(calls.c.id))).scalars().all()

    async def write() -> None:
        for _ in range(60):
            word = chance.choice(["prank", "ghost", "emergency"])
            some = calls.c.id.in_(chance.sample(list(ids), 3))
            await change(database, update(calls).where(some).values(classification=word))

    async def ask() -> None:
        for _ in range(12):
            await store.month(database, SITE, ZONE, FIRST)

    await asyncio.gather(write(), ask(), ask())
    await right(database)
    await store.refresh(database, SITE, ZONE)
    await right(database)


async def test_refreshing_does_away_with_marks(database: Database) -> None:
    await put(database, 120, days=3)
    assert await marks(database) > 0
    assert await store.refresh(database, SITE, ZONE) == 3
    assert await marks(database) == 0
    assert await store.refresh(database, SITE, ZONE) == 0
    await right(database)


@pytest.mark.parametrize("other", ["Asia/Jayapura", "Asia/Kolkata"])
async def test_another_zone_counts_anew(database: Database, other: str) -> None:
    """A city's zone that was put right; Kolkata lies half an hour off."""
    await put(database, 300)
    await right(database)
    zone = ZoneInfo(other)
    for _ in range(2):
        month = await store.month(database, SITE, zone, FIRST)
        assert shape(month) == await plainly(database, zone=zone)
        await change(database, update(calls).values(classification="test"))
    await right(database)


async def test_a_day_that_cannot_be_kept_hinders_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(database, 50)

    async def full(*_: object) -> None:
        raise OperationalError("INSERT", None, OSError(28, "No space left on device"))

    monkeypatch.setattr(store, "_keep", full)
    await right(database)
    await right(database)
