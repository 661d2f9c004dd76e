"""SQL of sessions, failed sign-ins and second factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, and_, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import recovery_codes, second_factors, sessions, sign_in_failures, users


async def session_row(connection: AsyncConnection, site: str, secret_hash: str) -> RowMapping | None:
    """A session that was not ended, with its open account and whether a second factor is set up."""
    query = (
        select(
            sessions.c.id.label("session_id"),
            sessions.c.kind,
            sessions.c.method,
            sessions.c.seen_at,
            sessions.c.expires_at,
            sessions.c.created_at.label("opened_at"),
            second_factors.c.confirmed_at,
            users,
        )
        .join(users, and_(users.c.id == sessions.c.user_id, users.c.site == sessions.c.site))
        .join(second_factors, second_factors.c.user_id == users.c.id, isouter=True)
        .where(
            sessions.c.secret_hash == secret_hash,
            sessions.c.site == site,
            sessions.c.revoked_at.is_(None),
            users.c.disabled_at.is_(None),
        )
    )
    return (await connection.execute(query)).mappings().first()


async def touch(connection: AsyncConnection, session_id: str, now_us: int, expires_at: int | None) -> None:
    """Remember that a session was used, and until when it counts now."""
    await connection.execute(
        update(sessions).where(sessions.c.id == session_id).values(seen_at=now_us, expires_at=expires_at)
    )


async def open_sessions(
    connection: AsyncConnection, site: str, now_us: int, *, user: str | None = None, one: str | None = None
) -> Sequence[RowMapping]:
    """Sessions and tokens that count now, newest first: of a user's id, or one by its own id."""
    query = (
        select(
            *(sessions.c[name] for name in ("id", "user_id", "kind", "label", "created_at", "seen_at")),
            *(sessions.c[name] for name in ("expires_at", "address", "device", "method")),
            users.c.username,
        )
        .join(users, users.c.id == sessions.c.user_id)
        .where(
            sessions.c.site == site,
            sessions.c.revoked_at.is_(None),
            or_(sessions.c.expires_at.is_(None), sessions.c.expires_at > now_us),
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.id)
        .limit(500)
    )
    if user is not None:
        query = query.where(sessions.c.user_id == user)
    if one is not None:
        query = query.where(sessions.c.id == one)
    return (await connection.execute(query)).mappings().all()


async def revoke(connection: AsyncConnection, session_id: str, now_us: int) -> None:
    """End one session or token."""
    await connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now_us)
    )


async def signed_in_from(
    connection: AsyncConnection, site: str, username: str, network: str, since: int
) -> bool:
    """Whether this person signed in from there lately."""
    query = select(
        exists().where(
            sessions.c.site == site,
            sessions.c.address == network,
            sessions.c.created_at > since,
            sessions.c.user_id == users.c.id,
            users.c.site == site,
            users.c.username == username,
        )
    )
    return bool(await connection.scalar(query))


async def user_id(connection: AsyncConnection, site: str, username: str) -> str | None:
    """The id of a username."""
    query = select(users.c.id).where(users.c.site == site, users.c.username == username)
    found: str | None = await connection.scalar(query)
    return found


# -- failed sign-ins


async def failures(
    connection: AsyncConnection, site: str, keys: list[str]
) -> dict[str, tuple[float, int, int]]:
    """key -> (failures, last at, wait until)."""
    t = sign_in_failures.c
    query = select(t.key, t.failures, t.last_at, t.until).where(t.site == site, t.key.in_(keys))
    return {row[0]: (row[1], row[2], row[3]) for row in await connection.execute(query)}


async def put_failures(
    connection: AsyncConnection, site: str, key: str, count: float, until: int, now_us: int
) -> None:
    """Write a count."""
    await drop_failures(connection, site, key)
    values = {"site": site, "key": key, "failures": count, "last_at": now_us, "until": until}
    await connection.execute(insert(sign_in_failures).values(**values))


async def drop_failures(connection: AsyncConnection, site: str, key: str) -> None:
    """Forget a count."""
    t = sign_in_failures
    await connection.execute(delete(t).where(t.c.site == site, t.c.key == key))


async def forgive_one(connection: AsyncConnection, site: str, key: str) -> None:
    """An attempt that was counted was none; the wait that it set goes too."""
    t = sign_in_failures
    await connection.execute(
        update(t)
        .where(t.c.site == site, t.c.key == key, t.c.failures >= 1)
        .values(failures=t.c.failures - 1, until=0)
    )


async def forget_failures(connection: AsyncConnection, site: str, before: int) -> None:
    """Counts that nobody added to for long."""
    t = sign_in_failures
    await connection.execute(delete(t).where(t.c.site == site, t.c.last_at < before))


# -- second factors


async def factor(connection: AsyncConnection, user: str) -> RowMapping | None:
    """A person's second factor, also one that is only being set up."""
    query = select(second_factors).where(second_factors.c.user_id == user)
    return (await connection.execute(query)).mappings().first()


async def put_factor(connection: AsyncConnection, site: str, user: str, secret: str, now_us: int) -> None:
    """Begin setting one up; what was there before goes."""
    await drop_factor(connection, user)
    await connection.execute(
        insert(second_factors).values(user_id=user, site=site, secret=secret, created_at=now_us)
    )


async def use_factor(
    connection: AsyncConnection, user: str, step: int, *, confirmed_at: int | None = None
) -> bool:
    """Take a 30-second step as used; False when it, or a later one, was used before."""
    t = second_factors.c
    values: dict[str, Any] = {"last_step": step}
    if confirmed_at is not None:
        values["confirmed_at"] = confirmed_at
    done = await connection.execute(
        update(second_factors)
        .where(t.user_id == user, or_(t.last_step.is_(None), t.last_step < step))
        .values(**values)
    )
    return done.rowcount == 1


async def drop_factor(connection: AsyncConnection, user: str) -> None:
    """Take a second factor and its recovery codes away."""
    await connection.execute(delete(second_factors).where(second_factors.c.user_id == user))
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user))


async def put_recovery(connection: AsyncConnection, user: str, hashes: list[str]) -> None:
    """A new set of recovery codes."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user))
    await connection.execute(
        insert(recovery_codes), [{"user_id": user, "code_hash": each} for each in hashes]
    )


async def use_recovery(connection: AsyncConnection, user: str, code_hash: str, now_us: int) -> bool:
    """Spend a recovery code; False when there is no such code or it was spent."""
    t = recovery_codes.c
    done = await connection.execute(
        update(recovery_codes)
        .where(t.user_id == user, t.code_hash == code_hash, t.used_at.is_(None))
        .values(used_at=now_us)
    )
    return done.rowcount == 1


async def factors_of(connection: AsyncConnection, site: str) -> set[str]:
    """Ids of the people whose second factor counts."""
    query = select(second_factors.c.user_id).where(
        second_factors.c.site == site, second_factors.c.confirmed_at.is_not(None)
    )
    return set((await connection.execute(query)).scalars())
