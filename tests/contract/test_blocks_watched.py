"""The bridge notices every change of the block list, without counting a million blocks twice a second."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import insert, update

from ami_bridge import reputation
from ami_bridge.reputation import Reputation
from psap.agencies.profile import find_profile, load_profile
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import blocks
from tests.support.filling import value_of


async def put(database: Database, name: str, at: int) -> None:
    """A block as a person makes one."""
    row: dict[str, Any] = {c.name: value_of(blocks, c, 1, random.Random(name)) for c in blocks.columns}
    none = {"removed_at": None, "removed_by": None, "expires_at": None}
    async with database.write() as connection:
        await connection.execute(
            insert(blocks).values(**row | none | {"id": name, "number_key": name, "started_at": at})
        )


async def test_what_came_and_went_is_named_once(database: Database, clock: FixedClock) -> None:
    watched = Reputation(database, load_profile(find_profile("semarang")), clock)
    assert await watched.changed() == []
    await put(database, "made", clock.now_us())
    assert [await watched.changed(), await watched.changed()] == [["made"], []]
    clock.advance(1)
    async with database.write() as connection:
        await connection.execute(update(blocks).values(removed_at=clock.now_us(), removed_by="siti"))
    assert [await watched.changed(), await watched.changed()] == [["made"], []]


async def test_a_clock_that_was_set_back_hides_nothing_for_long(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Reputation(database, load_profile(find_profile("semarang")), clock)
    await put(database, "before", clock.now_us())
    await watched.changed()
    clock.advance(-3_600)
    monkeypatch.setattr(reputation, "COUNT_EVERY", 0.0)
    await watched.changed()  # whatever it finds, from now on it counts each time
    watched._count_due = 0.0
    await put(database, "hidden", clock.now_us())
    assert "hidden" in (await watched.changed() or [])
