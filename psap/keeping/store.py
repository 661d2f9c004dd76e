"""SQL of retention: what is due, and its deletion in small steps."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Table, and_, delete, exists, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.keeping.model import Kind
from psap.platform.audit import trim_audit
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
    rosters,
    sessions,
    sign_in_failures,
    state,
    trainings,
)
from psap.recordings.store import held as recording_held


@dataclass(frozen=True, slots=True)
class Rule:
    """One table of a kind: whose ``time`` lies before the horizon and who satisfies ``also`` goes,
    unless ``held``. ``below``: (table, its column) of rows that go with each id."""

    table: Table
    key: Column[str]
    time: ColumnElement[int]
    also: ColumnElement[bool]
    held: ColumnElement[bool]
    below: tuple[tuple[Table, Column[str]], ...] = ()


_incident_held = exists().where(incidents.c.id == calls.c.incident_id, incidents.c.legal_hold)
_block_end = func.coalesce(blocks.c.removed_at, blocks.c.expires_at)
_session_end = func.coalesce(sessions.c.revoked_at, sessions.c.expires_at)

RULES: dict[Kind, tuple[Rule, ...]] = {
    Kind.CALLS: (
        Rule(
            calls,
            calls.c.id,
            calls.c.started_at,
            calls.c.ending.is_not(None),
            or_(calls.c.legal_hold, _incident_held),
            ((missed_calls, missed_calls.c.call_id),),
        ),
    ),
    Kind.MISSED: (
        Rule(
            missed,
            missed.c.id,
            missed.c.last_at,
            missed.c.closed_at.is_not(None),
            missed.c.legal_hold,
            ((missed_calls, missed_calls.c.missed_id), (call_backs, call_backs.c.missed_id)),
        ),
    ),
    Kind.INCIDENTS: (
        Rule(
            incidents,
            incidents.c.id,
            incidents.c.updated_at,
            incidents.c.status != "open",
            incidents.c.legal_hold,
        ),
    ),
    Kind.REPUTATION: (
        Rule(marks, marks.c.id, marks.c.at, marks.c.id.is_not(None), marks.c.legal_hold),
        Rule(blocks, blocks.c.id, _block_end, _block_end.is_not(None), blocks.c.legal_hold),
    ),
    Kind.SESSIONS: (
        Rule(sessions, sessions.c.id, _session_end, _session_end.is_not(None), false()),
        Rule(
            sign_in_failures,
            sign_in_failures.c.key,
            sign_in_failures.c.last_at,
            sign_in_failures.c.key.is_not(None),
            false(),
        ),
    ),
    Kind.RECORDINGS: (
        Rule(
            recordings,
            recordings.c.id,
            recordings.c.started_at,
            recordings.c.id.is_not(None),
            recording_held,
        ),
    ),
    Kind.ROSTERS: (
        Rule(rosters, rosters.c.id, rosters.c.starts_at, rosters.c.id.is_not(None), rosters.c.legal_hold),
    ),
    Kind.TRAININGS: (
        Rule(
            trainings,
            trainings.c.id,
            trainings.c.started_at,
            trainings.c.id.is_not(None),
            trainings.c.legal_hold,
        ),
    ),
}


async def due(connection: AsyncConnection, site: str, kind: Kind, before: int) -> tuple[int, int | None, int]:
    """(rows that are due, the oldest one's time, rows that a legal hold keeps)."""
    if kind is Kind.AUDIT:
        query = select(func.count(), func.min(audit.c.at)).where(audit.c.site == site, audit.c.at < before)
        count, oldest = (await connection.execute(query)).one()
        return count, oldest, 0
    total, first, held = 0, None, 0
    for rule in RULES.get(kind, ()):
        old = and_(rule.table.c.site == site, rule.time < before, rule.also)
        query = select(func.count(), func.min(rule.time)).where(old, not_(rule.held))
        count, oldest = (await connection.execute(query)).one()
        total += count
        first = min(filter(None, (first, oldest)), default=None)
        kept = select(func.count()).select_from(rule.table).where(old, rule.held)
        held += (await connection.execute(kept)).scalar_one()
    return total, first, held


async def drop_some(connection: AsyncConnection, site: str, kind: Kind, before: int, limit: int) -> int:
    """Delete at most ``limit`` due rows of a kind, oldest first; how many went."""
    for rule in RULES.get(kind, ()):
        query = (
            select(rule.key)
            .where(rule.table.c.site == site, rule.time < before, rule.also, not_(rule.held))
            .order_by(rule.time)
            .limit(limit)
        )
        keys = [row[0] for row in await connection.execute(query)]
        if not keys:
            continue
        for table, column in rule.below:
            await connection.execute(delete(table).where(table.c.site == site, column.in_(keys)))
        await connection.execute(delete(rule.table).where(rule.table.c.site == site, rule.key.in_(keys)))
        return len(keys)
    return 0


async def trim_some(
    connection: AsyncConnection, site: str, before: int, limit: int, *, at: int, actor: str
) -> int:
    """Delete at most about ``limit`` of the audit's oldest entries that are due."""
    query = select(audit.c.at).where(audit.c.site == site).order_by(audit.c.seq).offset(limit).limit(1)
    there = await connection.scalar(query)
    return await trim_audit(
        connection, site, before if there is None else min(before, there), at=at, actor=actor
    )


async def remembered(connection: AsyncConnection, site: str) -> int | None:
    """When retention was last applied, UTC microseconds."""
    query = select(state.c.value).where(state.c.site == site, state.c.name == "retention")
    found = await connection.scalar(query)
    return found if isinstance(found, int) else None


async def remember(connection: AsyncConnection, site: str, at: int) -> None:
    """Note that retention was applied now."""
    await connection.execute(delete(state).where(state.c.site == site, state.c.name == "retention"))
    await connection.execute(state.insert().values(site=site, name="retention", value=at))
