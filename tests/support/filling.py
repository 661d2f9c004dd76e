"""Rows that look like a city's, for every table of the schema there is, also those made later."""

from __future__ import annotations

import random
import uuid
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, Table, Text, insert
from sqlalchemy.engine import Connection

from psap.platform.schema import metadata

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


def fill(connection: Connection, rows: int, *, seed: int = 112) -> dict[str, int]:
    """Put ``rows`` rows into every table; how many each has then."""
    chance = random.Random(seed)
    for table in metadata.sorted_tables:
        made = [
            {column.name: value_of(table, column, place, chance) for column in table.columns}
            for place in range(rows)
        ]
        connection.execute(insert(table), made)
    connection.commit()
    return {table.name: rows for table in metadata.sorted_tables}
