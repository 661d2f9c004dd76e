"""A slow network is normal: with one second of latency the desk still opens, pops and saves."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk, chromium
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD
from tests.support.told import tell

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(300)]

LATENCY_MS = 1000  # on each request, on top of the machine's own
BYTES_A_SECOND = 50_000  # a poor telephone network
PATIENCE = 60_000  # ms; what it took is printed


async def test_the_desk_works_on_a_second_of_latency(centre: Centre) -> None:
    async with chromium() as browser, centre.seat("agent1") as seat:
        page = await browser.new_page(locale="id-ID")
        wire = await page.context.new_cdp_session(page)
        await wire.send("Network.enable")
        slow = {"downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
        await wire.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, **slow})
        desk = Desk(page, centre.home.http_url)
        page.set_default_timeout(PATIENCE)

        began = time.monotonic()
        await page.goto(desk.url)
        await expect(page.get_by_label("Nama pengguna")).to_be_visible(timeout=PATIENCE)
        shown = time.monotonic() - began
        began = time.monotonic()
        await page.get_by_label("Nama pengguna").fill("agent1")
        await page.get_by_label("Kata sandi").fill(DEMO_PASSWORD)
        await page.get_by_role("button", name="Masuk").click()
        await expect(desk.part("my-state")).to_have_attribute("data-state", "ready", timeout=PATIENCE)
        signed_in = time.monotonic() - began

        async with centre.caller(fresh_number()) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(20)
            await desk.phase("ringing", 20)  # events come over the open socket, not by asking
            await call.answer()
            await desk.phase("talking", 20)
            await desk.input("place").fill("Jl. Pandanaran 5")
            began = time.monotonic()
            await expect(desk.part("report")).to_have_attribute("data-save", "saved", timeout=PATIENCE)
            saved = time.monotonic() - began
            number = await desk.part("report-number").inner_text()
    found = await centre.supervisor.post("/incidents/search", {"q": number})
    assert any(one["place"] == "Jl. Pandanaran 5" for one in found["items"])
    tell(
        "a second of latency",
        [f"sign-in page {shown:.1f} s, desk {signed_in:.1f} s, report saved {saved:.1f} s"],
    )
