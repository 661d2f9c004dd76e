"""Every migration, forward and back, over a filled database: what both versions know stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError

from psap.platform import backup
from psap.platform.migrate import MigrationError, current_ok, downgrade, migrate
from psap.platform.revisions import HEAD, known_revisions
from psap.platform.schema import metadata
from psap.platform.settings import Settings
from tests.contract.conftest import on_tables
from tests.support.filling import fill

pytestmark = pytest.mark.timeout(400)  # many steps, each with a backup, on a machine that may be busy
ROWS = 25
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """A home on a filled database."""
    made = Settings(home=tmp_path / "home", database_url=database_url)
    made.home.mkdir()
    on_tables(database_url, lambda connection: fill(connection, ROWS))
    return made


def everything(settings: Settings) -> Rows:
    """Every row of every table."""

    def read(connection: Connection) -> Rows:
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        found: Rows = {}
        for name in inspect(connection).get_table_names():
            rows = [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]
            found[name] = sorted(rows, key=lambda row: [str(row[column]) for column in sorted(row)])
        return found

    return on_tables(settings.effective_database_url, read)


def assert_kept(before: Rows, after: Rows) -> None:
    """In tables and columns that both have, each row is as it was."""
    shared = (set(before) & set(after)) - {"alembic_version"}
    assert {"calls", "blocks", "audit"} <= shared or not before or not after
    for name in shared:
        columns = sorted(set(before[name][0]) & set(after[name][0])) if before[name] and after[name] else []
        assert len(before[name]) == len(after[name]), name
        cut = [sorted(str([row[key] for key in columns]) for row in each[name]) for each in (before, after)]
        assert cut[0] == cut[1], name


def equals_schema(settings: Settings) -> list[Any]:
    """What differs between the tables and the schema."""
    return on_tables(
        settings.effective_database_url,
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata),
    )


def test_down_to_the_first_version_and_up_again(settings: Settings) -> None:
    states = [everything(settings)]
    assert all(len(states[0][table.name]) >= ROWS for table in metadata.sorted_tables)
    order = sorted(known_revisions(), reverse=True)
    assert order[0] == HEAD
    for revision in order[1:]:
        downgrade(settings, revision)
        states.append(everything(settings))
        assert states[-1]["alembic_version"] == [{"version_num": revision}]
        assert_kept(states[-2], states[-1])
    migrate(settings)
    assert_kept(states[-1], everything(settings))
    assert equals_schema(settings) == []
    # a way back from each change: every step took a backup first
    kinds = [backup.manifest_of(path) for path in backup.listed(settings)]
    assert kinds
    assert {each.kind for each in kinds} == {"upgrade"}


def test_the_audit_is_guarded_again_after_the_way_back(settings: Settings) -> None:
    """Whatever the tables went through, nobody changes an entry."""
    downgrade(settings, "0001")
    migrate(settings)
    with pytest.raises(DatabaseError, match="append-only"):
        on_tables(
            settings.effective_database_url, lambda connection: connection.execute(text("DELETE FROM audit"))
        )


def test_a_new_database_equals_the_schema(settings: Settings) -> None:
    assert equals_schema(settings) == []
    assert current_ok(settings) == (True, HEAD)
    migrate(settings)  # nothing to do, and no backup of it
    assert backup.listed(settings) == []


def test_a_database_from_a_newer_version_is_refused_untouched(settings: Settings) -> None:
    newer = "UPDATE alembic_version SET version_num = '9999'"
    on_tables(settings.effective_database_url, lambda connection: connection.execute(text(newer)))
    before = everything(settings)
    with pytest.raises(MigrationError, match="newer version \\(9999\\)"):
        migrate(settings)
    usable, why = current_ok(settings)
    assert not usable
    assert "versi yang lebih baru" in why
    assert everything(settings) == before


def test_a_version_that_is_not_there_is_refused(settings: Settings) -> None:
    with pytest.raises(MigrationError, match="no version 0815"):
        downgrade(settings, "0815")


def test_no_change_without_a_backup(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    downgrade(settings, "0001")
    monkeypatch.setattr(backup, "SPARE", 2**60)
    with pytest.raises(MigrationError, match="too little room"):
        migrate(settings)
    assert everything(settings)["alembic_version"] == [{"version_num": "0001"}]
