"""SQL about one person: everything under a number, and taking the person out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.keeping.person import Identity
from psap.platform.schema import (
    audit,
    blocks,
    call_backs,
    calls,
    incidents,
    marks,
    missed,
    missed_calls,
    recordings,
)

Rows = list[dict[str, Any]]
GONE = "dihapus / erased"
CHUNK = 500
INCIDENT_TEXTS = (
    *("caller_name", "callback_number", "place", "landmark", "description", "injured", "danger"),
    *("people", "latitude", "longitude", "radius_m", "located_by", "answers", "closing"),
)


def _numbers(table: Any, who: Identity) -> ColumnElement[bool]:
    same = [table.c.number.in_(who.spellings), table.c.e164.in_(who.spellings)]
    if who.key is not None:
        same.append(table.c.number_key == who.key)
    return or_(*same)


def _keyed(table: Any, who: Identity) -> ColumnElement[bool]:
    return false() if who.key is None else table.c.number_key == who.key


async def _rows(connection: AsyncConnection, table: Any, *where: ColumnElement[bool]) -> Rows:
    return [dict(row) for row in (await connection.execute(select(table).where(*where))).mappings()]


async def _among(connection: AsyncConnection, site: str, column: Any, ids: Sequence[str]) -> Rows:
    found: Rows = []
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        found += await _rows(connection, column.table, column.table.c.site == site, column.in_(part))
    return found


async def everything(connection: AsyncConnection, site: str, who: Identity) -> dict[str, Rows]:
    """Every row that is about the person, by table."""
    found: dict[str, Rows] = {
        "calls": await _rows(connection, calls, calls.c.site == site, _numbers(calls, who)),
        "missed": await _rows(connection, missed, missed.c.site == site, _numbers(missed, who)),
        "marks": await _rows(connection, marks, marks.c.site == site, _keyed(marks, who)),
        "blocks": await _rows(connection, blocks, blocks.c.site == site, _keyed(blocks, who)),
    }
    call_ids, missed_ids = [row["id"] for row in found["calls"]], [row["id"] for row in found["missed"]]
    found["recordings"] = await _among(connection, site, recordings.c.call_id, call_ids)
    found["missed_calls"] = await _among(connection, site, missed_calls.c.missed_id, missed_ids)
    found["call_backs"] = await _among(connection, site, call_backs.c.missed_id, missed_ids)
    reports = {row["id"]: row for row in await _among(connection, site, incidents.c.call_id, call_ids)}
    linked = [row["incident_id"] for row in found["calls"] if row["incident_id"]]
    reports |= {row["id"]: row for row in await _among(connection, site, incidents.c.id, linked)}
    named = await _rows(
        connection, incidents, incidents.c.site == site, incidents.c.callback_number.in_(who.spellings)
    )
    reports |= {row["id"]: row for row in named}
    found["incidents"] = list(reports.values())
    sounds = [row["id"] for row in found["recordings"]]
    blocked = [row["id"] for row in found["blocks"]]
    subjects = [*call_ids, *sounds, *missed_ids, *reports, *blocked, who.subject]
    found["audit"] = await _among(connection, site, audit.c.subject, subjects)
    return found


async def _change(connection: AsyncConnection, table: Any, ids: Sequence[str], **values: Any) -> int:
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        await connection.execute(update(table).where(table.c.id.in_(part)).values(**values))
    return len(ids)


async def erase_calls(connection: AsyncConnection, ids: Sequence[str]) -> int:
    """Times, endings, legs and classification stay; who called does not."""
    whom_we_rang = case((calls.c.direction == "outbound", None), else_=calls.c.dialled)
    return await _change(
        connection,
        calls,
        ids,
        number=None,
        e164=None,
        number_key=None,
        dialled=whom_we_rang,
        note=None,
        evidence=[],
        location=None,
    )


async def erase_missed(connection: AsyncConnection, ids: Sequence[str]) -> int:
    return await _change(
        connection, missed, ids, number=None, e164=None, number_key=None, open_key=None, note=None
    )


async def erase_marks(connection: AsyncConnection, ids: Sequence[str], pseudonym: str) -> int:
    return await _change(connection, marks, ids, number_key=pseudonym)


async def erase_blocks(connection: AsyncConnection, ids: Sequence[str], pseudonym: str) -> int:
    return await _change(connection, blocks, ids, number_key=pseudonym, number=pseudonym, reason=GONE)


async def erase_incidents(connection: AsyncConnection, rows: Rows, at: int) -> int:
    """Category, district, times and agencies stay; words about people do not."""
    for row in rows:
        told = [{**each, "note": None} for each in row["dispositions"]]
        await connection.execute(
            update(incidents)
            .where(incidents.c.id == row["id"])
            .values(
                **dict.fromkeys(INCIDENT_TEXTS),
                dispositions=told,
                version=incidents.c.version + 1,
                updated_at=at,
            )
        )
    return len(rows)


async def keys(connection: AsyncConnection, site: str) -> set[str]:
    """Every number key there is, for asking which of them was to be erased."""
    found: set[str] = set()
    for table in (calls, missed, marks, blocks):
        query = select(table.c.number_key).where(
            and_(table.c.site == site, table.c.number_key.is_not(None), func.length(table.c.number_key) > 0)
        )
        found |= {row[0] for row in await connection.execute(query.distinct())}
    return found
