"""A whole database from one engine to the other: what arrives equals what was there, or nothing changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import create_engine
from typer.testing import CliRunner

from psap.cli.backup import backup
from psap.cli.db import app
from psap.cli.say import RefusedError
from psap.platform import moving_data, sqlite
from psap.platform.audit import Action, write_audit
from psap.platform.backup import BackupError, listed, make, manifest_of, unpack
from psap.platform.database import Database
from psap.platform.migrate import migrate
from psap.platform.moving_data import MovingError, copy, look, new_sqlite
from psap.platform.restore import restore
from psap.platform.revisions import HEAD
from psap.platform.settings import Settings, load_settings
from tests.support.filling import fill
from tests.support.many_calls import COLUMNS, SITE, call_rows
from tests.support.postgres import PostgresServer

ROWS = 40
Filled = Callable[..., str]


@pytest.fixture
def place(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty PostgreSQL database of this version, the test's own."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    yield postgres.migrated(name)
    postgres.drop(name)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with rows in every table and a true audit."""
    path = tmp_path_factory.mktemp("template") / "psap.db"
    url = new_sqlite(path, HEAD)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        fill(connection, ROWS, leave_out=("audit",))
    engine.dispose()
    asyncio.run(_audited(url))
    sqlite.scrub(path)
    return path


async def _audited(url: str) -> None:
    database = Database(url)
    async with database.write() as connection:
        for number in range(ROWS):
            await write_audit(
                connection,
                site=SITE,
                at=1_790_000_000_000_000 + number,
                actor="siti",
                action=Action.CALL_VIEWED,
                subject=f"c{number}",
                detail={"kota": "Semarang", "n": number, "ü": None, "r": 0.1 * number},
            )
    await database.close()


@pytest.fixture
def filled(template: Path) -> Filled:
    """A copy of it with so many realistic calls more; its URL."""

    def make_one(path: Path, calls: int = 0) -> str:
        shutil.copy(template, path)
        with contextlib.closing(sqlite3.connect(path)) as database:
            marks = ", ".join("?" * len(COLUMNS))
            insert = f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({marks})"
            database.executemany(insert, call_rows(calls, date(2026, 10, 1), 31))
            database.commit()
        return f"sqlite+aiosqlite:///{path}"

    return make_one


def name_of(url: str) -> str:
    """The name of a PostgreSQL database."""
    return url.partition("@/")[2].partition("?")[0]


def copied(source: str, target: str, **how: Any) -> dict[str, tuple[int, str | None]]:
    """Copy; rows and digest of each table."""
    return {each.table: (each.rows, each.digest) for each in copy(source, target, **how).tables}


def there_and_back(filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path, calls: int) -> None:
    source = filled(tmp_path / "psap.db", calls)
    there = copied(source, place)
    back = copied(place, new_sqlite(tmp_path / "back.db", HEAD), lock=True)
    assert there == back
    assert there["calls"][0] == calls + ROWS
    assert all(rows >= ROWS and digest for rows, digest in there.values())
    assert moving_data.audit_chain(place) == (ROWS, None)
    assert moving_data.audit_chain(f"sqlite+aiosqlite:///{tmp_path / 'back.db'}") == (ROWS, None)


def test_there_and_back_everything_is_equal(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    there_and_back(filled, postgres, place, tmp_path, 2_000)


def test_json_of_a_single_value_is_the_same_value(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    """SQLite makes numbers of texts that are numbers, in a column of JSON."""
    values = [5, -1.5, 2.0, 1_790_000_000_000_000, "kata", "7", True, None, [], {}]
    source = filled(tmp_path / "psap.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "psap.db")) as database:
        rows = [("x", f"v{number}", json.dumps(value)) for number, value in enumerate(values)]
        database.executemany("INSERT INTO state VALUES (?, ?, ?)", rows)
        database.commit()
    copy(source, place)
    query = "SELECT value FROM state WHERE site = 'x' ORDER BY length(name), name"
    told = postgres.sql(query, name_of(place)).splitlines()
    assert [json.loads(each) for each in told] == values
    postgres.sql("UPDATE state SET value = '3.0' WHERE name = 'v2'", name_of(place))
    copy(place, new_sqlite(tmp_path / "back.db", HEAD))
    with contextlib.closing(sqlite3.connect(tmp_path / "back.db")) as database:
        back = [row[0] for row in database.execute(query)]
    assert [json.loads(each) if isinstance(each, str) else each for each in back] == [5, -1.5, 3, *values[3:]]


def test_a_city_s_own_sorting_order_changes_nothing(
    filled: Filled, postgres: PostgresServer, tmp_path: Path
) -> None:
    """Rows are compared in the order of their keys' bytes; a database may sort as people do."""
    postgres.sql(
        "CREATE DATABASE sorted_otherwise OWNER psap112 TEMPLATE template0 "
        "LOCALE_PROVIDER icu ICU_LOCALE 'id'"
    )
    place = postgres.url("sorted_otherwise")
    migrate(Settings(home=tmp_path / "home", database_url=place))
    source = filled(tmp_path / "psap.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "psap.db")) as database:
        names = ["b", "B", "a", "A", "_a", "á", "Z", "1a", "a-b", "ab", "a_b"]
        rows = [("x", name, json.dumps([number])) for number, name in enumerate(names)]
        database.executemany("INSERT INTO state VALUES (?, ?, ?)", rows)
        database.commit()
    assert copied(source, place)["state"][0] == ROWS + len(names)
    postgres.drop("sorted_otherwise")


@pytest.mark.long
def test_a_hundred_thousand_calls_there_and_back(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    there_and_back(filled, postgres, place, tmp_path, 100_000)


def test_the_audit_stays_append_only_on_both_sides(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    copy(filled(tmp_path / "psap.db"), place)
    name = name_of(place)
    for deed in ("DELETE FROM audit", "UPDATE audit SET actor = 'x'", "TRUNCATE audit"):
        with pytest.raises(RuntimeError, match="append-only"):
            postgres.sql(deed, name)
    copy(place, new_sqlite(tmp_path / "back.db", HEAD))
    with contextlib.closing(sqlite3.connect(tmp_path / "back.db")) as database:
        for deed in ("DELETE FROM audit", "UPDATE audit SET actor = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(deed)


def test_a_target_with_rows_is_refused_and_left_alone(filled: Filled, place: str, tmp_path: Path) -> None:
    copy(filled(tmp_path / "psap.db"), place)
    before = look(place).counts
    with pytest.raises(MovingError, match="is not empty"):
        copy(filled(tmp_path / "other.db", 10), place)
    assert look(place).counts == before


def test_another_version_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(MovingError, match="not of the same version"):
        copy(new_sqlite(tmp_path / "old.db", "0005"), place)


def test_what_postgresql_cannot_hold_is_named_and_nothing_is_changed(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    """SQLite keeps texts of any length, and NUL in them."""
    source = filled(tmp_path / "psap.db")
    for bad, why in (("x" * 81, "too long"), ("a\x00b", "0x00")):
        with contextlib.closing(sqlite3.connect(tmp_path / "psap.db")) as database:
            (row,) = database.execute("SELECT id FROM calls LIMIT 1").fetchone()
            database.execute("UPDATE calls SET number = ? WHERE id = ?", (bad, row))
            database.commit()
        with pytest.raises(MovingError, match=rf"calls.*{row}.*number.*{why}.*--fit"):
            copy(source, place)
        assert look(place).rows == 0
    assert copy(source, place, fit=True).fitted == 1
    assert postgres.sql(f"SELECT number FROM calls WHERE id = '{row}'", name_of(place)) == "a\ufffdb"


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("calls", "wait_seconds", 3.0000000001),
        ("calls", "flags", '["no_audio"]'),
        ("blocks", "legal_hold", 1),
    ],
)
def test_a_difference_of_one_value_is_found(
    filled: Filled,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    table: str,
    column: str,
    value: object,
) -> None:
    """The comparison is no formality: one value that changed on the way stops it, and is named."""
    from psap.platform.moving_postgres import PostgresSide

    really = PostgresSide.write

    async def slip(self: PostgresSide, shape: Any, rows: list[Any]) -> None:
        if shape.table == table:
            spot = shape.names.index(column)
            kind = dict(shape.columns)[column]
            changed = bool(value) if kind == "bool" else value
            rows = [(*rows[0][:spot], changed, *rows[0][spot + 1 :]), *rows[1:]]
        await really(self, shape, rows)

    monkeypatch.setattr(PostgresSide, "write", slip)
    source = filled(tmp_path / "psap.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "psap.db")) as database:
        key = database.execute(f"SELECT id FROM {table} ORDER BY rowid LIMIT 1").fetchone()[0]
    with pytest.raises(MovingError, match=rf"{table}: .*{column}.*{key}"):
        copy(source, place)
    assert look(place).rows == 0


def test_json_that_an_engine_spells_its_own_way_is_equal(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    name = name_of(place)
    postgres.sql("ALTER TABLE calls ALTER COLUMN gate TYPE jsonb USING gate::jsonb", name)
    source = filled(tmp_path / "psap.db", 50)
    there = copied(source, place)
    back = copied(place, new_sqlite(tmp_path / "back.db", HEAD))
    assert there["calls"][0] == back["calls"][0] == 50 + ROWS


# -- the command


def backup_command() -> typer.Typer:
    """``./112 backup``, without what it does to the process's priority."""
    made = typer.Typer()
    made.command()(backup)
    return made


def home_with(filled: Filled, tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    filled(settings.home / "psap.db", 20)
    settings.save()
    return settings


def test_the_command_moves_there_and_back(filled: Filled, place: str, tmp_path: Path) -> None:
    settings = home_with(filled, tmp_path)
    told = CliRunner().invoke(app, ["move", "--to", place, "--home", str(settings.home)])
    assert told.exit_code == 0, told
    assert load_settings(settings.home).database_url == place
    assert not (settings.home / "psap.db").exists()
    assert len(list(settings.home.glob("psap.db.moved-*Z"))) == 1
    assert "rantai utuh" in told.output
    told = CliRunner().invoke(app, ["move", "--to", "sqlite", "--home", str(settings.home)])
    assert told.exit_code == 0, told
    assert load_settings(settings.home).database_url is None
    assert look(f"sqlite+aiosqlite:///{settings.home / 'psap.db'}").counts["calls"] == 20 + ROWS
    migrate(load_settings(settings.home))  # it is of this version: nothing to do


def test_a_command_that_fails_changes_nothing(filled: Filled, place: str, tmp_path: Path) -> None:
    settings = home_with(filled, tmp_path)
    before = (settings.home / "config.json").read_text()
    copy(filled(tmp_path / "other.db"), place)  # somebody's
    for to in (
        place,
        "postgresql://psap112@/nothing?host=/nowhere",
        "mysql://x/y",
        f"sqlite:///{tmp_path}/other.db",
    ):
        told = CliRunner().invoke(app, ["move", "--to", to, "--home", str(settings.home)])
        assert isinstance(told.exception, RefusedError), (to, told)
    assert (settings.home / "config.json").read_text() == before
    assert look(settings.effective_database_url).counts["calls"] == 20 + ROWS
    assert look(place).counts["calls"] == ROWS


# -- backups


def test_a_backup_of_either_engine_restores_into_either(
    filled: Filled, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)  # the other tests' process
    settings = home_with(filled, tmp_path)
    (settings.home / "secrets.json").write_text("{}")
    archive, manifest = make(settings, tmp_path / "sqlite.tar.gz")
    assert manifest.engine.startswith("SQLite")
    other = Settings(home=tmp_path / "pg", database_url=place)
    assert restore(other, archive).aside is None
    assert look(place).counts == {**manifest.counts}
    assert json.loads((other.home / "config.json").read_text())["database_url"] == place
    # and the other way round, from what the bridge makes each hour
    told = CliRunner().invoke(backup_command(), ["--auto", "--home", str(other.home)])
    assert told.exit_code == 0, told
    (archive,) = listed(other)
    manifest = manifest_of(archive)
    assert manifest.kind == "auto"
    assert (manifest.engine[:10], manifest.database, manifest.site) == ("PostgreSQL", HEAD, SITE)
    back = Settings(home=tmp_path / "back")
    restore(back, archive)
    assert json.loads((back.home / "config.json").read_text())["database_url"] is None
    one, two = (new_sqlite(tmp_path / f"{name}.db", HEAD) for name in ("one", "two"))
    assert copied(settings.effective_database_url, one) == copied(back.effective_database_url, two)


def test_restoring_into_postgresql_replaces_and_keeps_a_way_back(
    filled: Filled, place: str, tmp_path: Path
) -> None:
    settings = home_with(filled, tmp_path)
    archive, manifest = make(settings, tmp_path)
    pg = Settings(home=tmp_path / "pg", database_url=place)
    migrate(pg)
    copy(filled(tmp_path / "now.db", 70), place)
    done = restore(pg, archive)
    assert look(place).counts == manifest.counts
    assert done.aside is not None
    (earlier,) = done.aside.glob("*.tar.gz")
    assert manifest_of(earlier).counts["calls"] == 70 + ROWS
    restore(pg, earlier)
    assert look(place).counts["calls"] == 70 + ROWS


def test_a_backup_with_texts_too_long_restores_into_postgresql(
    filled: Filled, place: str, tmp_path: Path
) -> None:
    settings = home_with(filled, tmp_path)
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("UPDATE calls SET number = ? WHERE agent IS NULL", ("9" * 90,))
        cut = database.execute("SELECT count(*) FROM calls WHERE agent IS NULL").fetchone()[0]
        database.commit()
    archive, manifest = make(settings, tmp_path)
    assert restore(Settings(home=tmp_path / "pg", database_url=place), archive).fitted == cut > 0
    assert look(place).counts == manifest.counts


def test_a_backup_that_does_not_fit_leaves_postgresql_as_it_was(
    filled: Filled, place: str, tmp_path: Path
) -> None:
    settings = home_with(filled, tmp_path)
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("UPDATE users SET created_at = 'once upon a time'")
        database.commit()
    archive, _ = make(settings, tmp_path)
    copy(filled(tmp_path / "now.db", 5), place)
    pg = Settings(home=tmp_path / "pg", database_url=place)
    with pytest.raises(BackupError, match="users"):
        restore(pg, archive)
    assert look(place).counts["calls"] == 5 + ROWS
    assert not list(pg.home.glob("before-restore-*"))


def test_an_older_postgresql_is_backed_up_before_it_is_brought_up_to_date(
    filled: Filled, postgres: PostgresServer, tmp_path: Path
) -> None:
    from psap.platform.migrate import downgrade

    settings = Settings(home=tmp_path / "home", database_url=postgres.migrated("older"))
    settings.home.mkdir()
    copy(filled(tmp_path / "psap.db", 10), str(settings.database_url))
    downgrade(settings, "0006")
    migrate(settings)
    taken = [manifest_of(path) for path in listed(settings)]
    assert [(each.kind, each.database, each.counts["calls"]) for each in taken] == [
        ("upgrade", HEAD, 10 + ROWS),
        ("upgrade", "0006", 10 + ROWS),
    ]
    postgres.drop("older")


def test_a_backup_during_writes_is_of_one_moment(
    filled: Filled, postgres: PostgresServer, place: str, tmp_path: Path
) -> None:
    """Two rows change together all the while, in two tables: the backup shows both alike."""
    settings = Settings(home=tmp_path / "home", database_url=place)
    settings.home.mkdir()
    copy(filled(tmp_path / "psap.db", 1_000), place)
    over, wrote, written = threading.Event(), threading.Event(), []

    async def write() -> None:
        import asyncpg

        name = name_of(place)
        connection = await asyncpg.connect(user="psap112", database=name, host=str(postgres.folder))
        while not over.is_set():
            number = len(written) + 1
            async with connection.transaction():
                await connection.execute("UPDATE users SET created_at = $1", number)
                await connection.execute("UPDATE calls SET updated_at = $1", number)
            written.append(number)
            wrote.set()
        await connection.close()

    def seen(*_: object) -> None:
        at.append(len(written))
        if len(at) == 1:  # the backup has begun: it goes on once somebody has written meanwhile
            wrote.clear()
            assert wrote.wait(20)

    at: list[int] = []
    writer = threading.Thread(target=lambda: asyncio.run(write()))
    writer.start()
    try:
        archive, _ = make(settings, tmp_path, progress=seen)
    finally:
        over.set()
        writer.join()
    assert at[-1] > at[0], "nothing was written during the backup"
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / "psap.db")) as database:
        users = {row[0] for row in database.execute("SELECT DISTINCT created_at FROM users")}
        calls = {row[0] for row in database.execute("SELECT DISTINCT updated_at FROM calls")}
    assert len(users) == 1
    assert users == calls
