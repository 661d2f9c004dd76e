"""SQL of telephones and their agents."""

from __future__ import annotations

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import phones, users


async def phones_of(connection: AsyncConnection, site: str) -> dict[str, tuple[str, str]]:
    """Telephone -> (agent, name) of every telephone of the site."""
    query = (
        select(phones.c.username, phones.c.agent, users.c.name)
        .outerjoin(users, and_(users.c.site == phones.c.site, users.c.username == phones.c.agent))
        .where(phones.c.site == site)
    )
    return {row[0]: (row[1], row[2] or row[1]) for row in await connection.execute(query)}


async def passwords_of(connection: AsyncConnection, site: str) -> list[tuple[str, str, str]]:
    """(telephone, password, agent) of every telephone to configure: those of closed accounts are none."""
    query = (
        select(phones.c.username, phones.c.password, phones.c.agent)
        .outerjoin(users, and_(users.c.site == phones.c.site, users.c.username == phones.c.agent))
        .where(phones.c.site == site, users.c.disabled_at.is_(None))
    )
    return [(row[0], row[1], row[2]) for row in await connection.execute(query)]
