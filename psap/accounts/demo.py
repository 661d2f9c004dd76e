"""The accounts of a demonstration: agent1..agent4, supervisor1, dispatcher1, qc1, admin1."""

from __future__ import annotations

import secrets

from psap.accounts.model import Role
from psap.accounts.phones import ensure_phone
from psap.accounts.service import Accounts
from psap.platform.clock import Clock, SystemClock
from psap.platform.database import Database

DEMO: list[tuple[str, str, Role]] = [
    *((f"agent{n}", f"Petugas {n}", Role.AGENT) for n in range(1, 5)),
    ("supervisor1", "Supervisor 1", Role.SUPERVISOR),
    ("dispatcher1", "Dispatcher 1", Role.DISPATCHER),
    ("qc1", "Penilai 1", Role.QC),
    ("admin1", "Admin 1", Role.ADMIN),
]
UNCHANGED = "(tetap / unchanged)"


async def make_demo_accounts(
    database: Database, site: str, password: str | None, *, clock: Clock | None = None
) -> list[tuple[str, str, str]]:
    """Make what is missing; (username, role, password) of all, phones included.

    With a password, every account has it afterwards; without, new ones share a random one and old
    ones keep theirs.

    Raises:
        AccountError: bad_password.
    """
    at = clock or SystemClock()
    accounts = Accounts(database, site, at)
    there = {user.username for user in await accounts.all()}
    shared = password or secrets.token_urlsafe(9)
    shown: list[tuple[str, str, str]] = []
    for username, name, role in DEMO:
        if username not in there:
            await accounts.add(username, name, role, shared, actor="demo")
            shown.append((username, str(role), shared))
        elif password is not None:
            if not await accounts.has_password(username, password):
                await accounts.set_password(username, password, actor="demo")
            shown.append((username, str(role), password))
        else:
            shown.append((username, str(role), UNCHANGED))
    async with database.write() as connection:
        for username, _, role in DEMO:
            if role in (Role.AGENT, Role.SUPERVISOR):
                await ensure_phone(connection, site, username, clock=at, actor="demo")
    return shown
