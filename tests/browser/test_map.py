"""The pin on the map: by hand, by keys, by the network, by the caller's telephone; with tiles and without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Locator, async_playwright, expect

from tests.browser.desk import CHROMIUM, FLAGS, Desk
from tests.browser.tiles import write_tiles
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


async def saved_incident(centre: Centre, desk: Desk) -> dict[str, Any]:
    """The open report as the server has it."""
    await desk.saved()
    call_id = await desk.part("report").get_attribute("data-call")
    found: dict[str, Any] = (await centre.supervisor.post("/incidents/search", {"call_id": call_id}))[
        "items"
    ][0]
    return found


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
        await expect(desk.part("report")).not_to_have_attribute("data-save", "saved")
        dragged = await saved_incident(centre, desk)
        assert dragged["longitude"] < first["longitude"]
        assert dragged["latitude"] == pytest.approx(first["latitude"], abs=0.003)

        # by keys, ten and a hundred metres; and taken away
        await page.keyboard.press("Alt+P")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Shift+ArrowUp")
        await expect(desk.part("report")).not_to_have_attribute("data-save", "saved")
        moved = await saved_incident(centre, desk)
        assert (moved["latitude"] - dragged["latitude"]) * METRES == pytest.approx(110, abs=1)
        assert moved["longitude"] == dragged["longitude"]
        await page.keyboard.press("Delete")
        await expect(told).to_contain_text("Belum ada pin")
        assert (await saved_incident(centre, desk))["latitude"] is None
        assert await field.bounding_box() == frame


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
