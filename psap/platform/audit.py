"""The audit: who did what, when, to which thing. Never a telephone number, never a secret.

Append-only: triggers in the database refuse to change or delete an entry (``audit_guard``), and each
entry carries a hash over itself and the one before it, so that a database changed behind our back shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.audit_guard import HORIZON
from psap.platform.schema import audit, state


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
    NUMBER_SEARCHED = "number.searched"  # subject: number_subject
    CALL_VIEWED = "call.viewed"
    INCIDENT_VIEWED = "incident.viewed"
    MISSED_VIEWED = "missed.viewed"
    RECORDING_PLAYED = "recording.played"
    AUDIT_VIEWED = "audit.viewed"
    AUDIT_TRIMMED = "audit.trimmed"
    SIGN_IN = "session.sign_in"
    SIGN_IN_FAILED = "session.sign_in_failed"
    SIGN_OUT = "session.sign_out"
    SESSION_REVOKED = "session.revoked"
    SIGN_IN_LOCKED = "session.locked"  # too many failures: a wait was set
    TOTP_ENROLLED = "totp.enrolled"
    TOTP_REMOVED = "totp.removed"
    TOTP_RESET = "totp.reset"
    RECOVERY_USED = "totp.recovery_used"
    TOKEN_MADE = "token.made"  # noqa: S105 - a word, no secret
    USER_ADDED = "user.added"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    PHONE_MADE = "phone.made"
    PHONE_ROTATED = "phone.rotated"
    SECRETS_ROTATED = "secrets.rotated"
    HOST_CUT_OFF = "sip.host_cut_off"  # subject: the address of a scanner, no person's number
    HOST_LET_BACK = "sip.host_let_back"
    INCIDENT_CREATED = "incident.created"
    INCIDENT_CHANGED = "incident.changed"
    INCIDENT_LINKED = "incident.linked"  # said to be of the same event as another
    INCIDENT_UNLINKED = "incident.unlinked"
    LOCATION_LINK_MADE = "location_link.made"  # a caller was asked to send where they are; subject: the call
    RETENTION_APPLIED = "retention.applied"
    PERSON_EXPORTED = "person.exported"  # subject: number_subject
    PERSON_ERASED = "person.erased"
    ROSTER_CHANGED = "roster.changed"
    MISSED_CLAIMED = "missed.claimed"
    MISSED_CALLED = "missed.called"  # a call-back was begun
    MISSED_CALL_ENDED = "missed.call_ended"  # and what came of it
    MISSED_RELEASED = "missed.released"
    MISSED_CLOSED = "missed.closed"
    LISTEN_STARTED = "call.listen_started"  # a supervisor listens, whispers or joins; detail: mode
    LISTEN_STOPPED = "call.listen_stopped"
    CALL_MOVED = "call.moved"  # a waiting caller was moved by hand
    AGENT_PAUSED = "agent.paused"  # by somebody else; subject: the account's name
    AGENT_UNPAUSED = "agent.unpaused"
    AGENT_LOGGED_OUT = "agent.logged_out"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit; ``at`` in UTC microseconds."""

    id: str
    seq: int
    at: int
    actor: str
    action: str
    subject: str | None
    detail: dict[str, Any]


def chain_of(before: str, seq: int, fields: Mapping[str, Any]) -> str:
    """The link of an entry: SHA-256 over the link before it and all that the entry says."""
    said = [before, seq] + [fields[name] for name in ("id", "site", "at", "actor", "action", "subject")]
    said.append(fields["detail"] or {})
    words = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(words.encode()).hexdigest()


def number_subject(key: str, number_key: str) -> str:
    """How the audit names a telephone number: a keyed hash (``Secrets.audit``). Who has the number and
    the key can ask who looked at it; who reads the audit learns no number."""
    return "number:" + hmac.new(key.encode(), number_key.encode(), hashlib.sha256).hexdigest()[:32]


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
    if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE lets one writer in anyway
        await connection.execute(text("SELECT pg_advisory_xact_lock(112003)"))
    query = select(audit.c.seq, audit.c.chain).where(audit.c.site == site)
    last = (await connection.execute(query.order_by(audit.c.seq.desc()).limit(1))).first()
    seq, before = (0, "") if last is None or last[0] is None else (last[0], last[1] or "")
    fields = {
        "id": str(uuid.uuid4()),
        "site": site,
        "at": at,
        "actor": actor[:64],
        "action": str(action),
        "subject": None if subject is None else subject[:128],
        "detail": detail or {},
    }
    link = chain_of(before, seq + 1, fields)
    await connection.execute(insert(audit).values(**fields, seq=seq + 1, chain=link))


async def read_audit(
    connection: AsyncConnection,
    site: str,
    *,
    limit: int = 100,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> list[Entry]:
    """Entries newest first, older than the place ``before``."""
    query = select(audit).where(audit.c.site == site, audit.c.seq.is_not(None))
    if before is not None:
        query = query.where(audit.c.seq < before)
    for column, wanted in ((audit.c.actor, actor), (audit.c.action, action), (audit.c.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    query = query.order_by(audit.c.seq.desc()).limit(limit)
    return [_entry(row) for row in (await connection.execute(query)).mappings()]


async def verify_audit(connection: AsyncConnection, site: str) -> tuple[int, str | None]:
    """(entries looked at, what is wrong with the first faulty one or None).

    Retention may take the oldest entries away, nothing else may be missing or different.
    """
    query = select(audit).where(audit.c.site == site).order_by(audit.c.seq)
    before: tuple[int, str] | None = None
    count = 0
    result = await connection.stream(query)
    async for row in result.mappings():
        seq, link = row["seq"], row["chain"]
        if seq is None:
            return count, f"entry {row['id']} has no place in the chain"
        if before is not None and seq != before[0] + 1:
            return count, f"entries {before[0] + 1} to {seq - 1} are missing"
        # the entry before the oldest that is left is gone: its own link cannot be checked
        known = before[1] if before is not None else ("" if seq == 1 else None)
        if known is not None and chain_of(known, seq, dict(row)) != link:
            return count, f"entry {seq} was changed"
        before, count = (seq, link), count + 1
    return count, None


async def trim_audit(connection: AsyncConnection, site: str, before: int, *, at: int, actor: str) -> int:
    """Retention: delete the entries older than ``before`` (UTC microseconds); returns how many.

    Needs a write connection. Leaves an entry of its own that says so; the newest entry always stays,
    so that the chain has something to go on from.
    """
    newest = await connection.scalar(select(func.max(audit.c.seq)).where(audit.c.site == site))
    # a clock that was stepped back must leave no hole: only a prefix of the chain goes
    keep = await connection.scalar(
        select(func.min(audit.c.seq)).where(audit.c.site == site, audit.c.at >= before)
    )
    if newest is None:
        return 0
    await connection.execute(delete(state).where(state.c.site == site, state.c.name == HORIZON))
    await connection.execute(insert(state).values(site=site, name=HORIZON, value=before))
    gone = await connection.execute(
        delete(audit).where(audit.c.site == site, audit.c.seq < min(newest, keep or newest))
    )
    await connection.execute(delete(state).where(state.c.site == site, state.c.name == HORIZON))
    count = max(0, gone.rowcount)
    if count:
        await write_audit(
            connection,
            site=site,
            at=at,
            actor=actor,
            action=Action.AUDIT_TRIMMED,
            detail={"entries": count, "before": before},
        )
    return count


def _entry(row: RowMapping) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__dataclass_fields__})
