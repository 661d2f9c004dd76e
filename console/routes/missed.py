"""Missed calls: the list, who takes an entry, the call-back, and a person's decision.

Numbers never stand in a URL. A call taker sees a number whole once the entry is theirs.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Body, Paging, RouteTable, who_may
from console.visibility import SEES_ALL, masked
from psap.accounts.model import Permission
from psap.callers.service import history
from psap.calls.queries import BadCursorError
from psap.missed import queries, service
from psap.missed.model import Attempt, Closing, Missed, MissedError, Status
from psap.platform.audit import Action
from psap.platform.events import Event, EventType
from psap.platform.hot import HotAwayError

table = RouteTable("missed")

SEE = who_may(Permission.SEE_MISSED)
CALL = who_may(Permission.CALL_BACK)
CLOSE = who_may(Permission.CLOSE_MISSED)
STATE = ("not_found", "closed", "claimed", "already_calling", "conflict")
BEFORE_RINGING = (
    *("undecided", "not_reachable", "confirm_needed", "on_the_line", "no_trunk"),
    *("no_phone", "phone_away", "agent_busy", "asterisk_away", "bridge_away", "database_away"),
)


class MissedShown(Missed):
    """An entry with its newest call-back."""

    attempt: Attempt | None = None


class MissedWhole(MissedShown):
    """An entry with its calls and what is known of its number; null where that is not one's own."""

    calls: list[str] = Field(default_factory=list, description="ids, newest first")
    history: dict[str, Any] | None = None


class MissedList(BaseModel):
    """Entries by their newest call, newest first."""

    items: list[MissedShown]
    next: str | None


class MissedQuery(Paging):
    """``status`` of the entries; left out: all that are not closed."""

    status: Status | None = None


class Dial(Body):
    """``confirm``: this caller may be hiding, and is rung all the same."""

    confirm: bool = False


class Decision(Body):
    """A person's word. ``reached``: in another way, or after all; nothing is dialled."""

    result: Literal[Closing.REACHED, Closing.NOT_REACHED, Closing.NOT_NEEDED]
    note: str | None = Field(None, max_length=1_000)


@table.add(
    "GET",
    "/missed",
    roles=SEE,
    query=MissedQuery,
    answer=MissedList,
    summary=("Panggilan tak terjawab, terbaru dahulu", "Missed calls, newest first"),
    problems=("bad_cursor",),
    views=Action.NUMBERS_VIEWED,
)
async def list_missed(ask: Ask[None, MissedQuery]) -> MissedList:
    query = ask.query
    statuses = queries.OPEN if query.status is None else (query.status,)
    try:
        async with ask.parts.database.read() as connection:
            page = await queries.find_missed(
                connection, ask.parts.site, statuses, limit=query.limit, cursor=query.cursor
            )
    except BadCursorError:
        raise Problem("bad_cursor") from None
    items = [_shown(ask, entry, page.attempts.get(entry.id)) for entry in page.items]
    return MissedList(items=items, next=page.next)


@table.add(
    "GET",
    "/missed/{id}",
    roles=SEE,
    answer=MissedWhole,
    summary=("Satu nomor tak terjawab dengan riwayatnya", "One missed number with its history"),
    problems=("not_found",),
    views=Action.MISSED_VIEWED,
)
async def get_missed(ask: Ask[None, None]) -> MissedWhole:
    parts, missed_id = ask.parts, ask.id
    with _refusals():
        async with parts.database.read() as connection:
            entry, attempt, calls = await queries.get_missed(connection, parts.site, missed_id)
            known = None
            if _sees(ask, entry):
                known = await history(
                    connection,
                    parts.site,
                    entry.number_key,
                    now_us=parts.clock.now_us(),
                    profile=parts.profile,
                )
    shown = _shown(ask, entry, attempt).model_dump(exclude={"reachable"})
    return MissedWhole.model_validate(
        shown | {"number_key": entry.number_key, "attempt": attempt, "calls": calls, "history": known}
    )


@table.add(
    "POST",
    "/missed/{id}/claim",
    roles=CALL,
    answer=MissedShown,
    summary=("Ambil untuk ditelepon balik", "Take it, to call back"),
    problems=(*STATE, "undecided"),
)
async def claim_missed(ask: Ask[None, None]) -> MissedShown:
    missed_id = ask.id
    async with _writing(ask) as connection:
        entry = await service.claim(
            connection, ask.parts.site, missed_id, ask.user.username, ask.parts.clock.now_us()
        )
    return await _told(ask, entry)


@table.add(
    "POST",
    "/missed/{id}/call",
    roles=CALL,
    body=Dial,
    body_optional=True,
    answer=MissedShown,
    status=202,
    summary=("Telepon balik: telepon petugas dahulu", "Call back: the call taker's telephone first"),
    problems=(*STATE, *BEFORE_RINGING),
)
async def call_missed(ask: Ask[Dial, None]) -> MissedShown:
    missed_id = ask.id
    if ask.parts.settings.trunk_proxy is None:
        raise Problem("no_trunk")
    # the bridge claims, writes the attempt down and rings; whatever becomes of this request, once
    started = await ask.parts.bridge.command(
        "call_back.start", missed_id=missed_id, agent=ask.user.username, confirm=ask.body.confirm
    )
    async with ask.parts.database.read() as connection:
        entry, attempt, _ = await queries.get_missed(connection, ask.parts.site, started["id"])
    return _shown(ask, entry, attempt)


@table.add(
    "POST",
    "/missed/{id}/release",
    roles=CLOSE,
    answer=MissedShown,
    summary=("Lepaskan kembali ke daftar", "Give it back to the list"),
    problems=STATE,
)
async def release_missed(ask: Ask[None, None]) -> MissedShown:
    missed_id = ask.id
    async with _writing(ask) as connection:
        entry = await service.release(
            connection,
            ask.parts.site,
            missed_id,
            ask.user.username,
            ask.parts.clock.now_us(),
            anybodys=ask.user.may(Permission.DECIDE_MISSED),
        )
    return await _told(ask, entry)


@table.add(
    "POST",
    "/missed/{id}/close",
    roles=CLOSE,
    body=Decision,
    answer=MissedShown,
    summary=("Tutup dengan keputusan petugas", "Close it by a person's decision"),
    problems=STATE,
)
async def close_missed(ask: Ask[Decision, None]) -> MissedShown:
    missed_id = ask.id
    async with _writing(ask) as connection:
        entry = await service.close(
            connection,
            ask.parts.site,
            missed_id,
            ask.user.username,
            ask.parts.clock.now_us(),
            result=ask.body.result,
            note=ask.body.note,
            anybodys=ask.user.may(Permission.DECIDE_MISSED),
        )
    return await _told(ask, entry)


def _sees(ask: Ask[Any, Any], entry: Missed) -> bool:
    return ask.user.role in SEES_ALL or entry.claimed_by == ask.user.username


def _shown(ask: Ask[Any, Any], entry: Missed, attempt: Attempt | None) -> MissedShown:
    """An entry as this person may see it."""
    data = entry.model_dump(exclude={"reachable"}) | {"number_key": entry.number_key}
    if not _sees(ask, entry):
        data = masked(data)
    return MissedShown.model_validate(data | {"attempt": attempt})


@contextlib.contextmanager
def _refusals() -> Any:
    try:
        yield
    except MissedError as error:
        raise Problem(error.key, str(error)) from None


@asynccontextmanager
async def _writing(ask: Ask[Any, Any]) -> AsyncIterator[Any]:
    with _refusals():
        async with ask.parts.database.write() as connection:
            yield connection


async def _told(ask: Ask[Any, Any], entry: Missed) -> MissedShown:
    """Let other pages know; without Redis they poll."""
    data = entry.shown() | {"agent": entry.claimed_by}
    with contextlib.suppress(HotAwayError):
        await ask.parts.hot.publish(Event(EventType.MISSED_CHANGED, ask.parts.clock.now_us(), data))
    async with ask.parts.database.read() as connection:
        _, attempt, _ = await queries.get_missed(connection, ask.parts.site, entry.id)
    return _shown(ask, entry, attempt)
