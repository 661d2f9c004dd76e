"""The audit on a real database: nothing is changed, nothing is taken away, and what was shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from psap.platform.audit import (
    Action,
    number_subject,
    read_audit,
    trim_audit,
    verify_audit,
    write_audit,
)
from psap.platform.audit_guard import unguard_statements
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.migrate import migrate
from psap.platform.revisions import config
from psap.platform.settings import Settings
from tests.contract.conftest import SITE


@pytest.fixture
async def filled(database: Database, clock: FixedClock) -> Database:
    """Ten entries, one a second."""
    for n in range(10):
        clock.advance(1)
        async with database.write() as connection:
            await write_audit(
                connection,
                site=SITE,
                at=clock.now_us(),
                actor="agent1",
                action=Action.CALL_VIEWED,
                subject=f"call-{n}",
                detail={"n": n},
            )
    return database


ALL = "id, site, at, actor, action, subject, detail, seq, chain"
CHANGED = ALL.replace("actor", "'x'")
ANOTHER = CHANGED.replace("id", "'new'")
DEEDS = {
    "both": [
        "UPDATE audit SET actor = 'somebody else'",
        "UPDATE audit SET detail = '{}' WHERE seq = 3",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = 3",
    ],
    # each engine's own ways around an UPDATE and a DELETE
    "sqlite": [
        f"INSERT OR REPLACE INTO audit SELECT {CHANGED} FROM audit",
        f"INSERT OR REPLACE INTO audit SELECT {ANOTHER} FROM audit",
    ],
    "postgresql": [
        f"INSERT INTO audit ({ALL}) SELECT {CHANGED} FROM audit ON CONFLICT (id) DO UPDATE SET actor = 'x'",
        f"INSERT INTO audit ({ALL}) SELECT {ANOTHER} FROM audit WHERE seq = 3"
        " ON CONFLICT (site, seq) DO UPDATE SET actor = 'x'",
        "TRUNCATE audit",
        "WITH gone AS (DELETE FROM audit WHERE seq = 1 RETURNING *) SELECT * FROM gone",
    ],
}


@pytest.mark.parametrize(
    ("engine", "deed"),
    [(name, deed) for name in ("sqlite", "postgresql") for deed in DEEDS["both"] + DEEDS[name]],
    indirect=["engine"],
)
async def test_an_entry_is_neither_changed_nor_removed(filled: Database, deed: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        async with filled.write() as connection:
            await connection.execute(text(deed))
    async with filled.read() as connection:
        assert await verify_audit(connection, SITE) == (10, None)


async def test_retention_takes_the_oldest_and_says_so(filled: Database, clock: FixedClock) -> None:
    async with filled.read() as connection:
        middle = (await read_audit(connection, SITE, limit=5))[-1]
    async with filled.write() as connection:
        assert await trim_audit(connection, SITE, middle.at, at=clock.now_us(), actor="system") == 5
    async with filled.read() as connection:
        entries = await read_audit(connection, SITE)
        assert [entry.seq for entry in entries] == [11, 10, 9, 8, 7, 6]
        assert entries[0].action == Action.AUDIT_TRIMMED
        assert await verify_audit(connection, SITE) == (6, None)
    # the way is closed behind it
    with pytest.raises(DatabaseError, match="append-only"):
        async with filled.write() as connection:
            await connection.execute(text("DELETE FROM audit WHERE seq = 6"))
    async with filled.write() as connection:
        assert await trim_audit(connection, SITE, clock.now_us() + 1, at=clock.now_us(), actor="system") == 5


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("UPDATE audit SET actor = 'somebody else' WHERE seq = 4", "entry 4 was changed"),
        ("""UPDATE audit SET detail = '{"n": 99}' WHERE seq = 10""", "entry 10 was changed"),
        ("DELETE FROM audit WHERE seq IN (4, 5)", "entries 4 to 5 are missing"),
    ],
)
async def test_a_database_changed_behind_our_back_shows(filled: Database, deed: str, said: str) -> None:
    async with filled.write() as connection:
        for statement in unguard_statements(connection.dialect.name):
            await connection.execute(text(statement))
        await connection.exec_driver_sql(deed)
    async with filled.read() as reading:
        assert (await verify_audit(reading, SITE))[1] == said


async def test_pages_and_filters(filled: Database) -> None:
    async with filled.read() as connection:
        first = await read_audit(connection, SITE, limit=4)
        second = await read_audit(connection, SITE, limit=4, before=first[-1].seq)
        assert [entry.seq for entry in first + second] == [10, 9, 8, 7, 6, 5, 4, 3]
        assert [entry.seq for entry in await read_audit(connection, SITE, subject="call-3")] == [4]
        assert await read_audit(connection, SITE, actor="nobody") == []


def test_a_number_is_named_by_a_keyed_hash() -> None:
    assert number_subject("key", "628123456789") == number_subject("key", "628123456789")
    assert number_subject("key", "628123456789") != number_subject("another", "628123456789")
    assert "8123456789" not in number_subject("key", "628123456789")


def test_forward_and_back_over_a_filled_database(tmp_path: Path) -> None:
    """Entries of the time before are chained; back and forward again they are the same."""
    settings = Settings(home=tmp_path / "home")
    migrate(settings)
    engine = create_engine(settings.effective_database_url.replace("+aiosqlite", ""))

    def move(where: str) -> None:
        with engine.connect() as connection:
            made = config()
            made.attributes["connection"] = connection
            (command.downgrade if where < "0003" else command.upgrade)(made, where)
            connection.commit()

    def links() -> list[tuple[str, str]]:
        with engine.connect() as connection:
            query = "SELECT id, chain FROM audit ORDER BY seq"
            return [(row[0], row[1]) for row in connection.execute(text(query))]

    move("0002")
    with engine.begin() as connection:
        for n in range(5):
            connection.execute(
                text("INSERT INTO audit VALUES (:id, 'semarang', :at, 'a', 'call.viewed', NULL, '{}')"),
                {"id": f"{n}", "at": n},
            )
    move("0003")
    before = links()
    assert [each[0] for each in before] == ["0", "1", "2", "3", "4"]
    assert len({each[1] for each in before}) == 5
    move("0002")
    move("0003")
    assert links() == before
    engine.dispose()
