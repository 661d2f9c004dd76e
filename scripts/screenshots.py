"""Makes docs/images/*.png: real calls on a home of its own, looked at with a real browser.

    .venv/bin/python scripts/screenshots.py [--home DIR] [--all FOLDER]

Without ``--home`` a home is made in a temporary folder and taken down afterwards. With ``--all`` every page
is also taken in both languages, light and dark, at the desk's size and a telephone's, as
``LANGUAGE-THEME-WIDTH-PAGE.png``.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.async_api import ViewportSize, expect  # noqa: E402

from scripts.small_png import shrink  # noqa: E402
from tests.browser.desk import VIEWPORT, Desk, chromium  # noqa: E402
from tests.support.centre import Centre  # noqa: E402
from tests.support.home import DEMO_PASSWORD, Home, running_home  # noqa: E402

IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000  # bytes of one picture in the repository
SIZES = (VIEWPORT, ViewportSize(width=360, height=740))
PAGE = re.compile(r"^  (\w+): \{ path: '([\w-]+)'(, withId: true)?", re.MULTILINE)
# made-up numbers
CITIZEN, HIDDEN, PRANKSTER = "081200000141", "085700000009", "081300000004"


async def shoot(desk: Desk, name: str, folder: Path = IMAGES) -> None:
    """One picture, with moving things at rest."""
    path = folder / f"{name}.png"
    await desk.page.screenshot(path=path, animations="disabled", caret="hide")
    if folder != IMAGES:
        print(f"{path.name} {path.stat().st_size // 1000} kB")


def squeeze(made_since: float) -> None:
    """What this run made for the repository, small; not before: calls go on while pictures are taken."""
    for path in sorted(IMAGES.glob("*.png")):
        if path.stat().st_mtime >= made_since:
            size = shrink(path)
            print(f"{path.name} {size // 1000} kB", "TOO LARGE" if size > LARGEST else "")


async def theme(desk: Desk, name: str) -> None:
    """Another look, without a word to the menu."""
    await desk.page.evaluate("(name) => { document.documentElement.dataset.theme = name }", name)


async def language(desk: Desk, name: str) -> None:
    """As a person chooses it, so that a call in progress is not disturbed."""
    await desk.part("user-menu").click()
    await desk.page.locator(f'.menu [lang="{name}"]').click()
    await desk.part("user-menu").click()


async def everything(desk: Desk, folder: Path, names: dict[str, str]) -> None:
    """``names``: what the picture is called, and the page's path; the path may carry an id."""
    for tongue in ("id", "en"):
        await go(desk, "meja")
        await language(desk, tongue)
        for name, path in names.items():
            await go(desk, path)
            for size in SIZES:
                await desk.page.set_viewport_size(size)
                for look in ("light", "dark"):
                    await theme(desk, look)
                    await shoot(desk, f"{tongue}-{look}-{size['width']}-{name}", folder)
            await desk.page.set_viewport_size(VIEWPORT)
    await go(desk, "meja")
    await language(desk, "id")
    await theme(desk, "light")


async def go(desk: Desk, path: str) -> None:
    """Open a page and wait for its first answer."""
    await desk.page.evaluate("(path) => { location.hash = `#/${path}` }", path)
    await desk.page.wait_for_function(
        """() => performance.now() - Math.max(0, ...performance.getEntriesByType('resource')
        .map((one) => one.responseEnd)) > 500"""
    )


def pages() -> dict[str, str]:
    """Every page that needs no id, from the page's own registry."""
    registry = (ROOT / "console/web/src/shell/pages.ts").read_text("utf-8")
    return {name: path for name, path, with_id in PAGE.findall(registry) if not with_id}


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


async def pictures(home: Home, every: Path | None) -> None:
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
            if every:
                await shoot(desk, "id-light-1366-ringing", every)
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
            await desk.part("dispo").get_by_label("Pelapor sudah diberi tahu").check()
            await shoot(desk, "disposition")
            await desk.part("dispo-send").click()
            await expect(desk.part("class-other")).to_contain_text("Darurat")
            await theme(desk, "dark")
            await shoot(desk, "desk-dark")
            await theme(desk, "light")
            if every:
                await everything(desk, every, {"desk": "meja"})
            await desk.part("end").click()
            await desk.phase("ended")
        await desk.part("close").click()
        await expect(desk.part("toast")).to_have_count(0, timeout=15_000)
        await go(desk, "catatan")
        await expect(desk.part("incidents")).to_be_visible()
        await shoot(desk, "log")
        record = (await centre.supervisor.post("/calls/search", {"number": CITIZEN}))["items"][0]
        await go(desk, f"panggilan/{record['id']}")
        await expect(desk.page.get_by_role("heading", name="Garis waktu").first).to_be_visible()
        await shoot(desk, "call")

        why = "Tiga kali dikonfirmasi iseng dalam 30 hari."
        await centre.supervisor.post("/blocklist", {"number": PRANKSTER, "reason": why, "for": "24h"})
        chief = await Desk.open(browser, home.http_url)
        await chief.sign_in("supervisor1", DEMO_PASSWORD)
        await go(chief, "blokir")
        await expect(chief.part("blocks")).to_contain_text(why)
        await shoot(chief, "blocklist")
        # who waited when the call ended left in the queue: they are the missed ones
        await go(chief, "tak-terjawab")
        await expect(chief.part("missed-row").first).to_be_visible()
        await shoot(chief, "missed")
        await go(chief, "bantuan")
        await shoot(chief, "help")
        await go(chief, "papan")
        await shoot(chief, "board")
        if every:
            one = {"call": f"panggilan/{record['id']}", "incident": f"catatan/{record['incident_id']}"}
            await everything(chief, every, {"desk-idle": "meja", **pages(), **one})
        for complaint in [*desk.complaints, *chief.complaints]:
            print("browser:", complaint)


def main() -> None:
    """Make every picture, or say what went wrong."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--home", type=Path, help="a folder for the home, kept afterwards")
    arguments.add_argument("--all", type=Path, help="a folder for every page in every look")
    given = arguments.parse_args()
    if given.all:
        given.all.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="psap112-") as folder:
        # waits as long as in life, apart from wrap-up: the pictures should show true times
        for home in running_home(given.home or Path(folder) / "home", env={"PSAP_TIMER_SCALE": "1"}):
            began = time.time()
            asyncio.run(pictures(home, given.all))
            squeeze(began)


if __name__ == "__main__":
    main()
