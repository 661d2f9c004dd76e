"""A million calls on SQLite, PostgreSQL and DuckDB, the same on each; made in a process for each engine."""

from __future__ import annotations

import asyncio
import csv
import multiprocessing
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from psap.platform import sqlite
from psap.platform.database import Database
from psap.platform.moving_data import new_sqlite
from psap.platform.report_marks import mark_statements, unmark_statements
from psap.platform.revisions import HEAD
from tests.support.many_calls import COLUMNS, call_rows
from tests.support.postgres import PostgresServer

BATCH = 20_000
# what a report looks at: DuckDB gets no more, it is not slowed down by what nobody asks for
NEEDED = ("started_at", "direction", "answered_at", "ending", "agent", "wait_seconds", "classification")
TYPES = "BIGINT, VARCHAR, BIGINT, VARCHAR, VARCHAR, DOUBLE, VARCHAR"
FILL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of "a month over a million calls": how many calls over how many days, and which month."""

    name: str
    calls: int
    first: date
    days: int
    asked: date


@dataclass(slots=True)
class Filled:
    """The same calls thrice. ``calls``: of all directions in the month asked for."""

    sqlite: Database
    postgres: Database
    duck: duckdb.DuckDBPyConnection

    async def close(self) -> None:
        await self.sqlite.close()
        await self.postgres.close()
        self.duck.close()


def filled(reading: Reading, server: PostgresServer, folder: Path) -> Filled:
    """Make them, both engines at once. Raises RuntimeError where one cannot be made."""
    path = folder / f"{reading.name}.db"
    url = new_sqlite(path, HEAD)
    place = server.migrated(reading.name)
    context = multiprocessing.get_context("spawn")
    plain = folder / f"{reading.name}.csv"
    works = [
        context.Process(target=_into_sqlite, args=(path, plain, reading)),
        context.Process(target=_into_postgres, args=(place, reading)),
    ]
    try:
        for work in works:
            work.start()
        for work in works:
            work.join(FILL_SECONDS)
            if work.exitcode != 0:
                raise RuntimeError(f"the rows could not be made (exit code {work.exitcode})")
    finally:
        for work in works:
            work.kill()
    return Filled(Database(url), Database(place, command_seconds=300), _into_duckdb(plain))


def _batches(reading: Reading) -> Iterator[list[tuple[Any, ...]]]:
    rows = call_rows(reading.calls, reading.first, reading.days)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _into_sqlite(path: Path, plain: Path, reading: Reading) -> None:
    """Also the columns that DuckDB needs, as text: floats are written so that they come back the same."""
    places = [COLUMNS.index(name) for name in NEEDED]
    database = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
        database.execute(f"PRAGMA {setting}")
    for statement in unmark_statements("sqlite"):  # never counted: there is nothing to mark
        database.execute(statement)
    database.execute("BEGIN")
    insert = f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
    with plain.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for batch in _batches(reading):
            database.executemany(insert, batch)
            writer.writerows([row[place] for place in places] for row in batch)
    for statement in mark_statements("sqlite"):
        database.execute(statement)
    database.execute("COMMIT")
    database.execute("ANALYZE")
    database.execute("PRAGMA journal_mode=WAL")
    database.close()
    sqlite.scrub(path)


def _into_postgres(url: str, reading: Reading) -> None:
    async def fill() -> None:
        database = Database(url, command_seconds=FILL_SECONDS)
        async with database.engine.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            for name in ("json", "jsonb"):
                await raw.set_type_codec(
                    name, schema="pg_catalog", encoder=str.encode, decoder=bytes.decode, format="binary"
                )
            await raw.execute("ALTER TABLE calls DISABLE TRIGGER USER")
            for batch in _batches(reading):
                await raw.copy_records_to_table("calls", records=batch, columns=COLUMNS)
            await raw.execute("ALTER TABLE calls ENABLE TRIGGER USER")
            await raw.execute("VACUUM ANALYZE calls")  # as autovacuum does within minutes
        await database.close()

    asyncio.run(fill())


def _into_duckdb(plain: Path) -> duckdb.DuckDBPyConnection:
    """Its own table, in memory, loaded before any clock starts."""
    duck = duckdb.connect()
    names = ", ".join(f"{name} {kind}" for name, kind in zip(NEEDED, TYPES.split(", "), strict=True))
    duck.execute(f"CREATE TABLE calls ({names})")
    duck.execute("COPY calls FROM $1 (FORMAT csv, HEADER false, NULLSTR '')", [str(plain)])
    return duck
