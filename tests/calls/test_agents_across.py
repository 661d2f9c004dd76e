"""Call takers across faults: who is not there is not rung for long, who was there is there again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from psap.sip.phone import PhoneCall
from psap.sip.sipp import Lines
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, Seat, fresh_number, hum
from tests.support.health import killed_and_back, well_again

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

REASON = "rapat"
ASTDB_SECONDS = 2.5  # Asterisk writes its database once a second: what is younger dies with it
DEAD_SECONDS = 60  # rtp_timeout of asterisk-config/pjsip.conf
MUTE_SECONDS = 40  # longer than any patience with silence may be


@asynccontextmanager
async def own_lines(centre: Centre) -> AsyncIterator[Lines]:
    """Telephones in a process of their own, so that they can die alone."""
    async with Lines(centre.target, "127.0.0.4") as lines:
        yield lines


async def _served(centre: Centre, seat: Seat, number: str) -> float:
    """One whole call that this seat answers; seconds in the queue until it rang there."""
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        joined = await centre.live.wait("call.queued", number=number)
        call = await seat.phone.ringing(40)
        await call.answer()
        call.hang_up()
        await caller.ended(20)
    return call.invited_at - joined.at


async def test_a_dead_phone_is_rung_last(centre: Centre) -> None:
    """It takes no INVITE: one caller waits for its ring, the next one not at all."""
    first, second = fresh_number(), fresh_number()
    async with own_lines(centre) as lines, centre.seat("agent1", lines=lines), centre.seat("agent2") as seat:
        os.kill(lines.pid or 0, signal.SIGSTOP)
        try:
            await _served(centre, seat, first)
            await centre.agent_is("agent2", "ready")
            await _served(centre, seat, second)
        finally:
            os.kill(lines.pid or 0, signal.SIGCONT)
        one, two = await centre.record(first), await centre.record(second)
    for record in (one, two):
        assert (record["legs"][-1]["agent"], record["legs"][-1]["end"]) == ("agent2", "answered")
    # whichever of the two was offered to it, the dead phone was asked once at most
    assert [leg["agent"] for leg in one["legs"] + two["legs"]].count("agent1") <= 1


@pytest.mark.parametrize("how", ["takes its telephone off", "logs out", "pauses"])
async def test_who_leaves_while_it_rings_is_not_rung_on(centre: Centre, how: str) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as first, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        call = await first.phone.ringing(40)
        async with centre.seat("agent2") as second:
            if how == "logs out":
                await first.api.post("/agents/me/logout")
            elif how == "pauses":
                await first.api.post("/agents/me/pause", {"reason": REASON})
            else:
                await first.phone.register(0)
            assert await call.ended(20) == "cancelled"
            other = await second.phone.ringing(40)
            await other.answer()
            other.hang_up()
            await caller.ended(20)
        record = await centre.record(number)
    assert record["legs"][-1]["agent"] == "agent2"
    assert (record["ending"], record["legs"][-1]["end"]) == ("answered", "answered")


@pytest.mark.long
@pytest.mark.parametrize("part", ["agi", "ami_bridge", "console", "redis", "asterisk"])
async def test_agents_are_where_they_were_after_a_restart(centre: Centre, part: str) -> None:
    """Ready, paused with a reason, logged out: as before; and a call rings who is ready."""
    async with centre.seat("agent1") as ready, centre.seat("agent2") as paused, centre.seat("agent3") as out:
        await paused.api.post("/agents/me/pause", {"reason": REASON})
        await out.api.post("/agents/me/logout")
        if part == "asterisk":
            await asyncio.sleep(ASTDB_SECONDS)
        await killed_and_back(centre.home, part, centre.supervisor)
        await centre.agent_is("agent1", "ready", timeout=40)
        row = await centre.agent_is("agent2", "paused", timeout=40)
        assert row["reason"] == REASON
        await centre.agent_is("agent3", "logged_out", timeout=40)
        number = fresh_number()
        async with centre.caller(number) as caller:
            await caller.answered(20)
            await caller.press("0")
            call = await ready.phone.ringing(40)
            await call.answer()
            call.hang_up()
            await caller.ended(20)
        assert not paused.phone.calls
        assert not out.phone.calls
        assert (await centre.record(number, timeout=30))["agent"] == "agent1"


@pytest.mark.long
async def test_wrapping_up_outlasts_a_restart_of_the_bridge(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        await _served(centre, seat, number)
        await centre.agent_is("agent1", "wrapping_up")
        await killed_and_back(centre.home, "ami_bridge", centre.supervisor)
        await centre.agent_is("agent1", "ready", timeout=40)
        assert (await centre.record(number, timeout=30))["agent"] == "agent1"


@asynccontextmanager
async def talking(centre: Centre, number: str) -> AsyncIterator[tuple[Lines, Seat, PhoneCall]]:
    """agent1 talks with a citizen, by telephones that can die; agent2 is ready for whoever comes back."""
    async with (
        own_lines(centre) as lines,
        centre.seat("agent1", lines=lines) as seat,
        centre.caller(number, sound=list(hum(CALLER_TONE))) as caller,
    ):
        await caller.answered()
        await caller.press("0")
        call = await seat.phone.ringing(40)
        await call.answer()
        await caller.media.hears(AGENT_TONE, timeout=20)
        yield lines, seat, call
        await caller.close()


@pytest.mark.long
@pytest.mark.parametrize("room", [False, True], ids=["two", "room"])
async def test_a_phone_that_dies_in_the_conversation_gives_its_caller_back(
    centre: Centre, room: bool
) -> None:
    """Its process stopped and its sound cut: no packet, no BYE, no answer to anything."""
    number = fresh_number()
    async with talking(centre, number) as (lines, seat, _), centre.seat("agent2") as other:
        if room:  # a colleague was there for a moment, and left
            mine = (await centre.supervisor.calls_of(number))[0]["id"]
            to = {"to": {"kind": "agent", "id": "agent2"}}
            await seat.api.post(f"/calls/{mine}/parties", to)
            call = await other.phone.ringing(40)
            await call.answer()
            await other.phone.media.hears(CALLER_TONE, timeout=20)
            call.hang_up()
            await call.ended(20)
        seat.phone.media.stop()
        os.kill(lines.pid or 0, signal.SIGSTOP)
        died = time.monotonic()
        try:
            call = await other.phone.ringing(DEAD_SECONDS + 30)
            assert call.caller == number
            await call.answer()
            await other.phone.media.hears(CALLER_TONE, timeout=20)
            print(f"\na dead phone's caller is back with a person after {call.invited_at - died:.1f} s")
            call.hang_up()
        finally:
            os.kill(lines.pid or 0, signal.SIGCONT)
        record = await centre.record(number, timeout=30)
    assert "rescued" in record["flags"]
    assert record["agent"] == "agent2"
    assert [leg["end"] for leg in record["legs"]] == ["answered"] * (3 if room else 2)


@pytest.mark.long
async def test_a_mute_phone_keeps_its_caller(centre: Centre) -> None:
    """It sends nothing at all, and the call taker listens."""
    number = fresh_number()
    async with talking(centre, number) as (_, seat, call):
        seat.phone.media.sending = False
        await asyncio.sleep(MUTE_SECONDS)
        seat.phone.media.sending = True
        await seat.phone.media.hears(CALLER_TONE, timeout=20)
        assert not call.over.done()
        call.hang_up()
        await call.ended(20)
        record = await centre.record(number, timeout=30)
    assert len(record["legs"]) == 1
    assert "rescued" not in record["flags"]


@pytest.mark.long
async def test_a_stopped_asterisk_goes_on_with_the_conversation(centre: Centre) -> None:
    number = fresh_number()
    async with talking(centre, number) as (_, seat, call):
        pid = centre.home.pid("asterisk")
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(15)
        os.kill(pid, signal.SIGCONT)
        since = time.monotonic()
        await seat.phone.media.hears(CALLER_TONE, timeout=20)
        assert (seat.phone.media.last_received or 0) > since
        assert not call.over.done()
        call.hang_up()
        await call.ended(20)
        await well_again(centre.home, 60)
        record = await centre.record(number, timeout=30)
    assert record["ending"] == "answered"
    assert [leg["end"] for leg in record["legs"]] == ["answered"]
