"""Everything that is true of SQLite alone, behind a few functions. PostgreSQL gets a module beside it.

Plain ``sqlite3`` and blocking: call it in a thread where an event loop runs.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url

STEP_PAGES = 2_000  # copied between two words of progress: 8 MB
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
SIDE_FILES = ("-wal", "-shm", "-journal")

FileId = tuple[int, int]  # device, inode
Progress = Callable[[int, int], None]  # pages done, pages in all


def path_of(url: str) -> Path | None:
    """The database's file; None where the database is no file."""
    parsed = make_url(url)
    if not parsed.drivername.startswith("sqlite") or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def existing_only(url: str) -> URL:
    """The same database, opened only if it is there: a deleted file must not come back empty."""
    path = path_of(url)
    if path is None:
        return make_url(url)
    return make_url(url).set(database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})


def identity(path: Path) -> FileId | None:
    """Which file this name leads to now; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def stop_once(connection: Any) -> None:
    """Make a connection of aiosqlite's stop its thread once.

    Its ``close()`` ends with ``stop()``. Where SQLAlchemy has stopped it meanwhile (what used the connection
    was cancelled), a second one waits for a thread that has ended: for ever, and the process cannot end.
    """
    stop = connection.stop
    asked: list[Any] = []

    def once() -> Any:
        if not asked:
            asked.append(stop())
        return asked[0]

    connection.stop = once


def is_broken(error: BaseException | None) -> bool:
    """Whether the driver says that the file's content is damaged or no database."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in BROKEN


def connect(path: Path, *, timeout: float = 2.0) -> sqlite3.Connection:
    """A connection to an existing file, in autocommit mode, usable from any thread.

    Raises sqlite3.OperationalError where there is no file.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=timeout,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Inside, the connection sees one moment of the database; writers go on (WAL)."""
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield
    finally:
        connection.execute("ROLLBACK")


def copy(source: sqlite3.Connection, target: Path, progress: Progress | None = None) -> None:
    """Copy what ``source`` sees into a new file (0600), page by page, and put it safely on the disk.

    Within ``snapshot`` the copy is of that moment however much is written meanwhile, and begins
    only once. A reader never blocks the writer.
    """
    for name in (target, *side_files(target)):
        name.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as made:
            source.backup(
                made,
                pages=STEP_PAGES,
                progress=(lambda _status, left, whole: progress(whole - left, whole)) if progress else None,
                sleep=0.001,
            )
            # one file, whatever mode the source is in
            made.execute("PRAGMA journal_mode=DELETE")
        sync(target)
    except BaseException:
        for name in (target, *side_files(target)):
            name.unlink(missing_ok=True)
        raise


def fault_of(path: Path) -> str | None:
    """What is damaged in a database file, None when it is sound. Takes about a second for 1 GB."""
    try:
        with contextlib.closing(connect(path)) as database:
            words = [str(row[0]) for row in database.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        return str(error)
    return None if words == ["ok"] else "; ".join(words)


def revision_of(connection: sqlite3.Connection) -> str | None:
    """The version of the tables; None where there is none."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """The tables of ours, by name."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name <> 'alembic_version' ORDER BY name"
    )
    return [str(row[0]) for row in connection.execute(query)]


def counts_of(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows in each table of ours."""
    count = 'SELECT count(*) FROM "{}"'
    return {name: connection.execute(count.format(name)).fetchone()[0] for name in tables_of(connection)}


def side_files(path: Path) -> list[Path]:
    """The files that SQLite keeps beside the database."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILES]


def put_in_place(made: Path, path: Path) -> None:
    """Give a finished database file its name, at once. Side files of the old one would spoil it."""
    for name in side_files(path):
        name.unlink(missing_ok=True)
    made.replace(path)
    sync(path.parent)


def lay_aside(path: Path, word: str) -> Path | None:
    """Rename a database and its side files out of the way; the new name, None if nothing was there."""
    if not path.exists():
        return None
    aside = path.with_name(f"{path.name}.{word}")
    for suffix in ("", *SIDE_FILES):
        name = path.with_name(path.name + suffix)
        if name.exists():
            name.replace(aside.with_name(aside.name + suffix))
    return aside


def sync(path: Path) -> None:
    """On the disk, not only on its way there. For a folder: its names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def scrub(path: Path) -> None:
    """Leave nothing of deleted rows in the write-ahead log."""
    with contextlib.closing(connect(path, timeout=5.0)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
