"""SQL of rosters."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import rosters
from psap.staffing.model import Cell


async def between(connection: AsyncConnection, site: str, first: date, last: date) -> list[Cell]:
    """Every shift with somebody in it, from ``first`` to ``last`` (both inclusive), in order."""
    query = (
        select(rosters.c.shift_date, rosters.c.shift, rosters.c.agent)
        .where(
            rosters.c.site == site,
            rosters.c.shift_date >= first.isoformat(),
            rosters.c.shift_date <= last.isoformat(),
        )
        .order_by(rosters.c.shift_date, rosters.c.shift, rosters.c.agent)
    )
    cells: dict[tuple[str, str], list[str]] = {}
    for day, shift, agent in await connection.execute(query):
        cells.setdefault((day, shift), []).append(agent)
    return [Cell(date.fromisoformat(day), shift, tuple(agents)) for (day, shift), agents in cells.items()]


async def planned(connection: AsyncConnection, site: str, day: date, shift: str) -> tuple[str, ...]:
    """Who is planned for one shift, by username in order."""
    found = await between(connection, site, day, day)
    return next((cell.agents for cell in found if cell.shift == shift), ())


async def add(
    connection: AsyncConnection,
    site: str,
    cell: Cell,
    agents: Iterable[str],
    *,
    starts_at: int,
    by: str,
    at: int,
) -> None:
    """Put call takers into a shift."""
    for agent in agents:
        await connection.execute(
            insert(rosters).values(
                id=str(uuid.uuid4()),
                site=site,
                shift_date=cell.shift_date.isoformat(),
                shift=cell.shift,
                agent=agent,
                starts_at=starts_at,
                created_by=by,
                created_at=at,
            )
        )


async def remove(connection: AsyncConnection, site: str, cell: Cell, agents: Iterable[str]) -> None:
    """Take call takers out of a shift."""
    await connection.execute(
        delete(rosters).where(
            rosters.c.site == site,
            rosters.c.shift_date == cell.shift_date.isoformat(),
            rosters.c.shift == cell.shift,
            rosters.c.agent.in_(list(agents)),
        )
    )
