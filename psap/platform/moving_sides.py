"""The two ends of a move: what a table looks like, and its rows in and out; SQLite's end.

``Shape`` and the values are where engines differ, and it is settled here alone: what leaves ``rows`` is
``None, bool, int, float, str`` (JSON too: its text) or ``bytes``, whatever the engine stores; rows come
in the order of the bytes of their key, whatever the engine's collation is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from psap.platform import sqlite

BATCH = 2_000  # rows
VERSIONS = "alembic_version"
LOCK_SECONDS = 10.0  # until whoever just writes has written
LONGEST_STEP = 3_600.0  # seconds of one statement: sorting many millions of calls
SITE = "SELECT site FROM users LIMIT 1"

Kind = Literal["bool", "int", "float", "text", "json", "bytes"]
Row = tuple[Any, ...]
Limits = dict[str, dict[str, int | None]]  # table -> text column -> characters; None: no limit, but no NUL

_KINDS: tuple[tuple[str, Kind], ...] = (  # how declared types begin, in either engine
    *(("bool", "bool"), ("json", "json"), ("bytea", "bytes"), ("blob", "bytes")),
    *(("char", "text"), ("varchar", "text"), ("text", "text")),
    *(("float", "float"), ("double", "float"), ("real", "float")),
    *(("int", "int"), ("bigint", "int"), ("smallint", "int")),
)


class MovingError(Exception):
    """Not moved: what, where and how to mend, in both languages."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One table: its columns in a fixed order (of their names), and its primary key.

    The key may differ between engines (a partitioned table's is longer); either tells rows apart.
    """

    table: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...] = field(compare=False)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]

    def key_of(self, row: Row) -> dict[str, Any]:
        """The key of a row, for a message: ids, never a number or a name."""
        return {name: row[self.names.index(name)] for name in self.key}

    def quoted(self) -> str:
        """The columns, for SQL."""
        return ", ".join(f'"{name}"' for name in self.names)


class Side(Protocol):
    """One database, within one transaction."""

    name: str
    engine: str
    revision: str | None
    limits: Limits  # what its texts may be, known after ``shapes``

    async def tables(self) -> list[str]: ...
    async def shapes(self) -> dict[str, Shape]: ...
    async def count(self, table: str) -> int: ...
    async def site(self) -> str | None: ...
    async def size(self) -> int: ...
    def rows(self, shape: Shape, *, ordered: bool) -> AsyncGenerator[list[Row], None]: ...
    async def write(self, shape: Shape, rows: list[Row]) -> None: ...
    async def make_ready(self, shapes: Sequence[Shape], *, empty: bool) -> None: ...
    async def finish(self, shapes: Sequence[Shape]) -> None: ...
    async def close(self, *, commit: bool) -> None: ...


def kind_of(declared: str) -> Kind:
    """What a declared type holds. Raises MovingError for one that was never seen."""
    word = declared.lower().removeprefix("character ").replace("varying", "varchar")
    for begin, kind in _KINDS:
        if word.startswith(begin):
            return kind
    raise MovingError(f"jenis kolom tidak dikenal / a column's type is not known: {declared}")


def shape_of(table: str, columns: Sequence[tuple[str, str]], key: Sequence[str]) -> Shape:
    """From declared types. A table without a key has no order and is not ours."""
    if not key:
        raise MovingError(f"{table}: tanpa kunci utama / has no primary key")
    return Shape(table, tuple(sorted((name, kind_of(kind)) for name, kind in columns)), tuple(key))


def fitted(shape: Shape, rows: list[Row], limits: dict[str, int | None]) -> tuple[list[Row], int]:
    """Rows whose texts PostgreSQL takes (cut, NUL replaced: as new ones are), and how many were changed."""
    changed = 0
    for place, name in enumerate(shape.names):
        if name not in limits:
            continue
        longest = limits[name]
        for number, row in enumerate(rows):
            text = row[place]
            if isinstance(text, str) and ("\x00" in text or (longest is not None and len(text) > longest)):
                whole = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")[:longest]
                rows[number] = (*row[:place], whole, *row[place + 1 :])
                changed += 1
    return rows, changed


def plain_json(text: object) -> object:
    """One spelling for every way to write the same JSON."""
    if not isinstance(text, str):
        return text
    value = json.loads(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # SQLite makes 1 of 1.0
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class SqliteSide:
    """A SQLite file. Blocking inside: nothing else runs in the loop of a move."""

    def __init__(self, path: Path, *, write: bool, lock: bool) -> None:
        self.name, self.engine = f"SQLite {path}", f"SQLite {sqlite3.sqlite_version}"
        self._database = sqlite.connect(path, timeout=LOCK_SECONDS)
        self._database.row_factory = None
        self.limits: Limits = {}  # any text goes into any column
        self._triggers: list[tuple[str, str]] = []
        self._write = write
        self._database.execute("PRAGMA cache_size=-200000")  # kB: keys are in no order
        self._database.execute("BEGIN IMMEDIATE" if write or lock else "BEGIN")
        self.revision = sqlite.revision_of(self._database)

    async def tables(self) -> list[str]:
        return sqlite.tables_of(self._database)

    async def shapes(self) -> dict[str, Shape]:
        found = {}
        for table in sqlite.tables_of(self._database):
            info = self._database.execute(f'PRAGMA table_info("{table}")').fetchall()
            key = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
            found[table] = shape_of(table, [(row[1], row[2]) for row in info], key)
        return found

    async def count(self, table: str) -> int:
        return int(self._database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608

    async def site(self) -> str | None:
        row = self._database.execute(SITE).fetchone()
        return None if row is None else str(row[0])

    async def size(self) -> int:
        pages, page = (
            self._database.execute(f"PRAGMA {it}").fetchone()[0] for it in ("page_count", "page_size")
        )
        return int(pages * page)

    async def rows(self, shape: Shape, *, ordered: bool) -> AsyncGenerator[list[Row], None]:
        order = ", ".join(f'"{name}"' for name in shape.key) if ordered else "rowid"
        cursor = self._database.execute(f'SELECT {shape.quoted()} FROM "{shape.table}" ORDER BY {order}')  # noqa: S608
        unlike = {place: _UNLIKE[kind] for place, (_, kind) in enumerate(shape.columns) if kind in _UNLIKE}
        while batch := cursor.fetchmany(BATCH):
            if unlike:
                columns = list(zip(*batch, strict=True))
                for place, mend in unlike.items():
                    columns[place] = tuple(map(mend, columns[place]))
                batch = list(zip(*columns, strict=True))
            yield batch

    async def write(self, shape: Shape, rows: list[Row]) -> None:
        marks = ", ".join("?" * len(shape.columns))
        insert = f'INSERT INTO "{shape.table}" ({shape.quoted()}) VALUES ({marks})'  # noqa: S608
        try:
            self._database.executemany(insert, rows)
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise MovingError(f"{shape.table}: {error}") from error

    async def make_ready(self, shapes: Sequence[Shape], *, empty: bool) -> None:
        found = self._database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        self._triggers = list(found)  # they stand again before anybody sees the rows
        for name, _ in self._triggers:
            self._database.execute(f'DROP TRIGGER "{name}"')
        for shape in shapes if empty else ():
            self._database.execute(f'DELETE FROM "{shape.table}"')  # noqa: S608

    async def finish(self, shapes: Sequence[Shape]) -> None:
        for _, made in self._triggers:
            self._database.execute(made)

    async def close(self, *, commit: bool) -> None:
        try:
            self._database.execute("COMMIT" if commit and self._write else "ROLLBACK")
        finally:
            self._database.close()


def _bool(value: Any) -> Any:
    return bool(value) if value in (0, 1) else value


def _float(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _json(value: Any) -> Any:
    # to SQLite a column of JSON is one of numbers: a text that is a number becomes one
    return json.dumps(value) if type(value) in (int, float) else value


_UNLIKE = {"bool": _bool, "float": _float, "json": _json}
