"""A caller is sent on: to another call taker, an agency, the queue. Whatever fails, a person comes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.calls.test_recording import filed, seconds_of, sound_of
from tests.support.api import ApiError
from tests.support.calling_back import Scene, open_scene
from tests.support.centre import AGENT_TONE, CALLER_TONE, hum
from tests.support.home import Home
from tests.support.outside import Outside
from tests.support.talking import PATIENCE, SECOND_TONE, hear, legs, party_is, spoken, talking, told

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]

FIRE = "113"  # the number of the agency damkar in the profile
SECOND = {"sound": list(hum(SECOND_TONE))}


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


async def test_cold_to_another_call_taker(scene: Scene) -> None:
    centre = scene.centre
    async with (
        centre.seat("agent1") as first,
        talking(centre, first) as talk,
        centre.seat("agent2", **SECOND) as second,
    ):
        first.phone.media.number_from(20_000)
        second.phone.media.number_from(100)
        body = {"to": {"kind": "agent", "id": "agent2"}, "how": "cold"}
        await first.api.post(f"/calls/{talk.call_id}/transfer", body)
        await talk.call.ended(PATIENCE)  # the first one leaves at once
        call = await second.phone.ringing(PATIENCE)
        pop = await centre.live.wait(
            "call.ringing", call_id=talk.call_id, where=lambda data: data["agent"] == "agent2"
        )
        assert pop.data["caller"]["number"] == talk.number
        await call.answer()
        await hear(talk.caller.media, SECOND_TONE, deaf=(AGENT_TONE,))
        await spoken(talk.caller.media, 3.0)
        await hear(second.phone.media, CALLER_TONE)
        await centre.agent_is("agent2", "talking")
        await centre.agent_is("agent1", "wrapping_up", "ready")
        call.hang_up()
        assert (await talk.caller.ended(PATIENCE)).by == "callee"
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "agent", "agent2")
    assert legs(record) == [("agent1", "answered"), ("agent2", "answered")]
    assert told(record, "transferred") == [{"kind": "agent", "id": "agent2", "by": "agent1", "how": "cold"}]
    assert "rescued" not in record["flags"]
    # one recording holds both, though the second one's RTP sequence numbers lie below the first one's
    _, sound = await sound_of(centre.supervisor, (await filed(centre, talk.call_id))["id"])
    assert min(seconds_of(sound, hertz) for hertz in (CALLER_TONE, AGENT_TONE, SECOND_TONE)) >= 0.2
    one, two = (leg["talk_seconds"] for leg in record["legs"])
    assert record["talk_seconds"] == pytest.approx(one + two, abs=0.01)


async def test_cold_to_an_agency_that_is_busy_comes_back_to_who_sent_the_caller_on(scene: Scene) -> None:
    centre = scene.centre
    async with (
        Outside(scene.outside, FIRE) as fire,
        centre.seat("agent1") as seat,
        talking(centre, seat) as talk,
    ):
        body = {"to": {"kind": "agency", "id": "damkar"}, "how": "cold"}
        await seat.api.post(f"/calls/{talk.call_id}/transfer", body)
        busy = await fire.ringing(PATIENCE)
        assert busy.caller == "112"
        await talk.call.ended(PATIENCE)
        busy.reject()
        again = await seat.phone.ringing(PATIENCE)
        await again.answer()
        await hear(talk.caller.media, AGENT_TONE)
        # and the second time the agency answers
        await seat.api.post(f"/calls/{talk.call_id}/transfer", body)
        call = await fire.ringing(PATIENCE)
        fire.media.background = list(hum(SECOND_TONE))
        await call.answer()
        await hear(talk.caller.media, SECOND_TONE, deaf=(AGENT_TONE,))
        await hear(fire.media, CALLER_TONE)
        await party_is(centre, talk.call_id, "agency:damkar", "talking")
        talk.caller.hang_up()
        assert await call.ended(PATIENCE) == "caller"
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent1")
    assert legs(record) == [
        ("agent1", "answered"),
        ("agency:damkar", "busy"),
        ("agent1", "answered"),
        ("agency:damkar", "answered"),
    ]
    assert len(told(record, "transferred")) == 2


async def test_back_into_the_queue_and_moved_to_one_call_taker(scene: Scene) -> None:
    """To the queue: in front. A supervisor's hand then sends the waiting caller to one call taker."""
    centre = scene.centre
    async with centre.seat("agent1") as first, talking(centre, first) as talk:
        await first.api.post("/agents/me/pause", {"reason": "uji"})
        await first.api.post(f"/calls/{talk.call_id}/transfer", {"to": {"kind": "queue"}, "how": "cold"})
        await centre.live.wait(
            "call.queued", call_id=talk.call_id, where=lambda data: data["priority"] == "high"
        )
        with pytest.raises(ApiError) as refused:
            await first.api.post("/queue/move", {"call_id": talk.call_id, "priority": "normal"})
        assert refused.value.status == 403
        row = await centre.supervisor.post("/queue/move", {"call_id": talk.call_id, "priority": "normal"})
        assert row["call_id"] == talk.call_id
        await centre.live.wait(
            "call.queued", call_id=talk.call_id, where=lambda data: data["priority"] == "normal"
        )
        # a call taker who is paused is rung all the same
        await centre.agent_is("agent1", "paused", "wrapping_up")
        await centre.supervisor.post("/queue/move", {"call_id": talk.call_id, "agent": "agent1"})
        await (await first.phone.ringing(PATIENCE)).answer()
        await hear(talk.caller.media, AGENT_TONE)
        talk.caller.hang_up()
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["agent"]) == ("answered", "agent1")
    assert [entry["kind"] for entry in told(record, "moved")] == ["priority", "agent"]


@pytest.mark.long
async def test_nobody_lifts_and_who_sent_the_caller_on_is_gone_too(scene: Scene) -> None:
    """The target does not answer, the sender's telephone is dead: the next one of the queue comes."""
    centre = scene.centre
    async with (
        centre.seat("agent1") as first,
        talking(centre, first) as talk,
        centre.seat("agent2") as second,
    ):
        await second.api.post("/agents/me/pause", {"reason": "uji"})
        body = {"to": {"kind": "agent", "id": "agent2"}, "how": "cold"}
        await first.api.post(f"/calls/{talk.call_id}/transfer", body)
        ring = await second.phone.ringing(PATIENCE)
        await talk.call.ended(PATIENCE)
        await first.phone.register(0)
        assert await ring.ended(PATIENCE) == "cancelled"
        await centre.live.wait(
            "call.queued",
            call_id=talk.call_id,
            where=lambda data: data["priority"] == "high",
            timeout=PATIENCE,
        )
        async with centre.seat("agent3", **SECOND) as third:
            call = await third.phone.ringing(PATIENCE)
            await call.answer()
            await hear(talk.caller.media, SECOND_TONE)
            call.hang_up()
            await talk.caller.ended(PATIENCE)
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["agent"]) == ("answered", "agent3")
    assert legs(record)[:2] == [("agent1", "answered"), ("agent2", "no_answer")]
    assert legs(record)[-1] == ("agent3", "answered")
