"""A call's page in a real browser: its recording is played by keys, and who may not listen reads why."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk, chromium
from tests.calls.test_recording import filed, kept, played, talking
from tests.support.centre import AGENT_TONE, Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

SHOWN = 15_000  # milliseconds: a loaded machine is slow, not wrong


async def test_a_recording_is_played_by_keys_and_one_listening_is_noted_once(
    centre: Centre, desk: Desk
) -> None:
    number, page = fresh_number(), desk.page
    async with centre.seat("agent1") as seat:
        async with talking(centre, number, seat) as (caller, call):
            await kept(centre, number, AGENT_TONE, seconds=3.0)
            caller.hang_up()
            await call.ended(20)
        record = await centre.record(number, timeout=20)
        found = await filed(centre, record["id"])
    async with chromium() as other:
        await desk.sign_in("supervisor1", DEMO_PASSWORD)
        await page.goto(f"{desk.url}/#/panggilan/{record['id']}")
        await expect(desk.part("recording")).to_be_visible(timeout=SHOWN)
        # something is drawn: the waveform came
        drawn = """() => {
            const field = document.querySelector('[data-test="waveform"]')
            const pixels = field.getContext('2d').getImageData(0, 0, field.width, field.height).data
            return pixels.some(Boolean)
        }"""
        await page.wait_for_function(drawn, timeout=SHOWN)
        assert await played(centre, found["id"]) == []  # looking at it is not listening

        async def until(what: str) -> None:
            """Wait until this is true of the page's ``audio`` (a function: the page's CSP forbids eval)."""
            script = f"() => {{ const audio = document.querySelector('audio'); return {what} }}"
            await page.wait_for_function(script, timeout=SHOWN)

        await page.keyboard.press("Space")
        await until("audio.currentTime > 0.2 && !audio.paused")
        await page.keyboard.press("Space")
        await until("audio.paused")
        await desk.part("waveform").focus()
        await page.keyboard.press("End")
        await expect(desk.part("waveform")).to_have_attribute("aria-valuenow", str(round(found["seconds"])))
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("Home")
        await expect(desk.part("waveform")).to_have_attribute("aria-valuenow", "0")
        await page.get_by_role("button", name="1,5×").click()
        await desk.part("play").click()
        await until("audio.ended && audio.playbackRate === 1.5")
        assert await played(centre, found["id"]) == ["supervisor1"]
        # heard to its end, and once more from the beginning: another listening
        await desk.part("play").click()
        await until("audio.currentTime > 0.1 && !audio.ended")
        assert await played(centre, found["id"]) == ["supervisor1", "supervisor1"]
        await expect(desk.part("moment")).to_have_text(re.compile(r"^\d\d\.\d\d\.\d\d$"))

        denied = await Desk.open(other, desk.url)
        await denied.sign_in("agent2", DEMO_PASSWORD)
        await denied.page.goto(f"{desk.url}/#/panggilan/{record['id']}")
        await expect(denied.part("not-to-hear")).to_contain_text("panggilannya sendiri", timeout=SHOWN)
        await expect(denied.part("recording")).to_have_count(0)
        assert denied.complaints == []
