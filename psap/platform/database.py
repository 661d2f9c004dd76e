"""The database: SQLite in WAL mode by default, through SQLAlchemy async.

Writers begin with BEGIN IMMEDIATE and wait at most ``BUSY_SECONDS``; readers never block writers.
A connection to a file that was meanwhile replaced (rescued, restored) is given up when it is next
taken from the pool, so every process moves to the new file by itself. A missing file is never
made anew here: an empty database in its place would look like an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from psap.platform import sqlite

BUSY_SECONDS = 2.0


class Database:
    """One engine; ``read()`` and ``write()`` give connections."""

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {}
        if self.is_sqlite:
            options["connect_args"] = {"timeout": busy_seconds}
        self.path = sqlite.path_of(url) if self.is_sqlite else None
        where = sqlite.existing_only(url) if self.is_sqlite else url
        self.engine: AsyncEngine = create_async_engine(where, **options)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", self._connected)
            event.listen(self.engine.sync_engine, "checkout", self._taken)
            event.listen(self.engine.sync_engine, "begin", _sqlite_begin)
            event.listen(self.engine.sync_engine, "handle_error", _broken_is_away)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back on an exception."""
        async with self.engine.connect() as connection:
            connection = await connection.execution_options(psap_write=True)
            async with connection.begin():
                yield connection

    async def close(self) -> None:
        await self.engine.dispose()

    def _connected(self, dbapi_connection: Any, record: Any) -> None:
        if self.path is not None:
            record.info["file"] = sqlite.identity(self.path)
        try:
            _sqlite_connect(dbapi_connection)
        except Exception:
            dbapi_connection.close()  # it has a thread, and nobody else knows of it
            raise

    def _taken(self, _dbapi_connection: Any, record: Any, _proxy: object) -> None:
        if self.path is None:
            return
        now = sqlite.identity(self.path)
        # while there is no file the old one, still open, is the truth
        if now is not None and now != record.info.get("file"):
            raise DisconnectionError("another database file is in place")


def _sqlite_connect(dbapi_connection: Any) -> None:
    # the driver must not begin transactions by itself: we say BEGIN or BEGIN IMMEDIATE
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    write = connection.get_execution_options().get("psap_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _broken_is_away(context: ExceptionContext) -> BaseException | None:
    """A damaged file is a database that cannot be used now, not the fault of what was to be written."""
    error = context.original_exception
    if sqlite.is_broken(error) and not isinstance(context.sqlalchemy_exception, OperationalError):
        return OperationalError(context.statement, None, error)
    return None
