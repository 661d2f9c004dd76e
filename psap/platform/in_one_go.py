"""A piece of work on the database in one go.

Through aiosqlite each step of a query (a cursor, its statement, its rows, its end) is a trip to another
thread and back: four trips and 0.2 ms of processor time each. Here the whole piece of work makes one trip,
with a plain connection that waits for nothing but SQLite. PostgreSQL's driver has no such trips: there the
work runs as any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform import sqlite
from psap.platform.database import Database

T = TypeVar("T")


class Direct:
    """What the stores use of a connection. Nothing here waits, so who awaits it goes on at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        return self._connection.execute(statement, parameters)

    async def scalar(self, statement: Any, parameters: Any = None) -> Any:
        return self._connection.scalar(statement, parameters)


class InOneGo:
    """One thread with a connection of its own; pieces of work wait for each other.

    ``work(connection)`` may do nothing but ask the database: whatever else it awaits is a fault.
    Errors are those of ``Database.read()`` and ``Database.write()``.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread: ThreadPoolExecutor | None = None
        if not database.is_sqlite:
            return
        self._thread = ThreadPoolExecutor(1, "database")
        where = sqlite.existing_only(database.url).set(drivername="sqlite")
        self._engine = create_engine(where, connect_args={"timeout": database.busy_seconds})
        database.attend(self._engine)

    async def read(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        """Queries; all of them see the same moment."""
        if self._thread is not None:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work, False)
        async with self._database.read() as connection:
            return await work(connection)

    async def write(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]]) -> T:
        """A transaction: committed at the end, rolled back on an exception.

        Cancelled, it may still be done afterwards.
        """
        if self._thread is not None:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work, True)
        async with self._database.write() as connection:
            return await work(connection)

    def _work(self, work: Callable[[AsyncConnection], Coroutine[Any, Any, T]], writes: bool) -> T:
        try:
            opened = self._engine.connect().execution_options(psap_write=writes)
        except InvalidRequestError as error:  # none stays open, as in Database
            raise OperationalError(None, None, error) from error
        with opened as connection, connection.begin():
            running = work(cast("AsyncConnection", Direct(connection)))
            try:
                running.send(None)
            except StopIteration as end:
                return cast("T", end.value)
            running.close()
            raise RuntimeError("work in one go may wait for nothing but the database")

    async def close(self) -> None:
        """Let what is under way end, and close the connection."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)
            self._engine.dispose()
