"""Everybody can work here: axe finds nothing (WCAG 2.2 AA); keyboard, zoom and rest are as they must be."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize, expect

from tests.browser.desk import VIEWPORT, Desk, chromium
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

WEB = Path(__file__).parents[2] / "console" / "web"
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES = ("light", "dark", "contrast")
TELEPHONE = ViewportSize(width=360, height=740)
ZOOMED = ViewportSize(width=VIEWPORT["width"] // 2, height=VIEWPORT["height"] // 2)  # as 200 % of the desk's
ENTRY = re.compile(r"^  (\w+): \{ path: '([\w-]+)'(, withId: true)?", re.MULTILINE)
# nothing has been fetched for a moment
QUIET = """() => {
  const ends = performance.getEntriesByType('resource').map((one) => one.responseEnd)
  return performance.now() - Math.max(0, ...ends) > 300
}"""


def paths() -> list[str]:
    """Every page of the registry that needs no id, so that a new one is looked at, too."""
    found = ENTRY.findall((WEB / "src" / "shell" / "pages.ts").read_text("utf-8"))
    assert len(found) >= 6
    return ["meja", *(path for _, path, with_id in found if not with_id)]


async def faults(page: Page, *, colours_only: bool = False) -> list[str]:
    """What axe has against the page as it stands: the rule, why, and where."""
    # the page's own policy admits no foreign script: axe is evaluated from outside
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text("utf-8"))
    run = {"type": "rule", "values": ["color-contrast"]} if colours_only else {"type": "tag", "values": TAGS}
    rules = {} if colours_only else {"target-size": {"enabled": True}}
    found: dict[str, Any] = await page.evaluate(
        "([run, rules]) => axe.run(document, {runOnly: run, rules, resultTypes: ['violations']})",
        [run, rules],
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def theme(page: Page, name: str) -> None:
    await page.evaluate("(name) => { document.documentElement.dataset.theme = name }", name)


async def language(page: Page, name: str) -> None:
    """As chosen in the menu; after the reload the page begins anew."""
    await page.evaluate("(name) => localStorage.setItem('psap-language', name)", name)
    await page.reload()


async def visit(desk: Desk, path: str) -> None:
    """The page is there with what it shows: its code and its first answer have come."""
    await desk.page.evaluate("(path) => { location.hash = `#/${path}` }", path)
    if path == "meja":
        await expect(desk.part("desk")).to_be_visible()
    else:
        await expect(desk.page.locator("main > :not([data-test=desk])").first).to_be_visible(timeout=20_000)
    await desk.page.wait_for_function(QUIET)


async def looked_at(desk: Desk, path: str, *, full: bool) -> list[str]:
    await visit(desk, path)
    told: list[str] = []
    for name in THEMES:
        await theme(desk.page, name)
        only = name != "light" and not full
        told += [f"#/{path}, {name}: {fault}" for fault in await faults(desk.page, colours_only=only)]
    await theme(desk.page, "light")
    return told


@pytest.fixture
async def chief(home: Home) -> AsyncIterator[Desk]:
    """supervisor1's browser: who leads sees every page."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        made = await Desk.open(browser, home.http_url)
        yield made
        assert made.complaints == []


async def test_axe_finds_nothing_on_any_page(centre: Centre, chief: Desk) -> None:
    async with centre.caller(fresh_number()) as caller:  # somebody waits, and is lost: lists are not empty
        await caller.answered()
        await caller.press("55")
        found = await faults(chief.page)
        await chief.sign_in("supervisor1", DEMO_PASSWORD)
        await expect(chief.part("waiting").locator("li")).to_have_count(1)
        found += await looked_at(chief, "meja", full=False)
    for path in paths():
        found += await looked_at(chief, path, full=False)
    await language(chief.page, "en")
    await expect(chief.part("desk")).to_be_attached()
    for path in paths():
        await visit(chief, path)
        found += [f"#/{path}, en: {fault}" for fault in await faults(chief.page)]
    await language(chief.page, "id")
    assert found == []


async def test_axe_finds_nothing_in_a_call_and_its_dialogs(centre: Centre, desk: Desk) -> None:
    page = desk.page
    found: list[str] = []
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.state("ready")
        async with centre.caller(fresh_number()) as caller:
            await caller.answered()
            await caller.press("55")
            call = await seat.phone.ringing(20)
            # it rings for seconds only: the colours of ringing are computed in styles/tokens.test.ts
            await call.answer()
            await desk.phase("talking")
            for name in reversed(THEMES):
                await theme(page, name)
                found += await faults(page, colours_only=name != "light")
            await page.keyboard.press("F8")
            await expect(desk.part("dispo")).to_be_visible()
            found += await faults(page)
            await page.keyboard.press("Escape")
            # all keys, from the one registry; the cursor goes back to where it was
            await page.locator('[name="description"]').focus()
            await page.keyboard.press("F1")
            await expect(desk.part("keys")).to_contain_text("Alt+W")
            found += await faults(page)
            await page.keyboard.press("Escape")
            await expect(page.locator('[name="description"]')).to_be_focused()
        await desk.phase("ended")
        await page.keyboard.press("F5")
        await desk.part("close").click()
        await desk.part("user-menu").click()
        found += await faults(page)
    assert found == []


async def test_keyboard_and_zoom(desk: Desk) -> None:
    page = desk.page
    await desk.sign_in("agent2", DEMO_PASSWORD)
    await page.mouse.click(2, 560)  # where the rail is empty, and no page is opened
    # through the whole desk by Tab: each stop can be seen, and nothing holds the cursor
    seen: list[str] = []
    for _ in range(40):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(
            """() => {
              const one = document.activeElement
              if (!one || one === document.body) return null
              const style = getComputedStyle(one), box = one.getBoundingClientRect()
              return {name: one.outerHTML.slice(0, 90), outline: style.outlineStyle !== 'none' &&
                parseFloat(style.outlineWidth) >= 2, seen: box.width > 0 && box.bottom > 0 && box.right > 0}
            }"""
        )
        if stop is None:
            break
        assert stop["outline"], stop
        assert stop["seen"], stop
        seen.append(stop["name"])
    assert len(set(seen)) >= 10, seen

    # at 200 % nothing is cut off sideways and everything can be reached
    await page.set_viewport_size(ZOOMED)
    for path in ("meja", "catatan", "bantuan"):
        await visit(desk, path)
        over = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"#/{path} is {over} px too wide at 200 %"
    await visit(desk, "meja")
    for part in ("caller", "report", "user-menu"):
        await desk.part(part).scroll_into_view_if_needed()
        await expect(desk.part(part)).to_be_in_viewport()
    await page.set_viewport_size(VIEWPORT)
    await page.emulate_media(reduced_motion="reduce")
    moving = await page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert moving == 0


@pytest.mark.long
@pytest.mark.parametrize("tongue", ["id", "en"])
async def test_axe_finds_nothing_anywhere_at_all(centre: Centre, chief: Desk, tongue: str) -> None:
    await chief.sign_in("supervisor1", DEMO_PASSWORD)
    await language(chief.page, tongue)
    await expect(chief.part("desk")).to_be_attached()
    found: list[str] = []
    for path in paths():
        found += await looked_at(chief, path, full=True)
    if "papan" in paths():
        await chief.page.set_viewport_size(TELEPHONE)
        found += await looked_at(chief, "papan", full=True)
    await language(chief.page, "id")
    assert found == []
