"""The database's versions: new, there already, newer than us, unusable."""

from __future__ import annotations

import sqlite3
import stat
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from psap.platform.migrate import MigrationError, current_ok, migrate
from psap.platform.revisions import HEAD, MIGRATIONS
from psap.platform.schema import metadata
from psap.platform.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def test_a_new_database_equals_the_schema(settings: Settings) -> None:
    migrate(settings)
    engine = create_engine(settings.effective_database_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    assert current_ok(settings) == (True, HEAD)
    assert stat.S_IMODE((settings.home / "psap.db").stat().st_mode) == 0o600


def test_head_is_the_newest_file() -> None:
    assert max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py")) == HEAD


def test_a_second_time_changes_nothing_and_is_fast(settings: Settings) -> None:
    migrate(settings)
    before = (settings.home / "psap.db").read_bytes()
    began = time.monotonic()
    migrate(settings)
    assert time.monotonic() - began < 1
    assert (settings.home / "psap.db").read_bytes() == before


async def test_it_works_inside_an_event_loop_too(settings: Settings) -> None:
    migrate(settings)
    assert current_ok(settings)[0]


def test_a_database_from_a_newer_version_is_refused_untouched(settings: Settings) -> None:
    migrate(settings)
    with sqlite3.connect(settings.home / "psap.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(MigrationError, match="newer version \\(9999\\)"):
        migrate(settings)
    usable, why = current_ok(settings)
    assert not usable
    assert "versi yang lebih baru" in why


def test_what_is_no_database_is_named(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "psap.db").write_text("this is a text file, and long enough to be looked at" * 40)
    with pytest.raises(MigrationError, match="not a database"):
        migrate(settings)
    assert not current_ok(settings)[0]


def test_never_made(settings: Settings) -> None:
    assert current_ok(settings) == (False, "belum dibuat / not created yet")
