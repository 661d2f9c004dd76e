"""Looking calls up: newest first, page by page. Reads only; the bridge alone writes calls."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select

from psap.calls.model import Call, Classification, Ending
from psap.calls.store import call_of
from psap.platform.database import Database
from psap.platform.schema import calls


class BadCursorError(ValueError):
    """The cursor is not one of ours."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What to look for. ``number_key`` is the normalised key, ``number`` the text as dialled.

    ``since`` (inclusive) and ``until`` (exclusive) are UTC microseconds of the start.
    """

    number: str | None = None
    number_key: str | None = None
    since: int | None = None
    until: int | None = None
    ending: Ending | None = None
    classification: Classification | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class CallPage:
    """One page, newest first; ``next`` continues it, None: that was all."""

    items: list[Call]
    next: str | None


class CallQueries:
    """Questions about recorded calls of one site."""

    def __init__(self, database: Database, site: str) -> None:
        self._database = database
        self._site = site

    async def find(self, wanted: CallFilter, *, limit: int = 100, cursor: str | None = None) -> CallPage:
        """Calls that match, newest first, without their timelines.

        Raises:
            BadCursorError: the cursor is not one of ours.
        """
        query = _filtered(select(*_LISTED).where(calls.c.site == self._site), wanted)
        if cursor is not None:
            started, call_id = decode_cursor(cursor)
            # the first condition is what the index is entered by: a late page costs no more than the first
            query = query.where(
                calls.c.started_at <= started,
                or_(calls.c.started_at < started, calls.c.id < call_id),
            )
        query = query.order_by(calls.c.started_at.desc(), calls.c.id.desc()).limit(limit + 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        found = [call_of({**row, "timeline": []}) for row in rows[:limit]]
        more = len(rows) > limit
        return CallPage(found, encode_cursor(found[-1].started_at, found[-1].id) if more else None)

    async def get(self, call_id: str) -> Call | None:
        """The whole record with its timeline; None if there is none (yet)."""
        query = select(calls).where(calls.c.site == self._site, calls.c.id == call_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else call_of(row)

    async def reachable(self) -> None:
        """Ask the smallest real question; raises what the driver raises when the database is away."""
        async with self._database.read() as connection:
            await connection.execute(select(calls.c.id).limit(1))


_LISTED = [column for column in calls.c if column.name != "timeline"]


def _filtered(query: Select[Any], wanted: CallFilter) -> Select[Any]:
    if wanted.number_key is not None:
        query = query.where(calls.c.number_key == wanted.number_key)
    elif wanted.number is not None:
        # a number without a key: those calls are few, and have an index of their own
        query = query.where(calls.c.number == wanted.number, calls.c.number_key.is_(None))
    if wanted.since is not None:
        query = query.where(calls.c.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(calls.c.started_at < wanted.until)
    if wanted.ending is not None:
        query = query.where(calls.c.ending == wanted.ending)
    if wanted.classification is not None:
        query = query.where(calls.c.classification == wanted.classification)
    if wanted.agent is not None:
        query = query.where(calls.c.agent == wanted.agent)
    return query


def encode_cursor(started_at: int, call_id: str) -> str:
    """An opaque place in the list."""
    raw = json.dumps([started_at, call_id], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """The place a cursor names.

    Raises:
        BadCursorError: not one of ours.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        started, call_id = json.loads(raw)
        uuid.UUID(call_id)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise BadCursorError("not a cursor") from error
    if type(started) is not int or not -(2**63) <= started < 2**63:
        raise BadCursorError("not a cursor")
    return started, call_id
