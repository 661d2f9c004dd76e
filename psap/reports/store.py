"""SQL of reports: counted days, and counting anew what changed.

A day is counted from its calls once and kept (``report_days``). Marks (``report_changes``, written by
triggers: ``psap.platform.report_marks``) say which hours changed since; their days are counted anew, in the
same moment of the database in which everything else is read, so a report is always what the calls say
now. Keeping a counted day is a second, short transaction that only wins against the day as it was
read: who was faster leaves the marks to the next.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.database import Database
from psap.platform.schema import calls, report_changes, report_days
from psap.reports.model import (
    FORM,
    HOUR_US,
    DayCount,
    Month,
    begin_of,
    day_of_hour,
    days_of,
    month_of,
)

BATCH = 1_000  # calls between two moments in which others may go on
AT_ONCE = 31  # days that ``refresh`` counts in one transaction
CHUNK = 500

_COUNTED = (
    calls.c.started_at,
    calls.c.answered_at,
    calls.c.ending,
    calls.c.agent,
    calls.c.wait_seconds,
    calls.c.classification,
)


@dataclass(slots=True)
class _Seen:
    """What one moment of the database showed. ``revisions``: of the days that are kept."""

    figures: dict[date, dict[str, Any]] = field(default_factory=dict)
    revisions: dict[date, int] = field(default_factory=dict)
    marks: dict[date, list[int]] = field(default_factory=lambda: defaultdict(list))
    counted: set[date] = field(default_factory=set)
    foreign: bool = False  # days of another zone or form are kept


async def month(database: Database, site: str, zone: ZoneInfo, first: date) -> Month:
    """The figures of the month in which ``first`` lies, as the calls are now.

    Raises:
        OperationalError: the database cannot be used now. That a day cannot be kept hinders nothing.
    """
    days = days_of(first)
    async with database.read() as connection:
        seen = await _look(connection, site, zone, days)
        await _count(connection, site, zone, [day for day in days if day not in seen.figures], seen)
    if seen.counted:
        with contextlib.suppress(DBAPIError):  # full, locked, read-only: it is counted again next time
            await _keep(database, site, zone, seen)
    return month_of(seen.figures, first)


async def refresh(database: Database, site: str, zone: ZoneInfo) -> int:
    """Count anew the days that have marks, a month of them at most; how many there were.

    Called now and then, so that marks do not pile up while nobody asks for a report.
    """
    async with database.read() as connection:
        marked = select(report_changes.c.hour).where(report_changes.c.site == site).distinct()
        hours = (await connection.execute(marked)).scalars().all()
        days = sorted({day for hour in hours for day in day_of_hour(hour, zone)})[-AT_ONCE:]
        if not days:
            return 0
        seen = await _look(connection, site, zone, days)
        await _count(connection, site, zone, [day for day in days if day not in seen.figures], seen)
    await _keep(database, site, zone, seen)
    return len(days)


async def _look(connection: AsyncConnection, site: str, zone: ZoneInfo, days: Sequence[date]) -> _Seen:
    """The days that are kept and still right, and the marks of the others."""
    seen, wanted = _Seen(), set(days)
    first, last = begin_of(days[0], zone), begin_of(days[-1] + timedelta(days=1), zone)
    marks = select(report_changes.c.id, report_changes.c.hour).where(
        report_changes.c.site == site,
        report_changes.c.hour >= first // HOUR_US,
        report_changes.c.hour <= last // HOUR_US,
    )
    for mark, hour in await connection.execute(marks):
        for day in day_of_hour(hour, zone):
            seen.marks[day].append(mark)
    kept = select(report_days).where(
        report_days.c.site == site,
        report_days.c.day >= days[0].isoformat(),
        report_days.c.day <= days[-1].isoformat(),
    )
    for row in (await connection.execute(kept)).mappings():
        day = date.fromisoformat(row["day"])
        if day not in wanted:
            continue
        seen.revisions[day] = row["revision"]
        right = row["zone"] == zone.key and row["figures"].get("form") == FORM
        seen.foreign |= not right
        if right and day not in seen.marks:
            seen.figures[day] = row["figures"]
    return seen


async def _count(
    connection: AsyncConnection, site: str, zone: ZoneInfo, days: Sequence[date], seen: _Seen
) -> None:
    """Count days from their calls; neighbours in one go, along the index by start."""
    for run in _runs(days):
        counts = {day: DayCount() for day in run}
        bounds = [begin_of(day, zone) for day in (*run, run[-1] + timedelta(days=1))]
        query = (
            select(*_COUNTED)
            .where(
                calls.c.site == site,
                calls.c.started_at >= bounds[0],
                calls.c.started_at < bounds[-1],
                calls.c.direction == "inbound",
            )
            .order_by(calls.c.started_at)
        )
        place = 0
        result = await connection.stream(query.execution_options(yield_per=BATCH))
        async for rows in result.partitions(BATCH):
            for started_at, *rest in rows:
                while started_at >= bounds[place + 1]:
                    place += 1
                # a day that summer time makes longer ends in its last hour
                hour = min(23, (started_at - bounds[place]) // HOUR_US)
                counts[run[place]].add(hour, *rest)
        seen.figures |= {day: count.stored() for day, count in counts.items()}
        seen.counted |= set(run)


def _runs(days: Sequence[date]) -> Iterable[list[date]]:
    run: list[date] = []
    for day in sorted(days):
        if run and day != run[-1] + timedelta(days=1):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


async def _keep(database: Database, site: str, zone: ZoneInfo, seen: _Seen) -> None:
    """Keep what was counted, where nobody was faster; only then are its marks done with."""
    done: set[int] = set()
    left = {mark for day, marks in seen.marks.items() if day not in seen.counted for mark in marks}
    async with database.write() as connection:
        if seen.foreign:  # the city's zone was changed: nothing that was counted in the old one is right
            await connection.execute(
                delete(report_days).where(report_days.c.site == site, report_days.c.zone != zone.key)
            )
        for day in sorted(seen.counted):
            won = await _put(connection, site, zone, day, seen)
            (done if won else left).update(seen.marks.get(day, ()))
    ids = sorted(done - left)
    for start in range(0, len(ids), CHUNK):  # a mark too many is a day counted once too often, no more
        some = report_changes.c.id.in_(ids[start : start + CHUNK])
        async with database.write() as connection:
            await connection.execute(delete(report_changes).where(some))


async def _put(connection: AsyncConnection, site: str, zone: ZoneInfo, day: date, seen: _Seen) -> bool:
    before = seen.revisions.get(day)
    values = {"zone": zone.key, "figures": seen.figures[day], "revision": (before or 0) + 1}
    mine = (report_days.c.site == site, report_days.c.day == day.isoformat())
    if before is not None:
        changed = await connection.execute(
            update(report_days).where(*mine, report_days.c.revision == before).values(**values)
        )
        if changed.rowcount:
            return True
        if not seen.foreign:
            return False
    make: Any = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(report_days).values(site=site, day=day.isoformat(), **values)
    return bool((await connection.execute(statement.on_conflict_do_nothing())).rowcount)
