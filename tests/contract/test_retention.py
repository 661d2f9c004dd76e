"""Retention: the dry run tells, the other deletes exactly that; holds and what is in use stay."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, insert, select

from ami_bridge.keeping import Keeping
from psap.agencies.profile import find_profile, load_profile
from psap.calls.model import Call, Ending
from psap.calls.tracking import Tracker
from psap.keeping.model import DAY_US, Kind
from psap.keeping.service import STEP, Retention
from psap.platform.audit import Action, verify_audit, write_audit
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import blocks, calls, incidents, marks, metadata, missed, missed_calls, sessions
from psap.platform.settings import Settings
from tests.catchup.recordings import following
from tests.support.filling import value_of

SITE = "semarang"
OLD = 20 * 365  # days: past every kind's time


def row(table: Any, place: int, /, **given: Any) -> dict[str, Any]:
    chance = random.Random(place)
    return {column.name: value_of(table, column, place, chance) for column in table.columns} | given


@pytest.fixture
def keeping(database: Database, clock: FixedClock, tmp_path: Path) -> Retention:
    settings = Settings(home=tmp_path / "home")
    settings.logs.mkdir(parents=True)
    return Retention(settings, database, load_profile(find_profile("semarang")), clock)


async def add(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    async with database.write() as connection:
        for each in rows:
            await connection.execute(insert(table).values(**each))


async def count(database: Database, table: Any) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_what_the_dry_run_tells_is_what_goes(
    keeping: Retention, database: Database, clock: FixedClock
) -> None:
    now = clock.now_us()
    old, new = now - OLD * DAY_US, now - DAY_US
    await add(
        database,
        incidents,
        row(incidents, 1, id="held-incident", status="closed", updated_at=old, legal_hold=True),
        row(incidents, 2, id="old-incident", status="closed", updated_at=old),
        row(incidents, 3, id="open-incident", status="open", updated_at=old),
    )
    ended = {"ending": "answered", "incident_id": None}
    many = [row(calls, 100 + n, **ended | {"started_at": old + n}) for n in range(STEP + 50)]
    await add(
        database,
        calls,
        *many,
        row(calls, 1, id="held", **ended | {"started_at": old, "legal_hold": True}),
        row(calls, 2, id="of-held", **ended | {"started_at": old, "incident_id": "held-incident"}),
        row(calls, 3, id="never-ended", started_at=old, ending=None, incident_id=None),
        row(calls, 4, id="young", **ended | {"started_at": new}),
    )
    await add(database, marks, row(marks, 1, at=old), row(marks, 2, at=new))
    none = {"removed_at": None, "expires_at": None}
    await add(
        database,
        blocks,
        row(blocks, 1, id="permanent", started_at=old, **none),
        row(blocks, 2, id="over", **none | {"expires_at": old}),
        row(blocks, 3, id="lifted", **none | {"removed_at": old}),
    )
    await add(
        database,
        sessions,
        row(sessions, 1, id="ended", revoked_at=old, expires_at=None),
        row(sessions, 2, id="token", revoked_at=None, expires_at=None),
    )
    await add(
        database,
        missed,
        row(missed, 1, id="closed", closed_at=old, last_at=old, open_key=None),
        row(missed, 2, id="to-do", closed_at=None, last_at=old, open_key="x"),
    )
    plan = {due.kind: due for due in await keeping.plan()}
    assert {kind: due.count for kind, due in plan.items()} == {
        Kind.CALLS: STEP + 50,
        Kind.MISSED: 1,
        Kind.INCIDENTS: 1,
        Kind.REPUTATION: 3,
        Kind.SESSIONS: 1,
        Kind.AUDIT: 0,
        Kind.LOGS: 0,
        Kind.RECORDINGS: 0,
        Kind.ROSTERS: 0,
        Kind.TRAININGS: 0,
        Kind.BACKUPS: 0,
    }
    assert (plan[Kind.CALLS].held, plan[Kind.INCIDENTS].held) == (2, 1)
    assert plan[Kind.CALLS].oldest == old
    assert await count(database, calls) == STEP + 54  # the plan changed nothing
    gone = await keeping.apply(actor="cli:test")
    assert gone == {kind: due.count for kind, due in plan.items()}
    async with database.read() as connection:
        left = {
            table.name: {each[0] for each in await connection.execute(select(table.c.id))}
            for table in (calls, blocks, sessions, missed, incidents)
        }
    assert left == {
        "calls": {"held", "of-held", "never-ended", "young"},
        "blocks": {"permanent"},
        "sessions": {"token"},
        "missed": {"to-do"},
        "incidents": {"held-incident", "open-incident"},
    }
    assert sum(due.count for due in await keeping.plan()) == 0
    assert await keeping.last() == now


async def test_the_audits_chain_survives(keeping: Retention, database: Database, clock: FixedClock) -> None:
    async with database.write() as connection:
        for day in (OLD, OLD - 1, 1):
            await write_audit(
                connection,
                site=SITE,
                at=clock.now_us() - day * DAY_US,
                actor="x",
                action=Action.SIGN_IN,
            )
    assert (await keeping.apply(actor="cli:test"))[Kind.AUDIT] == 2
    async with database.read() as connection:
        entries, fault = await verify_audit(connection, SITE)
    assert fault is None
    assert entries == 3  # the young one, what was trimmed, what was applied


async def test_what_was_judged_of_a_call_goes_with_it(
    keeping: Retention, database: Database, clock: FixedClock
) -> None:
    old = clock.now_us() - OLD * DAY_US
    await add(database, calls, row(calls, 1, id="c1", started_at=old, ending="failed", incident_id=None))
    await add(database, missed_calls, row(missed_calls, 1, call_id="c1", site=SITE, missed_id=""))
    await keeping.apply(actor="cli:test")
    assert await count(database, missed_calls) == 0


@pytest.mark.parametrize(("jump", "gone"), [(0, 0), (2.1, 1), (30 * 365, 0), (-400, 0)])
async def test_a_clock_set_wrongly_deletes_nothing_at_once(
    database: Database, clock: FixedClock, tmp_path: Path, jump: float, gone: int
) -> None:
    (tmp_path / "home").mkdir()
    nothing: Any = None
    log: Any = structlog.get_logger()
    profile = load_profile(find_profile("semarang"))
    followed = following(nothing, clock)
    home = Settings(home=tmp_path / "home")
    kept = Keeping(home, nothing, followed, database, profile, clock, log)
    await kept.let_go()
    await add(database, calls, row(calls, 1, started_at=1, ending="answered", incident_id=None))
    old = Call(id="c1", site="semarang", uniqueid="u1", started_at=1, ending=Ending.ANSWERED)
    followed.remember(Tracker.of_record(old, None))  # somebody spoke of it lately
    clock.advance(jump * 86_400)
    await kept.let_go()
    assert await count(database, calls) == len(followed.recent) == 1 - gone
    clock.advance(2.1 * 86_400)  # nobody minded: it is so
    await kept.let_go()
    assert await count(database, calls) == len(followed.recent) == 0


async def test_others_write_meanwhile(keeping: Retention, database: Database, clock: FixedClock) -> None:
    old = clock.now_us() - OLD * DAY_US
    await add(
        database,
        calls,
        *[row(calls, n, started_at=old, ending="answered", incident_id=None) for n in range(STEP * 3)],
    )
    other = Database(database.url, busy_seconds=0.5)
    work = asyncio.create_task(keeping.apply(actor="cli:test"))
    written = 0
    while not work.done():
        await add(other, marks, row(marks, 10_000 + written, at=clock.now_us()))
        written += 1
    await work
    await other.close()
    assert await count(database, calls) == 0
    assert await count(database, marks) == written > 2


async def test_old_logs_and_backups_go_the_newest_backup_stays(
    keeping: Retention, database: Database, clock: FixedClock, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "backups").mkdir()
    names = [
        "log/agi.log",
        "log/agi.log.1",
        "backups/psap-auto-20200101T000000.000Z.tar.gz",
        "backups/psap-manual-20200201T000000.000Z.tar.gz",
    ]
    for name in names:
        (home / name).touch()
        os.utime(home / name, (1_580_000_000, 1_580_000_000))
    gone = await keeping.apply(actor="cli:test")
    assert (gone[Kind.LOGS], gone[Kind.BACKUPS]) == (1, 1)
    assert (home / names[0]).exists()
    assert (home / names[3]).exists()


def test_every_table_with_personal_data_has_its_time() -> None:
    """A new table that says it is personal needs a rule."""
    from psap.keeping.store import RULES

    ruled = {rule.table.name for rules in RULES.values() for rule in rules}
    personal = {table.name for table in metadata.sorted_tables if "legal_hold" in table.columns}
    assert personal - ruled == {"users"}  # staff: as long as they work here; accounts are closed by hand
