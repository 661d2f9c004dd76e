"""A second factor from the page: set up in the menu, asked for at the next sign-in."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.browser, pytest.mark.long]


async def test_from_the_menu_to_the_next_sign_in(home: Home, desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("dispatcher1", DEMO_PASSWORD)
    await desk.part("user-menu").click()
    await desk.part("totp").click()
    await desk.part("totp-begin").click()
    totp = pyotp.TOTP(str(await desk.part("totp-secret").text_content()).strip())
    await page.locator("#totp").fill(totp.at(time.time() - 30))
    await page.get_by_role("button", name="Aktifkan").click()
    await expect(desk.part("recovery").locator("li")).to_have_count(8)
    await desk.part("totp-done").click()
    await desk.part("sign-out").click()
    try:
        await page.get_by_label("Nama pengguna").fill("dispatcher1")
        await page.get_by_label("Kata sandi").fill(DEMO_PASSWORD)
        await page.get_by_role("button", name="Masuk").click()
        await page.locator("#code").fill("000000")
        await page.get_by_role("button", name="Masuk").click()
        await expect(page.get_by_role("alert")).to_contain_text("Kode salah")
        await page.locator("#code").fill(totp.now())
        await page.get_by_role("button", name="Masuk").click()
        await expect(desk.part("desk")).to_be_visible()
    finally:
        home.cli("users", "totp-reset", "dispatcher1")
