"""SQL of incidents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.incidents.model import Incident, IncidentFilter
from psap.platform.schema import calls, counters, incidents

_TEXTS = (
    *(incidents.c.number, incidents.c.place, incidents.c.landmark, incidents.c.district),
    *(incidents.c.subdistrict, incidents.c.description, incidents.c.caller_name),
    incidents.c.callback_number,
)


_EMPTY: dict[str, Any] = {"answers": {}, "timeline": []}


def _incident(row: RowMapping) -> Incident:
    values = {name: row[name] for name in Incident.model_fields}
    # an incident of an older version has none of these
    return Incident(**values | {name: empty for name, empty in _EMPTY.items() if values[name] is None})


def row_of(incident: Incident) -> dict[str, Any]:
    """An incident as its row."""
    row: dict[str, Any] = {name: getattr(incident, name) for name in Incident.model_fields}
    return row | {
        "status": str(incident.status),
        "located_by": None if incident.located_by is None else str(incident.located_by),
        "closing": None if incident.closing is None else incident.closing.model_dump(mode="json"),
        "timeline": [each.model_dump(mode="json") for each in incident.timeline],
        "verified": incident.verified.model_dump(mode="json"),
        "dispositions": [each.model_dump(mode="json") for each in incident.dispositions],
    }


async def next_number(connection: AsyncConnection, site: str, name: str, year: int) -> int:
    """The next value of a counter, in the caller's transaction: no gap, no double."""
    make: Any = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(counters).values(site=site, name=name, year=year, value=1)
    statement = statement.on_conflict_do_update(
        index_elements=["site", "name", "year"], set_={"value": counters.c.value + 1}
    ).returning(counters.c.value)
    value: int = (await connection.execute(statement)).scalar_one()
    return value


async def insert(
    connection: AsyncConnection, incident: Incident, idempotency_key: str | None, fingerprint: str | None
) -> None:
    """Write a new incident; ``fingerprint`` is a hash of the body that asked for it."""
    await connection.execute(
        incidents.insert().values(
            **row_of(incident),
            idempotency_key=idempotency_key,
            idempotency_body=None if idempotency_key is None else fingerprint,
        )
    )


async def replace(connection: AsyncConnection, incident: Incident, version: int) -> bool:
    """Write a changed incident over ``version``; False when somebody was faster."""
    done = await connection.execute(
        update(incidents)
        .where(
            incidents.c.site == incident.site,
            incidents.c.id == incident.id,
            incidents.c.version == version,
        )
        .values(**row_of(incident))
    )
    return done.rowcount == 1


async def by_id(connection: AsyncConnection, site: str, incident_id: str) -> Incident | None:
    """One incident."""
    query = select(incidents).where(incidents.c.site == site, incidents.c.id == incident_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _incident(row)


async def recent(connection: AsyncConnection, site: str, since: int, limit: int) -> list[Incident]:
    """Incidents made since a time (UTC microseconds): what is not closed first, then newest first."""
    query = (
        select(incidents)
        .where(incidents.c.site == site, incidents.c.created_at >= since)
        .order_by((incidents.c.status == "closed"), incidents.c.created_at.desc(), incidents.c.id)
        .limit(limit)
    )
    return [_incident(row) for row in (await connection.execute(query)).mappings()]


async def of_number(connection: AsyncConnection, site: str, call_id: str, since: int) -> set[str]:
    """Ids of incidents that calls of the same number reported or were linked to, but not of this call."""
    mine = select(calls.c.number_key).where(calls.c.site == site, calls.c.id == call_id)
    others = select(calls.c.id, calls.c.incident_id).where(
        calls.c.site == site,
        calls.c.number_key == mine.scalar_subquery(),
        calls.c.id != call_id,
        calls.c.started_at >= since,
    )
    rows = (await connection.execute(others)).all()
    found = {row[1] for row in rows if row[1]}
    ids = [row[0] for row in rows]
    for start in range(0, len(ids), 500):
        query = select(incidents.c.id).where(
            incidents.c.site == site, incidents.c.call_id.in_(ids[start : start + 500])
        )
        found |= {row[0] for row in await connection.execute(query)}
    return found


async def linked_to(connection: AsyncConnection, site: str, incident_id: str) -> list[Incident]:
    """Those that belong to an incident."""
    query = select(incidents).where(incidents.c.site == site, incidents.c.linked_to == incident_id)
    return [_incident(row) for row in (await connection.execute(query)).mappings()]


async def by_idempotency_key(
    connection: AsyncConnection, site: str, key: str
) -> tuple[Incident, str | None] | None:
    """(incident, hash of the body that asked for it) of an earlier request with this key."""
    query = select(incidents).where(incidents.c.site == site, incidents.c.idempotency_key == key)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else (_incident(row), row["idempotency_body"])


async def find(
    connection: AsyncConnection,
    site: str,
    wanted: IncidentFilter,
    *,
    limit: int,
    after: tuple[int, str] | None,
) -> list[Incident]:
    """Incidents that match, newest first, behind ``after`` (creation, id)."""
    query = select(incidents).where(incidents.c.site == site)
    for word in (wanted.text or "").split():
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in _TEXTS)))
    if wanted.category is not None:
        query = query.where(incidents.c.category == wanted.category)
    if wanted.status is not None:
        query = query.where(incidents.c.status == str(wanted.status))
    if wanted.call_id is not None:
        query = query.where(incidents.c.call_id == wanted.call_id)
    if wanted.linked_to is not None:
        query = query.where(incidents.c.linked_to == wanted.linked_to)
    if wanted.since is not None:
        query = query.where(incidents.c.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(incidents.c.created_at < wanted.until)
    if after is not None:
        query = query.where(
            incidents.c.created_at <= after[0],
            or_(incidents.c.created_at < after[0], incidents.c.id < after[1]),
        )
    query = query.order_by(incidents.c.created_at.desc(), incidents.c.id.desc()).limit(limit)
    return [_incident(row) for row in (await connection.execute(query)).mappings()]
