"""SQL of recordings: the bridge files them, retention and an erasure take them away."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, exists, or_, select, update
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


_TELL = update(calls).where(calls.c.id == bindparam("call")).values(recording_ids=bindparam("ids"))


async def add_all(connection: AsyncConnection, site: str, made: Sequence[Recording], filed_at: int) -> None:
    """Write recordings, each once however often, and tell their calls."""
    rows = [
        {name: getattr(each, name) for name in _FIELDS} | {"site": site, "filed_at": filed_at}
        for each in made
    ]
    await connection.execute(_insert(connection.dialect.name), rows)
    mine = {each.call_id: each.id for each in made}
    told = []
    for start in range(0, len(made), CHUNK):
        part = [each.call_id for each in made[start : start + CHUNK]]
        query = select(calls.c.id, calls.c.recording_ids).where(calls.c.site == site, calls.c.id.in_(part))
        for call_id, known in await connection.execute(query.with_for_update()):
            if mine[call_id] not in (known or []):
                told.append({"call": call_id, "ids": [*(known or []), mine[call_id]]})
    if told:
        await connection.execute(_TELL, told)


@lru_cache(2)
def _insert(dialect: str) -> Any:
    make: Any = postgres_insert if dialect == "postgresql" else sqlite_insert
    return make(recordings).on_conflict_do_nothing(index_elements=["id"])


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
            rest = [one for one in ids if one != each.id]
            await connection.execute(_TELL, [{"call": each.call_id, "ids": rest}])


async def due(connection: AsyncConnection, site: str, before: int, limit: int) -> list[Recording]:
    """Recordings that began before a moment and that nothing holds, oldest first."""
    query = select(recordings).where(recordings.c.site == site, recordings.c.started_at < before, ~held)
    rows = (await connection.execute(query.order_by(recordings.c.started_at).limit(limit))).mappings()
    return [of_row(row) for row in rows]


def of_row(row: Any) -> Recording:
    """The recording of a row."""
    return Recording.model_validate({name: row[name] for name in _FIELDS})
