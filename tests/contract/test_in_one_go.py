"""Work on the database in one go: the same answers, the same errors, on both engines."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from psap.agencies.profile import find_profile, load_profile
from psap.callers.model import Mark, MarkKind
from psap.callers.numbers import block_key
from psap.callers.service import explain, history
from psap.callers.store import known_of, put_mark
from psap.calls.model import Call, Caller, CallerKind, Classification, Ending
from psap.calls.store import load, row_of, upsert
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo
from tests.contract.conftest import ONLY_SQLITE, SITE, START_US


def call(number: int, **fields: Any) -> Call:
    caller = Caller(number="081234567890", kind=CallerKind.MOBILE)
    return Call(
        id=f"c{number}", site=SITE, uniqueid=f"u{number}", started_at=START_US, caller=caller, **fields
    )


async def test_what_is_written_is_read_and_what_fails_leaves_nothing(database: Database) -> None:
    one = InOneGo(database)

    async def fails(connection: Any) -> None:
        await upsert(connection, [row_of(call(2), None, 1)])
        raise ValueError("in the midst of it")

    await one.write(
        lambda connection: upsert(connection, [row_of(call(1), "62", 1), row_of(call(3), "62", 1)])
    )
    with pytest.raises(ValueError, match="midst"):
        await one.write(fails)
    found = await one.read(lambda connection: load(connection, ["c1", "c2", "c3"]))
    assert set(found) == {"c1", "c3"}
    await one.close()


@ONLY_SQLITE
async def test_a_locked_database_is_away_and_work_that_waits_is_a_fault(
    database: Database, tmp_path: Path
) -> None:
    one = InOneGo(Database(database.url, busy_seconds=0.05))
    lock = sqlite3.connect(tmp_path / "psap.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        await one.write(lambda connection: upsert(connection, [row_of(call(1), None, 1)]))
    lock.execute("ROLLBACK")

    async def waits(_connection: Any) -> None:
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="nothing but the database"):
        await one.read(waits)
    await one.close()


@ONLY_SQLITE
async def test_it_moves_to_a_replaced_file(database: Database, migrated: Path, tmp_path: Path) -> None:
    one = InOneGo(database)
    await one.write(lambda connection: upsert(connection, [row_of(call(1), None, 1)]))
    path = tmp_path / "psap.db"
    fresh = tmp_path / "fresh.db"
    fresh.write_bytes(migrated.read_bytes())
    fresh.replace(path)
    for side in ("-wal", "-shm"):
        Path(f"{path}{side}").unlink(missing_ok=True)
    assert await one.read(lambda connection: load(connection, ["c1"])) == {}
    await one.close()


@pytest.mark.parametrize("state", ["nothing", "a call", "an emergency", "an agency", "a mark"])
async def test_asking_only_for_what_is_there_says_the_same(
    database: Database, clock: FixedClock, state: str
) -> None:
    profile = load_profile(find_profile("semarang"))
    key = "62112" if state != "an agency" else ""
    if state == "an agency":
        numbers = [each for agency in profile.agencies for each in agency.numbers]
        key = next(found for each in numbers if (found := block_key(each, profile.area_code)))
    kind = Classification.EMERGENCY if state == "an emergency" else Classification.UNCLASSIFIED
    ended = call(1, ending=Ending.ANSWERED, talk_seconds=3.0, classification=kind)
    async with database.write() as connection:
        if state in ("a call", "an emergency", "a mark"):
            await upsert(connection, [row_of(ended, key, 1)])
        if state == "a mark":
            mark = Mark(call_id="c1", kind=MarkKind.PRANK, author="agent1", at=START_US)
            await put_mark(connection, SITE, key, mark, new=True)
    now = clock.now_us() + 1_000_000
    async with database.read() as connection:
        known = await known_of(connection, SITE, key, now, short_seconds=10)
        shown = await history(connection, SITE, key, now_us=now, profile=profile, known=known)
        whole = await explain(connection, SITE, key, now, profile=profile)
    assert shown["why"] == whole.words.model_dump()
    assert shown["marks"] == len(whole.marks) == known.confirmed
    assert shown["calls_total"] == len(shown["calls"]) == known.calls == known.short
    assert known.emergency == (state == "an emergency")
