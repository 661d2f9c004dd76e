"""Planning shifts: who stands where is set whole, told to the audit, and copied from week to week.

Every function works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.accounts.model import Permission, User
from psap.accounts.store import list_users
from psap.agencies.model import Profile
from psap.platform.audit import Action, write_audit
from psap.staffing import store
from psap.staffing.model import WEEK, Cell, check_date, clean_agents, shift_named, span


async def may_be_planned(connection: AsyncConnection, site: str) -> list[User]:
    """Active accounts that take calls, by username."""
    return [user for user in await list_users(connection, site) if user.may(Permission.TAKE_CALLS)]


async def plan(
    connection: AsyncConnection,
    profile: Profile,
    wanted: Cell,
    *,
    actor: str,
    now_us: int,
) -> Cell:
    """Set who stands in one shift; the cell as it is then. The same again changes nothing.

    Who stands in it already may stay, also with a closed account.

    Raises:
        RosterError: unknown_shift, unknown_agent, bad_date, too_many_agents.
    """
    site = profile.site
    check_date(wanted.shift_date)
    shift = shift_named(profile, wanted.shift)
    before = set(await store.planned(connection, site, wanted.shift_date, wanted.shift))
    known = {user.username for user in await may_be_planned(connection, site)} | before
    cell = Cell(wanted.shift_date, wanted.shift, clean_agents(wanted.agents, known))
    added, removed = sorted(set(cell.agents) - before), sorted(before - set(cell.agents))
    if not added and not removed:
        return cell
    starts_at, _ = span(profile, shift, cell.shift_date)
    await store.remove(connection, site, cell, removed)
    await store.add(connection, site, cell, added, starts_at=starts_at, by=actor, at=now_us)
    await _tell(connection, site, cell, added, removed, actor=actor, now_us=now_us)
    return cell


async def copy_week(
    connection: AsyncConnection, profile: Profile, source: date, target: date, *, actor: str, now_us: int
) -> list[Cell]:
    """Fill the empty shifts of the week from ``target`` on as the week from ``source`` on was.

    Returns what was filled. Shifts that have somebody are left as a person set them, and whoever takes no
    calls any more is left out.

    Raises:
        RosterError: bad_date.
    """
    site = profile.site
    for day in (source, target):
        check_date(day)
        check_date(day + timedelta(days=WEEK - 1))
    taken = await store.between(connection, site, target, target + timedelta(days=WEEK - 1))
    full = {(cell.shift_date, cell.shift) for cell in taken}
    known = {user.username for user in await may_be_planned(connection, site)}
    shifts = {each.id: each for each in profile.shifts}
    filled = []
    for old in await store.between(connection, site, source, source + timedelta(days=WEEK - 1)):
        day = old.shift_date + (target - source)
        agents = tuple(name for name in old.agents if name in known)
        if (day, old.shift) in full or old.shift not in shifts or not agents:
            continue
        cell = Cell(day, old.shift, agents)
        starts_at, _ = span(profile, shifts[old.shift], day)
        await store.add(connection, site, cell, agents, starts_at=starts_at, by=actor, at=now_us)
        await _tell(connection, site, cell, agents, (), actor=actor, now_us=now_us)
        filled.append(cell)
    return filled


async def _tell(
    connection: AsyncConnection,
    site: str,
    cell: Cell,
    added: Iterable[str],
    removed: Iterable[str],
    *,
    actor: str,
    now_us: int,
) -> None:
    await write_audit(
        connection,
        site=site,
        at=now_us,
        actor=actor,
        action=Action.ROSTER_CHANGED,
        subject=cell.subject,
        detail={"added": list(added), "removed": list(removed)},
    )
