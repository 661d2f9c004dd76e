"""The audit, for administrators: newest first, by person, deed or thing."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Paging, RouteTable, who_may
from console.viewing import VIEWS
from psap.accounts.model import Permission
from psap.platform.audit import Action, read_audit
from psap.platform.clock import rfc3339

table = RouteTable("audit")

SEE = who_may(Permission.SEE_AUDIT)


class AuditEntry(BaseModel):
    """One deed. ``subject`` is an id; a telephone number appears as a keyed hash only."""

    id: str
    seq: int
    at: str | None
    actor: str
    action: str
    subject: str | None
    detail: dict[str, Any]


class AuditList(BaseModel):
    """Entries newest first; ``next`` is the cursor of the following page."""

    items: list[AuditEntry]
    next: str | None


class AuditQuery(Paging):
    """Which entries: by who did it, what was done, and to what (an id)."""

    actor: str | None = Field(None, max_length=64)
    action: Action | None = None
    subject: str | None = Field(None, max_length=128)


class AuditSearch(AuditQuery):
    """Also by telephone number, which never stands in an address: who looked at it?"""

    number: str | None = Field(None, min_length=1, max_length=64)


@table.add(
    "GET",
    "/audit",
    roles=SEE,
    query=AuditQuery,
    answer=AuditList,
    summary=("Jejak audit, terbaru dahulu", "The audit, newest first"),
    problems=("bad_cursor",),
    views=Action.AUDIT_VIEWED,
)
async def list_audit(ask: Ask[None, AuditQuery]) -> AuditList:
    return await _page(ask, ask.query, ask.query.subject)


@table.add(
    "POST",
    "/audit/search",
    roles=SEE,
    body=AuditSearch,
    answer=AuditList,
    summary=("Siapa melihat nomor ini?", "Who looked at this number?"),
    problems=("bad_cursor",),
    views=Action.AUDIT_VIEWED,
)
async def search_audit(ask: Ask[AuditSearch, None]) -> AuditList:
    subject = ask.body.subject
    if ask.body.number is not None:
        subject = ask.request.app[VIEWS].number(ask.body.number)
    return await _page(ask, ask.body, subject)


async def _page(ask: Ask[Any, Any], wanted: AuditQuery, subject: str | None) -> AuditList:
    cursor = wanted.cursor
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Problem("bad_cursor")
    async with ask.parts.database.read() as connection:
        found = await read_audit(
            connection,
            ask.parts.site,
            limit=wanted.limit + 1,
            before=None if cursor is None else int(cursor),
            actor=wanted.actor,
            action=None if wanted.action is None else str(wanted.action),
            subject=subject,
        )
    items = [
        AuditEntry(
            id=entry.id,
            seq=entry.seq,
            at=rfc3339(entry.at),
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            detail=entry.detail,
        )
        for entry in found[: wanted.limit]
    ]
    return AuditList(items=items, next=str(items[-1].seq) if len(found) > wanted.limit else None)
