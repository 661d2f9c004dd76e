"""The audit: who did what, when, to which thing. Never a telephone number, never a secret."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import audit


class Action(StrEnum):
    """Everything that is audited. A new deed gets a new word; an old word keeps its meaning."""

    MARK_SET = "mark.set"
    MARK_REMOVED = "mark.removed"
    BLOCK_LADDER = "block.ladder"
    BLOCK_LADDER_ENDED = "block.ladder_ended"
    BLOCK_ADDED = "block.added"
    BLOCK_REMOVED = "block.removed"
    BLOCK_CONFIRMED = "block.confirmed"
    BLOCKS_IMPORTED = "blocks.imported"
    BLOCKS_EXPORTED = "blocks.exported"
    NUMBERS_VIEWED = "numbers.viewed"  # somebody looked at a list of numbers
    SIGN_IN = "session.sign_in"
    SIGN_IN_FAILED = "session.sign_in_failed"
    SIGN_OUT = "session.sign_out"
    TOKEN_MADE = "token.made"  # noqa: S105 - a word, no secret
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    PHONE_MADE = "phone.made"
    INCIDENT_CREATED = "incident.created"
    INCIDENT_CHANGED = "incident.changed"


async def write_audit(
    connection: AsyncConnection,
    *,
    site: str,
    at: int,
    actor: str,
    action: Action,
    subject: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one entry in the caller's transaction.

    ``at`` in UTC microseconds; ``actor`` a username, ``cli:<os user>``, ``bridge`` or ``system``;
    ``subject`` the id of what was changed.
    """
    await connection.execute(
        insert(audit).values(
            id=str(uuid.uuid4()),
            site=site,
            at=at,
            actor=actor[:64],
            action=str(action),
            subject=subject,
            detail=detail or {},
        )
    )
