"""Hanging up in each phase gives the right ending and the right seconds, and exactly one record."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.centre import Centre, fresh_number

pytestmark = pytest.mark.calls

CLOSE = 0.2  # seconds a record may be off
PHASE = 1.2  # seconds spent in each phase


async def test_in_the_gate(centre: Centre) -> None:
    number = fresh_number()
    async with centre.caller(number) as caller:
        at = await caller.answered()
        await asyncio.sleep(PHASE)
        seconds = caller.hang_up() - at
        await caller.ended()
    record = await centre.record(number)
    assert (record["ending"], record["ended_by"]) == ("abandoned_in_gate", "caller")
    assert record["gate"]["result"] == "hung_up"
    assert record["gate"]["seconds"] == pytest.approx(seconds, abs=CLOSE)
    assert record["queue"]["wait_seconds"] is None
    assert record["ring_seconds"] is None
    assert record["talk_seconds"] is None
    assert record["agent"] is None


async def test_in_the_queue(centre: Centre) -> None:
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        queued = await centre.live.wait("call.queued", number=number)
        await asyncio.sleep(PHASE)
        seconds = caller.hang_up() - queued.at
        await caller.ended()
    record = await centre.record(number)
    assert (record["ending"], record["ended_by"]) == ("abandoned_in_queue", "caller")
    assert record["queue"]["wait_seconds"] == pytest.approx(seconds, abs=CLOSE)
    assert record["ring_seconds"] is None
    assert record["talk_seconds"] is None


async def test_while_ringing(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        queued = await centre.live.wait("call.queued", number=number)
        call = await seat.phone.ringing()
        await asyncio.sleep(PHASE)
        gone = caller.hang_up()
        assert await call.ended() == "cancelled"
        record = await centre.record(number)
        await centre.agent_is("agent1", "ready")
    assert (record["ending"], record["ended_by"]) == ("abandoned_in_queue", "caller")
    assert record["queue"]["wait_seconds"] == pytest.approx(gone - queued.at, abs=CLOSE)
    assert record["legs"][0]["ring_seconds"] == pytest.approx(gone - call.invited_at, abs=CLOSE)
    assert record["legs"][0]["end"] == "cancelled"
    assert record["talk_seconds"] is None


@pytest.mark.parametrize("by", ["caller", "agent"])
async def test_while_talking(centre: Centre, by: str) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        queued = await centre.live.wait("call.queued", number=number)
        call = await seat.phone.ringing()
        await asyncio.sleep(0.5)
        answered = await call.answer()
        await asyncio.sleep(PHASE)
        if by == "caller":
            over = caller.hang_up()
        else:
            over = time.monotonic()
            call.hang_up()
        await asyncio.gather(caller.ended(), call.ended())
        record = await centre.record(number)
        await centre.agent_is("agent1", "wrapping_up", "ready")
    assert (record["ending"], record["ended_by"]) == ("answered", by)
    assert record["agent"] == "agent1"
    assert record["queue"]["wait_seconds"] == pytest.approx(answered - queued.at, abs=CLOSE)
    assert record["ring_seconds"] == pytest.approx(answered - call.invited_at, abs=CLOSE)
    assert record["talk_seconds"] == pytest.approx(over - answered, abs=CLOSE)


async def test_a_call_taker_who_rejects_or_does_not_answer_loses_nobody(centre: Centre) -> None:
    number = fresh_number()
    async with (
        centre.seat("agent1") as first,
        centre.seat("agent2") as second,
        centre.caller(number) as caller,
    ):
        await caller.answered()
        await caller.press("0")
        one = asyncio.create_task(first.phone.ringing(20))
        two = asyncio.create_task(second.phone.ringing(20))
        await asyncio.wait({one, two}, return_when=asyncio.FIRST_COMPLETED)
        refuses, takes = (one, two) if one.done() else (two, one)
        refuses.result().reject()
        call = await takes
        await call.answer()
        caller.hang_up()
        record = await centre.record(number)
    assert record["ending"] == "answered"
    assert record["legs"][-1]["end"] == "answered"
    assert {leg["end"] for leg in record["legs"][:-1]} <= {"busy", "no_answer", "cancelled"}
    assert len(record["legs"]) >= 2
