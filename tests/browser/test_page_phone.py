"""The call taker's page as the telephone: a real caller is answered in a real Chromium by keys alone."""

from __future__ import annotations

import asyncio
import math
import statistics
import tempfile
import time
import wave
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, async_playwright, expect

from psap.sip.audio import tone_share
from psap.sip.caller import Caller
from tests.browser.desk import CHROMIUM, FLAGS, Desk
from tests.support.centre import CALLER_TONE, Centre, fresh_number, hum
from tests.support.home import DEMO_PASSWORD
from tests.support.told import tell

pytestmark = pytest.mark.browser

VOICE = 880.0  # Hz that the call taker says
COLLEAGUE = 620.0  # Hz that another one says
RATE = 48_000
TONES_OF_5 = (770.0, 1336.0)  # Hz
LOUD = 300.0  # level of a voice; silence is near 0
PATIENCE = 30.0  # seconds, for a machine that does much else
CALLS = 20
POP_MARK = """() => new MutationObserver(() => {
    const shown = document.querySelector('[data-test="caller"]')?.dataset.phase === 'ringing'
    if (shown && !window.popped) performance.mark('psap-phone:pop')
    window.popped = shown
}).observe(document.body, {subtree: true, childList: true, attributeFilter: ['data-phase']})"""


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
    """A desk without a telephone yet."""
    desk = await Desk.open(browser, url)
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


@pytest.fixture
async def phone(centre: Centre) -> AsyncIterator[Desk]:
    """agent1, ready, with this browser as the telephone."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(speaking())
        desk = await sign_in(browser, centre.home.http_url)
        await go_ready(desk)
        yield desk
        await leave(desk)
        assert desk.complaints == []


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


async def test_a_call_from_ready_to_end_by_keys_alone(centre: Centre, phone: Desk) -> None:
    number = fresh_number()
    keys = phone.page.keyboard
    async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
        await through_gate(caller)
        await rings(phone)
        # whoever looks up at the ring sees who calls
        await expect(phone.part("number")).to_have_text(f"{number[:4]}-{number[4:8]}-{number[8:]}")
        assert await mark(phone.page, "ring") >= await mark(phone.page, "invite")
        await keys.press("F2")
        await talks(phone)
        await hears_voice(caller)
        await hears_page(phone)

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
        await expect(phone.part("quality")).not_to_have_attribute("data-grade", "", timeout=PATIENCE * 1000)

        await keys.press("Alt+X")
        assert (await caller.ended(PATIENCE)).by == "callee"
    await phone.phase("ended", PATIENCE)
    record = await centre.record(number)
    assert (record["ending"], record["ended_by"]) == ("answered", "agent")


async def hand_over(centre: Centre, first: Desk, second: Desk) -> None:
    """A caller is held, brought together with a colleague in another browser, and left to them."""
    async with centre.caller(fresh_number(), sound=list(hum(CALLER_TONE))) as caller:
        await through_gate(caller)
        await rings(first)
        keys = first.page.keyboard
        await keys.press("F2")
        await talks(first)
        await hears_voice(caller)
        await hears_page(first)

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


async def test_a_caller_is_handed_over_to_a_second_browser(centre: Centre, phone: Desk) -> None:
    async with colleague(centre) as second:
        await hand_over(centre, phone, second)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_twenty_callers_are_handed_over(centre: Centre, phone: Desk) -> None:
    async with colleague(centre) as second:
        for _ in range(CALLS):
            await hand_over(centre, phone, second)


async def test_the_newest_tab_is_the_telephone_and_the_older_says_so(centre: Centre, phone: Desk) -> None:
    second = await phone.second()
    await expect(phone.part("phone-banner")).to_have_attribute("data-what", "taken", timeout=PATIENCE * 1000)
    await second.state("ready")
    async with centre.caller(fresh_number()) as caller:
        await through_gate(caller)
        await rings(second)
        await second.page.keyboard.press("F2")
        await talks(second)
        # the conversation stays where it is when the first tab takes the telephone back
        await phone.part("take-back").click()
        await expect(phone.part("phone-banner")).to_have_count(0)
        await expect(second.part("phone-banner")).to_have_attribute(
            "data-what", "taken", timeout=PATIENCE * 1000
        )
        await hears_voice(caller)
        await second.page.keyboard.press("Alt+X")
        assert (await caller.ended(PATIENCE)).by == "callee"
    await phone.state("ready")
    async with centre.caller(fresh_number()) as caller:
        await through_gate(caller)
        await rings(phone)
        await phone.page.keyboard.press("F2")
        await talks(phone)
        await hears_voice(caller)


async def test_a_lost_socket_leaves_no_ghost(centre: Centre) -> None:
    async with speaking() as browser:
        desk = await Desk.open(browser, centre.home.http_url)
        sockets: list[WebSocketRoute] = []

        def through(socket: WebSocketRoute) -> None:
            sockets.append(socket)
            socket.connect_to_server()

        await desk.page.route_web_socket("**/api/v1/phone/socket", through)
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await go_ready(desk)
        async with centre.caller(fresh_number()) as caller:
            await through_gate(caller)
            await rings(desk)
            await desk.page.keyboard.press("F2")
            await talks(desk)
            await hears_voice(caller)
            before = len(sockets)
            await sockets[-1].close(code=1012)
            await until(lambda: len(sockets) > before)
            # it goes on, and can be held again: the exchange knows where it is now
            await hears_voice(caller)
            await expect(desk.part("hold")).to_be_enabled(timeout=PATIENCE * 1000)
            caller.hang_up()
            # the BYE comes by the new socket
            await desk.phase("ended", PATIENCE)
            await expect(desk.part("phone-controls")).to_have_count(0, timeout=PATIENCE * 1000)
        await leave(desk)


async def test_a_registered_desk_phone_stays_the_telephone(centre: Centre, desk: Desk) -> None:
    async with centre.seat("agent1") as seat:
        await seat.api.post("/agents/me/logout")
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.part("ready").click()
        await desk.state("ready")
        assert (await centre.agent_is("agent1", "ready"))["telephone"] == "desk"
        async with centre.caller(fresh_number()) as caller:
            await through_gate(caller)
            call = await seat.phone.ringing(PATIENCE)
            await desk.phase("ringing")
            await expect(desk.part("answer")).to_have_count(0)
            await call.answer()
            await desk.phase("talking")
            await desk.part("end").click()
            await call.ended(PATIENCE)


@pytest.mark.long
async def test_a_dead_microphone_is_told_and_stops_nobody(centre: Centre) -> None:
    async with speaking(0) as browser:
        desk = await sign_in(browser, centre.home.http_url)
        await desk.part("ready").click()
        await expect(desk.part("mic-told")).to_contain_text(
            "tombol bisu pada headset", timeout=PATIENCE * 1000
        )
        await desk.state("logged_out")
        await desk.part("mic-anyway").click(timeout=PATIENCE * 1000)
        await desk.state("ready")
        await leave(desk)


@pytest.mark.long
async def test_a_refused_microphone_is_told(centre: Centre) -> None:
    async with speaking(allowed=False) as browser:
        desk = await sign_in(browser, centre.home.http_url)
        await desk.part("ready").click()
        await expect(desk.part("mic")).to_have_attribute("data-trouble", "denied", timeout=PATIENCE * 1000)
        await expect(desk.part("mic")).to_contain_text("Izin mikrofon ditolak")
        await expect(desk.part("mic-desk")).to_be_visible()


@pytest.mark.long
async def test_pop_ring_and_sound_of_twenty_calls(centre: Centre, phone: Desk) -> None:
    """The caller is on the screen no later than the ring; sound both ways within 300 ms of the key."""
    page = phone.page
    await page.evaluate(POP_MARK)
    pops, invites, sounds, heards = [], [], [], []
    for _ in range(CALLS):
        async with centre.caller(fresh_number(), sound=list(hum(CALLER_TONE))) as caller:
            await through_gate(caller)
            await rings(phone)
            await page.keyboard.press("F2")
            pressed = time.monotonic()
            await until(lambda: caller.media.share(VOICE, 0.1) >= 0.4)
            heards.append((time.monotonic() - pressed) * 1000)
            await talks(phone)
            await hears_page(phone)
            ring, pop = await mark(page, "ring"), await mark(page, "pop")
            pops.append(ring - pop)
            invites.append(await mark(page, "invite") - pop)
            sounds.append(await mark(page, "audio") - await mark(page, "answer"))
            await page.keyboard.press("Alt+X")
            await caller.ended(PATIENCE)
        await phone.state("ready")
    figures = {
        "pop before the ring": pops,
        "pop before the INVITE in the page": invites,
        "key to the caller's first sound in the page": sounds,
        "key to the call taker's voice at the caller": heards,
    }
    tell(
        f"the page as a telephone: {CALLS} calls",
        [
            f"{name}: median {statistics.median(found):.1f} ms, {min(found):.1f} to {max(found):.1f}"
            for name, found in figures.items()
        ],
    )
    assert min(pops) >= 0
    assert statistics.median(sounds) < 300


@pytest.mark.long
async def test_a_reload_in_a_conversation_brings_the_telephone_back(centre: Centre, phone: Desk) -> None:
    async with centre.caller(fresh_number()) as caller:
        await through_gate(caller)
        await rings(phone)
        await phone.page.keyboard.press("F2")
        await talks(phone)
        await hears_voice(caller)
        await phone.page.reload()
        await expect(phone.part("phone-banner")).to_have_attribute(
            "data-what", "reloaded", timeout=PATIENCE * 1000
        )
        # nobody else is there: the same caller rings here again, and is not lost
        await rings(phone)
        await phone.page.keyboard.press("F2")
        await talks(phone)
        await hears_voice(caller)
