"""The pin on the map: by hand, by keys, by the network, by the caller's telephone; with tiles and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Geolocation, Locator, async_playwright, expect

from tests.browser.desk import CHROMIUM, FLAGS, Desk
from tests.browser.tiles import write_tiles
from tests.calls.pidf import circle, located_caller
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = pytest.mark.browser

METRES = 111_320  # of a degree of latitude


@asynccontextmanager
async def talking(centre: Centre, desk: Desk, **caller_options: Any) -> AsyncIterator[str]:
    """A call that agent1 has answered, with the page open; the caller's number."""
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(number, **caller_options) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(20)
            await call.answer()
            await desk.phase("talking", 20)
            yield number


async def middle(element: Locator) -> tuple[float, float]:
    """The middle of what is seen of an element, in the page's pixels."""
    box = await element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def saved_incident(centre: Centre, desk: Desk, after: dict[str, Any] | None = None) -> dict[str, Any]:
    """The open report as the server has it; ``after``: once it is newer than that."""
    call_id = await desk.part("report").get_attribute("data-call")
    async with asyncio.timeout(30):
        while True:
            found = (await centre.supervisor.post("/incidents/search", {"call_id": call_id}))["items"]
            if found and (after is None or found[0]["version"] > after["version"]):
                await desk.saved()
                newest: dict[str, Any] = await centre.supervisor.get(f"/incidents/{found[0]['id']}")
                return newest
            await asyncio.sleep(0.1)


async def test_the_pin_by_hand_and_by_keys(centre: Centre, desk: Desk) -> None:
    page = desk.page
    async with talking(centre, desk):
        field, told = desk.part("map"), desk.part("pin-told")
        await expect(field).to_have_attribute("data-engine", "plain", timeout=20_000)
        frame = await field.bounding_box()
        await expect(told).to_contain_text("Belum ada pin")

        x, y = await middle(field)
        await page.mouse.click(x + 40, y - 20)
        await expect(told).to_contain_text("pin petugas")
        first = await saved_incident(centre, desk)
        assert first["located_by"] == "pin"

        # dragged to the west
        at = await middle(page.locator(".map-pin"))
        await page.mouse.move(*at)
        await page.mouse.down()
        await page.mouse.move(at[0] - 60, at[1], steps=5)
        await page.mouse.up()
        dragged = await saved_incident(centre, desk, first)
        assert dragged["longitude"] < first["longitude"]
        assert dragged["latitude"] == pytest.approx(first["latitude"], abs=0.003)

        # by keys, ten and a hundred metres; and taken away
        await page.keyboard.press("Alt+P")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Shift+ArrowUp")
        moved = await saved_incident(centre, desk, dragged)
        assert (moved["latitude"] - dragged["latitude"]) * METRES == pytest.approx(110, abs=1)
        assert moved["longitude"] == dragged["longitude"]
        await page.keyboard.press("Delete")
        await expect(told).to_contain_text("Belum ada pin")
        assert (await saved_incident(centre, desk, moved))["latitude"] is None
        assert await field.bounding_box() == frame


async def test_the_networks_location_puts_the_pin(centre: Centre, desk: Desk) -> None:
    """A location in the INVITE (PIDF-LO): the pin stands with its circle of doubt, and is the report's."""
    number, page = fresh_number(), desk.page
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with located_caller(centre.target, number, circle("-6.97180", "110.42460", "850")) as sipp:
            call = await seat.phone.ringing(40)
            await desk.phase("ringing", 20)
            # seen before anybody answers, and nobody's report yet
            await expect(desk.part("pin-told")).to_contain_text("Lokasi dari jaringan", timeout=20_000)
            await expect(desk.part("report-number")).to_have_text("")
            await call.answer()
            await desk.phase("talking", 20)
            await expect(desk.part("pin-told")).to_contain_text("dari jaringan · bisa meleset 850 m")
            await expect(page.locator(".map-doubt")).to_have_count(1)
            incident = await saved_incident(centre, desk)
            assert (incident["latitude"], incident["longitude"]) == (-6.9718, 110.4246)
            assert (incident["located_by"], incident["radius_m"]) == ("network", 850)

            # taken away by hand it stays away, also after a reload
            await page.keyboard.press("Alt+P")
            await page.keyboard.press("Delete")
            await expect(desk.part("pin-told")).to_contain_text("Lokasi dari jaringan")
            await desk.saved()
            await page.reload()
            await desk.phase("talking", 20)
            await desk.saved()
            await expect(desk.part("pin-told")).to_contain_text("Lokasi dari jaringan", timeout=20_000)
            await desk.part("use-location").click()
            await expect(desk.part("pin-told")).to_contain_text("dari jaringan · bisa meleset")
            await desk.saved()
            call.hang_up()
            await sipp.wait()


@pytest.mark.long
async def test_streets_by_the_citys_own_tiles(centre: Centre) -> None:
    """MapLibre draws by WebGL, from a worker and tiles of our own origin, under the page's policy."""
    city = (await centre.supervisor.get("/places"))["center"]
    tiles = centre.home.folder / "tiles.pmtiles"
    write_tiles(tiles, city["latitude"], city["longitude"])
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    flags += ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            desk = await Desk.open(browser, centre.home.http_url)
            async with talking(centre, desk):
                field = desk.part("map")
                await expect(field).to_have_attribute("data-engine", "tiles", timeout=60_000)
                await desk.page.mouse.click(*await middle(field))
                await expect(desk.part("pin-told")).to_contain_text("pin petugas")
                incident = await saved_incident(centre, desk)
                assert incident["latitude"] == pytest.approx(city["latitude"], abs=0.002)
                assert incident["longitude"] == pytest.approx(city["longitude"], abs=0.002)
            assert desk.complaints == []
            await browser.close()
    finally:
        tiles.unlink()


async def test_the_callers_own_telephone_puts_the_pin(centre: Centre, desk: Desk) -> None:
    """A link is read out; the caller opens it on another telephone; pin and circle come by themselves."""
    page, city = desk.page, (await centre.supervisor.get("/places"))["center"]
    where: Geolocation = {
        "latitude": city["latitude"] + 0.01,
        "longitude": city["longitude"] - 0.01,
        "accuracy": 35,
    }
    async with talking(centre, desk):
        await page.keyboard.press("Alt+L")
        url = await desk.part("location-url").get_attribute("data-url")
        assert url is not None
        token = url.rsplit("/", 1)[-1]
        shown = await desk.part("location-link").locator("b").all_inner_texts()
        assert "".join(shown) == token
        await expect(desk.part("location-state")).to_contain_text("Menunggu lokasi")

        browser = page.context.browser
        assert browser is not None
        telephone = await browser.new_context(
            viewport={"width": 390, "height": 760},
            geolocation=where,
            permissions=["geolocation"],
        )
        theirs = await telephone.new_page()
        await theirs.goto(url)
        await theirs.get_by_role("button", name="Kirim lokasi saya").click()
        await expect(theirs.get_by_role("status")).to_contain_text("Lokasi terkirim", timeout=20_000)
        await telephone.close()

        await expect(desk.part("location-state")).to_contain_text("35 m", timeout=20_000)
        await page.keyboard.press("Escape")
        await expect(desk.part("location-link")).to_have_count(0)
        await expect(desk.part("pin-told")).to_contain_text("dikirim pelapor")
        await expect(page.locator(".map-doubt")).to_have_count(1)
        incident = await saved_incident(centre, desk)
        assert {name: incident[name] for name in ("located_by", "radius_m", "latitude", "longitude")} == {
            "located_by": "shared",
            "radius_m": 35,
            "latitude": pytest.approx(where["latitude"], abs=1e-6),
            "longitude": pytest.approx(where["longitude"], abs=1e-6),
        }

        # a person's pin stays when the telephone sends again; theirs is one key or click away
        await page.keyboard.press("Alt+P")
        await page.keyboard.press("Shift+ArrowRight")
        await expect(desk.part("pin-told")).to_contain_text("pin petugas")
        await desk.part("use-location").click()
        await expect(desk.part("pin-told")).to_contain_text("dikirim pelapor")
        assert (await saved_incident(centre, desk))["located_by"] == "shared"
