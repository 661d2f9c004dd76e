"""The wall in a real browser: a real caller waits and stands on it, the server goes away and it says so."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.async_api import Route, ViewportSize, expect

from tests.browser.axe import findings
from tests.browser.desk import Desk
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SLOW = 30_000  # milliseconds that a busy machine may take for what is there within one or two


async def open_wall(desk: Desk, who: str = "dispatcher1") -> None:
    await desk.sign_in(who, DEMO_PASSWORD)
    await desk.page.get_by_role("link", name="Papan").click()
    await expect(desk.part("board-data")).to_contain_text("Data ", timeout=SLOW)


async def test_who_waits_stands_on_the_wall_and_who_answered_is_counted(centre: Centre, desk: Desk) -> None:
    await open_wall(desk)
    page = desk.page
    # a wall, without head and rail: nothing of the desk is left on it
    await expect(page.get_by_role("navigation")).to_have_count(0)
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
    await expect(desk.part("board-waiting")).to_have_text("0", timeout=SLOW)
    await expect(desk.part("board-longest")).to_have_text("–")

    async def counted(name: str) -> int:
        text = await page.locator(f'[data-figure="{name}"]').inner_text()
        return int(text)

    before, answered = await counted("calls"), await counted("answered")
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        await expect(desk.part("board-waiting")).to_have_text("1", timeout=SLOW)
        await expect(desk.part("board-longest")).to_have_text(
            re.compile(r"00\.0[1-9]|00\.[1-9]\d"), timeout=SLOW
        )
        assert number[4:] not in await desk.part("board").inner_text()
        async with centre.seat("agent1") as seat:
            call = await seat.phone.ringing(20)
            await call.answer()
            talks = page.locator('[data-agent="agent1"][data-state="talking"]')
            await expect(talks).to_contain_text("Bicara", timeout=SLOW)
            await expect(desk.part("board-waiting")).to_have_text("0", timeout=SLOW)
            await expect(page.locator('[data-figure="answered"]')).to_have_text(
                str(answered + 1), timeout=SLOW
            )
            assert await counted("calls") == before + 1
            call.hang_up()
    await expect(page.locator('[data-agent="agent1"]')).to_contain_text(re.compile(r"[1-9]\d* dijawab"))


async def test_axe_finds_nothing_and_nothing_is_cut_off_at_any_size(desk: Desk) -> None:
    await open_wall(desk, "supervisor1")
    page = desk.page
    await expect(desk.part("board-waiting")).to_have_text("0", timeout=SLOW)
    for width, height in ((1366, 768), (1920, 1080), (360, 740)):
        await page.set_viewport_size(ViewportSize(width=width, height=height))
        for theme in ("dark", "light"):
            if await page.evaluate("document.documentElement.dataset.theme") != theme:
                await page.get_by_role("button", name=re.compile("Gelap|Terang")).click()
            assert await findings(page) == [], (width, theme)
        overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, f"{overflow} px too wide at {width}"
        if width > 1000:  # the wall itself does not scroll
            assert await desk.part("board").evaluate("one => one.scrollHeight - one.clientHeight") <= 1
            huge = await desk.part("board-waiting").evaluate(
                "one => parseFloat(getComputedStyle(one).fontSize)"
            )
            assert huge >= height * 0.2, huge
        cut = await page.evaluate(
            """() => [...document.querySelectorAll(
                "[data-test=board] :is(h2, dt, dd, p, li > strong, .label)")]
            .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""
        )
        assert cut == [], (width, cut)


@pytest.mark.long
async def test_a_server_that_hangs_is_told_on_the_wall_with_the_age_of_the_figures(
    centre: Centre, desk: Desk
) -> None:
    await open_wall(desk)
    console = centre.home.pid("console")
    os.kill(console, signal.SIGSTOP)
    try:
        trouble = desk.part("board-trouble")
        await expect(trouble).to_contain_text("Server tidak menjawab", timeout=SLOW)
        await expect(trouble).to_contain_text(re.compile(r"angka dari \d\d\.\d\d\.\d\d"))
        await expect(desk.part("board-waiting")).to_have_text("–")
    finally:
        os.kill(console, signal.SIGCONT)
    await expect(desk.part("board-trouble")).to_have_count(0, timeout=60_000)
    await expect(desk.part("board-waiting")).to_have_text("0", timeout=SLOW)
    desk.complaints.clear()  # requests that nobody answered are logged by the browser, as they should be


async def test_a_room_with_thirty_call_takers_keeps_the_wall_whole(desk: Desk) -> None:
    async def many(route: Route) -> None:
        told = await (await route.fetch()).json()
        told["by_agent"] = [
            {"agent": f"x{n}", "name": f"Petugas nomor {n}", "answered": n + 1, "talk_seconds": None}
            | {"mean_wait_seconds": None}
            for n in range(32)
        ]
        await route.fulfill(json=told)

    await desk.page.route("**/api/v1/board", many)
    await open_wall(desk)
    people = desk.part("board-people").get_by_role("listitem")
    await expect(people.last).to_contain_text(re.compile(r"\+ \d+ lagi"), timeout=SLOW)
    for width, height in ((1366, 768), (1920, 1080)):
        await desk.page.set_viewport_size(ViewportSize(width=width, height=height))
        cut = await desk.page.evaluate(
            """() => [...document.querySelectorAll('[data-test=board] .tile, [data-test=board-people] ul')]
            .filter(one => one.scrollHeight > one.clientHeight + 2)
            .map(one => `${one.ariaLabel}: ${one.scrollHeight} of ${one.clientHeight}`)"""
        )
        assert cut == [], (width, cut)
