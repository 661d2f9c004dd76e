"""SQL of the links by which callers send where they are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import location_links


async def insert(connection: AsyncConnection, **row: Any) -> None:
    await connection.execute(location_links.insert().values(**row))


async def forget(connection: AsyncConnection, site: str, before: int) -> None:
    """Delete what ended before a time (UTC microseconds)."""
    await connection.execute(
        delete(location_links).where(location_links.c.site == site, location_links.c.expires_at < before)
    )


async def used(connection: AsyncConnection, site: str, token_hash: str) -> None:
    """One more location came by a link."""
    await connection.execute(
        update(location_links)
        .where(location_links.c.site == site, location_links.c.token_hash == token_hash)
        .values(uses=location_links.c.uses + 1)
    )


async def call_of(connection: AsyncConnection, site: str, token_hash: str, now: int) -> str | None:
    """The call of a link that is not over."""
    query = select(location_links.c.call_id).where(
        location_links.c.site == site,
        location_links.c.token_hash == token_hash,
        location_links.c.expires_at > now,
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found
