"""One person's data: all of it handed over, all of it taken out, but for what must stay - and said why."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from psap.agencies.profile import find_profile, load_profile
from psap.keeping.persons import Persons, cross_out
from psap.platform import backup, sqlite
from psap.platform.audit import verify_audit
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.guard import FileGuard
from psap.platform.migrate import migrate
from psap.platform.restore import put_database_back
from psap.platform.schema import audit, blocks, calls, incidents, marks, metadata, missed
from psap.platform.settings import Settings
from tests.contract.conftest import ONLY_SQLITE
from tests.contract.test_retention import add, row

SITE, KEY, NUMBER = "semarang", "6281227538144", "081227538144"
OTHER = "6281299999999"


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return Settings(home=tmp_path / "home", database_url=database.url, redis_url="redis://127.0.0.1:1")


@pytest.fixture
def persons(settings: Settings, database: Database, clock: FixedClock) -> Persons:
    return Persons(settings, database, load_profile(find_profile("semarang")), clock)


def call(place: int, key: str | None, **given: Any) -> dict[str, Any]:
    mine = {
        "number": None if key is None else f"0{key[2:]}",
        "e164": f"+{key}",
        "number_key": key,
        "ending": "answered",
        "note": "Bu Sri, Jl. Pemuda",
        "classification": "emergency",
        "legal_hold": False,
        "incident_id": None,
    }
    return row(calls, place, **mine | given)


async def fill(database: Database) -> None:
    await add(
        database,
        calls,
        call(1, KEY, id="c1"),
        call(2, KEY, id="c2", incident_id="i2"),
        call(3, KEY, id="withheld", number_key=None),
        call(4, OTHER, id="other"),
        call(5, KEY, id="held", legal_hold=True),
        call(6, KEY, id="now", ending=None),
    )
    await add(database, marks, row(marks, 1, id="m1", number_key=KEY), row(marks, 2, number_key=OTHER))
    over = {"removed_at": 1, "expires_at": None}
    await add(database, blocks, row(blocks, 1, id="b1", number_key=KEY, number=NUMBER, **over))
    words = {"caller_name": "Sri", "callback_number": NUMBER, "place": "Jl. Pemuda", "category": "fire"}
    closed = {"status": "closed", "dispositions": [{"agency": "damkar", "note": f"telepon {NUMBER}"}]}
    await add(
        database,
        incidents,
        row(incidents, 1, id="i1", call_id="c1", **words, **closed),
        row(incidents, 2, id="i2", call_id=None, **words, **closed),
        row(incidents, 3, id="i3", call_id="other", **words, **closed),  # called back at this number
        row(incidents, 4, id="i4", call_id="c1", **words, **closed | {"status": "open"}),
        row(incidents, 5, id="i5", call_id="other", **words | {"callback_number": None}, **closed),
    )
    await add(
        database,
        missed,
        row(missed, 1, id="x1", number_key=KEY, number=NUMBER, closed_at=1, open_key=None),
        row(missed, 2, id="x2", number_key=KEY, number=NUMBER, closed_at=None, open_key=KEY),
    )


async def holding(database: Database) -> dict[str, list[str]]:
    """Every row of every table in which the person can be read."""
    found: dict[str, list[str]] = {}
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            for each in (await connection.execute(select(table))).mappings():
                text = json.dumps(dict(each), default=str)
                if any(word in text for word in ("81227538144", "Bu Sri", "Jl. Pemuda")):
                    found.setdefault(table.name, []).append(each.get("id", "?"))
    return {name: sorted(ids) for name, ids in found.items()}


async def test_the_export_holds_everything(persons: Persons, database: Database) -> None:
    await fill(database)
    told = await persons.export(persons.who("+62 812-2753-8144"), actor="cli:test")
    assert {each["id"] for each in told["calls"]} == {"c1", "c2", "withheld", "held", "now"}
    assert {each["id"] for each in told["incidents"]} == {"i1", "i2", "i3", "i4"}
    assert [told["counts"][name] for name in ("missed", "marks", "blocks")] == [2, 1, 1]
    json.dumps(told)


async def test_an_erasure_takes_the_person_out_and_keeps_the_figures(
    persons: Persons, database: Database, settings: Settings
) -> None:
    await fill(database)
    who = persons.who(NUMBER)
    looked = await persons.examine(who)
    assert "c1" in (await holding(database))["calls"]
    verdict, done = await persons.erase(who, actor="cli:test", reason="permintaan tertulis")
    assert {name: len(rows) for name, rows in looked.goes.items()} == {
        name: len(rows) for name, rows in verdict.goes.items()
    }
    assert (done["calls"], done["marks"], done["blocks"], done["incidents"], done["missed"]) == (
        3,
        1,
        1,
        3,
        1,
    )
    # what is still readable is what has a reason to stay, and what is another person's
    left = await holding(database)
    assert left == {"calls": ["held", "now", "other"], "incidents": ["i4", "i5"], "missed": ["x2"]}
    assert {reason for table, reason in verdict.stays if table != "audit"} == {
        "legal_hold",
        "in_progress",
        "open",
    }
    async with database.read() as connection:
        row_ = (await connection.execute(select(calls).where(calls.c.id == "c1"))).mappings().one()
        report = (await connection.execute(select(incidents).where(incidents.c.id == "i1"))).mappings().one()
        said = (await connection.execute(select(audit))).mappings().all()
        assert (await verify_audit(connection, SITE))[1] is None
    assert (row_["classification"], row_["ending"], row_["number"]) == ("emergency", "answered", None)
    assert report["category"] == "fire"
    assert [each["action"] for each in said] == ["person.erased"]
    assert "8144" not in json.dumps([dict(each) for each in said])
    kept = settings.home / "erased.jsonl"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "8144" not in kept.read_text()


@ONLY_SQLITE  # PostgreSQL's own autovacuum takes dead rows away; its log is not ours to cut
async def test_nothing_of_an_erased_person_is_left_in_the_file(persons: Persons, database: Database) -> None:
    await fill(database)
    await persons.erase(persons.who(NUMBER), actor="cli:test", reason="permintaan tertulis")
    path = database.path
    assert path is not None
    assert path.with_name(path.name + "-wal").stat().st_size == 0


async def test_whom_we_rang_is_taken_out_of_a_call_backs_record_too(
    persons: Persons, database: Database
) -> None:
    back = call(7, KEY, id="back", direction="outbound", dialled=NUMBER)
    await add(database, calls, back, call(8, KEY, id="came", direction="inbound", dialled="112"))
    await persons.erase(persons.who(NUMBER), actor="cli:test", reason="permintaan tertulis")
    async with database.read() as connection:
        rows = (await connection.execute(select(calls.c.id, calls.c.dialled))).all()
    assert {row[0]: row[1] for row in rows} == {"back": None, "came": "112"}


async def test_a_block_in_force_is_not_lifted_by_an_erasure(persons: Persons, database: Database) -> None:
    await fill(database)
    none = {"removed_at": None, "expires_at": None}
    await add(database, blocks, row(blocks, 2, id="b2", number_key=KEY, number=NUMBER, **none))
    verdict, done = await persons.erase(persons.who(NUMBER), actor="cli:test", reason="permintaan")
    assert verdict.stays["blocks", "active_block"] == 1
    assert verdict.stays["marks", "active_block"] == 1
    assert done["blocks"] == 1


async def test_who_was_erased_goes_again_after_a_restore(persons: Persons, database: Database) -> None:
    await fill(database)
    await persons.erase(persons.who(NUMBER), actor="cli:test", reason="permintaan")
    await add(database, calls, call(50, KEY, id="back"))  # as an older backup brings it
    assert await persons.erase_again(actor="cli:test") == 1
    assert "back" not in (await holding(database))["calls"]


@ONLY_SQLITE  # a file that is deleted
@pytest.mark.parametrize(
    "put_back",
    [put_database_back, migrate, lambda settings: FileGuard(settings).look()],
    ids=["", "up", "guard"],
)
async def test_who_was_erased_is_not_back_with_the_newest_backup(
    persons: Persons, database: Database, settings: Settings, put_back: Callable[[Settings], object]
) -> None:
    await fill(database)
    backup.make(settings)
    await persons.erase(persons.who(NUMBER), actor="cli:test", reason="permintaan")
    left = await holding(database)
    await database.close()
    assert database.path is not None
    for name in (database.path, *sqlite.side_files(database.path)):
        name.unlink(missing_ok=True)
    await asyncio.to_thread(put_back, settings)
    again = Database(database.url)
    assert await holding(again) == left
    async with again.read() as connection:
        assert (await verify_audit(connection, SITE))[1] is None
    await again.close()


def test_the_ledger_is_crossed_out_in_place(tmp_path: Path) -> None:
    (tmp_path / "cel-custom").mkdir()
    path = tmp_path / "cel-custom" / "psap.csv"
    path.write_text(
        f'"CHAN_START","1.5","a","{NUMBER}","x"\n"U","+{KEY}","Key={KEY};Number={NUMBER}"\n"{OTHER}","1{NUMBER}"\n'
    )
    size = path.stat().st_size
    assert cross_out(tmp_path, frozenset({NUMBER, KEY, f"+{KEY}", "112"})) == 4
    text = path.read_text()
    assert path.stat().st_size == size
    assert text.count(NUMBER) == 1  # the longer number of somebody else
    assert KEY not in text
    assert OTHER in text
