"""An exercise by the page alone: a simulated caller rings, is answered, marked as a prank, and scored."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.axe import findings
from tests.browser.speaking import sign_in, speaking
from tests.support.centre import Centre

pytestmark = pytest.mark.browser

PATIENCE = 30_000  # milliseconds, for a machine that does much else


async def test_a_tease_is_known_and_scored(centre: Centre) -> None:
    await centre.supervisor.post("/agents/logout", {"agent": "agent4"})  # who takes calls does not practise
    async with speaking() as browser:
        desk = await sign_in(browser, centre.home.http_url, "agent4")
        await desk.page.goto(f"{centre.home.http_url}/#/latihan")
        assert await findings(desk.page) == []
        await desk.part("train-teases").click()
        page = desk.part("training")
        await expect(page).to_have_attribute("data-stage", "ringing", timeout=PATIENCE)
        await page.locator('[data-test="answer"]').click()
        await expect(page).to_have_attribute("data-stage", "talking", timeout=PATIENCE)
        await desk.part("training-prank").click()
        assert await findings(desk.page) == []
        await desk.part("training-end").click()
        await expect(page).to_have_attribute("data-stage", "ended", timeout=PATIENCE)
        await expect(desk.part("training-points")).to_contain_text("dari 100", timeout=PATIENCE)
        word = desk.part("training-marks").locator("li", has_text="Klasifikasi benar")
        await expect(word).to_contain_text("25 / 25")
        assert await findings(desk.page) == []
        # nothing of it is a call
        assert (await centre.supervisor.get("/queue"))["waiting"] == []
        assert desk.complaints == []
