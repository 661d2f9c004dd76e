"""A whole database from one engine to another, and the proof that nothing changed on the way.

The source is read at one moment (SQLite: one read transaction, PostgreSQL: REPEATABLE READ) while
others go on writing, unless ``lock`` keeps them out. The target is filled in one transaction, read
again and compared, column by column; it is committed only where all is equal. Triggers (the audit's)
neither hinder the copy nor are missing afterwards. Versions must be the same on both sides: any
version will do, so that a database can be saved before it is brought up to date.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError

from psap.platform import revisions, sqlite
from psap.platform.audit import verify_audit
from psap.platform.database import Database
from psap.platform.moving_postgres import PostgresSide
from psap.platform.moving_sides import (
    LONGEST_STEP,
    MovingError,
    Row,
    Shape,
    Side,
    SqliteSide,
    fitted,
    plain_json,
)
from psap.platform.schema import audit

__all__ = ["Copied", "Looked", "MovingError", "TableCopied", "audit_chain", "copy", "look", "new_sqlite"]

Progress = Callable[[int, int], None]  # rows done, rows in all
Answer = TypeVar("Answer")

_DRIVER_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, OSError)


@dataclass(frozen=True, slots=True)
class TableCopied:
    """One table: how many rows, and the digest (SHA-256) of its content that both sides have."""

    table: str
    rows: int
    columns: int
    digest: str | None  # None: only counted


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied from ``engine``. ``instant``: UTC microseconds; the rows are as they were then."""

    instant: int
    engine: str
    revision: str
    tables: tuple[TableCopied, ...]
    left: tuple[str, ...] = ()  # tables that are not ours: they stay where they are
    fitted: int = 0  # texts that were cut, or had a NUL replaced, to fit

    @property
    def counts(self) -> dict[str, int]:
        return {each.table: each.rows for each in self.tables}


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
        _copy(source, target, replace, lock, partial(_Move, compare=compare, fit=fit, progress=progress))
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


async def _copy(source: str, target: str, replace: bool, lock: bool, move: Callable[..., _Move]) -> Copied:
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


class _Move:
    """From one open side to the other."""

    def __init__(
        self, source: Side, target: Side, *, compare: bool, fit: bool, progress: Progress | None
    ) -> None:
        self._source, self._target, self._compare, self._fit = source, target, compare, fit
        self._fitted = 0
        self._progress, self._done, self._whole = progress, 0, 0
        self._left: tuple[str, ...] = ()

    async def all(self, instant: int, replace: bool) -> Copied:
        """Every table; the caller commits."""
        shapes = await self._shapes()
        counts = {shape.table: await self._source.count(shape.table) for shape in shapes}
        self._whole = sum(counts.values()) * (3 if self._compare else 1)
        if not replace:
            await self._must_be_empty(shapes)
        await self._target.make_ready(shapes, empty=replace)
        for shape in shapes:
            # as it lies there: by time, mostly
            async with aclosing(self._source.rows(shape, ordered=False)) as rows:
                async for batch in rows:
                    batch, changed = self._made_fit(shape, batch)
                    self._fitted += changed
                    await self._target.write(shape, batch)
                    self._step(len(batch))
        tables = [await self._compared(shape, counts[shape.table]) for shape in shapes]
        await self._target.finish(shapes)
        return Copied(
            instant, self._source.engine, str(self._source.revision), tuple(tables), self._left, self._fitted
        )

    async def _shapes(self) -> list[Shape]:
        ours, theirs = self._source.revision, self._target.revision
        if ours is None or ours != theirs:
            raise MovingError(
                f"versi berbeda: {self._source.name} {ours}, {self._target.name} {theirs} / "
                "the two are not of the same version"
            )
        source, target = await self._source.shapes(), await self._target.shapes()
        lacking = sorted(name for name, shape in source.items() if target.get(name, shape) != shape)
        self._left = tuple(sorted(set(source) - set(target)))
        shared = [shape for name, shape in source.items() if name in target]
        unknown = sorted(set(target) - set(source))
        if lacking or unknown:
            raise MovingError(
                f"tabel tidak sama bentuknya / tables differ in their columns: {', '.join(lacking + unknown)}"
            )
        return shared

    async def _must_be_empty(self, shapes: list[Shape]) -> None:
        full = [shape.table for shape in shapes if await self._target.count(shape.table)]
        if full:
            raise MovingError(
                f"{self._target.name} tidak kosong ({', '.join(full)}); tidak ada yang diubah / "
                "is not empty; nothing was changed"
            )

    async def _compared(self, shape: Shape, count: int) -> TableCopied:
        found = await self._target.count(shape.table)
        if found != count:
            raise MovingError(f"{shape.table}: {count} baris menjadi {found} / {count} rows became {found}")
        if not self._compare:
            return TableCopied(shape.table, count, len(shape.columns), None)
        ours, theirs = await self._digests(shape, plain=False)
        if ours != theirs and any(kind == "json" for _, kind in shape.columns):
            ours, theirs = await self._digests(shape, plain=True)  # an engine may spell JSON its own way
        if ours != theirs:
            unlike = [
                name for name, mine, other in zip(shape.names, ours, theirs, strict=True) if mine != other
            ]
            where = await self._first_difference(shape)
            raise MovingError(
                f"{shape.table}: isi berbeda pada kolom {', '.join(unlike)}, pertama {where} / "
                f"the content differs, first at {where}"
            )
        whole = hashlib.sha256("\n".join(ours).encode()).hexdigest()
        return TableCopied(shape.table, count, len(shape.columns), whole)

    async def _digests(self, shape: Shape, *, plain: bool) -> tuple[list[str], list[str]]:
        return await self._digest(self._source, shape, plain), await self._digest(self._target, shape, plain)

    async def _digest(self, side: Side, shape: Shape, plain: bool) -> list[str]:
        """One SHA-256 for each column, over its values in the order of the key."""
        sums = [hashlib.sha256() for _ in shape.columns]
        async with aclosing(side.rows(shape, ordered=True)) as rows:
            async for batch in rows:
                if side is self._source:
                    batch, _ = self._made_fit(shape, batch)
                for place, values in enumerate(zip(*batch, strict=True)):
                    if plain and shape.columns[place][1] == "json":
                        values = tuple(map(plain_json, values))
                    # repr has no line breaks, and a form of its own for each kind of value
                    text = "\n".join(map(repr, values)) + "\n"
                    sums[place].update(text.encode("utf-8", "surrogatepass"))
                self._step(len(batch))
        return [each.hexdigest() for each in sums]

    async def _first_difference(self, shape: Shape) -> str:
        async with (
            aclosing(self._source.rows(shape, ordered=True)) as ours,
            aclosing(self._target.rows(shape, ordered=True)) as theirs,
        ):
            async for batch in ours:
                other: list[Row] = await anext(theirs, [])
                for mine, its in zip_longest(self._made_fit(shape, batch)[0], other):
                    if mine != its:
                        return str(shape.key_of(mine or its))
        return "?"

    def _made_fit(self, shape: Shape, rows: list[Row]) -> tuple[list[Row], int]:
        limits = self._target.limits.get(shape.table) if self._fit and shape.table != audit.name else None
        return (rows, 0) if limits is None else fitted(shape, rows, limits)

    def _step(self, rows: int) -> None:
        self._done += rows
        if self._progress is not None:
            self._progress(min(self._done, self._whole), self._whole)


def _unusable(error: BaseException) -> MovingError:
    why = (str(getattr(error, "orig", None) or error) or type(error).__name__).splitlines()[0]
    return MovingError(f"basis data tidak dapat dipakai / the database cannot be used: {why}")
