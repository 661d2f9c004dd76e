"""The page as a telephone: a Chromium that speaks, and what is measured at either end of the line."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
import wave
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

from psap.sip.audio import tone_share
from psap.sip.caller import Caller
from tests.browser.desk import CHROMIUM, FLAGS, Desk
from tests.support.centre import CALLER_TONE, Centre, fresh_number, hum
from tests.support.home import DEMO_PASSWORD

VOICE = 880.0  # Hz that the call taker says
COLLEAGUE = 620.0  # Hz that another one says
RATE = 48_000
TONES_OF_5 = (770.0, 1336.0)  # Hz
LOUD = 300.0  # level of a voice; silence is near 0
PATIENCE = 30.0  # seconds, for a machine that does much else


def _voice(folder: Path, hertz: float) -> Path:
    """A tone in syllables: a steady one is taken for noise, and cleaned away, by the browser."""

    def at(n: int) -> int:
        syllable = 0.5 - 0.5 * math.cos(2 * math.pi * 5 * n / RATE)
        return int(14_000 * syllable * math.sin(2 * math.pi * hertz * n / RATE))

    path = folder / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array("h", (at(n) for n in range(RATE))).tobytes())
    return path


@asynccontextmanager
async def speaking(hertz: float = VOICE, *, allowed: bool = True) -> AsyncIterator[Browser]:
    """A headless Chromium with something to say; ``allowed``: the person lets the page hear it."""
    with tempfile.TemporaryDirectory() as folder:
        flags = [
            *FLAGS,
            *(["--use-fake-ui-for-media-stream"] if allowed else []),
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={_voice(Path(folder), hertz)}",
            "--autoplay-policy=no-user-gesture-required",
            "--allow-loopback-in-peer-connection",
        ]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            try:
                yield browser
            finally:
                await browser.close()


async def sign_in(browser: Browser, url: str, agent: str = "agent1") -> Desk:
    """A desk without a telephone yet; this browser is meant to be it.

    Said expressly: a desk phone that a killed Asterisk still thinks registered would be the telephone.
    """
    desk = await Desk.open(browser, url)
    wish = "(who) => localStorage.setItem(`psap-phone:${who}`, JSON.stringify({telephone: 'browser'}))"
    await desk.page.evaluate(wish, agent)
    await desk.sign_in(agent, DEMO_PASSWORD)
    return desk


async def go_ready(desk: Desk) -> None:
    """By the page alone: the microphone is heard, the telephone registers, the queue has somebody."""
    await desk.part("ready").click()
    await desk.state("ready")
    await expect(desk.part("mic")).to_have_count(0)


async def leave(desk: Desk) -> None:
    """Out of the queue, so that the next test finds nobody there."""
    await desk.part("pause").click()
    await desk.part("leave-queue").click()
    await desk.state("logged_out")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what only looking shows."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if holds():
                return
            await asyncio.sleep(0.02)


async def through_gate(caller: Caller) -> None:
    await caller.answered()
    await caller.press("0")


async def rings(desk: Desk) -> None:
    """Until the telephone rings here."""
    await expect(desk.part("phone-controls")).to_have_attribute(
        "data-talk", "ringing", timeout=PATIENCE * 1000
    )


async def talks(desk: Desk) -> None:
    await expect(desk.part("phone-controls")).to_have_attribute(
        "data-talk", "talking", timeout=PATIENCE * 1000
    )
    await desk.phase("talking", PATIENCE)


async def quiet(caller: Caller) -> None:
    """Until nothing is heard any more."""
    await until(lambda: caller.media.loudness(0.6) < 30)


async def hears_page(desk: Desk) -> None:
    """Until the page shows that it hears the caller."""
    await expect(desk.part("level-in")).not_to_have_attribute("aria-valuenow", "0", timeout=PATIENCE * 1000)


async def hears_voice(caller: Caller, hertz: float = VOICE, share: float = 0.4) -> None:
    await caller.media.hears(hertz, timeout=PATIENCE, share=share)


def hears_5(caller: Caller, since: float) -> bool:
    """Whether a 5 was heard: on the carrier's leg keys are tones in the voice band."""
    frames = [frame for when, frame in caller.media.heard if when >= since]
    pieces = [frames[start : start + 3] for start in range(len(frames) - 2)]
    return any(min(tone_share(piece, hertz) for hertz in TONES_OF_5) > 0.25 for piece in pieces)


async def mark(page: Page, name: str) -> float:
    """When the page last did this, in its own milliseconds."""
    return float(
        await page.evaluate(
            "name => performance.getEntriesByName(`psap-phone:${name}`).at(-1)?.startTime ?? NaN", name
        )
    )


async def network_process(desk: Desk) -> int:
    """The process through which everything of this browser goes to the network and comes from it."""
    browser = desk.page.context.browser
    assert browser is not None
    told = await (await browser.new_browser_cdp_session()).send("SystemInfo.getProcessInfo")
    pids = [int(row["id"]) for row in told["processInfo"]]
    return next(pid for pid in pids if b"NetworkService" in Path(f"/proc/{pid}/cmdline").read_bytes())


async def mute_hold_and_tone(caller: Caller, phone: Desk) -> None:
    """Muted: nothing is heard. Held: music. A key: its tone."""
    keys = phone.page.keyboard
    await keys.press("Alt+M")
    await expect(phone.part("phone-told")).to_contain_text("tidak mendengar")
    await quiet(caller)
    await keys.press("Alt+M")
    await hears_voice(caller)

    # held, the caller hears music: sound, and not ours
    await keys.press("Alt+H")
    await expect(phone.part("hold")).to_have_attribute("aria-pressed", "true")
    await expect(phone.part("phone-told")).to_contain_text("musik")
    await until(lambda: caller.media.loudness(0.6) > LOUD / 2 and caller.media.share(VOICE, 0.6) < 0.2)
    await keys.press("Alt+H")
    await expect(phone.part("hold")).to_have_attribute("aria-pressed", "false")
    await hears_voice(caller)

    # digits typed into the open pad are tones, not categories
    await keys.press("Alt+K")
    pressed = time.monotonic()
    await keys.press("5")
    await until(lambda: hears_5(caller, pressed))
    await keys.press("Escape")
    await expect(phone.page.locator('[role="radio"][aria-checked="true"]')).to_have_count(0)


async def hand_over(centre: Centre, first: Desk, second: Desk, *, all_keys: bool = False) -> None:
    """A caller is brought together with a colleague in another browser, and left to them."""
    async with centre.caller(fresh_number(), sound=list(hum(CALLER_TONE))) as caller:
        await through_gate(caller)
        await rings(first)
        keys = first.page.keyboard
        await keys.press("F2")
        await talks(first)
        await hears_voice(caller)
        await hears_page(first)
        if all_keys:
            await mute_hold_and_tone(caller, first)

        await keys.press("Alt+T")
        dialog = first.part("transfer-dialog")
        await dialog.get_by_role("radio", name="Bertiga").check()
        await dialog.locator('[data-target="agent2"]').click()
        await first.part("transfer-go").click()
        await rings(second)
        await expect(first.page.locator('[data-party="agent:agent2"]')).to_have_attribute(
            "data-state", "ringing", timeout=PATIENCE * 1000
        )
        await hears_voice(caller)  # nobody is alone meanwhile
        await second.page.keyboard.press("F2")
        await expect(first.page.locator('[data-party="agent:agent2"]')).to_have_attribute(
            "data-state", "talking", timeout=PATIENCE * 1000
        )
        await talks(second)
        await hears_page(second)
        await hears_voice(caller, VOICE, 0.1)
        await hears_voice(caller, COLLEAGUE, 0.1)

        await first.part("leave").click()
        await first.phase("ended", PATIENCE)
        await hears_voice(caller, COLLEAGUE)
        await until(lambda: caller.media.share(VOICE, 0.6) < 0.05)
        await second.page.keyboard.press("Alt+X")
        assert (await caller.ended(PATIENCE)).by == "callee"
    await first.state("ready")


@asynccontextmanager
async def colleague(centre: Centre) -> AsyncIterator[Desk]:
    """agent2 in another browser: there, but paused, so that calls come to agent1."""
    async with speaking(COLLEAGUE) as browser:
        desk = await sign_in(browser, centre.home.http_url, "agent2")
        await go_ready(desk)
        await desk.part("pause").click()
        await desk.page.get_by_role("menuitem", name="Pelatihan").click()
        await desk.state("paused")
        yield desk
        await leave(desk)
