"""SQL of missed calls and call-backs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping, and_, exists, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.calls.model import Call, Ending
from psap.calls.store import call_of
from psap.missed.model import LOST, Attempt, AttemptState, Missed, Status
from psap.platform.fitting import fitted
from psap.platform.schema import call_backs, calls, incidents, missed, missed_calls

_CALLER = ("number", "e164", "presentation", "kind")
_WORDS = ("status", "last_result", "result")
_PLAIN = tuple(
    column.name
    for column in missed.c
    if column.name not in (*_CALLER, *_WORDS, "open_key", "last", "flags", "retention_class", "legal_hold")
)


def _row(entry: Missed) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name) for name in _PLAIN}
    for name in _WORDS:
        word = getattr(entry, name)
        row[name] = None if word is None else str(word)
    return row | {
        "open_key": None if entry.status is Status.CLOSED else entry.number_key,
        "number": entry.caller.number,
        "e164": entry.caller.e164,
        "presentation": entry.caller.presentation,
        "kind": str(entry.caller.kind),
        "last": entry.last.model_dump(mode="json"),
        "flags": [str(flag) for flag in entry.flags],
    }


def _entry(row: RowMapping) -> Missed:
    values = {name: row[name] for name in (*_PLAIN, *_WORDS, "last", "flags")}
    return Missed.model_validate(values | {"caller": {name: row[name] for name in _CALLER}})


# -- entries


async def insert(connection: AsyncConnection, entry: Missed) -> None:
    """Write a new entry."""
    await connection.execute(missed.insert().values(**fitted(missed, _row(entry))))


async def replace(connection: AsyncConnection, entry: Missed) -> bool:
    """Write a changed entry over the version before it; False when somebody was faster."""
    done = await connection.execute(
        update(missed)
        .where(missed.c.site == entry.site, missed.c.id == entry.id, missed.c.version == entry.version - 1)
        .values(**fitted(missed, _row(entry)))
    )
    return done.rowcount == 1


async def by_id(connection: AsyncConnection, site: str, missed_id: str) -> Missed | None:
    """One entry."""
    query = select(missed).where(missed.c.site == site, missed.c.id == missed_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _entry(row)


async def open_of(connection: AsyncConnection, site: str, key: str) -> Missed | None:
    """The entry of a number that is not closed; there is at most one."""
    query = select(missed).where(missed.c.site == site, missed.c.open_key == key)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _entry(row)


async def find(
    connection: AsyncConnection,
    site: str,
    statuses: Iterable[Status],
    *,
    limit: int,
    after: tuple[int, str] | None,
) -> list[Missed]:
    """Entries by their newest call, newest first, behind ``after`` (that call's time, id)."""
    query = select(missed).where(missed.c.site == site, missed.c.status.in_([str(one) for one in statuses]))
    if after is not None:
        query = query.where(
            missed.c.last_at <= after[0], or_(missed.c.last_at < after[0], missed.c.id < after[1])
        )
    query = query.order_by(missed.c.last_at.desc(), missed.c.id.desc()).limit(limit)
    return [_entry(row) for row in (await connection.execute(query)).mappings()]


# -- which calls they stand for


async def unjudged(
    connection: AsyncConnection, site: str, since: int, limit: int
) -> list[tuple[Call, str | None]]:
    """Lost calls since a time that nobody judged yet, oldest first, each with its number's key."""
    known = exists().where(missed_calls.c.call_id == calls.c.id)
    query = (
        select(calls)
        .where(
            calls.c.site == site,
            calls.c.ending.in_([str(ending) for ending in LOST]),
            calls.c.started_at >= since,
            calls.c.direction == "inbound",
            ~known,
        )
        .order_by(calls.c.started_at)
        .limit(limit)
    )
    return [(call_of(row), row["number_key"]) for row in (await connection.execute(query)).mappings()]


async def link(connection: AsyncConnection, site: str, call_id: str, missed_id: str) -> None:
    """This call is judged; ``missed_id`` empty: it stands in no entry."""
    await connection.execute(missed_calls.insert().values(call_id=call_id, site=site, missed_id=missed_id))


async def calls_of(connection: AsyncConnection, site: str, missed_id: str) -> list[str]:
    """Ids of the calls that an entry stands for, newest first."""
    query = (
        select(calls.c.id)
        .join(missed_calls, missed_calls.c.call_id == calls.c.id)
        .where(missed_calls.c.site == site, missed_calls.c.missed_id == missed_id)
        .order_by(calls.c.started_at.desc())
        .limit(100)
    )
    return [row[0] for row in await connection.execute(query)]


async def answered_since(connection: AsyncConnection, site: str, since: int) -> list[tuple[Missed, str]]:
    """Entries nobody is calling whose number called again since a time and was answered; with that call's
    id. Begins at the calls: of entries that nobody closes there are more each day."""
    query = (
        select(missed, calls.c.id.label("answered_call"))
        .join(
            calls,
            and_(
                calls.c.site == missed.c.site,
                calls.c.number_key == missed.c.open_key,
                calls.c.started_at > missed.c.last_at,
            ),
        )
        .where(
            missed.c.site == site,
            missed.c.status.in_([str(Status.OPEN), str(Status.CLAIMED), str(Status.UNKNOWN)]),
            calls.c.direction == "inbound",
            calls.c.ending.in_([str(Ending.ANSWERED), str(Ending.OVERFLOWED)]),
            calls.c.started_at >= since,
        )
        .order_by(calls.c.started_at)
    )
    rows = (await connection.execute(query)).mappings()
    found = {row["id"]: (_entry(row), str(row["answered_call"])) for row in rows}
    return list(found.values())


async def open_incidents_of(connection: AsyncConnection, site: str, key: str) -> list[tuple[str, str | None]]:
    """(id, category) of the incidents that a number's calls made or were linked to and that are not
    closed, newest first."""
    mine = and_(calls.c.site == site, calls.c.number_key == key)
    found = select(incidents.c.id, incidents.c.category, incidents.c.created_at).where(
        incidents.c.site == site, incidents.c.status != "closed"
    )
    # two questions that an index answers; with OR between them PostgreSQL reads every incident
    both = union(
        found.where(incidents.c.call_id.in_(select(calls.c.id).where(mine))),
        found.where(incidents.c.id.in_(select(calls.c.incident_id).where(mine))),
    )
    query = both.order_by(both.selected_columns.created_at.desc())
    return [(row[0], row[1]) for row in await connection.execute(query)]


async def recent_calls(connection: AsyncConnection, site: str, key: str, since: int) -> list[Call]:
    """A number's newest calls to us since a time, at most 200, whatever came of them."""
    query = (
        select(calls)
        .where(
            calls.c.site == site,
            calls.c.number_key == key,
            calls.c.started_at >= since,
            calls.c.direction == "inbound",
        )
        .order_by(calls.c.started_at.desc())
        .limit(200)
    )
    return [call_of(row) for row in (await connection.execute(query)).mappings()]


# -- call-backs


def _attempt_row(attempt: Attempt) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(attempt, name) for name in Attempt.model_fields}
    return row | {
        "state": str(attempt.state),
        "result": None if attempt.result is None else str(attempt.result),
    }


async def insert_attempt(connection: AsyncConnection, attempt: Attempt) -> None:
    """Write an attempt before anything rings; a second one of the same claim is refused by the index."""
    await connection.execute(call_backs.insert().values(**_attempt_row(attempt)))


async def write_attempt(connection: AsyncConnection, attempt: Attempt) -> None:
    """Write what became of an attempt."""
    await connection.execute(
        update(call_backs).where(call_backs.c.id == attempt.id).values(**_attempt_row(attempt))
    )


async def undecided(connection: AsyncConnection, site: str) -> list[Attempt]:
    """Attempts under way or unknown."""
    query = select(call_backs).where(call_backs.c.site == site, call_backs.c.state != str(AttemptState.DONE))
    return [Attempt.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def unrecorded(connection: AsyncConnection, site: str) -> list[Attempt]:
    """Attempts that a person decided while nobody could close their call's record."""
    query = (
        select(call_backs)
        .join(calls, calls.c.id == call_backs.c.call_id)
        .where(
            call_backs.c.site == site,
            call_backs.c.state == str(AttemptState.DONE),
            calls.c.ending.is_(None),
            calls.c.direction == "outbound",
        )
    )
    return [Attempt.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]


async def attempt_of(connection: AsyncConnection, site: str, missed_id: str, claim: int) -> Attempt | None:
    """The attempt of one claim."""
    query = select(call_backs).where(
        call_backs.c.site == site, call_backs.c.missed_id == missed_id, call_backs.c.claim == claim
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else Attempt.model_validate(dict(row))


async def attempts_of(connection: AsyncConnection, site: str, ids: Sequence[str]) -> dict[str, Attempt]:
    """The newest attempt of each entry that has one."""
    found: dict[str, Attempt] = {}
    for start in range(0, len(ids), 500):
        query = (
            select(call_backs)
            .where(call_backs.c.site == site, call_backs.c.missed_id.in_(ids[start : start + 500]))
            .order_by(call_backs.c.claim)
        )
        for row in (await connection.execute(query)).mappings():
            found[row["missed_id"]] = Attempt.model_validate(dict(row))
    return found
