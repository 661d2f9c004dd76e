"""Call-backs on real telephones: the agent's desk phone, and the citizen behind the trunk's proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.faults.breaking import killed, recovered, stopped
from tests.support.api import ApiError
from tests.support.calling_back import Scene, open_scene
from tests.support.centre import AGENT_TONE, CALLER_TONE, fresh_number
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(180)]


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


async def test_one_click_rings_the_agent_then_the_citizen_and_they_talk(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    assert (entry["status"], entry["count"], entry["reachable"]) == ("open", 1, True)
    assert entry["last"]["ending"] == "abandoned_in_queue"
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        # masked until it is one's own
        (shown,) = [one for one in (await seat.api.get("/missed"))["items"] if one["id"] == entry["id"]]
        assert shown["caller"]["number"] != number
        started = await seat.api.post(f"/missed/{entry['id']}/call")
        assert (started["status"], started["claimed_by"]) == ("calling", "agent1")
        call = await seat.phone.ringing()
        assert call.caller == number
        await scene.centre.agent_is("agent1", "ringing")
        await call.answer()
        rings = await citizen.ringing()
        assert rings.caller == "112"
        await scene.centre.agent_is("agent1", "talking")
        await rings.answer()
        await citizen.media.hears(AGENT_TONE, timeout=15)
        await seat.phone.media.hears(CALLER_TONE, timeout=15)
        calling = await scene.entry(number)
        now = await seat.api.get(f"/calls/{calling['attempt']['call_id']}")
        assert (now["direction"], now["ending"], now["dialled"]) == ("outbound", None, number)
        incident = await seat.api.post("/incidents", {"call_id": now["id"], "category": "fire"})
        rings.hang_up()
        await call.ended()
        done = await scene.entry(number, closed=True)
    assert (done["result"], done["closed_by"]) == ("answered", "agent1")
    assert done["attempt"]["result"] == "answered"
    record = await scene.centre.closed(done["attempt"]["call_id"])
    assert (record["direction"], record["ending"], record["ended_by"]) == ("outbound", "answered", "caller")
    assert record["agent"] == "agent1"
    assert (record["dialled"], record["incident_id"]) == (number, incident["id"])
    assert record["source"] == "live"
    assert [leg["end"] for leg in record["legs"]] == ["answered", "answered"]
    assert record["talk_seconds"] == done["attempt"]["talk_seconds"] > 0
    assert len(citizen.calls) == 1
    assert len(await scene.centre.supervisor.calls_of(number)) == 2


async def test_who_does_not_answer_is_not_called_and_may_be_called_again(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        # the agent refuses: nobody was dialled
        await seat.api.post(f"/missed/{entry['id']}/call")
        (await seat.phone.ringing()).reject()
        free = await scene.entry(number, lambda one: one["last_result"] is not None)
        assert (free["status"], free["last_result"], free["claimed_by"]) == ("open", "not_dialled", None)
        assert citizen.calls == []
        # the citizen is busy
        await scene.centre.agent_is("agent1", "ready")
        await seat.api.post(f"/missed/{entry['id']}/call")
        await (await seat.phone.ringing()).answer()
        (await citizen.ringing()).reject()
        busy = await scene.entry(number, lambda one: one["last_result"] == "busy")
        assert (busy["status"], busy["attempts"], busy["attempt"]["cause"]) == ("open", 2, 17)
        record = await scene.centre.closed(busy["attempt"]["call_id"])
        assert (record["direction"], record["ending"]) == ("outbound", "failed")
        assert [leg["end"] for leg in record["legs"]] == ["answered", "busy"]
        assert record["talk_seconds"] is None
        done = await seat.api.post(f"/missed/{entry['id']}/close", {"result": "not_reached"})
        assert (done["status"], done["closed_by"]) == ("closed", "agent1")
        assert len(citizen.calls) == 1


@pytest.mark.long
async def test_two_who_click_at_once_ring_the_citizen_once(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with (
        scene.centre.seat("agent1") as one,
        scene.centre.seat("agent2") as two,
        scene.citizen(number, answer_after=0.0) as citizen,
    ):
        clicks = (seat.api.post(f"/missed/{entry['id']}/call") for seat in (one, two, one, two))
        answers = await asyncio.gather(*clicks, return_exceptions=True)
        started = [answer for answer in answers if isinstance(answer, dict)]
        refused = [answer for answer in answers if isinstance(answer, ApiError)]
        assert (len(started), len(refused)) == (1, 3)
        assert {error.status for error in refused} == {409}
        taker = one if started[0]["claimed_by"] == "agent1" else two
        call = await taker.phone.ringing()
        await call.answer()
        await citizen.media.hears(AGENT_TONE, timeout=15)
        call.hang_up()
        done = await scene.entry(number, closed=True)
    assert done["closed_by"] == taker.agent
    assert len(citizen.calls) == 1
    assert len(one.phone.calls) + len(two.phone.calls) == 1


async def test_the_bridge_dies_as_it_has_sent_it_and_the_citizen_is_rung_once(scene: Scene) -> None:
    home, number = scene.centre.home, fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        await seat.api.post(f"/missed/{entry['id']}/call")
        call = await seat.phone.ringing()
        async with killed(home, "ami_bridge"):
            # neither the telephones nor the record need it
            await call.answer()
            rings = await citizen.ringing()
            await rings.answer()
            await citizen.media.hears(AGENT_TONE, timeout=15)
            call.hang_up()
            assert await rings.ended() == "caller"
        done = await scene.entry(number, closed=True)
        assert (done["result"], done["attempt"]["result"]) == ("answered", "answered")
        record = await scene.centre.closed(done["attempt"]["call_id"])
        assert (record["source"], record["ending"], record["ended_by"]) == ("ledger", "answered", "agent")
        assert record["talk_seconds"] > 0
        assert len(await scene.centre.supervisor.calls_of(number)) == 2
        assert len(citizen.calls) == len(seat.phone.calls) == 1


@pytest.mark.long
async def test_the_bridge_dies_and_nobody_answered_meanwhile(scene: Scene) -> None:
    home, number = scene.centre.home, fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        started = asyncio.create_task(seat.api.post(f"/missed/{entry['id']}/call"))
        call = await seat.phone.ringing()
        async with killed(home, "ami_bridge"):
            assert await call.ended() == "cancelled"  # Asterisk gave up ringing
        free = await scene.entry(number, lambda one: one["last_result"] is not None)
        assert (free["status"], free["last_result"]) == ("open", "not_dialled")
        await asyncio.gather(started, return_exceptions=True)
        assert citizen.calls == []
        # and it goes on where it was: alive over a restart
        await scene.centre.agent_is("agent1", "ready")
        await seat.api.post(f"/missed/{entry['id']}/call")
        call = await seat.phone.ringing()
        await call.answer()
        rings = await citizen.ringing()
        await rings.answer()
        async with killed(home, "ami_bridge"):
            await citizen.media.hears(AGENT_TONE, timeout=15)
        calling = await scene.entry(number, lambda one: one["status"] == "calling")
        assert calling["attempts"] == 2
        rings.hang_up()
        done = await scene.entry(number, closed=True)
        assert done["attempt"]["result"] == "answered"
        assert len(citizen.calls) == 1


@pytest.mark.long
async def test_what_nobody_knows_is_for_a_person_to_decide(scene: Scene) -> None:
    home, number = scene.centre.home, fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        await seat.api.post(f"/missed/{entry['id']}/call")
        call = await seat.phone.ringing()
        async with killed(home, "ami_bridge"):
            await call.answer()
            await citizen.ringing()
            async with killed(home, "asterisk"):  # as it rings: what came of it stands nowhere
                pass
        await recovered(home, timeout=90)
        unknown = await scene.entry(number, lambda one: one["status"] == "unknown")
        assert unknown["claimed_by"] == "agent1"
        with pytest.raises(ApiError, match="undecided"):
            await seat.api.post(f"/missed/{entry['id']}/call")
        freed = await seat.api.post(f"/missed/{entry['id']}/release")
        assert (freed["status"], freed["last_result"]) == ("open", "unknown")
        record = await scene.centre.closed(unknown["attempt"]["call_id"], timeout=60)
        assert (record["direction"], record["ending"], record["source"]) == ("outbound", "failed", "ledger")
        assert len(citizen.calls) == 1


@pytest.mark.long
async def test_a_restart_of_the_console_changes_nothing(scene: Scene) -> None:
    home, number = scene.centre.home, fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        await seat.api.post(f"/missed/{entry['id']}/call")
        call = await seat.phone.ringing()
        async with killed(home, "console"):
            await call.answer()
        await recovered(home)
        rings = await citizen.ringing()
        with pytest.raises(ApiError) as refused:
            await seat.api.post(f"/missed/{entry['id']}/call")
        assert refused.value.status == 409
        await rings.answer()
        call.hang_up()
        done = await scene.entry(number, closed=True)
    assert done["result"] == "answered"
    assert len(citizen.calls) == len(seat.phone.calls) == 1


@pytest.mark.long
async def test_a_stopped_asterisk_dials_nobody_late(scene: Scene) -> None:
    home, number = scene.centre.home, fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number, answer_after=0.0) as citizen:
        async with stopped(home, "asterisk"):
            with pytest.raises(ApiError) as refused:
                await seat.api.post(f"/missed/{entry['id']}/call")
            assert refused.value.status == 503
        await recovered(home, timeout=60)
        still = await scene.entry(number)
        assert (still["status"], still["attempts"]) == ("open", 0)
        assert citizen.calls == []


@pytest.mark.long
async def test_who_could_not_speak_is_rung_only_after_a_confirmation(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number, keys="55")
    entry = await scene.entry(number)
    assert entry["needs_confirmation"]
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        with pytest.raises(ApiError, match="confirm_needed") as refused:
            await seat.api.post(f"/missed/{entry['id']}/call")
        assert refused.value.status == 409
        await seat.api.post(f"/missed/{entry['id']}/call", {"confirm": True})
        await (await seat.phone.ringing()).answer()
        call = await citizen.ringing()
        await call.answer()
        call.hang_up()
        await scene.entry(number, closed=True)


async def test_calls_of_a_number_are_one_entry_and_who_is_answered_leaves_it(scene: Scene) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    await scene.lost_call(number)
    entry = await scene.entry(number, lambda one: one["count"] == 2)
    whole = await scene.centre.supervisor.get(f"/missed/{entry['id']}")
    assert len(whole["calls"]) == 2
    assert whole["history"]["calls_total"] == 2
    async with scene.centre.seat("agent1", answer_after=0.0), scene.centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        await caller.media.hears(AGENT_TONE, timeout=15)
        caller.hang_up()
        done = await scene.entry(number, closed=True)
    assert (done["result"], done["closed_by"]) == ("resolved", "bridge")


async def test_who_has_no_number_is_shown_and_cannot_be_rung(scene: Scene) -> None:
    before = {one["id"] for one in (await scene.centre.supervisor.get("/missed"))["items"]}
    async with scene.centre.caller(None) as caller:
        await caller.answered()
        await caller.press("0")
        caller.hang_up()
        await caller.ended()
    async with asyncio.timeout(20):
        while True:
            items = (await scene.centre.supervisor.get("/missed"))["items"]
            new = [one for one in items if one["id"] not in before]
            if new:
                break
            await asyncio.sleep(0.1)
    assert not new[0]["reachable"]
    with pytest.raises(ApiError, match="not_reachable"):
        await scene.centre.supervisor.post(f"/missed/{new[0]['id']}/call")
