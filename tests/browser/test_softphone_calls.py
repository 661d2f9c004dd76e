"""The browser is the telephone: real callers, real Chromiums, sound measured at both ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.browser.webphone import TONE, WebPhone, talking_chromium
from tests.support.api import Api
from tests.support.centre import CALLER_TONE, Centre, fresh_number, hum
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.browser, pytest.mark.calls, pytest.mark.timeout(240)]


@asynccontextmanager
async def web_seat(home: Home, agent: str, hertz: float = TONE) -> AsyncIterator[WebPhone]:
    """A call taker whose browser is the telephone, ready; a browser process of their own."""
    async with talking_chromium(hertz) as browser:
        phone = await WebPhone.sign_in(browser, home.http_url, agent)
        await phone.open()
        await phone.ready()
        yield phone


@asynccontextmanager
async def out_of_the_queue(home: Home, *agents: str) -> AsyncIterator[None]:
    """Whoever a test left logged in is not rung in the next one."""
    try:
        yield
    finally:
        for agent in agents:
            async with Api(home.http_url, agent, DEMO_PASSWORD) as api:
                await api.post("/agents/me/logout")


async def test_answered_in_a_browser_and_heard_both_ways(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        row = await centre.agent_is("agent1", "ready")
        assert row["telephone"] == "browser"
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await phone.hears(CALLER_TONE)
            await caller.media.hears(TONE, timeout=20)
            assert (await centre.agent_is("agent1", "talking"))["telephone"] == "browser"
            await phone.hang_up()
            await caller.ended()
        record = await centre.record(number)
    assert (record["ending"], record["agent"], record["ended_by"]) == ("answered", "agent1", "agent")
    assert len(record["legs"]) == 1


async def test_a_tab_that_dies_gives_its_caller_to_the_next_in_front(centre: Centre) -> None:
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
        died = time.monotonic()
        await phone.die()
        await other.told("answered")
        seconds = time.monotonic() - died
        ringing = await centre.live.wait(
            "call.ringing", number=number, where=lambda data: data["agent"] == "agent2"
        )
        assert "rescued" in ringing.data["flags"]
        await caller.media.hears(1320.0, timeout=20)
        await other.hears(CALLER_TONE)
        await other.hang_up()
        await caller.ended()
        record = await centre.record(number)
    assert seconds < 20, "a loaded machine has its time; the long run prints the true figure"
    assert (record["ending"], record["agent"], record["ended_by"]) == ("answered", "agent2", "agent")
    assert [leg["agent"] for leg in record["legs"]] == ["agent1", "agent2"]
    assert all(leg["talk_seconds"] for leg in record["legs"])
    returned = [entry for entry in record["timeline"] if entry["what"] == "returned"]
    assert [entry.get("data", entry).get("cause") for entry in returned] == ["browser"]


async def test_a_second_tab_takes_over_and_the_first_is_told(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as first:
        second = await first.second_tab(centre.home.http_url)
        account = await second.open()
        assert account["registered_elsewhere"] is True
        taken = await first.told("phone.taken")
        assert taken["data"] == {"agent": "agent1", "session": first.account["session"]}
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await second.told("answered")
            await second.hears(CALLER_TONE)
            # what the first tab knew is worth nothing any more
            thief = await second.second_tab(centre.home.http_url)
            await thief.open(first.account)
            assert (await thief.told("registrationFailed"))["status"] in (401, 403)
            assert not [row for row in await first.page.evaluate("phone.told") if row["what"] == "rings"]
            await second.hang_up()
            await caller.ended()


async def test_a_conversation_outlives_the_console(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await phone.hears(CALLER_TONE)
            os.kill(await asyncio.to_thread(centre.home.pid, "console"), signal.SIGKILL)
            await phone.told("disconnected")
            await phone.told("registered", count=2, timeout=60)
            await phone.told("renegotiated")
            # longer than a dead browser would be believed alive
            await asyncio.sleep(3)
            await caller.media.hears(TONE, timeout=10, seconds=0.4)
            await phone.hears(CALLER_TONE)
            caller.hang_up()
            await phone.told("ended")
        record = await centre.record(number, timeout=30)
    assert [leg["agent"] for leg in record["legs"]] == ["agent1"]
    assert "rescued" not in record["flags"]


async def test_three_seconds_of_nothing_end_no_conversation(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await caller.media.hears(TONE, timeout=20)
            await phone.away(3.0)
            await caller.media.hears(TONE, timeout=20)
            await phone.hears(CALLER_TONE)
            await phone.hang_up()
            await caller.ended()
        record = await centre.record(number)
    assert [leg["agent"] for leg in record["legs"]] == ["agent1"]
    assert "rescued" not in record["flags"]


@pytest.mark.long
async def test_a_browser_that_does_not_come_back_leaves_the_queue(centre: Centre) -> None:
    """Nobody is rung who is not there, and nobody counts as there; who has a desk phone, is there by it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(out_of_the_queue(centre.home, "agent1", "agent2"))
        await stack.enter_async_context(centre.seat("agent2"))
        alone = await stack.enter_async_context(web_seat(centre.home, "agent1"))
        both = await stack.enter_async_context(web_seat(centre.home, "agent2"))
        assert (await centre.agent_is("agent2", "ready"))["telephone"] == "browser"
        await alone.die()
        await both.die()
        await centre.agent_is("agent1", "logged_out", timeout=90)
        row = await centre.agent_is("agent2", "ready", timeout=90)
        assert (row["telephone"], row["phone_registered"]) == ("desk", True)


@pytest.mark.long
async def test_asterisk_is_started_anew_and_the_telephone_is_one_again(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        os.kill(await asyncio.to_thread(centre.home.pid, "asterisk"), signal.SIGKILL)
        await phone.told("disconnected", timeout=60)
        await phone.told("registered", count=2, timeout=90)
        await centre.agent_is("agent1", "ready", timeout=60)
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await phone.hears(CALLER_TONE)
            await phone.hang_up()
            await caller.ended()


@pytest.mark.long
async def test_a_second_tab_leaves_the_first_its_conversation(centre: Centre) -> None:
    """Also without its registration; and should it die all the same, that is noticed."""
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as first:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await first.told("answered")
            await caller.media.hears(TONE, timeout=20)
            second = await first.second_tab(centre.home.http_url)
            await second.open()
            await first.told("phone.taken")
            await asyncio.sleep(6)  # three times as long as a dead one is believed in
            await caller.media.hears(TONE, timeout=5)
            await first.hears(CALLER_TONE)
            await first.die()
            await second.told("answered", timeout=60)  # ready, it is the next
            await second.hears(CALLER_TONE)
            await second.hang_up()
            await caller.ended()
        record = await centre.record(number)
    assert [leg["agent"] for leg in record["legs"]] == ["agent1", "agent1"]


@pytest.mark.long
async def test_a_page_loaded_anew_has_lost_its_conversation(centre: Centre) -> None:
    number = fresh_number()
    async with out_of_the_queue(centre.home, "agent1"), web_seat(centre.home, "agent1") as phone:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            await phone.told("answered")
            await caller.media.hears(TONE, timeout=20)
            await phone.load_anew()
            await phone.open()
            await phone.told("answered", timeout=60)
            await phone.hears(CALLER_TONE)
            await phone.hang_up()
            await caller.ended()
        record = await centre.record(number)
    assert "rescued" in record["flags"]
    assert len(record["legs"]) == 2


@pytest.mark.long
async def test_whose_tab_died_is_rung_again_in_a_new_one(centre: Centre) -> None:
    """Also while the caller whom the dead tab lost still talks with somebody else."""
    first, second = fresh_number(), fresh_number()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(out_of_the_queue(centre.home, "agent1", "agent2"))
        phone = await stack.enter_async_context(web_seat(centre.home, "agent1"))
        caller = await stack.enter_async_context(centre.caller(first, sound=list(hum(CALLER_TONE))))
        await caller.answered()
        await caller.press("0")
        await phone.told("answered")
        other = await stack.enter_async_context(web_seat(centre.home, "agent2"))
        await phone.die()
        await other.told("answered")
        again = await phone.second_tab(centre.home.http_url)
        await again.open()
        await again.ready()
        next_one = await stack.enter_async_context(centre.caller(second, sound=list(hum(CALLER_TONE))))
        await next_one.answered()
        await next_one.press("0")
        await again.told("answered")
        await again.hears(CALLER_TONE)
        assert not caller.is_over


async def test_who_signs_out_is_no_telephone_and_the_desk_phone_is_the_member_again(centre: Centre) -> None:
    url = centre.home.http_url
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(out_of_the_queue(centre.home, "agent1", "agent2"))
        seat = await stack.enter_async_context(centre.seat("agent1"))
        assert (await centre.agent_is("agent1", "ready"))["telephone"] == "desk"
        phone = await stack.enter_async_context(web_seat(centre.home, "agent1"))
        assert (await centre.agent_is("agent1", "ready"))["telephone"] == "browser"
        await phone.page.evaluate("phone.ask('DELETE', '/agents/me/phone', {session: phone.tab})")
        assert (await centre.agent_is("agent1", "ready"))["telephone"] == "desk"
        number = fresh_number()
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(timeout=30)
            await call.answer(timeout=20)
            call.hang_up()
            await caller.ended()
        # without a desk phone nobody is there; the whole sign-in ends
        other = await stack.enter_async_context(web_seat(centre.home, "agent2"))
        async with Api(url, "agent2", DEMO_PASSWORD) as api:
            await other.page.evaluate("phone.ask('DELETE', '/session')")
            await other.told("disconnected")
            await centre.agent_is("agent2", "logged_out")
            # and what was its password is none
            thief = await phone.second_tab(url)
            await thief.open(other.account)
            assert (await thief.told("registrationFailed"))["status"] in (401, 403, 500, 503)
            assert (await api.get("/queue"))["agents"]
