"""Rosters: who is planned for which shift, copied from week to week, and who should be here now."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from console.problem import Problem
from console.routes.board import ShiftNow
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.agencies.model import shift_of
from psap.platform.clock import rfc3339
from psap.staffing import service, store
from psap.staffing.model import MOST_AGENTS, WEEK, Cell, RosterError, check_date, duty_at, who_is_here

table = RouteTable("rosters")

SEE = who_may(Permission.SEE_QUEUE)
MANAGE = who_may(Permission.MANAGE_ROSTERS)
Username = Annotated[str, Field(min_length=1, max_length=64)]
LONGEST = 62  # days in one answer


class RosterCell(Body):
    """One shift of one date with its call takers (usernames)."""

    shift_date: date
    shift: Annotated[str, Field(max_length=32)]
    agents: list[Username] = Field(max_length=MOST_AGENTS)


class RosterQuery(Body):
    """From which date, and how many days; left out: the week from today's shift on."""

    since: date | None = None
    days: int = Field(WEEK, ge=1, le=LONGEST)


class ShiftShown(BaseModel):
    """A shift of the city; ``start`` and ``end`` by its clock."""

    id: str
    name: str
    start: str
    end: str


class Plannable(BaseModel):
    """Somebody who can be planned."""

    agent: str
    name: str


class Rosters(BaseModel):
    """``items``: the shifts that have somebody. ``today``: the date that the present shift belongs to."""

    since: date
    until: date
    today: date
    shifts: list[ShiftShown]
    agents: list[Plannable]
    items: list[RosterCell]


class WeekCopy(Body):
    """The first days of two weeks: every empty shift of ``to`` becomes what it was in ``since``."""

    since: date
    to: date


class Copied(BaseModel):
    """What was filled."""

    items: list[RosterCell]


class PersonNow(BaseModel):
    """One line: here, late (planned, not logged in), extra (logged in, not planned) or unknown."""

    agent: str
    name: str | None = None
    status: str
    state: str | None = None
    since: str | None = None
    late_seconds: float | None = None


class DutyNow(BaseModel):
    """Who should be here now and who is. ``shift`` null: no shift covers this moment. ``planned``: how many
    stand in the roster. ``known`` false: the bridge is away and nobody can say who is logged in."""

    at: str
    shift_date: date
    shift: ShiftNow | None
    planned: int
    known: bool
    people: list[PersonNow]


@table.add(
    "GET",
    "/rosters",
    roles=SEE,
    query=RosterQuery,
    answer=Rosters,
    summary=("Jadwal dinas", "The rosters"),
    problems=("bad_date",),
)
async def get_rosters(ask: Ask[None, RosterQuery]) -> Rosters:
    profile = ask.parts.profile
    today, _ = shift_of(profile, ask.parts.clock.now_us())
    with _refusals():
        since = check_date(ask.query.since or today)
        until = check_date(since + timedelta(days=ask.query.days - 1))
    async with ask.parts.database.read() as connection:
        cells = await store.between(connection, profile.site, since, until)
        users = await service.may_be_planned(connection, profile.site)
    return Rosters(
        since=since,
        until=until,
        today=today,
        shifts=[
            ShiftShown(id=each.id, name=each.name, start=each.start.isoformat(), end=each.end.isoformat())
            for each in profile.shifts
        ],
        agents=[Plannable(agent=user.username, name=user.name) for user in users],
        items=[_shown(cell) for cell in cells],
    )


@table.add(
    "PUT",
    "/rosters",
    roles=MANAGE,
    body=RosterCell,
    answer=RosterCell,
    summary=("Tetapkan petugas satu gilir", "Set who stands in one shift"),
    problems=("unknown_shift", "unknown_agent", "bad_date"),
)
async def put_roster(ask: Ask[RosterCell, None]) -> RosterCell:
    wanted = Cell(ask.body.shift_date, ask.body.shift, tuple(ask.body.agents))
    async with _writing(ask) as connection:
        cell = await service.plan(
            connection,
            ask.parts.profile,
            wanted,
            actor=ask.user.username,
            now_us=ask.parts.clock.now_us(),
        )
    return _shown(cell)


@table.add(
    "POST",
    "/rosters/copy",
    roles=MANAGE,
    body=WeekCopy,
    answer=Copied,
    summary=("Isi gilir kosong seperti minggu lain", "Fill empty shifts as in another week"),
    problems=("bad_date",),
)
async def copy_rosters(ask: Ask[WeekCopy, None]) -> Copied:
    async with _writing(ask) as connection:
        filled = await service.copy_week(
            connection,
            ask.parts.profile,
            ask.body.since,
            ask.body.to,
            actor=ask.user.username,
            now_us=ask.parts.clock.now_us(),
        )
    return Copied(items=[_shown(cell) for cell in filled])


@table.add(
    "GET",
    "/rosters/now",
    roles=SEE,
    answer=DutyNow,
    summary=("Siapa yang seharusnya bertugas sekarang", "Who should be here now, and who is"),
)
async def rosters_now(ask: Ask[None, None]) -> DutyNow:
    parts = ask.parts
    now = parts.clock.now_us()
    duty = duty_at(parts.profile, now)
    planned: tuple[str, ...] = ()
    async with parts.database.read() as connection:
        if duty.shift is not None:
            planned = await store.planned(connection, parts.site, duty.shift_date, duty.shift.id)
        names = {user.username: user.name for user in await service.may_be_planned(connection, parts.site)}
    agents: list[dict[str, Any]] | None = None
    with contextlib.suppress(Problem):
        agents = (await parts.bridge.snapshot())["agents"]
    people = who_is_here(planned, agents, duty.starts_at or now, now)
    shift = None
    if duty.shift is not None:
        starts, ends = rfc3339(duty.starts_at) or "", rfc3339(duty.ends_at) or ""
        shift = ShiftNow(id=duty.shift.id, name=duty.shift.name, starts_at=starts, ends_at=ends)
    return DutyNow(
        at=rfc3339(now) or "",
        shift_date=duty.shift_date,
        shift=shift,
        planned=len(planned),
        known=agents is not None,
        people=[PersonNow(name=names.get(one.agent), **asdict(one)) for one in people],
    )


def _shown(cell: Cell) -> RosterCell:
    return RosterCell(shift_date=cell.shift_date, shift=cell.shift, agents=list(cell.agents))


@contextlib.contextmanager
def _refusals() -> Any:
    try:
        yield
    except RosterError as error:
        raise Problem(error.key, str(error)) from None


@asynccontextmanager
async def _writing(ask: Ask[Any, Any]) -> AsyncIterator[Any]:
    with _refusals():
        async with ask.parts.database.write() as connection:
            yield connection
