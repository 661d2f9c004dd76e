"""A real database for each test, on both engines, made from one that is migrated.

Whoever asks for ``database`` runs twice, on SQLite and on PostgreSQL; ``ONLY_SQLITE`` is for what is
true of SQLite's files alone, and says why.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from psap.platform import migrate as migrating
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.migrate import migrate
from psap.platform.settings import Settings
from tests.support.postgres import PostgresServer

Answer = TypeVar("Answer")
SITE = "semarang"
START_US = 1_790_000_000_000_000  # 2026-09-21
ONLY_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
ONLY_POSTGRES = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

_names = (f"test_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One empty database of this version."""
    settings = Settings(home=tmp_path_factory.mktemp("migrated"))
    migrate(settings)
    return settings.home / "psap.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine this test runs on."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a migrated, empty database of one test's own."""
    if engine == "sqlite":
        path = tmp_path / "psap.db"
        shutil.copy(request.getfixturevalue("migrated"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = next(_names)
    yield server.migrated(name)
    server.drop(name)


def on_tables(url: str, work: Callable[[Connection], Answer]) -> Answer:
    """Do something with a plain connection, as migrations have one; committed at the end."""
    answers: list[Answer] = []

    def whole(connection: Connection) -> None:
        answers.append(work(connection))
        connection.commit()

    migrating.with_connection(url, whole, 10.0)
    return answers[0]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of its own for one test."""
    made = Database(database_url)
    yield made
    await made.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves when told."""
    return FixedClock(START_US)
