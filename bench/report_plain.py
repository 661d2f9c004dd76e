"""The same month, asked plainly of every row: of DuckDB, and of SQLite and PostgreSQL without our days."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import duckdb
from sqlalchemy import text

from psap.platform.clock import from_us
from psap.platform.database import Database
from psap.reports.model import HOUR_US, OPEN, Month, Tally, _of, _shown, begin_of, days_of
from tests.support.many_calls import SITE, ZONE

DAY_US = 24 * HOUR_US  # no summer time in Indonesia
_ANSWERED = "(answered_at IS NOT NULL AND ending IS DISTINCT FROM 'overflowed')"
_ENDINGS = (
    *("answered", "abandoned_in_gate", "no_response", "abandoned_in_queue", "blocked"),
    *("challenge_failed", "overflowed", "failed"),
)

_MONTH = """
SELECT (started_at - $1) // 86400000000 AS day, (started_at - $1) // 3600000000 % 24 AS hour,
       classification, ending, agent, {answered} AS answered,
       CASE WHEN {answered} AND wait_seconds IS NOT NULL
            THEN greatest(0, CAST(floor(wait_seconds * 1000 + 0.5) AS BIGINT)) END AS ms,
       CASE WHEN {answered} THEN agent END AS answered_by
FROM calls WHERE started_at >= $1 AND started_at < $2 AND direction = 'inbound'"""
_FIGURES = """count(*), count(*) FILTER (answered), sum(ms), count(ms),
       quantile_disc((ms + 999) // 1000, 0.9), {endings}, count(*) FILTER (ending IS NULL)"""
_GROUPS = {
    "total": "",
    "by_day": "day",
    "by_hour": "hour",
    "by_category": "classification",
    "by_agent": "answered_by",
}

DuckRows = dict[str, list[tuple[Any, ...]]]


def bounds(asked: date) -> tuple[int, int]:
    """The month's first moment and the moment after its last, UTC microseconds."""
    days = days_of(asked)
    return begin_of(days[0], ZONE), begin_of(days[-1] + timedelta(days=1), ZONE)


def duck_each(duck: duckdb.DuckDBPyConnection, asked: date) -> DuckRows:
    """A query for each grouping, as an analyst would write them."""
    found = {}
    for name, key in _GROUPS.items():
        group = f"GROUP BY {key}" if key else ""
        query = f"SELECT {key or 0}, {_figures()} FROM ({_month()}) {group}"  # noqa: S608
        found[name] = duck.execute(query, list(bounds(asked))).fetchall()
    return _named(found)


def duck_sets(duck: duckdb.DuckDBPyConnection, asked: date) -> DuckRows:
    """All groupings in one pass."""
    keys = [key for key in _GROUPS.values() if key]
    sets = ", ".join(f"({key})" for key in _GROUPS.values())
    query = (
        f"SELECT grouping({', '.join(keys)}), coalesce({', '.join(f'{key}::VARCHAR' for key in keys)}), "  # noqa: S608
        f"{_figures()} FROM ({_month()}) GROUP BY GROUPING SETS ({sets})"
    )
    found: DuckRows = {name: [] for name in _GROUPS}
    every = 2 ** len(keys) - 1
    which = {every: "total"}
    which |= {every - 2 ** (len(keys) - 1 - place): name for place, name in enumerate(list(_GROUPS)[1:])}
    for grouped, key, *figures in duck.execute(query, list(bounds(asked))).fetchall():
        if key is not None and which[grouped] in ("by_day", "by_hour"):
            key = int(key)
        found[which[grouped]].append((0 if which[grouped] == "total" else key, *figures))
    return _named(found)


def _named(found: DuckRows) -> DuckRows:
    """Who is nobody (not answered, or by nobody known) is no group of call takers."""
    return found | {"by_agent": [row for row in found["by_agent"] if row[0] is not None]}


def _month() -> str:
    return _MONTH.format(answered=_ANSWERED)


def _figures() -> str:
    return _FIGURES.format(endings=", ".join(f"count(*) FILTER (ending = '{each}')" for each in _ENDINGS))


def as_month(rows: DuckRows, asked: date) -> dict[str, Any]:
    """DuckDB's rows in the words of ``Month``, groups without calls left out."""
    days = days_of(asked)
    spell: dict[str, Callable[[Any], str]] = {
        "by_day": lambda day: days[day].isoformat(),
        "by_hour": lambda hour: f"{hour:02d}",
    }
    told: dict[str, Any] = {}
    for name, found in rows.items():
        groups = {}
        for key, calls, answered, waited, timed, p90, *ends in found:
            counts = dict(zip((*_ENDINGS, OPEN), ends, strict=True))
            groups[spell.get(name, str)(key)] = {
                "calls": calls,
                "endings": {word: count for word, count in sorted(counts.items()) if count},
                "answered": answered,
                "mean_wait_seconds": int(waited) / timed / 1000 if timed else None,
                "p90_wait_seconds": p90,
            }
        told[name] = groups["0"] if name == "total" else groups
    return told


def as_told(month: Month) -> dict[str, Any]:
    """Our figures in the same shape."""
    told = month.model_dump(exclude={"since", "until"})
    for name in ("by_day", "by_hour", "by_category", "by_agent"):
        told[name] = {key: group for key, group in told[name].items() if group["calls"]}
    return told


_PLAIN = """
SELECT (started_at - {first}) / 3600000000 AS hour, classification, agent, ending, {answered} AS answered,
       {second} AS second, count(*), sum({ms})
FROM calls WHERE site = '{site}' AND started_at >= {first} AND started_at < {last} AND direction = 'inbound'
GROUP BY 1, 2, 3, 4, 5, 6"""


async def ask_plainly(database: Database, asked: date) -> dict[str, Any]:
    """One GROUP BY over the month's rows, put together here: SQLite has no percentile."""
    first, last = bounds(asked)
    distinct = "IS NOT" if database.is_sqlite else "IS DISTINCT FROM"
    answered = f"(answered_at IS NOT NULL AND ending {distinct} 'overflowed')"
    floor = "CAST(wait_seconds * 1000 + 0.5 AS INTEGER)"
    if not database.is_sqlite:
        floor = "CAST(floor(wait_seconds * 1000 + 0.5) AS BIGINT)"
    ms = f"CASE WHEN {answered} THEN {floor} END"
    query = _PLAIN.format(
        first=first, last=last, site=SITE, answered=answered, ms=ms, second=f"({ms} + 999) / 1000"
    )
    async with database.read() as connection:
        rows = (await connection.execute(text(query))).all()
    return as_told(_together(rows, asked))


def _together(rows: Iterable[Any], asked: date) -> Month:
    days = days_of(asked)
    groups: dict[str, dict[str, Tally]] = {name: {} for name in _GROUPS}
    for hour, category, agent, ending, answered, second, count, ms in rows:
        keys = [("total", "0"), ("by_day", days[hour // 24].isoformat()), ("by_hour", f"{hour % 24:02d}")]
        keys.append(("by_category", category))
        if answered and agent is not None:
            keys.append(("by_agent", agent))
        waits = {} if second is None else {str(second): count}
        stored = [{ending or OPEN: count}, count if answered else 0, int(ms or 0), waits]
        for name, key in keys:
            _of(groups[name], key).merge(stored)
    shown = {name: _shown(tallies) for name, tallies in groups.items() if name != "total"}
    return Month(since=days[0], until=days[-1], total=groups["total"]["0"].figures(), **shown)


def today_of(at_us: int) -> date:
    """The city's date of a moment."""
    return from_us(at_us).astimezone(ZONE).date()
