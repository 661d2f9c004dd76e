"""The database: SQLite in WAL mode by default, or PostgreSQL, through SQLAlchemy async.

On both engines writers are one at a time (BEGIN IMMEDIATE; an advisory lock) and wait at most
``BUSY_SECONDS`` for their turn; readers never block writers, and see one moment of the database.
Where it cannot be used now, OperationalError is raised.

Of SQLite alone: a connection to a file that was meanwhile replaced (rescued, restored) is given up
when it is next taken from the pool, so every process moves to the new file by itself. A missing file
is never made anew here: an empty database in its place would look like an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DisconnectionError, InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from psap.platform import sqlite

BUSY_SECONDS = 2.0


class Database:
    """One engine; ``read()`` and ``write()`` give connections."""

    def __init__(
        self, url: str, *, busy_seconds: float = BUSY_SECONDS, command_seconds: float | None = None
    ) -> None:
        self.url, self.busy_seconds = url, busy_seconds
        self.is_sqlite = url.startswith("sqlite")
        self.path = sqlite.path_of(url) if self.is_sqlite else None
        if not self.is_sqlite:
            from psap.platform import postgres  # its driver takes a while to load

            self._reading, self._lost = postgres.EXECUTION, postgres.LOST
            self.engine: AsyncEngine = postgres.make_engine(
                url, busy_seconds=busy_seconds, command_seconds=command_seconds or postgres.COMMAND_SECONDS
            )
            return
        self._reading, self._lost = {}, ()
        self.engine = create_async_engine(sqlite.existing_only(url), connect_args={"timeout": busy_seconds})
        self.attend(self.engine.sync_engine)
        event.listen(self.engine.sync_engine, "connect", _stops_once)

    def attend(self, engine: Engine) -> None:
        """Make an engine for this SQLite file behave as ours does."""
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "begin", _sqlite_begin)
        event.listen(engine, "handle_error", _broken_is_away)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for queries: all of them see the same moment. Raises OperationalError: away."""
        async with self._connection(self._reading) as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end, rolled back on an exception. Raises OperationalError: away."""
        async with self._connection({"psap_write": True}) as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def _connection(self, options: dict[str, Any]) -> AsyncIterator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self.engine.connect())
            except (PoolTimeoutError, InvalidRequestError) as error:  # none is free, or none stays open
                raise OperationalError(None, None, error) from error
            except self._lost as error:
                from psap.platform import postgres

                raise postgres.away(error) from error
            yield await connection.execution_options(**options) if options else connection

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


def _stops_once(dbapi_connection: Any, _record: object) -> None:
    sqlite.stop_once(dbapi_connection.driver_connection)


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
