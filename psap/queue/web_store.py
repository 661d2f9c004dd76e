"""SQL of the telephones in browsers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import sessions, users, web_phones


@dataclass(frozen=True, slots=True)
class WebPhone:
    """One open tab that is an agent's telephone. ``opened_at`` in UTC microseconds."""

    agent: str
    username: str
    password: str
    session: str  # the tab's own word
    sign_in: str  # the session's id
    opened_at: int


async def all_of(connection: AsyncConnection, site: str) -> list[WebPhone]:
    """Every open one of the site."""
    query = select(web_phones).where(web_phones.c.site == site)
    return [
        WebPhone(
            row["agent"], row["username"], row["password"], row["session"], row["sign_in"], row["opened_at"]
        )
        for row in (await connection.execute(query)).mappings()
    ]


async def put(connection: AsyncConnection, site: str, phone: WebPhone) -> None:
    """This one instead of whichever the agent had."""
    await drop(connection, site, phone.agent)
    await connection.execute(
        insert(web_phones).values(
            site=site,
            agent=phone.agent,
            username=phone.username,
            password=phone.password,
            session=phone.session,
            sign_in=phone.sign_in,
            opened_at=phone.opened_at,
        )
    )


async def drop(connection: AsyncConnection, site: str, agent: str) -> None:
    """The agent has no telephone in a browser any more."""
    await connection.execute(delete(web_phones).where(web_phones.c.site == site, web_phones.c.agent == agent))


async def ended(connection: AsyncConnection, site: str, now_us: int) -> list[str]:
    """Agents whose sign-in ended, by hand, by time or with the account, while their telephone is open."""
    alive = and_(
        sessions.c.id == web_phones.c.sign_in,
        sessions.c.revoked_at.is_(None),
        or_(sessions.c.expires_at.is_(None), sessions.c.expires_at > now_us),
    )
    query = (
        select(web_phones.c.agent)
        .outerjoin(sessions, alive)
        .outerjoin(users, and_(users.c.id == sessions.c.user_id, users.c.disabled_at.is_(None)))
        .where(web_phones.c.site == site, users.c.id.is_(None))
    )
    return [row[0] for row in await connection.execute(query)]
