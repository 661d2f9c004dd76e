"""The bridge's questions to the database; none is asked while an event is being handled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from psap.accounts import phones
from psap.accounts.model import AccountError
from psap.calls import store as call_store
from psap.calls.model import Call
from psap.calls.service import Following
from psap.calls.store import AWAY_ERRORS
from psap.platform.control import ControlError
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo
from psap.queue import store as queue_store

T = TypeVar("T")


class Data:
    """Reads of one site."""

    def __init__(self, database: Database, site: str) -> None:
        self.database = database
        self.site = site
        self.in_one_go = InOneGo(database)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Any]:
        try:
            async with self.database.read() as connection:
                yield connection
        except AWAY_ERRORS as error:
            why = str(getattr(error, "orig", None) or error)
            raise ControlError("database_away", f"the database does not answer: {why}") from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        """A connection for a feature's own questions. Raises ControlError(database_away)."""
        async with self._reading() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        """A transaction of a feature's own. Raises ControlError(database_away)."""
        try:
            async with self.database.write() as connection:
                yield connection
        except AWAY_ERRORS as error:
            why = str(getattr(error, "orig", None) or error)
            raise ControlError("database_away", f"the database does not answer: {why}") from error

    async def write_in_one_go(self, work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """A transaction of many small steps, which does not hold the others up while we are busy.

        ``work(connection)`` waits for nothing but the database. Raises ControlError(database_away).
        """
        try:
            return await self.in_one_go.write(work)
        except AWAY_ERRORS as error:
            why = str(getattr(error, "orig", None) or error)
            raise ControlError("database_away", f"the database does not answer: {why}") from error

    async def close(self) -> None:
        """Close what was opened here."""
        await self.in_one_go.close()

    async def calls(self, ids: Sequence[str]) -> dict[str, tuple[Call, str | None]]:
        """Calls with their number keys. Raises ControlError(database_away), as all here."""
        async with self._reading() as connection:
            return await call_store.load(connection, ids)

    async def open_calls(self) -> dict[str, tuple[Call, str | None]]:
        """Calls without an ending."""
        async with self._reading() as connection:
            return await call_store.load(connection, await call_store.open_ids(connection, self.site))

    async def phone_rows(self) -> list[tuple[str, str, str]]:
        """(telephone, password, agent) of all."""
        async with self._reading() as connection:
            return await queue_store.passwords_of(connection, self.site)

    async def ensure_phone(self, agent: str) -> None:
        """Make an account's telephone at first use. Raises ControlError(no_phone, database_away)."""
        async with self.writing() as connection:
            try:
                await phones.ensure_phone(connection, self.site, agent)
            except AccountError as error:
                raise ControlError("no_phone", str(error)) from error

    async def load_phones(self, following: Following) -> None:
        """Tell the desk which telephones and agents there are."""
        async with self._reading() as connection:
            phones = await queue_store.phones_of(connection, self.site)
        following.desk.load(phones, following.clock.now_us())

    async def read_state(self, name: str) -> Any:
        """A small remembered value."""
        async with self._reading() as connection:
            return await call_store.read_state(connection, self.site, name)

    async def write_state(self, name: str, value: Any) -> None:
        """Remember a small value; not now is soon enough where the database is away."""
        try:
            async with self.database.write() as connection:
                await call_store.write_state(connection, self.site, name, value)
        except AWAY_ERRORS as error:
            raise ControlError("database_away", str(error)) from error
