"""Nothing moves under the hand: a call comes and goes, and no part of the desk changes its place."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk import Desk
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = pytest.mark.browser

# what the browser itself calls a layout shift; only those without a click or key just before count
WATCH = """
window.shifts = []
new PerformanceObserver((list) => {
  const name = (node) => node instanceof Element ? node.outerHTML.slice(0, 120) : String(node?.textContent)
  for (const entry of list.getEntries()) window.shifts.push({
    value: entry.value, input: entry.hadRecentInput, nodes: entry.sources.map(({node}) => name(node)),
  })
}).observe({type: 'layout-shift', buffered: true})
"""
PARTS = (
    '[data-test="caller"]',
    '[data-test="report"]',
    '[data-test="desk"] > :nth-child(2)',
    '[data-test="waiting-count"]',
    ".act",
    ".people",
)


async def places(page: Page) -> dict[str, Any]:
    return {part: await page.locator(part).first.bounding_box() for part in PARTS}


async def shifts(page: Page) -> list[Any]:
    # a shift is told in the frame after it
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    return [shift for shift in await page.evaluate("window.shifts") if not shift["input"]]


async def test_a_call_moves_nothing_on_the_desk(centre: Centre, desk: Desk) -> None:
    page = desk.page
    await page.add_init_script(WATCH)
    await page.reload()
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.state("ready")
        await expect(page.get_by_text("Semua bagian bekerja")).to_be_visible(timeout=20_000)
        await page.evaluate("window.shifts.length = 0")
        before = await places(page)
        assert None not in before.values()
        async with centre.caller(fresh_number()) as caller:
            await caller.answered()
            await caller.press("55")
            call = await seat.phone.ringing(20)
            await desk.phase("ringing")
            await expect(desk.part("cannot-speak")).to_be_visible()
            assert await places(page) == before
            assert await shifts(page) == []
            await call.answer()
            await desk.phase("talking")
            assert await places(page) == before
            assert await shifts(page) == []
        await desk.phase("ended")
        assert await places(page) == before
