"""Phones: one SIP account per call taker, with a name that nobody can guess or pretend to be."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.accounts import store
from psap.accounts.model import AccountError, PhoneRow
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock, SystemClock

_LETTERS = string.ascii_lowercase
_BOTH = _LETTERS + string.digits


async def ensure_phone(
    connection: AsyncConnection, site: str, agent: str, *, clock: Clock | None = None, actor: str = "system"
) -> PhoneRow:
    """The phone of an account, made at first use. Needs a write connection.

    Raises:
        AccountError: unknown_user, user_disabled.
    """
    username = agent.strip().lower()
    found = await store.find_user(connection, site, username)
    if found is None:
        raise AccountError("unknown_user", "akun tidak ada", "no such account")
    user = found[0]
    if user.disabled_at is not None:
        raise AccountError("user_disabled", "akun ini sudah ditutup", "this account is disabled")
    phone = await store.find_phone(connection, site, username)
    if phone is not None:
        return phone
    # letters first: no carrier's digits can be taken for a phone
    name = "".join(secrets.choice(_LETTERS) for _ in range(4)) + "".join(
        secrets.choice(_BOTH) for _ in range(12)
    )
    phone = PhoneRow(name, secrets.token_urlsafe(24), username)
    now = (clock or SystemClock()).now_us()
    await store.insert_phone(connection, site, phone, now)
    await write_audit(connection, site=site, at=now, actor=actor, action=Action.PHONE_MADE, subject=user.id)
    return phone


async def rotate_phone(
    connection: AsyncConnection, site: str, agent: str, *, clock: Clock | None = None, actor: str = "system"
) -> PhoneRow:
    """A new password for an account's phone; its name stays. Needs a write connection.

    Raises:
        AccountError: unknown_user, user_disabled.
    """
    known = await ensure_phone(connection, site, agent, clock=clock, actor=actor)
    phone = replace(known, password=secrets.token_urlsafe(24))
    await store.set_phone_password(connection, site, phone)
    found = await store.find_user(connection, site, phone.agent)
    await write_audit(
        connection,
        site=site,
        at=(clock or SystemClock()).now_us(),
        actor=actor,
        action=Action.PHONE_ROTATED,
        subject=found[0].id if found else None,
    )
    return phone


async def list_phones(connection: AsyncConnection, site: str) -> list[PhoneRow]:
    """Every phone to configure, by agent."""
    return await store.list_phones(connection, site)
