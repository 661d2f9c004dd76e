"""Backups: one moment, whole, checked, and put back; never half a one."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import stat
import tarfile
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from psap.platform import backup, sqlite
from psap.platform.backup import BackupError, make, manifest_of, thin_out, unpack
from psap.platform.migrate import HEAD, migrate
from psap.platform.restore import put_database_back, restore
from psap.platform.settings import Settings
from tests.support.filling import fill

ROWS = 40


@pytest.fixture
def settings(migrated: Path, tmp_path: Path) -> Settings:
    """A home with a filled database and what belongs to it."""
    made = Settings(home=tmp_path / "home")
    made.home.mkdir()
    shutil.copy(migrated, made.home / "psap.db")
    engine = create_engine(f"sqlite:///{made.home / 'psap.db'}")
    with engine.connect() as connection:
        fill(connection, ROWS)
    engine.dispose()
    made.save()
    (made.home / "profile.toml").write_text("site = 'semarang'\n")
    (made.home / "secrets.json").write_text("{}")
    return made


def rows_of(path: Path, table: str = "calls") -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr)


def test_what_is_restored_equals_what_was_there(settings: Settings, tmp_path: Path) -> None:
    path, manifest = make(settings, tmp_path / "away.tar.gz")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert manifest == manifest_of(path)
    assert (manifest.database, manifest.counts["calls"], manifest.counts["blocks"]) == (HEAD, ROWS, ROWS)
    elsewhere = Settings(home=tmp_path / "new")
    done = restore(elsewhere, path)
    assert done.aside is None
    for table in manifest.counts:
        assert rows_of(elsewhere.home / "psap.db", table) == rows_of(settings.home / "psap.db", table)
    assert json.loads((elsewhere.home / "config.json").read_text())["home"] == str(elsewhere.home)
    assert stat.S_IMODE((elsewhere.home / "secrets.json").stat().st_mode) == 0o600
    migrate(elsewhere)  # nothing to do
    assert not list(elsewhere.home.glob(".restore-*"))


def test_a_writer_is_never_held_up_and_the_copy_is_of_one_moment(settings: Settings, tmp_path: Path) -> None:
    """Two counters change in one transaction all the while: the copy shows both alike."""
    path = settings.home / "psap.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0.0)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE pair (a, b, filler)")
        database.execute("INSERT INTO pair VALUES (0, 0, NULL)")
        # enough pages for many steps
        database.executemany("INSERT INTO pair VALUES (-1, -1, ?)", [("x" * 4000,)] * 5_000)
    over, written = threading.Event(), []

    def write() -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0.0)) as mine:
            number = 0
            while not over.is_set():
                number += 1
                mine.execute("BEGIN IMMEDIATE")  # no patience at all: any lock of the backup would raise
                mine.execute("UPDATE pair SET a = ? WHERE a >= 0", (number,))
                mine.execute("UPDATE pair SET b = ? WHERE a >= 0", (number,))
                mine.execute("COMMIT")
                written.append(number)
                over.wait(0.001)

    writer = threading.Thread(target=write)
    writer.start()
    steps: list[int] = []

    def between_two_steps(_done: int, _whole: int) -> None:
        """The copy stands still here, its snapshot open: somebody must be able to write."""
        steps.append(len(written))
        end = time.monotonic() + 20
        while len(written) == steps[-1] and time.monotonic() < end:
            time.sleep(0.001)

    try:
        archive, _ = make(settings, tmp_path, progress=between_two_steps)
    finally:
        over.set()
        writer.join()
    assert writer.is_alive() is False
    assert len(steps) > 2
    assert steps == sorted(set(steps)), "nothing could be written during the copy"
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    with contextlib.closing(sqlite3.connect(tmp_path / "out" / "psap.db")) as copied:
        ((a, b),) = copied.execute("SELECT a, b FROM pair WHERE a >= 0").fetchall()
    assert a == b
    assert a <= steps[0] + 1, "written after the moment of the copy"


def test_what_waits_in_the_spool_is_in_the_backup_though_it_is_written_meanwhile(
    settings: Settings, tmp_path: Path
) -> None:
    spool = settings.spool / "calls.jsonl"
    spool.parent.mkdir()
    spool.write_text('{"call": 1}\n')

    def written(_done: int, _whole: int) -> None:
        """As the bridge does once the database is there again: too late for the copy, and it is gone."""
        spool.unlink(missing_ok=True)

    archive, manifest = make(settings, tmp_path, progress=written)
    assert not spool.exists()
    assert "spool/calls.jsonl" in manifest.files
    elsewhere = Settings(home=tmp_path / "new")
    restore(elsewhere, archive)
    assert (elsewhere.spool / "calls.jsonl").read_text() == '{"call": 1}\n'


@pytest.mark.parametrize(
    ("meanwhile", "kept"),
    [
        ('{"call": 1}\n{"call": 2}\n', '{"call": 1}\n{"call": 2}\n'),
        ('{"call": 3}\n', '{"call": 1}\n\n{"call": 3}\n'),
    ],
    ids=["went on", "written and begun anew"],
)
def test_what_comes_into_the_spool_before_the_copys_moment_is_in_the_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str, kept: str
) -> None:
    spool = settings.spool / "calls.jsonl"
    spool.parent.mkdir()
    spool.write_text('{"call": 1}\n')
    really = sqlite.revision_of

    def moment(database: sqlite3.Connection) -> str | None:
        spool.write_text(meanwhile)
        return really(database)

    monkeypatch.setattr(sqlite, "revision_of", moment)
    archive, _ = make(settings, tmp_path)
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/spool/calls.jsonl").read_text() == kept


def test_restoring_lays_aside_what_was_there(settings: Settings, tmp_path: Path) -> None:
    path, _ = make(settings, tmp_path)
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("DELETE FROM calls")
        database.commit()
    done = restore(settings, path)
    assert len(rows_of(settings.home / "psap.db")) == ROWS
    assert done.aside is not None
    assert rows_of(done.aside / "psap.db") == []


def test_what_the_backup_has_nothing_for_stays(settings: Settings, tmp_path: Path) -> None:
    (settings.home / "secrets.json").unlink()
    path, _ = make(settings, tmp_path)
    (settings.home / "secrets.json").write_text('{"audit": "kept"}')
    restore(settings, path)
    assert (settings.home / "secrets.json").read_text() == '{"audit": "kept"}'


@pytest.mark.parametrize("where", [0.1, 0.5, 0.98])
def test_a_damaged_file_is_refused_and_nothing_changes(
    settings: Settings, tmp_path: Path, where: float
) -> None:
    path, _ = make(settings, tmp_path)
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 0xFF
    path.write_bytes(bytes(data))
    before = (settings.home / "psap.db").read_bytes()
    with pytest.raises(BackupError, match=r"damaged|checksum|missing|foreign|no backup"):
        restore(settings, path)
    assert (settings.home / "psap.db").read_bytes() == before
    assert not [name for name in settings.home.iterdir() if name.name.startswith((".restore", "before"))]


def test_a_cut_off_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    path, _ = make(settings, tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(BackupError):
        restore(settings, path)


def test_names_that_lead_elsewhere_are_refused(settings: Settings, tmp_path: Path) -> None:
    _, manifest = make(settings, tmp_path)
    evil = tmp_path / "evil.tar.gz"
    (tmp_path / "payload").write_text("x")
    manifest.files["../escaped"] = "0" * 64
    (tmp_path / "manifest.json").write_text(manifest.model_dump_json())
    with tarfile.open(evil, "w:gz") as archive:
        archive.add(tmp_path / "manifest.json", "manifest.json")
        archive.add(tmp_path / "payload", "../escaped")
    with pytest.raises(BackupError, match="foreign"):
        restore(settings, evil)
    assert not (settings.home.parent / "escaped").exists()


def test_a_newer_version_and_another_city_are_refused(settings: Settings, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    path, _ = make(settings, tmp_path)
    with pytest.raises(BackupError, match="newer than this software"):
        restore(Settings(home=tmp_path / "new"), path)
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
        database.execute("UPDATE state SET name = 'ledger' WHERE rowid = 1")
        database.commit()
    path, _ = make(settings, tmp_path)
    with contextlib.closing(sqlite3.connect(settings.home / "psap.db")) as database:
        database.execute("UPDATE users SET site = 'bogor'")
        database.commit()
    with pytest.raises(BackupError, match="choose another --home"):
        restore(settings, path)


def test_too_little_room_is_said_before_anything_is_written(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "SPARE", 2**60)
    with pytest.raises(BackupError, match="too little room"):
        make(settings, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_automatic_ones_are_thinned_to_hours_and_days(settings: Settings) -> None:
    where = backup.folder(settings)
    where.mkdir()
    for day in range(1, 21):
        for hour in range(0, 24, 2):
            (where / f"psap-auto-202611{day:02d}T{hour:02d}0000.000Z.tar.gz").touch()
    (where / "psap-manual-20261101T000000.000Z.tar.gz").touch()
    thin_out(settings)
    left = [path.name for path in backup.listed(settings)]
    assert "psap-manual-20261101T000000.000Z.tar.gz" in left
    assert len([name for name in left if "-20261120T" in name or "-20261119T" in name]) == 24
    days = sorted({name.split("-")[2][:8] for name in left if "auto" in name})
    assert days == [f"202611{day:02d}" for day in range(7, 21)]
    assert "psap-auto-20261107T220000.000Z.tar.gz" in left


def test_a_database_that_is_gone_comes_back_from_the_newest_sound_backup(settings: Settings) -> None:
    good, _ = make(settings)
    bad = good.with_name("psap-auto-29991231T000000.000Z.tar.gz")
    bad.write_bytes(good.read_bytes()[:1000])
    before = rows_of(settings.home / "psap.db")
    for name in settings.home.glob("psap.db*"):
        name.unlink()
    migrate(settings)  # as `up` does
    assert rows_of(settings.home / "psap.db") == before
    (settings.home / "psap.db").unlink()
    found = put_database_back(settings)
    assert found is not None
    assert found[0] == good


def test_a_backup_of_no_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no database"):
        make(Settings(home=tmp_path))
    with pytest.raises(BackupError, match="cannot be used"):
        make(Settings(home=tmp_path, database_url="postgresql+asyncpg://x@/x?host=/nowhere"))


def test_quick_check_names_damage(settings: Settings) -> None:
    path = settings.home / "psap.db"
    assert sqlite.fault_of(path) is None
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 8192)
    assert sqlite.fault_of(path)
