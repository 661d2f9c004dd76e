"""SQL of users, sessions and phones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping, and_, insert, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.accounts.model import PhoneRow, User
from psap.platform.schema import phones, sessions, users

# the database cannot be used now: locked, full, gone
AWAY_ERRORS = (OperationalError, InterfaceError, OSError, TimeoutError)


def user_of(row: RowMapping) -> User:
    """The account in a row that holds the columns of users."""
    return User(**{name: row[name] for name in User.model_fields})


async def find_user(connection: AsyncConnection, site: str, username: str) -> tuple[User, str] | None:
    """(user, password hash) by username."""
    query = select(users).where(users.c.site == site, users.c.username == username)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else (user_of(row), row["password_hash"])


async def list_users(connection: AsyncConnection, site: str) -> list[User]:
    """Every account of the site, by username."""
    query = select(users).where(users.c.site == site).order_by(users.c.username)
    return [user_of(row) for row in (await connection.execute(query)).mappings()]


async def insert_user(connection: AsyncConnection, user: User, password_hash: str) -> None:
    """Write a new account."""
    values: dict[str, Any] = {name: getattr(user, name) for name in User.model_fields}
    values |= {"role": str(user.role), "password_hash": password_hash}
    await connection.execute(insert(users).values(**values))


async def set_password_hash(connection: AsyncConnection, user_id: str, password_hash: str) -> None:
    """Change a password."""
    await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


async def set_disabled(connection: AsyncConnection, user_id: str, at: int | None) -> None:
    """Close or reopen an account."""
    await connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=at))


async def insert_session(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Write a new session or token."""
    await connection.execute(insert(sessions).values(**values))


async def revoke_session(connection: AsyncConnection, secret_hash: str, now_us: int) -> str | None:
    """End one session; returns its id."""
    query = select(sessions.c.id).where(
        sessions.c.secret_hash == secret_hash, sessions.c.revoked_at.is_(None)
    )
    found: str | None = await connection.scalar(query)
    if found is not None:
        await connection.execute(update(sessions).where(sessions.c.id == found).values(revoked_at=now_us))
    return found


async def revoke_all(connection: AsyncConnection, user_id: str, now_us: int) -> None:
    """End every session and token of a person."""
    await connection.execute(
        update(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now_us)
    )


async def find_phone(connection: AsyncConnection, site: str, agent: str) -> PhoneRow | None:
    """The phone of an account."""
    query = select(phones).where(phones.c.site == site, phones.c.agent == agent)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else PhoneRow(row["username"], row["password"], row["agent"])


async def insert_phone(connection: AsyncConnection, site: str, phone: PhoneRow, now_us: int) -> None:
    """Write a new phone."""
    await connection.execute(
        insert(phones).values(
            site=site,
            username=phone.username,
            password=phone.password,
            agent=phone.agent,
            created_at=now_us,
        )
    )


async def set_phone_password(connection: AsyncConnection, site: str, phone: PhoneRow) -> None:
    """Change a phone's password."""
    await connection.execute(
        update(phones)
        .where(phones.c.site == site, phones.c.agent == phone.agent)
        .values(password=phone.password)
    )


async def list_phones(connection: AsyncConnection, site: str) -> list[PhoneRow]:
    """Phones of accounts that are open: a closed account's phone is no longer configured."""
    query = (
        select(phones.c.username, phones.c.password, phones.c.agent)
        .join(users, and_(users.c.site == phones.c.site, users.c.username == phones.c.agent))
        .where(phones.c.site == site, users.c.disabled_at.is_(None))
        .order_by(phones.c.agent)
    )
    return [PhoneRow(row[0], row[1], row[2]) for row in await connection.execute(query)]
