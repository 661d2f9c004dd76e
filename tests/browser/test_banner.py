"""What is away is on the call taker's screen and in ./112 status, in its own place, until it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from playwright.async_api import expect

from psap.platform import draining, probes
from tests.browser.desk import Desk
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.calls, pytest.mark.browser]

PATIENCE = 30_000  # milliseconds, on an overloaded machine; printed is what it took
LONG = pytest.mark.long


async def well(home: Home) -> None:
    async with asyncio.timeout(60):
        while not (await probes.status(home.settings)).healthy:  # noqa: ASYNC110 - as status asks
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("part", "what", "role"),
    [
        ("asterisk", "asterisk", "alert"),
        pytest.param("ami_bridge", "bridge", "alert", marks=LONG),
        pytest.param("console", "server", "alert", marks=LONG),
        pytest.param("redis", "redis", "status", marks=LONG),
        pytest.param("agi", "agi", "status", marks=LONG),
    ],
)
async def test_a_stopped_part_is_seen_and_gone_when_it_is_back(
    home: Home, desk: Desk, part: str, what: str, role: str
) -> None:
    await well(home)
    await desk.sign_in("agent1", DEMO_PASSWORD)
    calm = desk.page.get_by_text("Semua bagian bekerja")
    await expect(calm).to_be_visible(timeout=PATIENCE)
    place = await desk.part("desk").bounding_box()
    status = await asyncio.to_thread(home.status)
    assert status["healthy"], status
    pid = status["parts"][part]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        banner = desk.page.get_by_role(role).locator("[data-test=banner]")  # type: ignore[arg-type]
        await expect(banner).to_have_attribute("data-what", what, timeout=PATIENCE)
        seen = time.monotonic() - began
        if part == "asterisk":  # what would only be refused is not offered
            await expect(desk.part("ready")).to_be_disabled()
        assert await desk.part("desk").bounding_box() == place  # nothing moved under the hand
        await expect(banner).to_have_count(1)
        told = await asyncio.to_thread(home.status)
        assert not told["healthy"]
        assert told["parts"][part]["state"] == "down"
        assert f"kill -CONT {pid}" in told["parts"][part]["detail"]
        assert told["parts"][part]["mend"]
    finally:
        os.kill(pid, signal.SIGCONT)
    began = time.monotonic()
    await expect(calm).to_be_visible(timeout=PATIENCE)
    gone = time.monotonic() - began
    await expect(desk.part("ready")).to_be_enabled()
    print(f"{part} stopped: on the screen after {seen:.1f} s, gone {gone:.1f} s after SIGCONT")
    await well(home)


async def test_a_drain_is_told_as_what_it_is(home: Home, desk: Desk) -> None:
    """Asterisk is there and nothing is to be mended: no alarm, and what is to be known in both languages."""
    await well(home)
    await desk.sign_in("agent1", DEMO_PASSWORD)
    calm = desk.page.get_by_text("Semua bagian bekerja")
    await expect(calm).to_be_visible(timeout=PATIENCE)
    banner = desk.page.get_by_role("status").locator("[data-test=banner]")
    try:
        await asyncio.to_thread(draining.stand, home.settings, draining.FURTHEST)
        await expect(banner).to_contain_text("panggilan baru dialihkan operator", timeout=PATIENCE)
        assert not await desk.page.get_by_role("alert").locator("[data-test=banner]").count()
        await expect(desk.part("ready")).to_be_enabled()  # who waits in the queue is to be answered
        await desk.page.get_by_role("button", name="Petugas 1").click()
        await desk.page.get_by_role("button", name="English").click()
        await expect(banner).to_contain_text("the carrier takes new calls elsewhere")
        await asyncio.to_thread(draining.stand, home.settings, draining.FURTHEST)  # a slow machine
        await desk.page.goto(f"{home.http_url}/#/papan")
        await expect(desk.part("board-trouble")).to_contain_text("Being drained", timeout=PATIENCE)
    finally:
        await asyncio.to_thread(draining.open_again, home.settings)
    await expect(desk.part("board-trouble")).to_have_count(0, timeout=PATIENCE)
    await well(home)
