"""Many times of many: answered, died and taken over; the figures are printed."""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack

import pytest

from tests.browser.test_softphone_calls import out_of_the_queue, web_seat
from tests.browser.webphone import TONE
from tests.support.centre import CALLER_TONE, Centre, fresh_number, hum
from tests.support.told import tell

pytestmark = [
    pytest.mark.browser,
    pytest.mark.calls,
    pytest.mark.long,
    pytest.mark.alone,
    pytest.mark.timeout(1_200),
]

TIMES = 20
DEATH_SECONDS = 5.0  # from the tab's death until the next call taker has the caller

AUDIO_MS = 300  # from the answer until the first packet of the caller's sound, median


async def test_twenty_of_twenty_answered_in_a_browser(centre: Centre) -> None:
    pops, audio = [], []
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        for count in range(1, TIMES + 1):
            number = fresh_number()
            await centre.agent_is("agent1", "ready", timeout=30)
            async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
                await caller.answered()
                await caller.press("0")
                await phone.told("answered", count)
                await phone.told("sound", count)
                await phone.hears(CALLER_TONE)
                await caller.media.hears(TONE, timeout=20)
                rings, pop = await phone.told("rings", count), await phone.told("call.ringing", count)
                pops.append(pop["at"] - rings["at"])
                audio.append(
                    (await phone.told("sound", count))["at"] - (await phone.told("answering", count))["at"]
                )
                await phone.hang_up()
                await caller.ended()
            record = await centre.record(number, timeout=30)
            assert (record["ending"], record["agent"]) == ("answered", "agent1"), count
    tell(
        "browser telephone",
        [
            f"{TIMES} of {TIMES} answered, heard both ways",
            f"pop after the ring: median {statistics.median(pops):.0f} ms, worst {max(pops)} ms",
            f"answer to sound: median {statistics.median(audio):.0f} ms, worst {max(audio)} ms",
        ],
    )
    assert statistics.median(audio) <= AUDIO_MS


async def test_twenty_of_twenty_that_died_were_taken_over(centre: Centre) -> None:
    taken: list[float] = []
    for _ in range(TIMES):
        number = fresh_number()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(out_of_the_queue(centre.home, "agent1", "agent2"))
            phone = await stack.enter_async_context(web_seat(centre.home, "agent1"))
            caller = await stack.enter_async_context(centre.caller(number, sound=list(hum(CALLER_TONE))))
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await caller.media.hears(TONE, timeout=20)
            other = await stack.enter_async_context(web_seat(centre.home, "agent2", hertz=1320.0))
            died = time.time()
            await phone.die()
            answered = await other.told("answered")
            await caller.media.hears(1320.0, timeout=20)
            taken.append(answered["at"] / 1000 - died)
            print(f"taken over after {taken[-1]:.2f} s", flush=True)
            await other.hang_up()
            await caller.ended()
        record = await centre.record(number, timeout=30)
        assert [leg["agent"] for leg in record["legs"]] == ["agent1", "agent2"]
    tell(
        "a tab that dies",
        [f"{TIMES} taken over: median {statistics.median(taken):.1f} s, worst {max(taken):.1f} s"],
    )
    assert max(taken) <= DEATH_SECONDS
