"""Strangers' text made to fit its column.

SQLite takes any text into any column; PostgreSQL refuses what is longer than the column or holds NUL.
A record is never refused for what a caller's telephone sent: too long is cut, what is no text is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import String, Table

NUL, INSTEAD = "\x00", "\N{REPLACEMENT CHARACTER}"


@lru_cache(32)
def _longest(table: Table) -> dict[str, int | None]:
    return {column.name: column.type.length for column in table.columns if isinstance(column.type, String)}


def fitted(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a row whose texts every engine takes."""
    made = dict(row)
    for name, longest in _longest(table).items():
        text = made.get(name)
        if not isinstance(text, str) or (
            text.isascii() and NUL not in text and len(text) <= (longest or len(text))
        ):
            continue
        whole = text.replace(NUL, INSTEAD).encode("utf-8", "replace").decode("utf-8")  # lone surrogates
        made[name] = whole[:longest]
    return made
