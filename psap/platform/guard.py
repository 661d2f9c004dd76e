"""Watches over the database's file: who deletes it while we run has deleted nothing.

SQLite's files stay whole on the disk as long as somebody has them open. The guard has: two
connections of its own, used for nothing else. When a name vanishes or leads to another file, one
connection takes the write lock, so that nobody writes to the nameless file any more, and the other
copies everything into a new file. Every process moves there by itself (``Database``). Where nobody
of ours has the file open, its bytes are taken from another process of this home, else the newest
backup is put back, and Asterisk's ledger makes up the rest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from psap.platform import sqlite
from psap.platform.backup import BackupError, Manifest
from psap.platform.restore import put_database_back
from psap.platform.settings import Settings

LOCK_SECONDS = 3.0  # our own transactions are shorter by far
RELEASE_AFTER = 20.0  # by then whoever waited for the old file's lock has given up
TRIES = 3

How = Literal["rescued", "copied", "backup"]


class NothingLeftError(Exception):
    """The file is gone, nobody has it open, and there is no backup."""


@dataclass(frozen=True, slots=True)
class Rescue:
    """What was done. ``rescued`` and ``copied`` lost nothing; after ``backup`` the ledger must be read."""

    how: How
    seconds: float
    aside: Path | None = None  # a strange file that lay in the place
    manifest: Manifest | None = None


class FileGuard:
    """Of one home's database. Blocking: ``look`` belongs into a thread, one at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = sqlite.path_of(settings.effective_database_url)
        self._held: tuple[sqlite3.Connection, sqlite3.Connection] | None = None
        self._files: list[sqlite.FileId | None] = []
        self._old: list[tuple[float, tuple[sqlite3.Connection, ...]]] = []

    def look(self) -> Rescue | None:
        """See whether the file is the one it was; mend it if not.

        Raises:
            sqlite3.Error, OSError: not possible now (disk full, somebody writes for long); look again.
            NothingLeftError: there is nothing to mend it from.
        """
        if self._path is None:
            return None
        self._let_go()
        if self._held is None and self._path.exists():
            with contextlib.suppress(sqlite3.Error):  # locked for long, or damaged: that is told elsewhere
                self._hold()
            return None
        if self._held is not None and self._same():
            return None
        began = time.monotonic()
        aside = None
        if self._path.exists() and self._identities()[0] != (self._files or [None])[0]:
            aside = sqlite.lay_aside(self._path, f"strange-{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}")
        how, manifest = self._mend()
        return Rescue(how, time.monotonic() - began, aside, manifest)

    def close(self) -> None:
        """Let go of every file."""
        for connection in [*(self._held or ()), *[one for _, many in self._old for one in many]]:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._held, self._old = None, []

    # -- holding

    def _hold(self) -> None:
        assert self._path is not None
        made = [sqlite.connect(self._path, timeout=LOCK_SECONDS) for _ in range(2)]
        try:
            for connection in made:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
                # only whoever has read once has the write-ahead log open
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            for connection in made:
                connection.close()
            raise
        self._held = (made[0], made[1])
        self._files = self._identities()

    def _identities(self) -> list[sqlite.FileId | None]:
        assert self._path is not None
        # the side files vanish by themselves only when nobody has the database open, and we have
        names = [self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal", "-shm")]
        return [sqlite.identity(name) for name in names]

    def _same(self) -> bool:
        return self._identities() == self._files

    def _let_go(self) -> None:
        now = time.monotonic()
        for due, connections in list(self._old):
            if due <= now:
                self._old.remove((due, connections))
                for connection in connections:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()

    # -- mending

    def _mend(self) -> tuple[How, Manifest | None]:
        if self._held is not None:
            try:
                self._rescue()
                return "rescued", None
            except sqlite3.Error as error:
                if not sqlite.is_broken(error):
                    raise
                self.close()
        if self._copy_from_others():
            self._hold()
            return "copied", None
        try:
            found = put_database_back(self._settings)
        except BackupError:
            found = None
        if found is None:
            raise NothingLeftError(str(self._path))
        self._hold()
        return "backup", found[1]

    def _rescue(self) -> None:
        assert self._path is not None
        assert self._held is not None
        locker, reader = self._held
        made = self._path.with_name(f"{self._path.name}.rescue")
        locker.execute("BEGIN IMMEDIATE")
        try:
            sqlite.copy(reader, made)
            sqlite.put_in_place(made, self._path)
        except BaseException:
            locker.execute("ROLLBACK")
            raise
        # the lock stays: a late writer must fail and come again rather than write into nothing
        self._old.append((time.monotonic() + RELEASE_AFTER, (locker, reader)))
        self._held = None
        self._hold()

    def _copy_from_others(self) -> bool:
        """Take the bytes from a process of this home that still has the deleted file open."""
        assert self._path is not None
        made = self._path.with_name(f"{self._path.name}.rescue")
        for _ in range(TRIES):
            found = open_files(self._settings, self._path)
            if found is None:
                return False
            try:
                for name in (made, *sqlite.side_files(made)):
                    name.unlink(missing_ok=True)
                for source, suffix in zip(found, ("", "-wal"), strict=False):
                    target = made.with_name(made.name + suffix)
                    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
                    with source.open("rb") as data, target.open("wb") as out:
                        shutil.copyfileobj(data, out)
                with contextlib.closing(sqlite.connect(made)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                    database.execute("PRAGMA journal_mode=DELETE").fetchall()
                if sqlite.fault_of(made) is None and sqlite.identity(self._path) is None:
                    sqlite.put_in_place(made, self._path)
                    return True
            except (OSError, sqlite3.Error):
                continue  # it ended, or wrote just then
        return False


def open_files(settings: Settings, path: Path) -> list[Path] | None:
    """The deleted database and its log as another process of this home has them open."""
    wanted = f"PSAP_HOME={settings.home}".encode()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted not in (process / "environ").read_bytes().split(b"\0"):
                continue
            leads = {str(fd.readlink()).removesuffix(" (deleted)"): fd for fd in (process / "fd").iterdir()}
            deleted = {
                str(fd.readlink()) for fd in (process / "fd").iterdir() if " (deleted)" in str(fd.readlink())
            }
            if f"{path} (deleted)" in deleted:
                return [leads[name] for name in (str(path), f"{path}-wal") if name in leads]
    return None
