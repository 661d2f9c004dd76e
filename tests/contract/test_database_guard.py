"""A deleted database file: nothing is lost, and everybody moves to the new one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from psap.platform import backup, sqlite
from psap.platform.database import Database
from psap.platform.guard import FileGuard, NothingLeftError
from psap.platform.settings import Settings

OTHER = """
import sqlite3, sys, os
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("INSERT INTO state VALUES ('semarang', 'from-another', '1')")
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def settings(migrated: Path, tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    made.home.mkdir()
    shutil.copy(migrated, made.home / "psap.db")
    return made


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    made = Database(settings.effective_database_url, busy_seconds=0.2)
    yield made
    await made.close()


@pytest.fixture
async def guard(settings: Settings, database: Database) -> AsyncIterator[FileGuard]:
    made = FileGuard(settings)
    assert made.look() is None
    yield made
    made.close()


async def put(database: Database, name: str) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO state VALUES ('semarang', :name, '1')"), {"name": name})


def names_in(settings: Settings) -> set[str]:
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        return {row[0] for row in database.execute("SELECT name FROM state")}


def delete(settings: Settings, pattern: str = "psap.db*") -> None:
    for name in settings.home.glob(pattern):
        name.unlink()


@pytest.mark.parametrize("pattern", ["psap.db*", "psap.db", "psap.db-wal", "psap.db-shm"])
async def test_nothing_is_lost(
    settings: Settings, database: Database, guard: FileGuard, pattern: str
) -> None:
    await put(database, "before")
    delete(settings, pattern)
    await put(database, "meanwhile")  # into the nameless file
    done = guard.look()
    assert done is not None
    assert done.how == "rescued"
    await put(database, "after")  # the same pool, without a word to it
    assert names_in(settings) >= {"before", "meanwhile", "after"}
    assert sqlite.fault_of(settings.home / "psap.db") is None
    assert guard.look() is None


async def test_a_late_writer_fails_and_comes_again(
    settings: Settings, database: Database, guard: FileGuard
) -> None:
    """Whoever took a connection before the rescue cannot write into the nameless file after it."""
    async with database.engine.connect() as taken:
        await (await taken.execution_options(psap_write=False)).execute(text("SELECT 1"))
        await taken.rollback()
        delete(settings)
        done = guard.look()
        assert done is not None
        late = await taken.execution_options(psap_write=True)
        with pytest.raises(OperationalError, match="locked"):
            await late.execute(text("INSERT INTO state VALUES ('semarang', 'late', '1')"))
    await put(database, "again")
    assert names_in(settings) == {"again"}


async def test_while_there_is_no_file_nobody_makes_an_empty_one(settings: Settings) -> None:
    delete(settings)
    fresh = Database(settings.effective_database_url)
    with pytest.raises(OperationalError, match="unable to open"):
        await put(fresh, "x")
    await fresh.close()
    assert not (settings.home / "psap.db").exists()


async def test_a_strange_file_in_its_place_is_laid_aside(
    settings: Settings, database: Database, guard: FileGuard
) -> None:
    await put(database, "ours")
    delete(settings)
    (settings.home / "psap.db").write_bytes(b"")
    done = guard.look()
    assert done is not None
    assert done.how == "rescued"
    assert done.aside is not None
    assert done.aside.read_bytes() == b""
    assert names_in(settings) == {"ours"}


def test_another_process_has_it_open_still(settings: Settings) -> None:
    """The bridge was dead when the file was deleted; the console was not."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(settings.home / "psap.db")],
        env={"PSAP_HOME": str(settings.home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"open\n"
        delete(settings)
        guard = FileGuard(settings)
        done = guard.look()
        assert done is not None
        assert done.how == "copied"
        assert names_in(settings) == {"from-another"}
        guard.close()
        other.stdin.close()


async def test_else_the_newest_backup_and_else_a_clear_word(settings: Settings, database: Database) -> None:
    await put(database, "saved")
    backup.make(settings)
    await put(database, "since")
    await database.close()
    delete(settings)
    guard = FileGuard(settings)
    done = guard.look()
    assert done is not None
    assert done.how == "backup"
    assert done.manifest is not None
    assert names_in(settings) == {"saved"}
    guard.close()
    shutil.rmtree(backup.folder(settings))
    delete(settings)
    with pytest.raises(NothingLeftError):
        FileGuard(settings).look()


async def test_a_damaged_file_is_away_not_the_entrys_fault(settings: Settings, database: Database) -> None:
    await database.close()
    (settings.home / "psap.db").write_bytes(b"this is no database at all" * 400)
    with pytest.raises(OperationalError):
        await put(database, "x")


async def test_a_connection_that_is_stopped_while_it_closes_is_closed_all_the_same(
    database: Database,
) -> None:
    """As when a task that used it is cancelled: SQLAlchemy stops what it was closing with care."""
    raw = await database.engine.raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    raw.detach()  # it is not the pool's any more
    closing = asyncio.create_task(driver.close())
    await asyncio.sleep(0)  # under way
    driver.stop()
    async with asyncio.timeout(20):
        await closing
