"""The gate tells need from noise, and lets nobody fall who might be in need."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from psap.sip import audio
from tests.support.centre import Centre, fresh_number

pytestmark = pytest.mark.calls

GATE_SECONDS = 25.0  # the whole gate lasts no longer
CRY = "Tolong! Ada kebakaran di Jalan Sudirman. Tolong cepat!"


async def _speaks(centre: Centre) -> dict[str, Any]:
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.media.falls_silent(timeout=12, seconds=0.5)
        await caller.say(CRY)
        await centre.live.wait("call.queued", number=number, timeout=12)
        caller.hang_up()
    return await centre.record(number)


async def _stays(centre: Centre, number: str | None, sound: audio.Clip | None) -> tuple[str, float, str]:
    """(how it ended or queued, seconds from the answer, the call's id) of one who presses nothing."""
    async with centre.caller(number, sound=sound) as caller:
        at = await caller.answered()
        started = await centre.live.wait(
            "*", number=number, where=lambda data: number is not None or _withheld(data)
        )
        call_id = started.data["call_id"]
        over = asyncio.create_task(caller.ended(45))
        queued = asyncio.create_task(centre.live.wait("call.queued", call_id=call_id, timeout=45))
        done, _ = await asyncio.wait({over, queued}, return_when=asyncio.FIRST_COMPLETED)
        if over in done:
            queued.cancel()
            return "ended", over.result().at - at, call_id
        caller.hang_up()
        await over
        return "queued", queued.result().at - at, call_id


def _withheld(data: dict[str, Any]) -> bool:
    return (data.get("caller") or {}).get("kind") == "withheld"


async def test_speech_passes_noise_and_silence_do_not(centre: Centre) -> None:
    simless = f"911-{('35' + fresh_number()[1:]):0<15.15}"
    await asyncio.to_thread(audio.speech, CRY)  # made before the call: a person needs no time to think
    spoke, noise, silence, no_rtp, withheld, without_sim = await asyncio.gather(
        _speaks(centre),
        _stays(centre, fresh_number(), audio.noise(2.0)),
        _stays(centre, fresh_number(), audio.pause(0.02)),
        _stays(centre, fresh_number(), None),
        _stays(centre, None, audio.pause(0.02)),
        _stays(centre, simless, audio.pause(0.02)),
    )
    assert spoke["gate"]["result"] == "spoke"
    assert spoke["ending"] == "abandoned_in_queue"
    for how, seconds, call_id in (noise, silence, no_rtp):
        # identified: told how to get through, and ended
        assert how == "ended"
        assert seconds <= GATE_SECONDS + 1
        record = await centre.closed(call_id)
        assert (record["ending"], record["gate"]["result"]) == ("no_response", "no_response")
        assert record["ended_by"] == "system"
        assert record["talk_seconds"] is None
    assert "no_audio" in (await centre.closed(no_rtp[2]))["flags"]
    for how, seconds, call_id in (withheld, without_sim):
        # without identity: nobody to tell, so a person asks
        assert how == "queued"
        assert seconds <= GATE_SECONDS + 1
        record = await centre.closed(call_id)
        assert record["gate"]["result"] == "no_response"
        assert record["priority"] == "low"
    assert (await centre.closed(without_sim[2]))["caller"]["kind"] == "simless"


async def test_who_cannot_speak_presses_55_and_overtakes(centre: Centre) -> None:
    first, second, hidden = fresh_number(), fresh_number(), fresh_number()
    async with centre.caller(first) as one, centre.caller(second) as two:
        for caller, number in ((one, first), (two, second)):
            await caller.answered()
            await caller.press("0")
            await centre.live.wait("call.queued", number=number)
        async with centre.caller(hidden) as caller:
            await caller.answered()
            await caller.press("55")
            queued = await centre.live.wait("call.queued", number=hidden)
            assert "cannot_speak" in queued.data["flags"]
            assert queued.data["priority"] == "high"
            async with centre.seat("agent1", answer_after=0.1):
                pop = await centre.live.wait("call.ringing", where=lambda data: data["agent"] == "agent1")
                assert pop.data["caller"]["number"] == hidden
                assert "cannot_speak" in pop.data["flags"]
                await centre.live.wait("call.answered", number=hidden)
                caller.hang_up()
                record = await centre.record(hidden)
                # the first of the others comes after the wrap-up, and the second of them after him
                after = await centre.live.wait("call.ringing", number=first, timeout=10)
                assert after.data["agent"] == "agent1"
    assert (record["gate"]["result"], record["priority"]) == ("cannot_speak", "high")
    assert "cannot_speak" in record["flags"]
    assert record["ending"] == "answered"


async def test_55_goes_in_front_once_an_hour(centre: Centre) -> None:
    number = fresh_number()
    for priority in ("high", "normal"):
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("55")
            queued = await centre.live.wait(
                "call.queued", number=number, where=lambda data, wanted=priority: data["priority"] == wanted
            )
            assert "cannot_speak" in queued.data["flags"]
            # dropped callers would skip the gate: talk first
            async with centre.seat("agent1", answer_after=0.1):
                await centre.live.wait("call.answered", call_id=queued.data["call_id"])
                caller.hang_up()
                await caller.ended()


async def test_any_other_key_is_asked_about_once_then_queued(centre: Centre) -> None:
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("7")
        await asyncio.sleep(0.5)  # a person hears the question before pressing again
        await caller.press("8")
        await centre.live.wait("call.queued", number=number, timeout=10)
    record = await centre.record(number)
    assert record["gate"]["result"] == "other_key"
    assert record["gate"]["keys"] == "78"


async def test_who_dropped_out_and_calls_again_skips_the_gate_once_an_hour(centre: Centre) -> None:
    number = fresh_number()
    results = []
    for count in (1, 2, 3):
        async with centre.caller(number) as caller:
            await caller.answered()
            if count == 2:
                began = caller.times["answered"]
                queued = await centre.live.wait("call.queued", number=number)
                assert queued.at - began < 1
                assert "called_again" in queued.data["flags"]
            else:
                await centre.live.wait("*", number=number)
            caller.hang_up()
            await caller.ended()
        results.append((await centre.record(number, count=count))["gate"]["result"])
    assert results == ["hung_up", "recent_drop", "hung_up"]


async def test_a_key_pressed_while_agi_is_held_up_counts(centre: Centre) -> None:
    """Asterisk throws away what is pressed between two commands of agi; the bridge hears it all the same."""
    pid = centre.home.pid("agi")
    results = []
    for _ in range(3):  # on a loaded machine the pause may be so long that agi lets the caller go
        number = fresh_number()
        async with centre.caller(number, sound=audio.pause(0.02)) as caller:
            await caller.answered()
            await caller.media.falls_silent(timeout=12, seconds=0.5)  # the greeting is over, agi listens
            os.kill(pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(0.4)  # longer than one command of the silent window
                await caller.press("0")
            finally:
                os.kill(pid, signal.SIGCONT)
            await centre.live.wait("call.queued", number=number, timeout=40)
            caller.hang_up()
        results.append((await centre.record(number))["gate"])
        if results[-1]["result"] == "key0":
            break
    assert (results[-1]["result"], results[-1]["keys"]) == ("key0", "0"), results
