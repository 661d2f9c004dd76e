"""Floods from the carrier: a number holds two calls, the gate its hundred, everybody else gets through."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass

import pytest

from tests.support.centre import Centre, fresh_number
from tests.support.flood import Flood, Flooded
from tests.support.health import well_again

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

PER_NUMBER = 2  # calls at once, the profile's default
NEWCOMERS = 80  # of the gate's hundred places; twenty are kept for those who were refused or cut off


@dataclass(frozen=True)
class Size:
    rate: int  # calls a second
    seconds: int
    hold: float  # seconds that a caller of the flood stays

    @property
    def count(self) -> int:
        return self.rate * self.seconds


SMALL = Size(75, 2, 4.0)
FULL = pytest.param(Size(200, 30, 12.0), marks=pytest.mark.long)


def numbers(count: int) -> list[str]:
    """Numbers that nobody has called from."""
    start = secrets.randbelow(10**6) * 100
    return [f"0877{(start + each) % 10**8:08d}" for each in range(count)]


async def _reaches_an_agent(centre: Centre, number: str) -> None:
    async with centre.caller(number) as caller:
        await caller.answered(20)
        await caller.press("0")
        await caller.ended(100)


def _records(centre: Centre, flooders: list[str]) -> dict[tuple[str, str, str], int]:
    """How the calls of these numbers ended: (ending, ended_by, decision) -> how many."""
    wanted = set(flooders)
    found: dict[tuple[str, str, str], int] = {}
    with closing(sqlite3.connect(f"file:{centre.home.settings.home}/psap.db?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT number, ending, ended_by, json_extract(policy, '$.decision') FROM calls"
            " WHERE number LIKE '0877%'"
        )
        for number, ending, by, decision in rows:
            if number in wanted:
                found[(ending, by, decision)] = found.get((ending, by, decision), 0) + 1
    return found


async def _all_recorded(centre: Centre, flooders: list[str], told: Flooded, refused: str) -> None:
    """Exactly one closed record for each call, refused ones too."""
    async with asyncio.timeout(60):
        while True:
            found = await asyncio.to_thread(_records, centre, flooders)
            if sum(found.values()) >= told.words.total() and not any(key[0] is None for key in found):
                break
            await asyncio.sleep(0.2)
    assert sum(found.values()) == told.words.total()
    assert found.get(("failed", "system", refused), 0) == told.words.total() - told.words["in"]


@pytest.mark.parametrize("size", [SMALL, FULL])
async def test_twenty_numbers_hold_two_calls_each_and_others_reach_an_agent(
    centre: Centre, size: Size
) -> None:
    flooders, citizens = numbers(20), [fresh_number() for _ in range(5)]
    async with AsyncExitStack() as stack:
        for agent in ("agent1", "agent2", "agent3"):
            await stack.enter_async_context(centre.seat(agent, answer_after=0.1, talk=0.3))
        flood = await stack.enter_async_context(
            Flood(centre.target, flooders, rate=size.rate, count=size.count, hold=size.hold)
        )
        await flood.until(size.rate)
        async with asyncio.TaskGroup() as group:
            for citizen in citizens:
                group.create_task(_reaches_an_agent(centre, citizen))
        for citizen in citizens:
            assert (await centre.record(citizen, timeout=30))["ending"] == "answered"
        told = await flood.done()
        await well_again(centre.home, 10)
    assert told.words.total() == size.count
    assert set(told.words) == {"in", "r486"}
    assert max(told.most_at_once(number) for number in flooders) == PER_NUMBER
    await _all_recorded(centre, flooders, told, "too_many")
    print(
        f"\n{size.count} calls at {size.rate}/s out of 20 numbers: {dict(told.words)}; refused within"
        f" {told.slowest(0.5) * 1000:.0f} ms (median), {told.slowest(0.99) * 1000:.0f} ms (99 %)"
    )


@pytest.mark.parametrize("size", [SMALL, FULL])
async def test_beyond_the_gate_s_places_503_at_once_and_who_dials_again_gets_in(
    centre: Centre, size: Size
) -> None:
    flooders = numbers(size.count)
    async with Flood(centre.target, flooders, rate=size.rate, count=size.count, hold=size.hold) as flood:
        first = await flood.until(size.count)
        refused = [number for number, words in first.of_number.items() if words == ["r503"]]
        assert refused
        again = refused[:8]
        async with Flood(centre.target, again, rate=20, count=len(again), hold=2.0) as redial:
            second = await redial.done()
        told = await flood.done()
    await well_again(centre.home, 10)
    assert set(told.words) == {"in", "r503"}
    assert told.most_at_once() <= NEWCOMERS
    # a kept place each, though the flood still holds all the others
    assert second.words == {"in": len(again)}
    both = Flooded(words=told.words + second.words)
    await _all_recorded(centre, flooders, both, "overload")
    print(
        f"\n{size.count} numbers at {size.rate}/s: {dict(told.words)}; refused within"
        f" {told.slowest(0.5) * 1000:.0f} ms (median); of those who dialled again"
        f" {second.words['in'] / len(again):.0%} were served"
    )
