"""The supervisor's page in a real browser: real callers and call takers, and a roster by keys alone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.axe import findings
from tests.browser.desk import Desk
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SLOW = 30_000


async def open_page(desk: Desk) -> None:
    await desk.sign_in("supervisor1", DEMO_PASSWORD)
    await desk.page.get_by_role("link", name="Supervisi").click()
    await expect(desk.part("supervision-agents")).to_be_visible(timeout=SLOW)


async def test_who_waits_and_who_talks_is_seen_with_the_number_masked(centre: Centre, desk: Desk) -> None:
    await open_page(desk)
    page = desk.page
    number = fresh_number()
    masked = f"{number[:4]}-{number[4:8]}-•••{number[-1]}"
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        waiting = desk.part("waiting-row").filter(has_text=masked)
        await expect(waiting).to_be_visible(timeout=SLOW)
        await expect(waiting.get_by_role("button", name=re.compile("Ke depan"))).to_be_enabled()
        assert await findings(page) == []
        async with centre.seat("agent1") as seat:
            call = await seat.phone.ringing(20)
            await call.answer()
            row = page.locator('[data-test="agent-row"][data-agent="agent1"]')
            await expect(row).to_have_attribute("data-state", "talking", timeout=SLOW)
            await expect(row).to_contain_text(masked)
            await expect(waiting).to_have_count(0)
            for mode in ("Dengar", "Bisik", "Gabung"):
                await expect(row.get_by_role("button", name=re.compile(mode))).to_be_enabled()
            assert await findings(page) == []
            call.hang_up()
    assert number[1:] not in page.url


async def test_a_roster_is_made_by_keys_alone_and_says_who_is_late(centre: Centre, desk: Desk) -> None:
    await open_page(desk)
    page, keyboard = desk.page, desk.page.keyboard
    now = await centre.supervisor.get("/rosters/now")
    assert now["shift"] is not None
    views = page.locator(".segments")
    await views.get_by_role("button", name="Jadwal dinas").focus()
    await keyboard.press("Enter")
    today = page.locator(f'[data-cell="{now["shift_date"]}/{now["shift"]["id"]}"]')
    await expect(today).to_be_visible(timeout=SLOW)
    assert await findings(page) == []

    # one stop of the tab key leads into the table, arrows to the shift
    await page.locator('button.cell[tabindex="0"]').focus()
    await keyboard.press("ArrowUp")
    await keyboard.press("ArrowUp")
    shifts = (await centre.supervisor.get("/rosters"))["shifts"]
    for _ in range([one["id"] for one in shifts].index(now["shift"]["id"])):
        await keyboard.press("ArrowDown")
    await expect(today).to_be_focused()
    await keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("checkbox").first).to_be_focused()
    await keyboard.press("Space")
    assert await findings(page) == []
    await keyboard.press("Enter")
    await expect(dialog).to_have_count(0, timeout=SLOW)
    name = (await centre.supervisor.get("/rosters"))["agents"][0]["name"]
    await expect(today).to_contain_text(name)
    await expect(today).to_be_focused()

    await views.get_by_role("button", name="Sekarang").click()
    person = desk.part("duty").locator("li", has_text=name)
    await expect(person).to_contain_text(re.compile("terlambat|hadir"), timeout=SLOW)
    body = {"shift_date": now["shift_date"], "shift": now["shift"]["id"], "agents": []}
    await centre.supervisor.request("PUT", "/rosters", body)
