"""The page that a caller opens to send where they are, in a browser of its own beside the desk's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import ConsoleMessage, expect

from tests.browser.axe import findings
from tests.browser.desk import chromium
from tests.support.centre import Centre, fresh_number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TELEPHONE: Any = {"viewport": {"width": 360, "height": 640}, "locale": "id-ID"}
HERE: Any = {"latitude": -6.9718, "longitude": 110.4246, "accuracy": 18}
SOON = 30_000  # ms


async def test_a_caller_sends_their_location_from_their_own_browser(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        call = await seat.phone.ringing(40)
        pop = await centre.live.wait("call.ringing", number=number, timeout=30)
        assert pop.data["location"] is None
        await call.answer()
        await centre.live.wait("call.answered", number=number, timeout=30)
        link = await seat.api.post(f"/calls/{pop.data['call_id']}/location-link")
        async with chromium() as browser:
            context = await browser.new_context(**TELEPHONE, geolocation=HERE, permissions=["geolocation"])
            page = await context.new_page()
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))

            def heard(message: ConsoleMessage) -> None:
                if message.type == "error":
                    complaints.append(message.text)

            page.on("console", heard)
            await page.goto(link["url"])
            await expect(page.get_by_role("heading")).to_contain_text("Kirim lokasi Anda")
            await expect(page.locator("main")).to_contain_text("Kota Semarang")
            assert await findings(page) == []
            button, said = page.locator("#send"), page.locator("#said")
            assert not [
                each for each in centre.live.heard if each.type == "call.located"
            ]  # nothing by itself
            await button.click()
            await expect(said).to_contain_text("Lokasi terkirim (ketelitian 18 meter)", timeout=SOON)
            located = await centre.live.wait("call.located", number=number, timeout=30)
            # the caller walks on and presses again
            await context.set_geolocation({**HERE, "latitude": -6.9730, "accuracy": 9})
            await button.click()
            moved = await centre.live.wait(
                "call.located",
                number=number,
                timeout=30,
                where=lambda data: data["location"]["radius_m"] == 9,
            )
            assert complaints == []
        caller.hang_up()
        await call.ended(20)
    one, other = located.data["location"], moved.data["location"]
    assert (one["latitude"], one["longitude"], one["radius_m"]) == (-6.9718, 110.4246, 18)
    assert (other["latitude"], other["source"]) == (-6.9730, "shared")
    record = await centre.record(number)
    assert record["location"] == other


async def test_who_does_not_allow_it_is_told_what_to_do(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        call = await seat.phone.ringing(40)
        await call.answer()
        answered = await centre.live.wait("call.answered", number=number, timeout=30)
        link = await seat.api.post(f"/calls/{answered.data['call_id']}/location-link")
        async with chromium() as browser:
            context = await browser.new_context(**TELEPHONE)
            page = await context.new_page()
            await page.goto(link["url"])
            await page.locator("#send").click()
            await expect(page.locator("#said")).to_contain_text(
                "sebutkan alamat kepada petugas", timeout=40_000
            )
            await expect(page.locator("#send")).to_be_enabled()
            await page.goto(link["url"][:-1] + "0")
            await expect(page.get_by_role("heading")).to_contain_text("Tautan tidak berlaku")
            await expect(page.get_by_role("link")).to_have_attribute("href", "tel:112")
            await context.close()
        caller.hang_up()
        await asyncio.wait_for(call.ended(20), 30)
    assert (await centre.record(number))["location"] is None
