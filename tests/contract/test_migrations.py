"""Every migration, forward and back, over a filled database: what both versions know stays as it was."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from psap.platform import backup
from psap.platform.migrate import MigrationError, downgrade, migrate
from psap.platform.revisions import HEAD, known_revisions
from psap.platform.schema import metadata
from psap.platform.settings import Settings
from tests.support.filling import fill

ROWS = 25
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def settings(migrated: Path, tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    made.home.mkdir()
    shutil.copy(migrated, made.home / "psap.db")
    engine = create_engine(f"sqlite:///{made.home / 'psap.db'}")
    with engine.connect() as connection:
        fill(connection, ROWS)
    engine.dispose()
    return made


def everything(settings: Settings) -> Rows:
    """Every row of every table."""
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.row_factory = sqlite3.Row
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in database.execute(f"SELECT * FROM {name}")] for name in names}


def assert_kept(before: Rows, after: Rows) -> None:
    """In tables and columns that both have, each row is as it was."""
    shared = (set(before) & set(after)) - {"alembic_version"}
    assert {"calls", "blocks", "audit"} <= shared or not before or not after
    for name in shared:
        assert len(before[name]) == len(after[name]) == ROWS, name
        columns = set(before[name][0]) & set(after[name][0])
        for old, new in zip(before[name], after[name], strict=True):
            assert {key: old[key] for key in columns} == {key: new[key] for key in columns}, name


def test_down_to_the_first_version_and_up_again(settings: Settings) -> None:
    states = [everything(settings)]
    order = sorted(known_revisions(), reverse=True)
    assert order[0] == HEAD
    for revision in order[1:]:
        downgrade(settings, revision)
        states.append(everything(settings))
        assert states[-1]["alembic_version"] == [{"version_num": revision}]
        assert_kept(states[-2], states[-1])
    migrate(settings)
    assert_kept(states[-1], everything(settings))
    engine = create_engine(f"sqlite:///{settings.home / 'psap.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    # a way back from each change: every step took a backup first
    kinds = [backup.manifest_of(path) for path in backup.listed(settings)]
    assert kinds
    assert {each.kind for each in kinds} == {"upgrade"}


def test_a_version_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(MigrationError, match="no version 0815"):
        downgrade(settings, "0815")


def test_no_change_without_a_backup(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    downgrade(settings, "0001")
    monkeypatch.setattr(backup, "SPARE", 2**60)
    with pytest.raises(MigrationError, match="too little room"):
        migrate(settings)
    assert everything(settings)["alembic_version"] == [{"version_num": "0001"}]
