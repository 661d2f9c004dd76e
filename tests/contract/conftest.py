"""A real database for each test, made from one migrated file."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.migrate import migrate
from psap.platform.settings import Settings

SITE = "semarang"
START_US = 1_790_000_000_000_000  # 2026-09-21


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One empty database of this version."""
    settings = Settings(home=tmp_path_factory.mktemp("migrated"))
    migrate(settings)
    return settings.home / "psap.db"


@pytest.fixture
async def database(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of its own for one test."""
    path = tmp_path / "psap.db"
    shutil.copy(migrated, path)
    made = Database(f"sqlite+aiosqlite:///{path}")
    yield made
    await made.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves when told."""
    return FixedClock(START_US)
