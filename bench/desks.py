"""Call takers of a measurement: accounts, registered desk phones, logged in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

from psap.accounts.model import AccountError, PhoneRow, Role
from psap.accounts.phones import ensure_phone, list_phones
from psap.accounts.service import Accounts
from psap.agencies.profile import load_profile
from psap.platform.clock import SystemClock
from psap.platform.control import ask
from psap.platform.database import Database
from psap.platform.settings import Settings
from psap.sip.phone import DeskPhone
from psap.sip.sipp import Lines

DESKS = "127.0.0.1"

T = TypeVar("T", bound=DeskPhone)


async def staff(
    settings: Settings,
    names: Sequence[str],
    make: Callable[[Lines, PhoneRow, str], T],
    stack: AsyncExitStack,
) -> list[T]:
    """Call takers of these account names, logged in, each at what ``make(lines, account, domain)`` makes."""
    profile = load_profile(settings.home / "profile.toml")
    database = Database(settings.effective_database_url)
    accounts = Accounts(database, profile.site, SystemClock())
    for name in names:
        with contextlib.suppress(AccountError):  # there already
            await accounts.add(name, name.title(), Role.AGENT, "Bangku-Kerja-112", actor="bench")
    async with database.write() as connection:
        for name in names:
            await ensure_phone(connection, profile.site, name, actor="bench")
        phones = {each.agent: each for each in await list_phones(connection, profile.site)}
    await database.close()
    await ask(settings.bridge_socket, "phones.sync", timeout=30)
    lines = await stack.enter_async_context(Lines((settings.sip_bind, settings.sip_port), DESKS))
    domain = settings.external_address or settings.sip_bind
    desks = []
    for name in names:
        desk = make(lines, phones[name], domain)
        await stack.enter_async_context(desk)
        desks.append(desk)
        await ask(settings.bridge_socket, "agent.login", {"agent": name}, timeout=10)
    return desks
