"""A telephone that forwards its calls (302) leads nobody anywhere: it is as good as busy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from psap.platform import pbx_root
from tests.support.calling_back import Scene, open_scene
from tests.support.centre import Centre, fresh_number
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]

ELSEWHERE = [
    "sip:*12@127.0.0.1",  # a feature code answers, and would have taken the caller
    pytest.param("sip:08119999999@127.0.0.1", marks=pytest.mark.long),
    pytest.param("sip:112@127.0.0.1", marks=pytest.mark.long),
    pytest.param("sip:rumah@127.0.0.1", marks=pytest.mark.long),
]


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


@pytest.mark.parametrize("uri", ELSEWHERE)
async def test_a_forwarded_desk_is_passed_over_for_the_next(centre: Centre, uri: str) -> None:
    """The queue asked the same desk each second, while a colleague was free."""
    first, number = fresh_number(), fresh_number()
    async with centre.seat("agent2") as free:
        async with centre.caller(first) as caller:
            await caller.answered()
            await caller.press("0")
            call = await free.phone.ringing(8)
            await call.answer()
            call.hang_up()
            await caller.ended(5)
        await centre.agent_is("agent2", "ready")
        # who has had no call yet is asked first
        async with centre.seat("agent1") as away, centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            forwarded = await away.phone.ringing(8)
            forwarded.forward(uri)
            assert await forwarded.ended(5) == "rejected"
            call = await free.phone.ringing(8)
            assert call.caller == number
            await call.answer()
            assert len(away.phone.calls) == 1
            # and it is asked after all others from now on
            queue = await asyncio.to_thread(pbx_root.asterisk_rx, centre.home.settings, "queue show psap112")
            (member,) = [line for line in queue.splitlines() if "agent1" in line]
            assert "with penalty 1" in member
            call.hang_up()
            await caller.ended(5)
            record = await centre.record(number)
    assert (record["ending"], record["agent"]) == ("answered", "agent2")
    assert [leg["agent"] for leg in record["legs"]] == ["agent1", "agent2"]


async def test_a_carrier_that_sends_us_elsewhere_does_not_lead_us_into_our_own_gate(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        await seat.api.post(f"/missed/{entry['id']}/call")
        await (await seat.phone.ringing()).answer()
        (await citizen.ringing()).forward("sip:112@127.0.0.1")
        tried = await scene.entry(number, lambda one: one["last_result"] is not None)
        assert (tried["status"], tried["last_result"]) == ("open", "busy")
    record = await scene.centre.closed(tried["attempt"]["call_id"])
    assert (record["direction"], record["ending"]) == ("outbound", "failed")
