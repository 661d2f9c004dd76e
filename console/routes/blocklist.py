"""The blocklist: who is held off, why, until when; and how to undo it.

Numbers stand in bodies only. Whoever looks at numbers leaves a trace in the audit.
"""

from __future__ import annotations

import contextlib
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, model_validator

from console.problem import Problem
from console.table import Ask, Body, Moment, Paging, RouteTable, who_may
from psap.accounts.model import Permission
from psap.callers.blocklist import (
    BlocklistError,
    add_block,
    confirm_block,
    key_or_refuse,
    list_blocks,
    remove_block,
)
from psap.callers.model import HOUR_US, Block, Explanation, Words
from psap.callers.service import explain
from psap.calls.queries import BadCursorError
from psap.platform.audit import Action
from psap.platform.clock import to_us
from psap.platform.events import Event, EventType
from psap.platform.hot import HotAwayError

table = RouteTable("blocklist")

DECIDE = who_may(Permission.DECIDE_BLOCKS)
UNITS = {"m": HOUR_US // 60, "h": HOUR_US, "d": 24 * HOUR_US}
USUAL = 24 * HOUR_US  # a block without a word about its end, as most cities do it


class BlockList(BaseModel):
    """Entries newest first."""

    items: list[Block]
    next: str | None


class BlockPaging(Paging):
    """``all``: also what ended or was lifted."""

    all: bool = False


class NumberAsked(Body):
    """A number to be explained."""

    number: str = Field(min_length=1, max_length=64)


class Explained(Explanation):
    """Why a number is treated as it is; ``explanation`` is the reason in words."""

    explanation: Words


def _span(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", value, re.ASCII):
        raise ValueError("a span such as 30m, 24h or 3d")
    return value


class NewBlock(Body):
    """A number to hold off. At most one of ``for`` (24h), ``expires_at`` (null: permanent), ``permanent``;
    none of them: 24 hours."""

    number: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=1, max_length=500)
    span: Annotated[str, AfterValidator(_span)] | None = Field(None, alias="for")
    expires_at: Moment | None = None
    permanent: bool = False
    evidence: list[Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]] = Field([], max_length=50)

    @model_validator(mode="after")
    def _one_end(self) -> NewBlock:
        if (self.span is not None) + (self.expires_at is not None) + self.permanent > 1:
            raise ValueError("one of for, expires_at and permanent")
        return self


@table.add(
    "GET",
    "/blocklist",
    roles=DECIDE,
    query=BlockPaging,
    answer=BlockList,
    summary=("Daftar blokir, terbaru dahulu", "The blocklist, newest first"),
    problems=("bad_cursor",),
    views=Action.NUMBERS_VIEWED,
)
async def list_blocked(ask: Ask[None, BlockPaging]) -> BlockList:
    parts, query = ask.parts, ask.query
    try:
        async with parts.database.read() as connection:
            page = await list_blocks(
                connection,
                parts.site,
                parts.clock.now_us(),
                limit=query.limit,
                cursor=query.cursor,
                all_entries=query.all,
            )
    except BadCursorError:
        raise Problem("bad_cursor") from None
    return BlockList(items=page.items, next=page.next)


@table.add(
    "POST",
    "/blocklist",
    roles=DECIDE,
    body=NewBlock,
    answer=Block,
    status=201,
    summary=("Blokir sebuah nomor", "Block a number"),
    problems=("bad_number", "bad_expiry", "no_reason"),
)
async def add_blocked(ask: Ask[NewBlock, None]) -> Block:
    parts = ask.parts
    try:
        async with parts.database.write() as connection:
            block = await add_block(
                connection,
                parts.site,
                parts.profile,
                parts.clock,
                number=ask.body.number,
                reason=ask.body.reason,
                expires_at=_expiry(ask.body, parts.clock.now_us()),
                author=ask.user.username,
                evidence=list(ask.body.evidence),
            )
    except BlocklistError as error:
        raise _refusal(error) from None
    await _tell(ask, block.id, [block.number_key])
    return block


@table.add(
    "POST",
    "/blocklist/search",
    roles=who_may(Permission.SEE_BLOCKS),
    body=NumberAsked,
    answer=Explained,
    summary=("Jelaskan sebuah nomor, dengan bukti", "Explain a number, with evidence"),
    problems=("bad_number",),
    views=Action.NUMBER_SEARCHED,
)
async def explain_number(ask: Ask[NumberAsked, None]) -> Explained:
    parts = ask.parts
    try:
        key = key_or_refuse(ask.body.number, parts.profile)
    except BlocklistError as error:
        raise _refusal(error) from None
    async with parts.database.read() as connection:
        found = await explain(connection, parts.site, key, parts.clock.now_us(), profile=parts.profile)
    return Explained(**dict(found), explanation=found.words)


@table.add(
    "DELETE",
    "/blocklist/{id}",
    roles=DECIDE,
    status=204,
    summary=("Cabut blokir; tandanya dihapus juga", "Lift a block; its marks are forgiven"),
    problems=("not_found",),
)
async def remove_blocked(ask: Ask[None, None]) -> None:
    parts = ask.parts
    block_id = ask.id
    try:
        async with parts.database.write() as connection:
            lifted = await remove_block(
                connection, parts.site, parts.clock, author=ask.user.username, block_id=block_id
            )
    except BlocklistError as error:
        raise _refusal(error) from None
    await _tell(ask, block_id, sorted({each.number_key for each in lifted}))


@table.add(
    "POST",
    "/blocklist/{id}/confirm",
    roles=DECIDE,
    answer=Block,
    summary=("Setujui blokir tetap", "Confirm a permanent block"),
    problems=("not_found", "not_waiting"),
)
async def confirm_blocked(ask: Ask[None, None]) -> Block:
    parts = ask.parts
    try:
        async with parts.database.write() as connection:
            block = await confirm_block(connection, parts.site, parts.clock, ask.id, ask.user.username)
    except BlocklistError as error:
        raise _refusal(error) from None
    await _tell(ask, block.id, [block.number_key])
    return block


def _expiry(body: NewBlock, now: int) -> int | None:
    """UTC microseconds; None: permanent."""
    if body.expires_at is not None:
        return to_us(body.expires_at)
    if body.span is not None:
        return now + int(body.span[:-1]) * UNITS[body.span[-1]]
    if body.permanent or "expires_at" in body.model_fields_set:
        return None
    return now + USUAL


def _refusal(error: BlocklistError) -> Problem:
    return Problem(error.key, str(error))


async def _tell(ask: Ask[Any, Any], block_id: str, keys: list[str]) -> None:
    """Let the exchange and other pages know. Both catch up by themselves when they are away."""
    await ask.parts.bridge.sync_blocks(keys)
    with contextlib.suppress(HotAwayError):
        event = Event(EventType.BLOCKLIST_CHANGED, ask.parts.clock.now_us(), {"id": block_id})
        await ask.parts.hot.publish(event)
