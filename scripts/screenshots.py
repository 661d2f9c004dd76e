"""Makes docs/images/*.png: real calls on a home of its own, looked at with a real browser.

    .venv/bin/python scripts/screenshots.py [--home DIR]

Without ``--home`` a home is made in a temporary folder and taken down afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.async_api import expect  # noqa: E402

from tests.browser.desk import Desk, chromium  # noqa: E402
from tests.support.centre import Centre  # noqa: E402
from tests.support.home import DEMO_PASSWORD, Home, running_home  # noqa: E402

IMAGES = ROOT / "docs" / "images"
# made-up numbers
CITIZEN, HIDDEN, PRANKSTER = "081200000141", "085700000009", "081300000004"


async def shoot(desk: Desk, name: str) -> None:
    """One picture, with moving things at rest."""
    await desk.page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")
    print(f"docs/images/{name}.png", (IMAGES / f"{name}.png").stat().st_size // 1000, "kB")


async def write_report(desk: Desk) -> None:
    """What the caller tells, in the order of the SOP."""
    keyboard = desk.page.keyboard
    await expect(desk.input("place")).to_be_focused()
    await keyboard.type("Jl. Gajah Mada 17, seberang Pasar Johar")
    await desk.input("landmark").fill("pintu timur, dekat halte")
    await desk.input("subdistrict").fill("Kauman")
    await keyboard.press("Alt+2")
    await keyboard.press("1")
    await keyboard.press("Alt+3")
    await keyboard.type("Kios kain terbakar, api besar, dua orang di lantai dua")
    await desk.input("injured").fill("2 terjebak, sadar")
    await desk.input("caller_name").fill("Bu Yuli")
    await desk.page.get_by_role("button", name="Pakai nomor penelepon").click()
    await desk.saved()


async def pictures(home: Home) -> None:
    """A small story: one call answered and reported, two callers waiting meanwhile."""
    async with AsyncExitStack() as stack:
        centre = Centre(home, stack)
        await centre.open()
        browser = await stack.enter_async_context(chromium())
        desk = await Desk.open(browser, home.http_url)
        await shoot(desk, "signin")
        seat = await stack.enter_async_context(centre.seat("agent1"))
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.state("ready")

        # an earlier call, so that the number has a history
        async with centre.caller(CITIZEN) as earlier:
            await earlier.answered()
            await earlier.press("0")
            call = await seat.phone.ringing(15)
            await call.answer()
            await desk.phase("talking")
            await desk.page.keyboard.press("F5")
            await asyncio.sleep(2)
        await desk.phase("ended")
        await desk.part("close").click()
        await desk.state("ready")

        async with AsyncExitStack() as calls:
            citizen = await calls.enter_async_context(centre.caller(CITIZEN))
            await citizen.answered()
            await citizen.press("0")
            call = await seat.phone.ringing(15)
            await desk.phase("ringing")
            await shoot(desk, "ringing")
            await call.answer()
            await desk.phase("talking")
            for number, keys in ((HIDDEN, "55"), (None, "0"), (PRANKSTER, "0")):
                waiting = await calls.enter_async_context(centre.caller(number))
                await waiting.answered()
                await waiting.press(keys)
                await asyncio.sleep(3)
            await write_report(desk)
            await expect(desk.part("waiting").locator("li")).to_have_count(3)
            await shoot(desk, "journey")
            await desk.page.keyboard.press("F8")
            await desk.part("dispo").get_by_label("Dinas Pemadam Kebakaran").check()
            await shoot(desk, "disposition")
            await desk.part("dispo-send").click()
            await expect(desk.part("class-other")).to_contain_text("Darurat")
            await desk.page.evaluate("document.documentElement.dataset.theme = 'dark'")
            await shoot(desk, "desk-dark")
            await desk.page.evaluate("document.documentElement.dataset.theme = 'light'")
            await desk.part("end").click()
            await desk.phase("ended")
        await desk.part("close").click()
        await desk.page.get_by_role("link", name="Catatan").click()
        await expect(desk.part("incidents")).to_be_visible()
        await shoot(desk, "log")
        record = (await centre.supervisor.post("/calls/search", {"number": CITIZEN}))["items"][0]
        await desk.page.goto(f"{home.http_url}/#/panggilan/{record['id']}")
        await expect(desk.page.locator(".events li").first).to_be_visible()
        await shoot(desk, "call")

        why = "Tiga kali dikonfirmasi iseng dalam 30 hari."
        await centre.supervisor.post("/blocklist", {"number": PRANKSTER, "reason": why, "for": "24h"})
        chief = await Desk.open(browser, home.http_url)
        await chief.sign_in("supervisor1", DEMO_PASSWORD)
        await chief.page.get_by_role("link", name="Blokir").click()
        await expect(chief.part("blocks")).to_contain_text(why)
        await shoot(chief, "blocklist")
        for complaint in [*desk.complaints, *chief.complaints]:
            print("browser:", complaint)


def main() -> None:
    """Make every picture, or say what went wrong."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, help="a folder for the home, kept afterwards")
    given = arguments.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="psap112-") as folder:
        # waits as long as in life, apart from wrap-up: the pictures should show true times
        for home in running_home(given.home or Path(folder) / "home", env={"PSAP_TIMER_SCALE": "1"}):
            asyncio.run(pictures(home))


if __name__ == "__main__":
    main()
