"""PostgreSQL's end of a move."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.database import Database
from psap.platform.moving_sides import (
    BATCH,
    LOCK_SECONDS,
    LONGEST_STEP,
    SITE,
    Limits,
    MovingError,
    Row,
    Shape,
    shape_of,
)

# what its driver raises where SQLite let any value into any column
_NOT_OF_THE_TYPE = (ValueError, TypeError, AttributeError, OverflowError)
_PG_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
       array_position(i.indkey::int2[], a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'alembic_version'"""


class PostgresSide:
    """A PostgreSQL database: rows go in by COPY, and out through a cursor."""

    def __init__(self, name: str, database: Database, connection: AsyncConnection, raw: Any) -> None:
        self.name, self.engine = name, "PostgreSQL"
        self.revision: str | None = None
        self.limits: Limits = {}
        self._database, self._connection, self._raw = database, connection, raw

    @classmethod
    async def open(cls, url: str, *, write: bool, lock: bool) -> PostgresSide:
        """Connect and begin. Raises what the driver raises."""
        database = Database(url, busy_seconds=LOCK_SECONDS, command_seconds=LONGEST_STEP)
        connection = database.engine.connect()
        try:
            await connection.start()
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await _json_as_text(raw)
            # a copy is read again while it is written: not of an earlier moment
            options: dict[str, Any] = (
                {"psap_write": True} if write else {"isolation_level": "REPEATABLE READ"}
            )
            await connection.execution_options(**options)
            await connection.begin()
            await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            side = cls(f"PostgreSQL {database.engine.url.database}", database, connection, raw)
            if lock:  # before the first look: the snapshot is what everybody waits after
                await side._lock()
            side.engine = f"PostgreSQL {raw.get_server_version().major}.{raw.get_server_version().minor}"
            side.revision = await side._revision()
        except BaseException:
            await connection.close()
            await database.close()
            raise
        return side

    async def _lock(self) -> None:
        find = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
        async with self._database.engine.connect() as beside:
            names = [row[0] for row in await beside.exec_driver_sql(find)]
        if names:
            await self._raw.execute(f"LOCK TABLE {', '.join(names)} IN SHARE MODE")

    async def _revision(self) -> str | None:
        if await self._raw.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        found: str | None = await self._raw.fetchval("SELECT version_num FROM alembic_version")
        return found

    async def tables(self) -> list[str]:
        return sorted({row[0] for row in await self._raw.fetch(_PG_COLUMNS)})

    async def shapes(self) -> dict[str, Shape]:
        tables: dict[str, list[tuple[str, str, int | None]]] = {}
        for table, column, declared, place in await self._raw.fetch(_PG_COLUMNS):
            tables.setdefault(table, []).append((column, declared, place))
        found = {}
        for table, columns in sorted(tables.items()):
            key = sorted((place, name) for name, _, place in columns if place is not None)
            types = [(name, declared) for name, declared, _ in columns]
            found[table] = shape_of(table, types, [name for _, name in key])
            self.limits[table] = {name: _longest(declared) for name, declared in types if "char" in declared}
            self.limits[table] |= {name: None for name, declared in types if declared == "text"}
        return found

    async def count(self, table: str) -> int:
        return int(await self._raw.fetchval(f'SELECT count(*) FROM "{table}"'))  # noqa: S608

    async def site(self) -> str | None:
        found: str | None = await self._raw.fetchval(SITE)
        return found

    async def size(self) -> int:
        return int(await self._raw.fetchval("SELECT pg_database_size(current_database())"))

    async def rows(self, shape: Shape, *, ordered: bool) -> AsyncGenerator[list[Row], None]:
        kinds = dict(shape.columns)
        by = [f'"{name}"' + (' COLLATE "C"' if kinds[name] == "text" else "") for name in shape.key]
        order = f" ORDER BY {', '.join(by)}" if ordered else ""
        cursor = f'"reading {shape.table}"'
        query = f'SELECT {shape.quoted()} FROM "{shape.table}"{order}'  # noqa: S608
        await self._raw.execute(f"DECLARE {cursor} NO SCROLL CURSOR FOR {query}")
        try:
            while batch := await self._raw.fetch(f"FETCH {BATCH} FROM {cursor}"):
                yield [tuple(record) for record in batch]
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._raw.execute(f"CLOSE {cursor}")  # a transaction that failed has none any more

    async def write(self, shape: Shape, rows: list[Row]) -> None:
        try:
            await self._raw.copy_records_to_table(shape.table, records=rows, columns=shape.names)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, *_NOT_OF_THE_TYPE) as error:
            raise MovingError(
                f"{shape.table}{_which(shape, rows, error)}: {error}{_how_to_mend(error)}"
            ) from error

    async def make_ready(self, shapes: Sequence[Shape], *, empty: bool) -> None:
        for shape in shapes:
            await self._raw.execute(f'ALTER TABLE "{shape.table}" DISABLE TRIGGER USER')
        if empty:
            names = ", ".join(f'"{shape.table}"' for shape in shapes)
            await self._raw.execute(f"TRUNCATE {names}")

    async def finish(self, shapes: Sequence[Shape]) -> None:
        for shape in shapes:
            await self._raw.execute(f'ALTER TABLE "{shape.table}" ENABLE TRIGGER USER')
            await self._sequences(shape)
            await self._raw.execute(f'ANALYZE "{shape.table}"')  # questions are planned well at once

    async def _sequences(self, shape: Shape) -> None:
        """What counts by itself goes on after the newest row."""
        for name, kind in shape.columns:
            if kind != "int":
                continue
            counter = await self._raw.fetchval("SELECT pg_get_serial_sequence($1, $2)", shape.table, name)
            if counter is not None:
                newest = f'(SELECT max("{name}") FROM "{shape.table}")'  # noqa: S608
                await self._raw.execute(
                    f"SELECT setval('{counter}', coalesce({newest}, 1), {newest} IS NOT NULL)"
                )

    async def close(self, *, commit: bool) -> None:
        try:
            await (self._connection.commit() if commit else self._connection.rollback())
        finally:
            await self._connection.close()
            await self._database.close()


async def _json_as_text(raw: Any) -> None:
    """JSON goes through as it is written; nobody parses it."""
    for name, mark in (("json", b""), ("jsonb", b"\x01")):
        await raw.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=lambda text, mark=mark: mark + text.encode(),
            decoder=lambda data, mark=mark: data[len(mark) :].decode(),
            format="binary",
        )


def _how_to_mend(error: Exception) -> str:
    if isinstance(error, asyncpg.StringDataRightTruncationError | asyncpg.CharacterNotInRepertoireError):
        return "; ./112 db move --fit memotongnya / cuts it"
    return ""


def _longest(declared: str) -> int | None:
    """The characters of ``character varying(80)``."""
    number = declared.partition("(")[2].partition(")")[0]
    return int(number) if number.isdigit() else None


def _which(shape: Shape, rows: list[Row], error: Exception) -> str:
    """The row that PostgreSQL refused, where it says which: ``COPY calls, line 17, column number``."""
    told = str(getattr(error, "context", None) or "")
    line, column = told.partition("line ")[2].partition(",")[0], told.partition("column ")[2]
    if not line.isdigit() or not 0 < int(line) <= len(rows):
        return ""
    return f" {shape.key_of(rows[int(line) - 1])}" + (f", {column.partition(':')[0]}" if column else "")
