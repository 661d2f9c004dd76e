"""The list of missed calls in a real browser: seen, called back by one click, settled by keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk
from tests.support.calling_back import Scene, open_scene
from tests.support.centre import fresh_number
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


async def test_one_click_calls_back_and_who_may_hide_is_asked_about(scene: Scene, desk: Desk) -> None:
    number, hides = fresh_number(), fresh_number()
    page = desk.page
    await scene.lost_call(number)
    await scene.lost_call(hides, keys="55")
    for one in (number, hides):
        await scene.entry(one)

    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await expect(desk.part("missed-badge")).to_have_text(re.compile(r"\d+"))
        await page.get_by_role("link", name=re.compile("Tak terjawab")).click()
        masked = f"{number[:4]}***{number[-2:]}"
        row = desk.part("missed-row").filter(has_text=masked)
        await expect(row).to_contain_text("Belum ditelepon balik")

        # by keys alone
        await row.get_by_role("button", name=re.compile("^Telepon balik")).focus()
        await page.keyboard.press("Enter")
        call = await seat.phone.ringing(20)
        mine = desk.part("missed-row").filter(has_text="-".join((number[:4], number[4:8], number[8:])))
        await expect(mine).to_contain_text("Angkat telepon meja Anda", timeout=20_000)
        await call.answer()
        rings = await citizen.ringing(20)
        await rings.answer()
        await expect(mine).to_contain_text("Berbicara dengan pelapor", timeout=20_000)
        await mine.get_by_role("button", name="Tulis laporan").click()
        await expect(desk.part("form")).to_be_visible()
        rings.hang_up()
        await expect(desk.part("toast")).to_contain_text("dijawab", timeout=20_000)

        # a ringing telephone may betray this one: the dialog's first choice is not to ring
        await page.get_by_role("link", name=re.compile("Tak terjawab")).click()
        row = desk.part("missed-row").filter(has_text=f"{hides[:4]}***{hides[-2:]}")
        await row.get_by_role("button", name=re.compile("^Telepon balik")).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("Telepon yang berdering")
        await expect(dialog.get_by_role("button", name="Jangan menelepon")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(0)
        await row.get_by_role("button", name=re.compile("^Selesai")).click()
        await page.get_by_role("dialog").get_by_label("Tidak perlu").check()
        await page.keyboard.press("Enter")
        done = await scene.entry(hides, closed=True)
        assert (done["result"], done["closed_by"], done["attempts"]) == ("not_needed", "agent1", 0)
        await expect(row).to_have_count(0)
        assert seat.phone.calls == [call]
