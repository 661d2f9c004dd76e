"""SQL of what the records say in numbers: the day by words, the last hours, who is still to be called back.

Walks ``calls_by_start`` over a day at most, and ``missed_by_status`` over what is open.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import BigInteger, and_, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.board.model import Hour
from psap.calls.model import Classification, Ending, GateResult
from psap.missed.model import Status
from psap.platform.clock import rfc3339
from psap.platform.schema import calls, missed

HOUR_US = 3_600_000_000
OPEN = "open"


async def by_words(connection: AsyncConnection, site: str, since: int) -> dict[str, dict[str, int]]:
    """``{"today": {ending: n}, "today_gate": {result: n}, "today_kinds": {classification: n}}`` since."""
    gate = calls.c.gate["result"].as_string()
    answered = calls.c.answered_at.is_not(None)
    query = (
        select(calls.c.ending, gate, calls.c.classification, answered, func.count())
        .where(calls.c.site == site, calls.c.started_at >= since, calls.c.direction == "inbound")
        .group_by(calls.c.ending, gate, calls.c.classification, answered)
    )
    # every word is there: a figure that begins at nothing grows, one that was not there appears
    endings = Counter(dict.fromkeys((*map(str, Ending), OPEN), 0))
    results = Counter(dict.fromkeys(map(str, GateResult), 0))
    kinds = Counter(dict.fromkeys(map(str, Classification), 0))
    for ending, result, kind, spoken, count in await connection.execute(query):
        endings[ending or OPEN] += count
        if result is not None:
            results[result] += count
        if spoken:
            kinds[kind] += count
    return {"today": dict(endings), "today_gate": dict(results), "today_kinds": dict(kinds)}


async def hours(connection: AsyncConnection, site: str, now_us: int, count: int) -> list[Hour]:
    """The last ``count`` hours of the clock (UTC), oldest first, the current one last; empty ones too."""
    first = (now_us // HOUR_US - count + 1) * HOUR_US
    # a literal of the column's own width: the engines divide whole numbers alike then
    hour = (calls.c.started_at - literal(first, BigInteger)) // literal(HOUR_US, BigInteger)
    answered = and_(
        calls.c.answered_at.is_not(None),
        or_(calls.c.ending.is_(None), calls.c.ending != str(Ending.OVERFLOWED)),
    )
    place = cast(hour, BigInteger).label("place")
    query = (
        select(
            place,
            func.count(),
            func.count().filter(answered),
            func.count().filter(calls.c.ending == str(Ending.ABANDONED_IN_QUEUE)),
            func.avg(calls.c.wait_seconds).filter(answered),
        )
        .where(calls.c.site == site, calls.c.started_at >= first, calls.c.direction == "inbound")
        .group_by(place)
    )
    rows: dict[int, Any] = {int(row[0]): row for row in await connection.execute(query)}
    made = []
    for number in range(count):
        row = rows.get(number)
        made.append(
            Hour(
                at=rfc3339(first + number * HOUR_US),
                calls=row[1] if row else 0,
                answered=row[2] if row else 0,
                abandoned=row[3] if row else 0,
                mean_wait_seconds=None if row is None or row[4] is None else float(row[4]),
            )
        )
    return made


async def open_missed(connection: AsyncConnection, site: str) -> dict[str, int]:
    """How many missed callers are in each status but closed."""
    query = (
        select(missed.c.status, func.count())
        .where(missed.c.site == site, missed.c.status.in_(_OPEN))
        .group_by(missed.c.status)
    )
    found = {str(status): int(count) for status, count in await connection.execute(query)}
    return {word: found.get(word, 0) for word in _OPEN}


_OPEN = tuple(str(word) for word in Status if word is not Status.CLOSED)
