"""SQL of calls. Only the bridge writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import RowMapping, and_, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.calls.model import Call
from psap.platform.fitting import fitted
from psap.platform.schema import blocks, calls, state

# the database cannot be used now: locked, full, gone. Anything else is the entry's own fault
AWAY_ERRORS = (OperationalError, InterfaceError, OSError, TimeoutError)

Row = dict[str, Any]

# what a person said about a call outlives what the ledger can tell
_PERSONS = ("classification", "classified_by", "note", "incident_id", "evidence")
_PLAIN = (
    *("id", "site", "uniqueid", "direction", "dialled", "started_at", "answered_at", "ended_at", "agent"),
    *("ring_seconds", "talk_seconds", "classified_by", "note", "evidence", "incident_id", "recording_ids"),
)
_FIXED = ("id", "site", "uniqueid", "started_at")
_PARTS = ("gate", "policy", "flags", "legs", "location", "quality", "timeline")
_MOMENTS = ("started_at", "answered_at", "ended_at")
_WORDS = ("ending", "ended_by", "priority", "classification", "source")


def row_of(call: Call, number_key: str | None, updated_at: int) -> Row:
    """A call as its row; a copy, so the call may go on changing. JSON-ready."""
    shown = call.model_dump(mode="json", warnings=False)
    row: Row = {name: shown[name] for name in (*_PLAIN, *_WORDS, *_PARTS)}
    row |= {name: getattr(call, name) for name in _MOMENTS}  # microseconds; shown, they are words
    row |= shown["caller"]
    row |= {
        "number_key": number_key,
        "wait_seconds": call.queue.wait_seconds,
        "updated_at": updated_at,
    }
    return row


def call_of(row: RowMapping | Row) -> Call:
    """The call of a row."""
    values = {name: row[name] for name in (*_PLAIN, *_WORDS)}
    caller = {name: row[name] for name in ("number", "e164", "presentation", "kind")}
    return Call.model_validate(
        values
        | {"caller": caller, "queue": {"wait_seconds": row["wait_seconds"]}}
        | {name: row[name] for name in ("gate", "policy", "flags", "legs", "timeline")}
        # a spool of an older version has none
        | {"location": row.get("location"), "quality": row.get("quality") or []}
    )


async def upsert(connection: AsyncConnection, rows: Iterable[Row]) -> None:
    """Write calls: one row per id, however often. A ledger's row fills only what is not ended,
    and an older word never overwrites a newer one."""
    for (ledger, names), some in groupby(rows, key=_kind):
        fit = [fitted(calls, row) for row in some]  # nothing that a stranger sent keeps a record out
        await connection.execute(_upsert(connection.dialect.name, ledger, names), fit)


def _kind(row: Row) -> tuple[bool, tuple[str, ...]]:
    """Rows alike in this are written alike: from the ledger, and their names (an older spool has fewer)."""
    return row["source"] == "ledger", tuple(row)


@lru_cache(16)
def _upsert(dialect: str, ledger: bool, names: tuple[str, ...]) -> Any:
    """The statement, made once: to build it takes longer than to do it."""
    make: Any = postgres_insert if dialect == "postgresql" else sqlite_insert
    statement = make(calls)
    excluded = statement.excluded
    # which recordings there are is psap.recordings' to say
    changed = {name: excluded[name] for name in names if name not in (*_FIXED, "recording_ids")}
    # an end is never older than a beginning, whatever the clock did in between
    ends = and_(calls.c.ending.is_(None), excluded.ending.is_not(None))
    where = or_(calls.c.updated_at <= excluded.updated_at, ends)
    if ledger:
        changed, told = _by_ledger(excluded, changed)
        where = and_(where, told)
    else:
        # a call that ended never becomes one in progress again
        where = and_(where, (calls.c.ending.is_(None)) | (excluded.ending.is_not(None)))
    return statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=where)


def _by_ledger(excluded: Any, changed: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """What a row from the ledger changes, and where: the facts of a call that has no end yet, or was given
    up as failed when its last line was not written; a person's word, which it has none of, anywhere."""
    given_up = and_(calls.c.ending == "failed", calls.c.source == "ledger", excluded.ending != "failed")
    unknown = or_(calls.c.ending.is_(None), given_up)
    said = [excluded[name].is_not(None) for name in ("classified_by", "note", "incident_id", "location")]
    words = {name: func.coalesce(excluded[name], calls.c[name]) for name in ("note", "incident_id")} | {
        name: case((excluded.classified_by.is_not(None), excluded[name]), else_=calls.c[name])
        for name in ("classification", "classified_by")
    }
    # what the caller's telephone sent us, and what browsers measured, stands in no file of Asterisk's
    words["location"] = func.coalesce(calls.c.location, excluded.location)
    kept = {*_PERSONS, "quality", *words, "updated_at"}
    facts = {
        name: case((unknown, new), else_=calls.c[name]) for name, new in changed.items() if name not in kept
    }
    return facts | words | {"updated_at": excluded.updated_at}, or_(unknown, *said)


async def load(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, tuple[Call, str | None]]:
    """Calls and their number keys by id; unknown ids are left out."""
    found: dict[str, tuple[Call, str | None]] = {}
    for start in range(0, len(ids), 500):
        query = select(calls).where(calls.c.id.in_(ids[start : start + 500]))
        for row in (await connection.execute(query)).mappings():
            found[row["id"]] = (call_of(row), row["number_key"])
    return found


async def open_ids(connection: AsyncConnection, site: str) -> list[str]:
    """Calls to us that have no ending yet; call-backs are followed by ami_bridge/callbacks.py."""
    query = select(calls.c.id).where(
        calls.c.site == site, calls.c.ending.is_(None), calls.c.direction == "inbound"
    )
    return [row[0] for row in await connection.execute(query)]


async def read_state(connection: AsyncConnection, site: str, name: str) -> Any:
    """A small remembered value, None where there is none."""
    query = select(state.c.value).where(state.c.site == site, state.c.name == name)
    return (await connection.execute(query)).scalar_one_or_none()


async def write_state(connection: AsyncConnection, site: str, name: str, value: Any) -> None:
    """Remember a small value."""
    make: Any = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(state).values(site=site, name=name, value=value)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["site", "name"], set_={"value": value})
    )


async def blocks_edges(connection: AsyncConnection, site: str) -> tuple[int | None, int | None]:
    """(newest entry's beginning, newest removal): differs after a change, if the clock only goes forward.

    Two looks at the ends of indexes, however many blocks there are: asked twice a second.
    """
    newest = select(func.max(blocks.c.started_at)).where(blocks.c.site == site).scalar_subquery()
    lifted = select(func.max(blocks.c.removed_at)).where(blocks.c.site == site).scalar_subquery()
    row = (await connection.execute(select(newest, lifted))).one()
    return row[0], row[1]


async def blocks_fingerprint(connection: AsyncConnection, site: str) -> tuple[int, int]:
    """(entries ever made, entries removed): differs after every change that adds or lifts a block.

    Counts all of them: with a million it takes PostgreSQL a tenth of a second and more.
    """
    query = select(func.count(), func.count(blocks.c.removed_at)).where(blocks.c.site == site)
    row = (await connection.execute(query)).one()
    return row[0], row[1]


async def blocks_touched(connection: AsyncConnection, site: str, since: int) -> list[str]:
    """Keys of blocks that were made or lifted since a time (UTC microseconds)."""
    touched = or_(blocks.c.started_at >= since, blocks.c.removed_at >= since)
    query = select(blocks.c.number_key).where(blocks.c.site == site, touched).distinct()
    return [row[0] for row in await connection.execute(query)]
