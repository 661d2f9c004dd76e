"""A real browser as a telephone: JsSIP in a page of the console's own origin (softphone.js), no desk.

What the browser hears is measured in it; what it says is a tone that Chromium plays instead of a microphone.
"""

from __future__ import annotations

import asyncio
import functools
import os
import secrets
import signal
import subprocess
import tempfile
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import pi, sin
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from psap.platform.settings import ROOT
from tests.browser.desk import CHROMIUM, FLAGS
from tests.support.home import DEMO_PASSWORD

WEB = ROOT / "console" / "web"
SOURCE = Path(__file__).with_name("softphone.js")
TONE = 880.0  # what the browser says
NEAR = 30.0  # Hz that a tone may be off
RATE = 48_000


@functools.cache
def script() -> str:
    """softphone.js with JsSIP in it, as one script."""
    # beside the packages, so that they are found; gone at once
    folder = (WEB / "node_modules").resolve() / ".cache"
    folder.mkdir(exist_ok=True)
    entry = folder / f"softphone-{os.getpid()}-{secrets.token_hex(4)}.js"
    try:
        entry.write_text(SOURCE.read_text("utf-8"), "utf-8")
        with tempfile.TemporaryDirectory() as out:
            made = Path(out) / "softphone.js"
            tool = WEB / "node_modules" / ".bin" / "rolldown"
            words = [str(tool), str(entry), "--format", "iife", "--platform", "browser", "--file", str(made)]
            ended = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
            assert ended.returncode == 0, ended.stdout + ended.stderr
            return made.read_text("utf-8")
    finally:
        entry.unlink(missing_ok=True)


def _microphone(folder: Path, hertz: float) -> Path:
    """A tone that repeats without a click: Chromium plays the file for ever."""
    samples = array("h", (int(9_000 * sin(2 * pi * hertz * n / RATE)) for n in range(RATE)))
    path = folder / f"mic-{hertz:.0f}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path


@asynccontextmanager
async def talking_chromium(hertz: float = TONE) -> AsyncIterator[Browser]:
    """A headless Chromium whose microphone is a tone. One process for each: it can be killed."""
    with tempfile.TemporaryDirectory() as folder:
        flags = [
            *FLAGS,
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={_microphone(Path(folder), hertz)}",
            "--autoplay-policy=no-user-gesture-required",
            # a machine without a network has its loopback alone
            "--allow-loopback-in-peer-connection",
        ]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            try:
                yield browser
            finally:
                await browser.close()


@dataclass
class WebPhone:
    """One tab that is somebody's telephone."""

    page: Page
    context: BrowserContext
    account: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def sign_in(cls, browser: Browser, url: str, agent: str) -> WebPhone:
        """A profile of its own, signed in, no telephone yet."""
        context = await browser.new_context(permissions=["microphone"])
        page = await cls._page(context, url)
        await page.evaluate("([name, word]) => phone.signIn(name, word)", [agent, DEMO_PASSWORD])
        return cls(page, context)

    @staticmethod
    async def _page(context: BrowserContext, url: str) -> Page:
        page = await context.new_page()
        await page.goto(f"{url}/api/docs")  # a page of the console's own, with nothing on it that acts
        await page.evaluate(script())
        return page

    async def load_anew(self) -> None:
        """As a person presses F5: nothing of the page is left."""
        await self.page.reload()
        await self.page.evaluate(script())

    async def second_tab(self, url: str) -> WebPhone:
        """Another tab of the same sign-in."""
        return WebPhone(await self._page(self.context, url), self.context)

    async def open(self, account: dict[str, Any] | None = None) -> dict[str, Any]:
        """Become the telephone; returns once the registration stands (or was refused)."""
        tab = secrets.token_hex(8)
        self.account = await self.page.evaluate(
            "([tab, account]) => phone.open(tab, account)", [tab, account]
        )
        if account is None:
            await self.told("registered")
        return self.account

    async def ready(self) -> None:
        """Take calls by this browser."""
        await self.page.evaluate("phone.ask('POST', '/agents/me/login', {telephone: 'browser'})")

    async def told(self, what: str, count: int = 1, timeout: float = 30) -> dict[str, Any]:
        """The newest of ``count`` things of a kind that this page told."""
        rows: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    everything = await self.page.evaluate("phone.told")
                    rows = [row for row in everything if row["what"] == what]
                    if len(rows) >= count:
                        return rows[-1]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{count} times {what!r} not told, but {everything}") from None

    async def hears(self, hertz: float, timeout: float = 30) -> float:
        """Wait until this is the loudest tone that comes out; its level in dB."""
        now: dict[str, float] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    now = await self.page.evaluate("phone.heard()")
                    if abs(now["hertz"] - hertz) < NEAR and now["level"] > -60:
                        return now["level"]
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{hertz} Hz is not heard in the browser, but {now}") from None

    async def hang_up(self) -> None:
        """End the conversation."""
        await self.page.evaluate("phone.hangUp()")

    async def away(self, seconds: float) -> None:
        """As if the cable were out: nothing comes from this browser and nothing gets into it."""
        browser = self.context.browser
        assert browser is not None
        session = await browser.new_browser_cdp_session()
        found = await session.send("SystemInfo.getProcessInfo")
        pids = [int(each["id"]) for each in found["processInfo"]]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    async def die(self) -> None:
        """As a tab dies: at once, without a word to anybody."""
        session = await self.context.new_cdp_session(self.page)
        # the answer never comes: nobody is there to give it
        task = asyncio.ensure_future(session.send("Page.crash"))
        task.add_done_callback(lambda done: done.exception())
