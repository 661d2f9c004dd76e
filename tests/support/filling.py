"""Rows that look like a city's, for every table of the schema there is, also those made later."""

from __future__ import annotations

import random
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, Table, Text, insert, text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from psap.platform.schema import calls, metadata

START_US = 1_790_000_000_000_000
SITE = "semarang"
NUMBERS = [f"62812{tail:08d}" for tail in range(31_000_000, 31_000_040)]
WORDS = ("Jalan Pemuda 12, dekat Masjid Baiturrahman", 'kebakaran; ada yang terjebak "lantai 2"', "𝄞 uji", "")


def value_of(table: Table, column: Column[Any], place: int, chance: random.Random) -> Any:
    """One plausible value; ``place`` is the row's, so that unique columns stay so."""
    name = column.name
    if name == "site":
        return SITE
    if name in ("number_key", "number") and table.name != "incidents":
        return chance.choice(NUMBERS)
    if name == "legal_hold":
        return False
    if isinstance(column.type, Boolean):
        return chance.random() < 0.3
    if isinstance(column.type, JSON):
        return chance.choice([[], {"nested": [1, None, "ü"]}, [{"at": START_US, "what": "started"}]])
    if isinstance(column.type, BigInteger):
        return None if column.nullable and chance.random() < 0.3 else START_US + place * 1_000_000
    if isinstance(column.type, Float):
        return chance.random() * 100
    if isinstance(column.type, Integer):
        return 2000 + place if name == "year" else place % 5
    if isinstance(column.type, Text):
        return chance.choice(WORDS)
    length = getattr(column.type, "length", None) or 36
    return str(uuid.UUID(int=chance.getrandbits(128)))[:length]


def fill(
    connection: Connection, rows: int, *, seed: int = 112, leave_out: Collection[str] = ()
) -> dict[str, int]:
    """Put ``rows`` rows into every table but those left out; how many each has then."""
    chance = random.Random(seed)
    tables = [table for table in metadata.sorted_tables if table.name not in leave_out]
    for table in tables:
        made = [
            {column.name: value_of(table, column, place, chance) for column in table.columns}
            for place in range(rows)
        ]
        connection.execute(insert(table), made)
    connection.commit()
    return {table.name: rows for table in tables}


async def multiplied(
    connection: AsyncConnection, row: dict[str, Any], count: int, *, table: Table = calls, **told: str
) -> None:
    """``count`` rows made in the database from one, a second for 100,000 calls: the n-th (from 1 on) has for
    each column in ``told`` the value of that SQL, in which ``n`` may stand. Works on both engines."""
    await connection.execute(insert(table).values(**row))
    # made of the first one's id, so that several sets do not meet
    own = f"CAST(10000000 + n AS TEXT) || '{row['id'][8:]}'"
    told = {"id": own} | ({"uniqueid": own} if "uniqueid" in table.c else {}) | told
    names = [column.name for column in table.c]
    values = ", ".join(told.get(name, f"one.{name}") for name in names)
    await connection.execute(
        text(
            # PostgreSQL's 1 has 32 bits: a million times the microseconds of a minute has not
            "WITH RECURSIVE counted(n) AS "
            "(SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM counted WHERE n < :count) "
            f"INSERT INTO {table.name} ({', '.join(names)}) "
            f"SELECT {values} FROM {table.name} AS one, counted WHERE one.id = :id"
        ),
        {"count": count - 1, "id": row["id"]},
    )
