"""Three talk with one another, one of them leaves, and the caller is never alone: by energy on each leg."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest

from tests.support.api import ApiError
from tests.support.calling_back import Scene, open_scene
from tests.support.centre import AGENT_TONE, CALLER_TONE, hum
from tests.support.home import Home
from tests.support.outside import Outside
from tests.support.talking import (
    PATIENCE,
    SECOND_TONE,
    THIRD_TONE,
    hear,
    legs,
    party_is,
    talking,
    told,
)

pytestmark = [pytest.mark.calls, pytest.mark.timeout(150)]

FIRE, POLICE = "113", "110"
DAMKAR = {"to": {"kind": "agency", "id": "damkar"}}
POLRESTABES = {"to": {"kind": "agency", "id": "polrestabes"}}


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


async def test_three_way_with_an_agency_and_the_call_taker_leaves(scene: Scene) -> None:
    """Asked in, heard by both, and left alone with the caller: a warm transfer."""
    centre = scene.centre
    async with (
        Outside(scene.outside, FIRE, sound=list(hum(SECOND_TONE))) as fire,
        centre.seat("agent1") as seat,
        talking(centre, seat) as talk,
    ):
        path = f"/calls/{talk.call_id}"
        assert await seat.api.post(f"{path}/parties", DAMKAR) == {"party": "agency:damkar"}
        ring = await fire.ringing(PATIENCE)
        assert ring.caller == "112"
        with pytest.raises(ApiError) as refused:  # nobody but a bell would be left with the caller
            await seat.api.post(f"{path}/leave")
        assert (refused.value.status, "last_one" in str(refused.value)) == (409, True)
        with pytest.raises(ApiError):  # one bell is enough
            await seat.api.post(f"{path}/parties", DAMKAR)
        await hear(talk.caller.media, AGENT_TONE)  # meanwhile the two talk on
        await hear(seat.phone.media, CALLER_TONE)
        await ring.answer()
        shown = await party_is(centre, talk.call_id, "agency:damkar", "talking")
        assert [each["name"] for each in shown["parties"]][1] == "Dinas Pemadam Kebakaran"
        await hear(talk.caller.media, AGENT_TONE, SECOND_TONE)
        await hear(seat.phone.media, CALLER_TONE, SECOND_TONE)
        await hear(fire.media, CALLER_TONE, AGENT_TONE)
        await seat.api.post(f"{path}/leave")
        await talk.call.ended(PATIENCE)
        await hear(talk.caller.media, SECOND_TONE, deaf=(AGENT_TONE,))
        await hear(fire.media, CALLER_TONE, deaf=(AGENT_TONE,))
        await centre.agent_is("agent1", "wrapping_up", "ready")
        talk.caller.hang_up()
        assert await ring.ended(PATIENCE) == "caller"
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent1")
    assert legs(record) == [("agent1", "answered"), ("agency:damkar", "answered")]
    assert told(record, "transferred") == [{"kind": "agency", "id": "damkar", "by": "agent1", "how": "warm"}]
    first, second = (leg["talk_seconds"] for leg in record["legs"])
    assert max(first, second) < record["talk_seconds"] < first + second  # together counts once


async def test_nobody_comes_one_is_dropped_and_the_last_one_s_death_brings_the_caller_back(
    scene: Scene,
) -> None:
    """A second call taker and an agency: busy, dropped, gone without a word."""
    centre = scene.centre
    async with (
        Outside(scene.outside, FIRE, sound=list(hum(THIRD_TONE))) as fire,
        centre.seat("agent1") as first,
        talking(centre, first) as talk,
        centre.seat("agent2", sound=list(hum(SECOND_TONE))) as second,
    ):
        path = f"/calls/{talk.call_id}"
        await first.api.post(f"{path}/parties", DAMKAR)
        (await fire.ringing(PATIENCE)).reject()
        shown = await party_is(centre, talk.call_id, "agency:damkar", "gone")
        assert next(each for each in shown["parties"] if each["state"] == "gone")["end"] == "busy"
        await hear(talk.caller.media, AGENT_TONE)
        # a second call taker, with the screen-pop that comes with it
        await first.api.post(f"{path}/parties", {"to": {"kind": "agent", "id": "agent2"}})
        call = await second.phone.ringing(PATIENCE)
        pop = await centre.live.wait(
            "call.ringing", call_id=talk.call_id, where=lambda data: data["agent"] == "agent2"
        )
        assert pop.data["invited"] is True
        await call.answer()
        await centre.agent_is("agent2", "talking")
        await hear(talk.caller.media, AGENT_TONE, SECOND_TONE)
        # and the agency as a fourth: dropped by the second call taker, whose call it is as well
        await second.api.post(f"{path}/parties", DAMKAR)
        await (await fire.ringing(PATIENCE)).answer()
        await hear(fire.media, AGENT_TONE, SECOND_TONE, CALLER_TONE)
        await second.api.post(f"{path}/parties/drop", {"party": "agency:damkar"})
        await party_is(centre, talk.call_id, "agency:damkar", "gone")
        # the first leaves by hanging up; the others go on
        talk.call.hang_up()
        await hear(talk.caller.media, SECOND_TONE, deaf=(AGENT_TONE, THIRD_TONE))
        with pytest.raises(ApiError):
            await second.api.post(f"{path}/leave")
        call.hang_up()
        assert (await talk.caller.ended(PATIENCE)).by == "callee"
        record = await centre.closed(talk.call_id)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "agent", "agent2")
    assert legs(record) == [
        ("agent1", "answered"),
        ("agency:damkar", "busy"),
        ("agent2", "answered"),
        ("agency:damkar", "answered"),
    ]


async def test_with_every_process_of_ours_dead_a_room_keeps_its_caller(scene: Scene, home: Home) -> None:
    """The bridge is killed while somebody rings; who lifts is heard, and the last to go ends the call.
    Its record comes from the ledger, and tells the same."""
    centre = scene.centre
    async with (
        Outside(scene.outside, POLICE, sound=list(hum(SECOND_TONE))) as police,
        centre.seat("agent1") as seat,
        talking(centre, seat) as talk,
    ):
        await seat.api.post(f"/calls/{talk.call_id}/parties", POLRESTABES)
        ring = await police.ringing(PATIENCE)
        os.kill(home.pid("ami_bridge"), signal.SIGKILL)
        await ring.answer()
        await hear(talk.caller.media, AGENT_TONE, SECOND_TONE)
        talk.call.hang_up()
        await hear(talk.caller.media, SECOND_TONE, deaf=(AGENT_TONE,))
        ring.hang_up()
        assert (await talk.caller.ended(PATIENCE)).by == "callee"
        record = await centre.closed(talk.call_id, timeout=60)
    assert (record["ending"], record["agent"]) == ("answered", "agent1")
    assert legs(record) == [("agent1", "answered"), ("agency:polrestabes", "answered")]
    assert record["talk_seconds"] >= max(leg["talk_seconds"] for leg in record["legs"])
