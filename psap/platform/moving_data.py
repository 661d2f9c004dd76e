"""A whole database from one engine to another, and the proof that nothing changed on the way.

The source is read at one moment (SQLite: one read transaction, PostgreSQL: REPEATABLE READ) while
others go on writing, unless ``lock`` keeps them out. The target is filled in one transaction, read
again and compared, column by column; it is committed only where all is equal. Triggers (the audit's)
neither hinder the copy nor are missing afterwards. Versions must be the same on both sides: any
version will do, so that a database can be saved before it is brought up to date.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

from psap.platform import revisions, sqlite
from psap.platform.audit import verify_audit
from psap.platform.database import Database
from psap.platform.moving_copy import Copied, Move, Progress, TableCopied
from psap.platform.moving_postgres import PostgresSide
from psap.platform.moving_sides import LONGEST_STEP, MovingError, Side, SqliteSide
from psap.platform.schema import audit

__all__ = ["Copied", "Looked", "MovingError", "TableCopied", "audit_chain", "copy", "look", "new_sqlite"]

Answer = TypeVar("Answer")

_DRIVER_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, OSError)


@dataclass(frozen=True, slots=True)
class Looked:
    """A database as it is. ``revision`` None with ``counts``: tables, but none of ours. ``size``: bytes."""

    name: str
    engine: str
    revision: str | None
    site: str | None
    size: int
    counts: dict[str, int]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def copy(
    source: str,
    target: str,
    *,
    replace: bool = False,
    lock: bool = False,
    compare: bool = True,
    fit: bool = False,
    progress: Progress | None = None,
) -> Copied:
    """Copy every table of ``source`` into ``target`` (SQLAlchemy URLs), which has the same tables.

    ``replace``: what is in the target goes, in the same transaction; else it must be empty. ``lock``:
    nobody writes into the source meanwhile. ``compare``: read both sides again and compare. ``fit``: what
    PostgreSQL cannot hold (a text longer than its column, a NUL) is made to fit as new texts are, and
    counted; without it such a text is an error. The audit is never touched.

    Blocking, from any thread, also one in which a loop runs.

    Raises:
        MovingError: nothing was changed in the target.
    """
    return _run(
        _copy(source, target, replace, lock, partial(Move, compare=compare, fit=fit, progress=progress))
    )


def look(url: str) -> Looked:
    """What is in a database: version and rows. Raises MovingError where it cannot be opened."""
    return _run(_look(url))


def audit_chain(url: str) -> tuple[int, str | None]:
    """(entries, what is wrong with the first faulty one or None) of the audit of every site in a database."""
    return _run(_audit_chain(url))


def new_sqlite(path: Path, revision: str) -> str:
    """Make an empty SQLite database (0600) with the tables of a version; its URL.

    Raises MovingError for a version that this software does not know.
    """
    from alembic import command

    if revision not in revisions.known_revisions():
        raise MovingError(
            f"versi {revision} tidak dikenal perangkat lunak ini / "
            f"this software does not know version {revision}"
        )
    path.touch(mode=0o600, exist_ok=False)
    engine = create_engine(f"sqlite:///{path}")
    made = revisions.config()
    try:
        with engine.connect() as connection:
            made.attributes["connection"] = connection
            command.upgrade(made, revision)
            connection.commit()
    finally:
        engine.dispose()
    return f"sqlite+aiosqlite:///{path}"


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)  # here Ctrl-C ends it, and nothing is committed
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _open(url: str, *, write: bool = False, lock: bool = False) -> Side:
    path = sqlite.path_of(url)
    if path is not None:
        return SqliteSide(path, write=write, lock=lock)
    return await PostgresSide.open(url, write=write, lock=lock)


async def _look(url: str) -> Looked:
    try:
        side = await _open(url)
        try:
            counts = {name: await side.count(name) for name in await side.tables()}
            site = await side.site() if "users" in counts else None
            return Looked(side.name, side.engine, side.revision, site, await side.size(), counts)
        finally:
            await side.close(commit=False)
    except _DRIVER_ERRORS as error:
        raise _unusable(error) from error


async def _audit_chain(url: str) -> tuple[int, str | None]:
    database = Database(url, command_seconds=LONGEST_STEP)
    whole = 0
    try:
        async with database.read() as connection:
            for site in (await connection.execute(select(audit.c.site).distinct())).scalars().all():
                entries, fault = await verify_audit(connection, site)
                whole += entries
                if fault is not None:
                    return whole, f"{site}: {fault}"
    except _DRIVER_ERRORS as error:
        raise _unusable(error) from error
    finally:
        await database.close()
    return whole, None


async def _copy(source: str, target: str, replace: bool, lock: bool, move: Callable[..., Move]) -> Copied:
    try:
        reading = await _open(source, lock=lock)
        try:
            instant = time.time_ns() // 1000
            writing = await _open(target, write=True)
            done = False
            try:
                copied = await move(reading, writing).all(instant, replace)
                done = True
            finally:
                await writing.close(commit=done)
        finally:
            await reading.close(commit=False)
    except _DRIVER_ERRORS as error:
        raise _unusable(error) from error
    return copied


def _unusable(error: BaseException) -> MovingError:
    why = (str(getattr(error, "orig", None) or error) or type(error).__name__).splitlines()[0]
    return MovingError(f"basis data tidak dapat dipakai / the database cannot be used: {why}")
