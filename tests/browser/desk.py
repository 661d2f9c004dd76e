"""The call taker's page as a person uses it. Shared by the browser tests and scripts/screenshots.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)

CHROMIUM = "/usr/bin/chromium"
# a browser in a sandboxed machine, as root, without calls to its maker
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT = ViewportSize(width=1366, height=768)  # the desks' commonest screen


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The machine's own Chromium, headless."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Desk:
    """One person's page. ``complaints``: what the browser logged as an error."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, browser: Browser, url: str) -> Self:
        """A fresh profile on the sign-in page."""
        context = await browser.new_context(viewport=VIEWPORT, locale="id-ID")
        made = cls(await context.new_page(), url)
        made._listen()
        await made.page.goto(url)
        return made

    async def second(self) -> Self:
        """Another tab of the same sign-in."""
        made = type(self)(await self.page.context.new_page(), self.url)
        made._listen()
        await made.page.goto(self.url)
        return made

    def _listen(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # a page that is left in a conversation asks whether it is meant
        self.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))

    def _heard(self, message: ConsoleMessage) -> None:
        # asking who is signed in, before anybody is, is answered 401 by design
        if message.type == "error" and "401" not in message.text:
            self.complaints.append(message.text)

    async def sign_in(self, username: str, password: str) -> None:
        """From the sign-in page to the desk."""
        page = self.page
        await page.get_by_label("Nama pengguna").fill(username)
        await page.get_by_label("Kata sandi").fill(password)
        await page.get_by_role("button", name="Masuk").click()
        await expect(self.part("desk")).to_be_visible()

    def part(self, name: str) -> Locator:
        """A part of the page by the name that tests use."""
        return self.page.locator(f'[data-test="{name}"]')

    def input(self, name: str) -> Locator:
        """A field of the intake form."""
        return self.page.locator(f'[data-test="form"] [name="{name}"]')

    async def phase(self, word: str, seconds: float = 10) -> None:
        """Wait until the call at this desk is ringing, talking, ended, lost, or idle."""
        await expect(self.part("caller")).to_have_attribute("data-phase", word, timeout=seconds * 1000)

    async def state(self, *words: str) -> None:
        """Wait until the bridge says this about the call taker."""
        for word in words:
            await expect(self.part("my-state")).to_have_attribute("data-state", word, timeout=15_000)

    async def saved(self) -> None:
        """Wait until everything typed is at the server."""
        await expect(self.part("report")).to_have_attribute("data-save", "saved")
