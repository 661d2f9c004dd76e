"""Calls: the log, the search, one call's whole story, and the call taker's word on it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Body, Moment, Paging, RouteTable, who_may
from psap.accounts.model import Permission
from psap.callers.numbers import block_key
from psap.calls.model import Call, Classification, Ending
from psap.calls.queries import BadCursorError, CallFilter, CallPage
from psap.platform.audit import Action
from psap.platform.clock import to_us

table = RouteTable("calls")

SEE = who_may(Permission.SEE_CALLS)
CLASSIFY = who_may(Permission.CLASSIFY_OWN)


class CallList(BaseModel):
    """Calls newest first; ``next`` is the cursor of the following page."""

    items: list[Call]
    next: str | None


class CallSearch(Paging):
    """What to look for. ``from`` inclusive, ``to`` exclusive, RFC 3339."""

    number: str | None = Field(None, max_length=64)
    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")
    ending: Ending | None = None
    classification: Classification | None = None
    agent: str | None = Field(None, max_length=64)


class CallWord(Body):
    """What a person says about a call; ``end`` hangs up at once."""

    classification: Classification | None = None
    note: str | None = Field(None, max_length=4_000)
    end: bool = False


@table.add(
    "GET",
    "/calls",
    roles=SEE,
    query=Paging,
    answer=CallList,
    summary=("Panggilan, terbaru dahulu", "Calls, newest first"),
    problems=("bad_cursor",),
    views=Action.NUMBERS_VIEWED,
)
async def list_calls(ask: Ask[None, Paging]) -> CallList:
    return await _page(ask, CallFilter(), ask.query)


@table.add(
    "POST",
    "/calls/search",
    roles=SEE,
    body=CallSearch,
    answer=CallList,
    summary=("Cari panggilan; nomor hanya di isi permintaan", "Search calls; numbers only in the body"),
    problems=("bad_cursor",),
    views=Action.NUMBER_SEARCHED,
)
async def search_calls(ask: Ask[CallSearch, None]) -> CallList:
    body = ask.body
    number = body.number or None
    wanted = CallFilter(
        number=number,
        number_key=block_key(number, ask.parts.profile.area_code),
        since=None if body.since is None else to_us(body.since),
        until=None if body.until is None else to_us(body.until),
        ending=body.ending,
        classification=body.classification,
        agent=body.agent,
    )
    return await _page(ask, wanted, body)


@table.add(
    "GET",
    "/calls/{id}",
    roles=SEE,
    answer=Call,
    summary=("Satu panggilan dengan jalan ceritanya", "One call with its timeline"),
    problems=("not_found",),
    views=Action.CALL_VIEWED,
)
async def get_call(ask: Ask[None, None]) -> Call:
    return await _find(ask)


@table.add(
    "PATCH",
    "/calls/{id}",
    roles=CLASSIFY,
    body=CallWord,
    answer=Call,
    summary=("Golongkan panggilan atau beri catatan", "Classify a call or note something"),
    problems=("not_found", "not_your_call", "bridge_away"),
)
async def classify_call(ask: Ask[CallWord, None]) -> Call:
    return await _say(ask, end=ask.body.end)


@table.add(
    "POST",
    "/calls/{id}/end",
    roles=CLASSIFY,
    body=CallWord,
    body_optional=True,
    answer=Call,
    summary=("Akhiri panggilan sekarang", "End the call at once"),
    problems=("not_found", "not_your_call", "bridge_away"),
)
async def end_call(ask: Ask[CallWord, None]) -> Call:
    return await _say(ask, end=True)


async def own_call(ask: Ask[Any, Any]) -> Call:
    """The call of the path, where it is the asker's own or the asker's to decide.

    Raises:
        Problem: not_found, not_your_call.
    """
    return await _theirs(ask, end=False)


async def _page(ask: Ask[Any, Any], wanted: CallFilter, paging: Paging) -> CallList:
    try:
        page: CallPage = await ask.parts.calls.find(wanted, limit=paging.limit, cursor=paging.cursor)
    except BadCursorError:
        raise Problem("bad_cursor") from None
    return CallList(items=page.items, next=page.next)


async def _find(ask: Ask[Any, Any]) -> Call:
    """The call as it stands: what happens now is known to the bridge before it is written."""
    call_id = ask.id
    found = await ask.parts.calls.get(call_id)
    if found is not None and found.ending is not None:
        return found
    try:
        snapshot = await ask.parts.bridge.snapshot()
    except Problem:
        if found is None:
            raise Problem("not_found") from None
        return found
    for call in snapshot["calls"]:
        if call["id"] == call_id:
            return Call.model_validate(call)
    # it may have ended, and been written, between the two questions
    found = await ask.parts.calls.get(call_id)
    if found is None:
        raise Problem("not_found")
    return found


async def _say(ask: Ask[CallWord, None], *, end: bool) -> Call:
    """Hand a person's word to the bridge, the only writer of calls."""
    body = ask.body
    if not ask.user.may(Permission.CLASSIFY_ALL):
        await _theirs(ask, end=end)
    result = await ask.parts.bridge.command(
        "call.classify",
        call_id=ask.id,
        classification=None if body.classification is None else str(body.classification),
        note=body.note,
        by=ask.user.username,
        end=end,
    )
    return Call.model_validate(result)


async def _theirs(ask: Ask[Any, Any], *, end: bool) -> Call:
    """The call of the path, where the asker may speak of it, or with ``end`` end it. Raises Problem."""
    call = await _find(ask)
    if ask.user.may(Permission.CLASSIFY_ALL) or _may_say(call, ask.user.username, end=end):
        return call
    call = await _now(ask, call)  # who has just answered may be news to what was remembered
    if not _may_say(call, ask.user.username, end=end):
        raise Problem("not_your_call")
    return call


async def _now(ask: Ask[Any, Any], call: Call) -> Call:
    """A call in progress as the bridge has it this very moment."""
    if call.ending is not None:
        return call
    snapshot = await ask.parts.bridge.command("snapshot")
    found = next((each for each in snapshot["calls"] if each["id"] == call.id), None)
    return call if found is None else Call.model_validate(found)


def _may_say(call: Call, username: str, *, end: bool) -> bool:
    """A word is for who answered; the end of what goes on only for who is still in the conversation."""
    if not end or call.ending is not None:
        return _is_theirs(call, username)
    return any(leg.agent == username and leg.answered_at and leg.talk_seconds is None for leg in call.legs)


def _is_theirs(call: Call, username: str) -> bool:
    """Whose telephone only rang has no part in it: the conversation is somebody else's."""
    return any(leg.agent == username and leg.answered_at for leg in call.legs)
