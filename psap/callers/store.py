"""SQL of reputation: marks and blocks."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.callers.model import DAY_US, EMERGENCY_DAYS, SYSTEM, Block, Mark, MarkKind, Origin
from psap.platform.schema import blocks, calls, incidents, marks

CHUNK = 500  # values in one IN (...): SQLite's own limit is far above, PostgreSQL's too


def _block(row: RowMapping) -> Block:
    return Block(**{name: row[name] for name in Block.model_fields})


def _active(now_us: int) -> ColumnElement[bool]:
    return and_(
        blocks.c.removed_at.is_(None), or_(blocks.c.expires_at.is_(None), blocks.c.expires_at > now_us)
    )


async def mark_of_call(connection: AsyncConnection, site: str, call_id: str) -> Mark | None:
    """The mark that a call gave, if any."""
    query = select(marks).where(marks.c.site == site, marks.c.call_id == call_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _mark(row)


def _mark(row: RowMapping) -> Mark:
    return Mark(call_id=row["call_id"], kind=MarkKind(row["kind"]), author=row["author"], at=row["at"])


async def put_mark(connection: AsyncConnection, site: str, key: str, mark: Mark, *, new: bool) -> None:
    """Write a call's mark; a changed one keeps its time, so that a correction restarts nothing."""
    if new:
        await connection.execute(
            insert(marks).values(
                id=str(uuid.uuid4()),
                site=site,
                number_key=key,
                call_id=mark.call_id,
                kind=str(mark.kind),
                author=mark.author,
                at=mark.at,
            )
        )
    else:
        await connection.execute(
            update(marks)
            .where(marks.c.site == site, marks.c.call_id == mark.call_id)
            .values(kind=str(mark.kind), author=mark.author)
        )


async def drop_mark(connection: AsyncConnection, site: str, call_id: str) -> None:
    """Take a call's mark away."""
    await connection.execute(delete(marks).where(marks.c.site == site, marks.c.call_id == call_id))


async def marks_since(connection: AsyncConnection, site: str, key: str, since: int) -> list[Mark]:
    """Marks of a number after a time, oldest first; those before a person lifted its blocks are forgiven."""
    lifted = await connection.scalar(
        select(func.max(blocks.c.removed_at)).where(
            blocks.c.site == site, blocks.c.number_key == key, blocks.c.removed_by.not_like(f"{SYSTEM}%")
        )
    )
    query = (
        select(marks)
        .where(marks.c.site == site, marks.c.number_key == key, marks.c.at > max(since, lifted or 0))
        .order_by(marks.c.at)
    )
    return [_mark(row) for row in (await connection.execute(query)).mappings()]


async def had_emergency(
    connection: AsyncConnection, site: str, key: str, since: int, without_call: str | None
) -> bool:
    """Whether a call of this number since ``since`` was a real emergency."""
    query = (
        select(calls.c.id)
        .where(
            calls.c.site == site,
            calls.c.number_key == key,
            calls.c.started_at > since,
            calls.c.classification == "emergency",
        )
        .limit(1)
    )
    if without_call is not None:
        query = query.where(calls.c.id != without_call)
    return (await connection.execute(query)).first() is not None


async def blocks_of(connection: AsyncConnection, site: str, key: str, limit: int = 100) -> list[Block]:
    """Every entry of a number, newest first."""
    query = (
        select(blocks)
        .where(blocks.c.site == site, blocks.c.number_key == key)
        .order_by(blocks.c.started_at.desc(), blocks.c.id.desc())
        .limit(limit)
    )
    return [_block(row) for row in (await connection.execute(query)).mappings()]


async def block_by_id(connection: AsyncConnection, site: str, block_id: str) -> Block | None:
    """One entry."""
    query = select(blocks).where(blocks.c.site == site, blocks.c.id == block_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _block(row)


async def active_blocks(
    connection: AsyncConnection, site: str, keys: Collection[str] | None, now_us: int
) -> list[Block]:
    """Entries that count now, of some numbers or (None) of all."""
    mine = and_(blocks.c.site == site, _active(now_us))
    if keys is None:
        return [_block(row) for row in (await connection.execute(select(blocks).where(mine))).mappings()]
    found: list[Block] = []
    wanted = sorted(keys)
    for start in range(0, len(wanted), CHUNK):
        query = select(blocks).where(mine, blocks.c.number_key.in_(wanted[start : start + CHUNK]))
        found.extend(_block(row) for row in (await connection.execute(query)).mappings())
    return found


PUSHED = (
    blocks.c.number_key,
    blocks.c.expires_at,
    blocks.c.rung,
    blocks.c.treatment,
    blocks.c.id,
)


async def stream_active(
    connection: AsyncConnection, site: str, now_us: int
) -> AsyncIterator[tuple[str, int | None, int, str, str]]:
    """(key, expiry, rung, treatment, id) of every entry that counts: plain rows, there may be 100,000."""
    result = await connection.execute(select(*PUSHED).where(blocks.c.site == site, _active(now_us)))
    for row in result:
        yield row[0], row[1], row[2], row[3], row[4]


async def insert_blocks(connection: AsyncConnection, site: str, rows: Sequence[Block]) -> None:
    """Write new entries."""
    if rows:
        await connection.execute(
            insert(blocks),
            [
                {name: getattr(row, name) for name in Block.model_fields}
                | {"site": site, "origin": str(row.origin)}
                for row in rows
            ],
        )


async def insert_rows(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new entries given as rows: an import has 100,000 of them."""
    await connection.execute(insert(blocks), list(rows))


async def end_ladder(connection: AsyncConnection, site: str, key: str, at: int, by: str) -> None:
    """Take the ladder's present entry back."""
    await connection.execute(
        update(blocks)
        .where(
            blocks.c.site == site,
            blocks.c.number_key == key,
            blocks.c.origin == str(Origin.LADDER),
            blocks.c.removed_at.is_(None),
        )
        .values(removed_at=at, removed_by=by)
    )


async def lift(connection: AsyncConnection, site: str, key: str, at: int, by: str) -> None:
    """A person lifts everything that is held against a number, also what has run out:
    marks up to now are forgiven."""
    await connection.execute(
        update(blocks)
        .where(blocks.c.site == site, blocks.c.number_key == key, blocks.c.removed_at.is_(None))
        .values(removed_at=at, removed_by=by)
    )


async def make_permanent(connection: AsyncConnection, site: str, block_id: str) -> None:
    """A supervisor confirmed it."""
    await connection.execute(
        update(blocks)
        .where(blocks.c.site == site, blocks.c.id == block_id)
        .values(expires_at=None, awaits_confirmation=False)
    )


async def page(
    connection: AsyncConnection,
    site: str,
    now_us: int,
    *,
    limit: int,
    after: tuple[int, str] | None,
    all_entries: bool,
) -> list[Block]:
    """Entries, newest first, behind ``after`` (start, id)."""
    query = select(blocks).where(blocks.c.site == site)
    if not all_entries:
        query = query.where(_active(now_us))
    if after is not None:
        query = query.where(
            blocks.c.started_at <= after[0],
            or_(blocks.c.started_at < after[0], blocks.c.id < after[1]),
        )
    query = query.order_by(blocks.c.started_at.desc(), blocks.c.id.desc()).limit(limit)
    return [_block(row) for row in (await connection.execute(query)).mappings()]


@dataclass(frozen=True, slots=True)
class Known:
    """How much there is about a number: what is 0 or False need not be asked for."""

    calls: int
    short: int  # answered calls of the last day that were shorter than a given time
    failed: int  # challenges not passed, last 30 days
    confirmed: int  # calls that a person called prank or ghost, last 30 days
    emergency: bool  # one of its calls was real, since a given time
    marks: bool
    blocks: bool
    incidents: bool


# Made once: to build these takes longer than to ask them.
_SITE: BindParameter[str] = bindparam("site")
_KEY: BindParameter[str] = bindparam("key")
_MINE = and_(calls.c.site == _SITE, calls.c.number_key == _KEY)
# a short call-back says nothing against whom we rang
_CAME = and_(_MINE, calls.c.direction == "inbound")
_MARKED = and_(marks.c.site == _SITE, marks.c.number_key == _KEY)
_REPORTED = and_(calls.c.site == incidents.c.site, calls.c.id == incidents.c.call_id)
_KNOWN = select(
    select(func.count()).select_from(calls).where(_MINE).scalar_subquery(),
    select(func.count())
    .select_from(calls)
    .where(
        _CAME,
        calls.c.started_at >= bindparam("day"),
        calls.c.ending == "answered",
        calls.c.talk_seconds < bindparam("short"),
    )
    .scalar_subquery(),
    select(func.count())
    .select_from(calls)
    .where(_CAME, calls.c.started_at >= bindparam("month"), calls.c.ending == "challenge_failed")
    .scalar_subquery(),
    select(func.count())
    .select_from(marks)
    .where(_MARKED, marks.c.at >= bindparam("month"), marks.c.kind != "no_response")
    .scalar_subquery(),
    exists().where(_MINE, calls.c.started_at > bindparam("long"), calls.c.classification == "emergency"),
    exists().where(_MARKED),
    exists().where(blocks.c.site == _SITE, blocks.c.number_key == _KEY),
    exists().where(_MINE, _REPORTED),
)
_PAST_CALLS = (
    select(calls.c.id, calls.c.started_at, calls.c.ending, calls.c.classification)
    .where(_MINE)
    .order_by(calls.c.started_at.desc())
    .limit(bindparam("most"))
)
_PAST_INCIDENTS = (
    select(
        incidents.c.id,
        incidents.c.number,
        incidents.c.category,
        incidents.c.status,
        incidents.c.created_at,
    )
    .join(calls, _REPORTED)
    .where(incidents.c.site == _SITE, calls.c.number_key == _KEY)
    .order_by(incidents.c.created_at.desc())
    .limit(bindparam("most"))
)


async def known_of(
    connection: AsyncConnection, site: str, key: str, now_us: int, *, short_seconds: float = 0.0
) -> Known:
    """What there is about a number, in one question."""
    values = {
        "site": site,
        "key": key,
        "short": short_seconds,
        "day": now_us - DAY_US,
        "month": now_us - 30 * DAY_US,
        "long": now_us - EMERGENCY_DAYS * DAY_US,
    }
    found = (await connection.execute(_KNOWN, values)).one()
    return Known(*found[:4], *map(bool, found[4:]))


async def past_calls(connection: AsyncConnection, site: str, key: str, limit: int) -> Sequence[Any]:
    """The newest calls of a number: id, started_at, ending, classification."""
    return (await connection.execute(_PAST_CALLS, {"site": site, "key": key, "most": limit})).all()


async def past_incidents(connection: AsyncConnection, site: str, key: str, limit: int) -> Sequence[Any]:
    """The newest incidents that calls of a number reported: id, number, category, status, created_at."""
    return (await connection.execute(_PAST_INCIDENTS, {"site": site, "key": key, "most": limit})).all()
