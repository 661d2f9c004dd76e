"""The supervisor's page in a real browser: real callers and call takers, and a roster by keys alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from psap.sip.phone import DeskPhone
from tests.browser.axe import findings
from tests.browser.desk import Desk, chromium
from tests.support.api import Api
from tests.support.centre import Centre, fresh_number, phone_account
from tests.support.home import DEMO_PASSWORD, Home

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SLOW = 30_000


@pytest.fixture
async def second_desk(home: Home) -> AsyncIterator[Desk]:
    """Somebody else's browser."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        made = await Desk.open(browser, home.http_url)
        yield made
        assert made.complaints == []


async def open_page(desk: Desk) -> None:
    await desk.sign_in("supervisor1", DEMO_PASSWORD)
    await desk.page.get_by_role("link", name="Supervisi").click()
    await expect(desk.part("supervision-agents")).to_be_visible(timeout=SLOW)


async def test_who_waits_and_who_talks_is_seen_with_the_number_masked(centre: Centre, desk: Desk) -> None:
    await open_page(desk)
    page = desk.page
    number = fresh_number()
    masked = f"{number[:4]}-{number[4:8]}-•••{number[-1]}"
    async with centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        waiting = desk.part("waiting-row").filter(has_text=masked)
        await expect(waiting).to_be_visible(timeout=SLOW)
        await expect(waiting.get_by_role("button", name=re.compile("Ke depan"))).to_be_enabled()
        assert await findings(page) == []
        async with centre.seat("agent1") as seat:
            call = await seat.phone.ringing(20)
            await call.answer()
            row = page.locator('[data-test="agent-row"][data-agent="agent1"]')
            await expect(row).to_have_attribute("data-state", "talking", timeout=SLOW)
            await expect(row).to_contain_text(masked)
            await expect(waiting).to_have_count(0)
            for mode in ("Dengar", "Bisik", "Gabung"):
                await expect(row.get_by_role("button", name=re.compile(mode))).to_be_enabled()
            assert await findings(page) == []
            call.hang_up()
    assert number[1:] not in page.url


@pytest.mark.long
async def test_a_supervisor_listens_whispers_and_stops_and_the_audit_knows(
    centre: Centre, desk: Desk
) -> None:
    page = desk.page
    account = await asyncio.to_thread(phone_account, centre.home, "supervisor1")
    ear = DeskPhone(centre.desk_lines, account["username"], account["password"], domain=account["domain"])
    async with ear, centre.seat("agent1") as seat, centre.caller(fresh_number()) as caller:
        await caller.answered()
        await caller.press("0")
        call = await seat.phone.ringing(20)
        await call.answer()
        await open_page(desk)
        row = page.locator('[data-test="agent-row"][data-agent="agent1"]')
        await row.get_by_role("button", name="Dengar").click()
        await expect(desk.part("hearing")).to_have_text("mendengarkan", timeout=SLOW)
        listening = await ear.ringing(30)
        await listening.answer()
        await expect(desk.part("parties")).to_contain_text("Supervisor 1: mendengarkan", timeout=SLOW)
        await row.get_by_role("button", name="Bisik").click()
        await expect(desk.part("hearing")).to_have_text("membisiki", timeout=SLOW)
        # who opens the page later sees it as well
        await page.reload()
        await expect(desk.part("hearing")).to_have_text("membisiki", timeout=SLOW)
        await desk.part("hear-stop").click()
        await listening.ended(20)
        await expect(desk.part("hearing")).to_have_count(0, timeout=SLOW)
        call_id = (await centre.agent_is("agent1", "talking"))["call_id"]
        call.hang_up()
    async with Api(centre.home.http_url, "admin1") as admin:
        told = (await admin.get(f"/audit?subject={call_id}"))["items"]
    deeds = [(one["actor"], one["action"], one["detail"].get("mode")) for one in reversed(told)]
    assert [one for one in deeds if "listen" in one[1]] == [
        ("supervisor1", "call.listen_started", "listen"),
        ("supervisor1", "call.listen_started", "whisper"),
        ("supervisor1", "call.listen_stopped", "whisper"),
    ]


async def test_a_forced_pause_is_seen_at_the_call_takers_page(
    centre: Centre, desk: Desk, second_desk: Desk
) -> None:
    page, keyboard = desk.page, desk.page.keyboard
    async with centre.seat("agent1"):
        await second_desk.sign_in("agent1", DEMO_PASSWORD)
        await second_desk.state("ready")
        await open_page(desk)
        row = page.locator('[data-test="agent-row"][data-agent="agent1"]')
        await row.get_by_role("button", name="Jeda").focus()
        await keyboard.press("Enter")
        await expect(page.get_by_role("dialog").get_by_role("button", name="Istirahat")).to_be_focused()
        await keyboard.press("Enter")
        await second_desk.state("paused")
        await expect(row).to_contain_text("Istirahat", timeout=SLOW)
        # the same button takes it back, and who works by keys has not lost their place
        await expect(row.get_by_role("button", name="Siapkan")).to_be_focused()
        # the news may come before the answer to the wish itself
        await expect(row.get_by_role("button", name="Siapkan")).to_have_attribute("aria-disabled", "false")
        await keyboard.press("Enter")
        await second_desk.state("ready")
        # what ends something asks first, and the answer at hand is no
        await row.get_by_role("button", name="Keluarkan").focus()
        await keyboard.press("Enter")
        await expect(page.get_by_role("dialog").get_by_role("button", name="Batal")).to_be_focused()
        assert await findings(page) == []
        await keyboard.press("Enter")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(row).to_have_attribute("data-state", "ready")
        await row.get_by_role("button", name="Keluarkan").click()
        await desk.part("logout-sure").click()
        await second_desk.state("logged_out")


async def test_a_waiting_caller_is_put_forward_and_sent_to_a_call_taker(centre: Centre, desk: Desk) -> None:
    await open_page(desk)
    page = desk.page
    first, second = fresh_number(), fresh_number()
    async with centre.caller(first) as one, centre.caller(second) as two:
        for caller in (one, two):
            await caller.answered()
            await caller.press("0")
        rows = desk.part("waiting-row")
        await expect(rows).to_have_count(2, timeout=SLOW)
        later = rows.filter(has_text=second[-1]).filter(has_text=f"{second[:4]}-{second[4:8]}")
        await later.get_by_role("button", name=re.compile("Ke depan")).click()
        await expect(rows.first).to_contain_text("didahulukan", timeout=SLOW)
        await expect(rows.first).to_contain_text(f"{second[:4]}-{second[4:8]}")
        await later.get_by_role("button", name=re.compile("Ke petugas")).click()
        await expect(page.get_by_role("dialog")).to_contain_text("Tidak ada petugas yang siap")
        await page.keyboard.press("Escape")


async def test_a_roster_is_made_by_keys_alone_and_says_who_is_late(centre: Centre, desk: Desk) -> None:
    now = await centre.supervisor.get("/rosters/now")
    assert now["shift"] is not None
    nobody = {"shift_date": now["shift_date"], "shift": now["shift"]["id"], "agents": []}
    await centre.supervisor.request("PUT", "/rosters", nobody)
    await open_page(desk)
    page, keyboard = desk.page, desk.page.keyboard
    views = page.locator(".segments")
    await views.get_by_role("button", name="Jadwal dinas").focus()
    await keyboard.press("Enter")
    today = page.locator(f'[data-cell="{now["shift_date"]}/{now["shift"]["id"]}"]')
    await expect(today).to_be_visible(timeout=SLOW)
    assert await findings(page) == []

    # one stop of the tab key leads into the table, arrows to the shift
    await page.locator('button.cell[tabindex="0"]').focus()
    await keyboard.press("ArrowUp")
    await keyboard.press("ArrowUp")
    shifts = (await centre.supervisor.get("/rosters"))["shifts"]
    for _ in range([one["id"] for one in shifts].index(now["shift"]["id"])):
        await keyboard.press("ArrowDown")
    await expect(today).to_be_focused()
    await keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("checkbox").first).to_be_focused()
    await keyboard.press("Space")
    assert await findings(page) == []
    await keyboard.press("Enter")
    await expect(dialog).to_have_count(0, timeout=SLOW)
    name = (await centre.supervisor.get("/rosters"))["agents"][0]["name"]
    await expect(today).to_contain_text(name)
    await expect(today).to_be_focused()

    await views.get_by_role("button", name="Sekarang").click()
    person = desk.part("duty").locator("li", has_text=name)
    await expect(person).to_contain_text(re.compile("terlambat|hadir"), timeout=SLOW)
    await centre.supervisor.request("PUT", "/rosters", nobody)
