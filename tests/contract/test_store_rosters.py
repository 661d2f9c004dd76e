"""Rosters on a real database: set whole, audited, copied without overwriting, gone in time."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from psap.accounts.model import Role
from psap.agencies.profile import find_profile, load_profile
from psap.keeping.model import DAY_US, Kind
from psap.keeping.persons import Persons
from psap.keeping.service import Retention
from psap.platform.audit import read_audit, verify_audit
from psap.platform.clock import FixedClock, to_us
from psap.platform.database import Database
from psap.platform.schema import metadata, rosters, trainings, users
from psap.platform.settings import ROOT, Settings
from psap.staffing import service, store
from psap.staffing.model import Cell, Here, RosterError, duty_at, span, who_is_here

SITE = "semarang"
CITY = load_profile(find_profile("semarang"))
DAY = date(2026, 9, 21)


@pytest.fixture
async def staffed(database: Database) -> Database:
    """Three call takers, a supervisor, and two who cannot be planned."""
    people = [("agent1", Role.AGENT), ("agent2", Role.AGENT), ("agent3", Role.AGENT)]
    people += [("supervisor1", Role.SUPERVISOR), ("qc1", Role.QC), ("gone", Role.AGENT)]
    async with database.write() as connection:
        for name, role in people:
            await connection.execute(
                insert(users).values(
                    id=str(uuid.uuid4()),
                    site=SITE,
                    username=name,
                    name=name.title(),
                    role=str(role),
                    password_hash="x",
                    created_at=1,
                    disabled_at=5 if name == "gone" else None,
                )
            )
    return database


async def plan(database: Database, cell: Cell, at: int = 1) -> Cell:
    async with database.write() as connection:
        return await service.plan(connection, CITY, cell, actor="supervisor1", now_us=at)


async def week(database: Database, since: date = DAY) -> list[Cell]:
    async with database.read() as connection:
        return await store.between(connection, SITE, since, since + timedelta(days=6))


async def entries(database: Database) -> list[tuple[str | None, dict[str, Any]]]:
    async with database.read() as connection:
        found = await read_audit(connection, SITE)
        assert (await verify_audit(connection, SITE))[1] is None
    return [(one.subject, one.detail) for one in reversed(found) if one.action == "roster.changed"]


async def test_a_shift_is_set_whole_and_told_to_the_audit_once(staffed: Database) -> None:
    await plan(staffed, Cell(DAY, "pagi", ("agent2", "agent1", "agent2")))
    await plan(staffed, Cell(DAY, "pagi", ("agent1", "agent2")))  # the same again
    await plan(staffed, Cell(DAY, "pagi", ("agent1", "supervisor1")))
    assert await week(staffed) == [Cell(DAY, "pagi", ("agent1", "supervisor1"))]
    assert await entries(staffed) == [
        ("2026-09-21/pagi", {"added": ["agent1", "agent2"], "removed": []}),
        ("2026-09-21/pagi", {"added": ["supervisor1"], "removed": ["agent2"]}),
    ]
    await plan(staffed, Cell(DAY, "pagi", ()))
    assert await week(staffed) == []


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        (Cell(DAY, "siesta", ("agent1",)), "unknown_shift"),
        (Cell(DAY, "pagi", ("nobody",)), "unknown_agent"),
        (Cell(DAY, "pagi", ("qc1",)), "unknown_agent"),
        (Cell(DAY, "pagi", ("gone",)), "unknown_agent"),
        (Cell(date(1999, 12, 31), "pagi", ()), "bad_date"),
        (Cell(DAY, "pagi", tuple(f"a{n}" for n in range(101))), "too_many_agents"),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(staffed: Database, cell: Cell, key: str) -> None:
    with pytest.raises(RosterError) as refused:
        await plan(staffed, cell)
    assert refused.value.key == key
    assert " / " in str(refused.value)
    assert await week(staffed) == []
    assert await entries(staffed) == []


async def test_who_is_planned_may_stay_after_the_account_was_closed(staffed: Database) -> None:
    await plan(staffed, Cell(DAY, "pagi", ("agent1", "agent2")))
    async with staffed.write() as connection:
        await connection.execute(update(users).where(users.c.username == "agent1").values(disabled_at=9))
    await plan(staffed, Cell(DAY, "pagi", ("agent1", "agent3")))
    assert (await week(staffed))[0].agents == ("agent1", "agent3")


async def test_two_supervisors_at_once_leave_one_of_their_rosters(staffed: Database) -> None:
    wishes = [Cell(DAY, "pagi", (name,)) for name in ("agent1", "agent2", "agent3")]
    await asyncio.gather(*(plan(staffed, wish) for wish in wishes))
    found = await week(staffed)
    assert len(found) == 1
    assert found[0] in wishes


async def test_a_week_is_copied_into_empty_shifts_only(staffed: Database) -> None:
    last = DAY - timedelta(days=7)
    await plan(staffed, Cell(last, "malam", ("agent1", "agent2")))
    await plan(staffed, Cell(last + timedelta(days=6), "siang", ("agent3",)))
    await plan(staffed, Cell(last + timedelta(days=1), "pagi", ("agent3",)))
    await plan(staffed, Cell(DAY + timedelta(days=1), "pagi", ("agent1",)))  # already decided
    async with staffed.write() as connection:
        await connection.execute(update(users).where(users.c.username == "agent2").values(disabled_at=9))
        filled = await service.copy_week(connection, CITY, last, DAY, actor="supervisor1", now_us=2)
    assert [cell.subject for cell in filled] == ["2026-09-21/malam", "2026-09-27/siang"]
    assert await week(staffed) == [
        Cell(DAY, "malam", ("agent1",)),
        Cell(DAY + timedelta(days=1), "pagi", ("agent1",)),
        Cell(DAY + timedelta(days=6), "siang", ("agent3",)),
    ]
    async with staffed.write() as connection:
        again = await service.copy_week(connection, CITY, last, DAY, actor="supervisor1", now_us=3)
    assert again == []


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=CITY.zone))


def test_a_shift_over_midnight_is_its_first_dates(staffed: Database) -> None:
    for moment in ("2026-09-21T21:00:00", "2026-09-22T00:00:00", "2026-09-22T06:59:59"):
        duty = duty_at(CITY, at(moment))
        assert (duty.shift_date, duty.shift and duty.shift.id) == (DAY, "malam")
        assert (duty.starts_at, duty.ends_at) == (at("2026-09-21T21:00:00"), at("2026-09-22T07:00:00"))
    morning = duty_at(CITY, at("2026-09-22T07:00:00"))
    assert (morning.shift_date, morning.shift and morning.shift.id) == (date(2026, 9, 22), "pagi")
    whole = CITY.shifts[0].model_copy(update={"end": CITY.shifts[0].start})
    assert span(CITY, whole, DAY) == (at("2026-09-21T07:00:00"), at("2026-09-22T07:00:00"))


def rows(**states: str) -> list[dict[str, Any]]:
    return [{"agent": name, "state": state, "since": None} for name, state in states.items()]


def test_who_is_late_extra_and_here() -> None:
    now = at("2026-09-21T07:04:00")
    start = at("2026-09-21T07:00:00")
    seen = rows(agent1="talking", agent2="logged_out", agent3="paused", agent4="logged_out")
    told = who_is_here(("agent1", "agent2", "agent9"), seen, start, now)
    assert [(one.agent, one.status, one.late_seconds) for one in told] == [
        ("agent2", Here.LATE, 240.0),
        ("agent9", Here.LATE, 240.0),
        ("agent3", Here.EXTRA, None),
        ("agent1", Here.HERE, None),
    ]
    # nothing planned: nobody is too many
    unplanned = who_is_here((), rows(agent3="ready"), start, now)
    assert [one.status for one in unplanned] == [Here.HERE]
    # the bridge is away: nobody is called late who may be talking
    away = who_is_here(("agent1",), None, start, now)
    assert [(one.status, one.state, one.late_seconds) for one in away] == [(Here.UNKNOWN, None, None)]


async def test_rosters_go_when_their_time_is_over(
    staffed: Database, clock: FixedClock, tmp_path: Any
) -> None:
    settings = Settings(home=tmp_path / "home")
    settings.logs.mkdir(parents=True)
    keeping = Retention(settings, staffed, CITY, clock)
    today, _ = (duty_at(CITY, clock.now_us()).shift_date, None)
    old = today - timedelta(days=CITY.retention.rosters + 1)
    await plan(staffed, Cell(old, "pagi", ("agent1",)))
    await plan(staffed, Cell(today, "pagi", ("agent2",)))
    due = {one.kind: one.count for one in await keeping.plan()}
    assert (due[Kind.ROSTERS], due[Kind.TRAININGS]) == (1, 0)
    gone = await keeping.apply(actor="cli:test")
    assert gone[Kind.ROSTERS] == 1
    async with staffed.read() as connection:
        left = (await connection.execute(select(rosters.c.agent, rosters.c.starts_at))).all()
    assert [row[0] for row in left] == ["agent2"]
    assert left[0][1] > clock.now_us() - DAY_US * 2


async def test_an_account_gets_what_is_stored_about_it_and_no_secret(
    staffed: Database, clock: FixedClock, tmp_path: Any
) -> None:
    settings = Settings(home=tmp_path, database_url=staffed.url, redis_url="redis://127.0.0.1:1")
    persons = Persons(settings, staffed, CITY, clock)
    await plan(staffed, Cell(DAY, "pagi", ("agent1", "agent2")))
    async with staffed.write() as connection:
        await connection.execute(
            insert(trainings).values(
                id="t1", site=SITE, agent="agent1", started_at=1, kind="silent", steps=[], score={"all": 90}
            )
        )
    told = await persons.export_staff("agent1", actor="cli:test")
    assert told is not None
    assert {name: told["counts"][name] for name in ("users", "rosters", "trainings")} == {
        "users": 1,
        "rosters": 1,
        "trainings": 1,
    }
    assert told["rosters"][0]["shift"] == "pagi"
    assert told["trainings"][0]["score"] == {"all": 90}
    assert "agent2" not in json.dumps(told)
    assert "hash" not in json.dumps(told)
    assert await persons.export_staff("nobody", actor="cli:test") is None
    async with staffed.read() as connection:
        entry = (await read_audit(connection, SITE, action="person.exported"))[0]
    assert (entry.actor, entry.subject) == ("cli:test", told["users"][0]["id"])


def test_every_table_about_call_takers_is_in_their_export() -> None:
    """A new table with an agent in it is either a caller's, or the call taker gets a copy."""
    callers = {"calls", "call_backs"}
    text = (ROOT / "psap" / "keeping" / "staff_store.py").read_text("utf-8")
    about = {table.name for table in metadata.sorted_tables if "agent" in table.columns} - callers
    assert {name for name in about if not re.search(rf"\b{name}\b", text)} == set()
