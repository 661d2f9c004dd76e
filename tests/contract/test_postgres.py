"""PostgreSQL as it is in production: absent, hung, killed, asking for a password; and what strangers send."""

from __future__ import annotations

import asyncio
import itertools
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from psap.calls.model import Call, Caller, CallerKind, Ending
from psap.calls.recorder import Recorder
from psap.calls.store import load, row_of, upsert
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.migrate import MigrationError, current_ok, migrate
from psap.platform.postgres import shown
from psap.platform.schema import calls, counters
from psap.platform.settings import Settings, load_settings
from tests.contract.conftest import ONLY_POSTGRES, SITE, START_US
from tests.support.postgres import PASSWORD, PostgresServer

PATIENCE = 60.0  # seconds until somebody must have said that the database is away; it takes three to seven


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that is killed and stopped: nobody else's."""
    with PostgresServer(password=True) as server:
        server.migrated("city")
        yield server


@pytest.fixture
async def city(own: PostgresServer) -> AsyncIterator[Database]:
    made = Database(own.url("city"), busy_seconds=1.0, command_seconds=4.0)
    yield made
    await made.close()


async def count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(calls))).scalar_one()


async def bump(database: Database) -> None:
    """Read, think, write: what only holds while nobody else writes."""
    async with database.write() as connection:
        known = await connection.scalar(select(counters.c.value).where(counters.c.name == "n"))
        await asyncio.sleep(0)
        if known is None:
            await connection.execute(insert(counters).values(site=SITE, name="n", year=1, value=1))
        else:
            await connection.execute(update(counters).where(counters.c.name == "n").values(value=known + 1))


async def test_who_reads_and_then_writes_is_alone_meanwhile(database: Database) -> None:
    """On both engines, also from several processes' pools."""
    patient = [Database(database.url, busy_seconds=30.0) for _ in range(3)]
    await asyncio.gather(*(bump(each) for each in patient * 10))
    async with database.read() as connection:
        assert await connection.scalar(select(counters.c.value)) == 30
    for each in patient:
        await each.close()


async def test_a_reader_sees_one_moment_and_waits_for_nobody(database: Database) -> None:
    async with database.read() as reader, database.write() as writer:
        before = await reader.scalar(select(func.count()).select_from(counters))
        await writer.execute(insert(counters).values(site=SITE, name="x", year=1, value=1))
        await writer.commit()
        assert await reader.scalar(select(func.count()).select_from(counters)) == before == 0


@pytest.mark.parametrize("way", ["killed", "hung", "refused"])
async def test_a_server_that_is_not_there_is_away_and_then_back(
    own: PostgresServer, city: Database, way: str
) -> None:
    before = await count(city)
    began = time.monotonic()
    if way == "killed":
        own.kill()
    elif way == "hung":
        own.pause()
    else:
        own.sql("ALTER DATABASE city ALLOW_CONNECTIONS false")
        own.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'city'")
    try:
        for deed in (count, bump):
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(OperationalError) as said:
                    await deed(city)
            assert PASSWORD not in str(said.value)
        assert time.monotonic() - began < PATIENCE
    finally:
        if way == "killed":
            own.start()
        elif way == "hung":
            own.resume()
        else:
            own.sql("ALTER DATABASE city ALLOW_CONNECTIONS true")
    assert await count(city) == before
    await bump(city)


async def test_a_connection_that_died_meanwhile_is_nobodys_error(own: PostgresServer, city: Database) -> None:
    """A restart between two questions: the second one is answered."""
    await count(city)
    own.kill()
    own.start()
    await count(city)
    await bump(city)


async def test_a_statement_in_flight_is_given_up(own: PostgresServer, city: Database) -> None:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OperationalError):
            async with city.read() as connection:
                await connection.execute(text("SELECT pg_sleep(60)"))
    await count(city)


async def test_while_it_is_away_records_are_spooled_and_come_once(
    own: PostgresServer, city: Database, tmp_path: Path, clock: FixedClock
) -> None:
    async def nothing(*_args: Any, **_more: Any) -> None:
        return None

    made = Recorder(
        city, tmp_path / "spool", clock, structlog.get_logger(), on_mark=nothing, on_marked=nothing
    )
    task = asyncio.create_task(made.run())
    numbers = itertools.count()
    before = await count(city)

    async def until(away: bool) -> None:
        async with asyncio.timeout(PATIENCE):
            while (made.away is not None) is not away:
                number = next(numbers)
                for ending in (None, Ending.ANSWERED):
                    made.put(
                        Call(
                            id=f"k{number}",
                            site=SITE,
                            uniqueid=f"k{number}",
                            started_at=START_US,
                            ending=ending,
                        ),
                        None,
                    )
                await asyncio.sleep(0.02)

    for fault, mend in ((own.kill, own.start), (own.pause, own.resume)):
        fault()
        await until(away=True)
        mend()
        await until(away=False)
    await made.flush(PATIENCE)
    await made.stop(task, PATIENCE)
    assert not (tmp_path / "spool" / "calls.jsonl").exists()
    assert not (tmp_path / "spool" / "rejected.jsonl").exists()
    sent = next(numbers)
    assert sent > 2
    assert await count(city) == before + sent
    async with city.read() as connection:
        open_ones = select(func.count()).select_from(calls).where(calls.c.ending.is_(None))
        assert await connection.scalar(open_ones) == 0


# -- the password


def test_the_password_stands_in_a_file_and_nowhere_else(own: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("salah\n")
    own.create("fresh")
    settings = Settings(
        home=tmp_path / "home", database_url=own.url("fresh", password=False), database_password_file=file
    )
    with pytest.raises(MigrationError, match="password authentication failed"):
        migrate(settings)
    file.write_text(f"{PASSWORD}\n")
    migrate(settings)
    assert current_ok(settings)[0]
    settings.save()
    again = load_settings(settings.home)
    assert current_ok(again)[0]
    assert PASSWORD not in (settings.home / "config.json").read_text() + again.effective_database_url
    file.unlink()
    with pytest.raises(MigrationError, match="cannot be read"):
        migrate(settings)
    own.drop("fresh")


async def test_a_changed_password_counts_without_a_restart(own: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    url = f"{own.url('city', password=False)}&password_file={file}"
    database = Database(url)
    await count(database)
    own.sql(f"ALTER ROLE psap112 PASSWORD 'baru-{PASSWORD}'")
    try:
        file.write_text(f"baru-{PASSWORD}")
        await database.engine.dispose()
        await count(database)
    finally:
        await database.close()
        own._password = f"baru-{PASSWORD}"
        own.sql(f"ALTER ROLE psap112 PASSWORD '{PASSWORD}'")
        own._password = PASSWORD


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+asyncpg://psap112@/city?host=/nowhere", "no PostgreSQL server there"),
        ("postgresql+asyncpg://psap112:rahasia@127.0.0.1:1/city", "no PostgreSQL server there"),
        ("postgres://psap112@127.0.0.1:1/city", "no PostgreSQL server there"),
        ("postgresql://psap112@127.0.0.1:notaport/city", "cannot be used"),
    ],
)
def test_an_address_where_nobody_is_is_one_clear_line(url: str, says: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=url)
    with pytest.raises(MigrationError) as said:
        migrate(settings)
    assert says in str(said.value)
    assert "\n" not in str(said.value)
    assert "rahasia" not in str(said.value)
    assert "PSAP_DATABASE_URL" in str(said.value) or "notaport" in str(said.value)


def test_another_engines_address_is_refused() -> None:
    with pytest.raises(ValueError, match="must begin with postgresql"):
        Settings(database_url="mysql://x@/y")


def test_an_address_is_shown_without_its_password() -> None:
    told = shown("postgresql+asyncpg://psap112:rahasia@db/city?password=juga&host=/run/postgresql")
    assert "rahasia" not in told
    assert "juga" not in told
    assert "psap112" in told


# -- what strangers send


async def test_nothing_a_caller_sends_keeps_a_record_out(database: Database) -> None:
    """The longest and strangest texts end up in a record, cut and made text, on both engines."""
    strange = "0812\x00\ud83d" + "9" * 500
    call = Call(
        id="c1", site=SITE, uniqueid="u1", started_at=START_US, dialled=strange, ending=Ending.FAILED,
        caller=Caller(number=strange, presentation="allowed", kind=CallerKind.UNKNOWN), note=strange * 9,
    )  # fmt: skip
    async with database.write() as connection:
        await upsert(connection, [row_of(call, "9" * 80, 1)])
    async with database.read() as connection:
        found, key = (await load(connection, ["c1"]))["c1"]
    assert found.caller.number is not None
    assert found.caller.number.startswith("0812\N{REPLACEMENT CHARACTER}")
    assert (len(found.caller.number), len(found.dialled or ""), len(key or "")) == (80, 64, 32)
    assert found.ending is Ending.FAILED


@ONLY_POSTGRES  # SQLite takes any value into any column
async def test_what_a_column_cannot_hold_is_the_askers_matter(database: Database) -> None:
    for site, value in (("x\x00", 1), ("x", 10**12), ("x" * 99, 1)):
        with pytest.raises(DataError) as said:
            async with database.write() as connection:
                await connection.execute(insert(counters).values(site=site, name="n", year=1, value=value))
        assert str(value) not in str(said.value.orig) or value == 1


async def test_no_error_repeats_a_row(database: Database) -> None:
    """An error is logged with all its causes: nobody's number may stand in it."""
    row = {"site": SITE, "name": "62812999111", "year": 1, "value": 1}
    with pytest.raises(IntegrityError) as said:
        async with database.write() as connection:
            await connection.execute(insert(counters), [row, row])
    # what stands there of it are the parameters, which SQLAlchemy adds and our logs leave out
    words = "".join(traceback.format_exception(said.value))
    assert "Key (" not in words
