"""The page Keadaan: what is wrong, what callers notice and what to do, in words, while it is so."""

from __future__ import annotations

import os
import signal

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk
from tests.browser.test_banner import PATIENCE, well
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.calls, pytest.mark.browser]


async def test_a_part_that_hangs_is_told_in_words_and_leads_to_the_runbook(home: Home, desk: Desk) -> None:
    await well(home)
    await desk.sign_in("supervisor1", DEMO_PASSWORD)
    await desk.page.goto(f"{home.http_url}/#/keadaan")
    page = desk.part("status")
    await expect(page).to_have_attribute("data-healthy", "true", timeout=PATIENCE)
    await expect(desk.part("status-sum")).to_have_text("Semua berjalan")
    await expect(desk.part("status-agi")).to_have_attribute("data-state", "up")
    await expect(desk.part("status-hours")).to_be_visible()
    pid = home.pid("agi")
    os.kill(pid, signal.SIGSTOP)
    try:
        await expect(desk.part("status-agi")).to_have_attribute("data-state", "down", timeout=PATIENCE)
        words = await desk.part("status-agi").inner_text()
        assert "penelepon langsung diteruskan ke petugas" in words
        assert "Dihidupkan ulang sendiri" in words
        assert "sejak" in words
        await expect(desk.part("status-sum")).to_have_text("1 bagian terganggu")
        link = desk.part("status-agi").get_by_role("link")
        address = await link.get_attribute("href")
        # by keyboard alone: the link is reached, and Enter opens the section
        await link.focus()
        async with desk.page.context.expect_page() as opened:
            await desk.page.keyboard.press("Enter")
        other = await opened.value
        await expect(other.locator(f"#{str(address).partition('#')[2]}")).to_be_visible()
        await other.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    await expect(page).to_have_attribute("data-healthy", "true", timeout=PATIENCE)
    await well(home)
