"""SQL of what is stored about one account: for the person behind it (UU PDP 27/2022)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import audit, phones, rosters, sessions, trainings, users, web_phones

Rows = list[dict[str, Any]]
# what would let somebody in is nobody's copy
SECRETS = {"password_hash", "secret_hash", "password", "session"}


async def _rows(connection: AsyncConnection, table: Table, where: Any) -> Rows:
    columns = [column for column in table.columns if column.name not in SECRETS]
    return [dict(row) for row in (await connection.execute(select(*columns).where(where))).mappings()]


async def everything_of(connection: AsyncConnection, site: str, username: str) -> dict[str, Rows]:
    """Every row about an account, by table: the account, sessions, telephone, shifts, trainings, deeds.

    Calls, reports and recordings are the callers' and stay out. Empty everywhere: there is no such account.
    """
    found = {
        "users": await _rows(connection, users, (users.c.site == site) & (users.c.username == username)),
    }
    ids = [row["id"] for row in found["users"]]
    found["sessions"] = await _rows(
        connection, sessions, (sessions.c.site == site) & sessions.c.user_id.in_(ids)
    )
    for table in (phones, web_phones, rosters, trainings):
        found[table.name] = await _rows(
            connection, table, (table.c.site == site) & (table.c.agent == username)
        )
    found["audit"] = await _rows(connection, audit, (audit.c.site == site) & (audit.c.actor == username))
    return found
