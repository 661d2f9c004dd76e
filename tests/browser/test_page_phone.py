"""The call taker's page as the telephone: a real caller is answered in a real Chromium by keys alone."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.browser.desk import Desk
from tests.browser.speaking import (
    PATIENCE,
    colleague,
    go_ready,
    hand_over,
    hears_page,
    hears_voice,
    leave,
    mark,
    mute_hold_and_tone,
    rings,
    speaking,
    talks,
    through_gate,
    until,
)
from tests.support.centre import CALLER_TONE, Centre, fresh_number, hum
from tests.support.home import DEMO_PASSWORD

pytestmark = [pytest.mark.browser]


async def test_a_call_from_ready_to_end_by_keys_alone(centre: Centre, phone: Desk) -> None:
    number = fresh_number()
    keys = phone.page.keyboard
    async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
        await through_gate(caller)
        await rings(phone)
        # whoever looks up at the ring sees who calls
        await expect(phone.part("number")).to_have_text(f"{number[:4]}-{number[4:8]}-{number[8:]}")
        assert await mark(phone.page, "ring") >= await mark(phone.page, "invite")
        await keys.press("F2")
        await talks(phone)
        await hears_voice(caller)
        await hears_page(phone)

        await mute_hold_and_tone(caller, phone)
        await expect(phone.part("quality")).not_to_have_attribute("data-grade", "", timeout=PATIENCE * 1000)

        await keys.press("Alt+X")
        assert (await caller.ended(PATIENCE)).by == "callee"
    await phone.phase("ended", PATIENCE)
    record = await centre.record(number)
    assert (record["ending"], record["ended_by"]) == ("answered", "agent")
    async with asyncio.timeout(PATIENCE):
        while not record["quality"]:  # how well the browser heard is told when it is over
            record = await centre.supervisor.get(f"/calls/{record['id']}")
            await asyncio.sleep(0.1)


async def test_a_caller_is_handed_over_to_a_second_browser(centre: Centre, phone: Desk) -> None:
    async with colleague(centre) as second:
        await hand_over(centre, phone, second)


async def test_the_newest_tab_is_the_telephone_and_the_older_says_so(centre: Centre, phone: Desk) -> None:
    second = await phone.second()
    await expect(phone.part("phone-banner")).to_have_attribute("data-what", "taken", timeout=PATIENCE * 1000)
    await second.state("ready")
    async with centre.caller(fresh_number()) as caller:
        await through_gate(caller)
        await rings(second)
        await second.page.keyboard.press("F2")
        await talks(second)
        # the conversation stays where it is when the first tab takes the telephone back
        await phone.part("take-back").click()
        await expect(phone.part("phone-banner")).to_have_count(0)
        await expect(second.part("phone-banner")).to_have_attribute(
            "data-what", "taken", timeout=PATIENCE * 1000
        )
        await hears_voice(caller)
        await second.page.keyboard.press("Alt+X")
        assert (await caller.ended(PATIENCE)).by == "callee"
    await phone.state("ready")
    async with centre.caller(fresh_number()) as caller:
        await through_gate(caller)
        await rings(phone)
        await phone.page.keyboard.press("F2")
        await talks(phone)
        await hears_voice(caller)


async def test_a_lost_socket_leaves_no_ghost(centre: Centre) -> None:
    async with speaking() as browser:
        desk = await Desk.open(browser, centre.home.http_url)
        sockets: list[WebSocketRoute] = []
        said: list[str] = []  # by the exchange, over all of them

        def through(socket: WebSocketRoute) -> None:
            def to_page(message: str | bytes) -> None:
                said.append(message if isinstance(message, str) else message.decode())
                socket.send(message)

            sockets.append(socket)
            socket.connect_to_server().on_message(to_page)

        await desk.page.route_web_socket("**/api/v1/phone/socket", through)
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await go_ready(desk)
        async with centre.caller(fresh_number()) as caller:
            await through_gate(caller)
            await rings(desk)
            await desk.page.keyboard.press("F2")
            await talks(desk)
            await hears_voice(caller)
            before = len(sockets)
            await sockets[-1].close(code=1012)
            await until(lambda: len(sockets) > before)
            # it goes on, and can be held again: the exchange knows where it is now
            await hears_voice(caller)
            await expect(desk.part("hold")).to_be_enabled(timeout=PATIENCE * 1000)
            caller.hang_up()
            # by the new socket, and not because the page grew tired of a ghost
            await until(lambda: any(message.startswith("BYE ") for message in said))
            await desk.phase("ended", PATIENCE)
            await expect(desk.part("phone-controls")).to_have_count(0, timeout=PATIENCE * 1000)
        await leave(desk)


async def test_a_registered_desk_phone_stays_the_telephone(centre: Centre, desk: Desk) -> None:
    async with centre.seat("agent1") as seat:
        await seat.api.post("/agents/me/logout")
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.part("ready").click()
        await desk.state("ready")
        assert (await centre.agent_is("agent1", "ready"))["telephone"] == "desk"
        async with centre.caller(fresh_number()) as caller:
            await through_gate(caller)
            call = await seat.phone.ringing(PATIENCE)
            await desk.phase("ringing")
            await expect(desk.part("answer")).to_have_count(0)
            await call.answer()
            await desk.phase("talking")
            await desk.part("end").click()
            await call.ended(PATIENCE)
