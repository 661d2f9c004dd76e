"""SQL of recordings: the bridge files them, retention and an erasure take them away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import calls, incidents, recordings
from psap.recordings.model import Recording

CHUNK = 500
_FIELDS = tuple(Recording.model_fields)
# a hold on the call or on its incident holds the recording too
held = or_(
    recordings.c.legal_hold,
    exists().where(calls.c.id == recordings.c.call_id, calls.c.legal_hold),
    exists().where(
        calls.c.id == recordings.c.call_id, incidents.c.id == calls.c.incident_id, incidents.c.legal_hold
    ),
)


async def add(connection: AsyncConnection, site: str, made: Recording, filed_at: int) -> None:
    """Write a recording, once however often, and tell its call."""
    make: Any = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    row = {name: getattr(made, name) for name in _FIELDS} | {"site": site, "filed_at": filed_at}
    await connection.execute(make(recordings).values(**row).on_conflict_do_nothing(index_elements=["id"]))
    query = select(calls.c.recording_ids).where(calls.c.site == site, calls.c.id == made.call_id)
    known = (await connection.execute(query.with_for_update())).first()
    if known is not None and made.id not in (known[0] or []):
        await _tell(connection, made.call_id, [*(known[0] or []), made.id])


async def of_call(connection: AsyncConnection, site: str, call_id: str) -> list[Recording]:
    """A call's recordings, oldest first."""
    query = select(recordings).where(recordings.c.site == site, recordings.c.call_id == call_id)
    rows = (await connection.execute(query.order_by(recordings.c.started_at))).mappings()
    return [of_row(row) for row in rows]


async def get(connection: AsyncConnection, site: str, recording_id: str) -> Recording | None:
    """One recording; None: there is none (any more)."""
    query = select(recordings).where(recordings.c.site == site, recordings.c.id == recording_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else of_row(row)


async def known(connection: AsyncConnection, site: str, ids: Sequence[str]) -> set[str]:
    """Which of these recordings have a row."""
    found: set[str] = set()
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        query = select(recordings.c.id).where(recordings.c.site == site, recordings.c.id.in_(part))
        found |= {row[0] for row in await connection.execute(query)}
    return found


async def drop(connection: AsyncConnection, site: str, found: Sequence[Recording]) -> None:
    """Forget recordings, in their calls too; the files are somebody else's."""
    for each in found:
        await connection.execute(
            delete(recordings).where(recordings.c.site == site, recordings.c.id == each.id)
        )
        query = select(calls.c.recording_ids).where(calls.c.site == site, calls.c.id == each.call_id)
        ids = await connection.scalar(query)
        if ids and each.id in ids:
            await _tell(connection, each.call_id, [one for one in ids if one != each.id])


async def due(connection: AsyncConnection, site: str, before: int, limit: int) -> list[Recording]:
    """Recordings that began before a moment and that nothing holds, oldest first."""
    query = select(recordings).where(recordings.c.site == site, recordings.c.started_at < before, ~held)
    rows = (await connection.execute(query.order_by(recordings.c.started_at).limit(limit))).mappings()
    return [of_row(row) for row in rows]


async def _tell(connection: AsyncConnection, call_id: str, ids: list[str]) -> None:
    await connection.execute(update(calls).where(calls.c.id == call_id).values(recording_ids=ids))


def of_row(row: Any) -> Recording:
    """The recording of a row."""
    return Recording.model_validate({name: row[name] for name in _FIELDS})
