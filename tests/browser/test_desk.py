"""The call taker's desk in a real browser, with a real call: from sign-in to the incident log."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.async_api import expect

from tests.browser.desk import Desk
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = pytest.mark.browser


async def test_a_call_from_pop_to_log(centre: Centre, desk: Desk) -> None:
    number = fresh_number()
    shown = f"{number[:4]}-{number[4:8]}-{number[8:]}"
    page = desk.page
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.state("ready")

        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(8)
            await desk.phase("ringing", 2)
            await expect(desk.part("number")).to_have_text(shown)
            await expect(desk.part("announce")).to_contain_text("Panggilan berdering")
            await call.answer()
            await desk.phase("talking")

            # the cursor is where the SOP begins; keys alone carry the rest
            await expect(desk.input("place")).to_be_focused()
            await page.keyboard.type("Jl. Gajah Mada, seberang Pasar Johar")
            await page.keyboard.press("Tab")
            await page.keyboard.type("pintu timur <b>&amp;")
            await page.keyboard.press("Alt+2")
            await page.keyboard.press("1")
            await page.keyboard.press("Alt+3")
            await page.keyboard.type("Kios kain terbakar")
            await desk.saved()
            report = await desk.part("report-number").inner_text()
            assert re.fullmatch(r"SMG-\d{4}-\d{6}", report)

            # a reload in mid-call, in mid-word: the last keystrokes were never sent
            await page.keyboard.type(", dua orang di lantai dua")
            await page.reload()
            await desk.phase("talking")
            await expect(desk.part("number")).to_have_text(shown)
            await expect(desk.input("place")).to_have_value("Jl. Gajah Mada, seberang Pasar Johar")
            await expect(desk.input("landmark")).to_have_value("pintu timur <b>&amp;")
            await expect(desk.input("description")).to_have_value(
                "Kios kain terbakar, dua orang di lantai dua"
            )
            await expect(page.locator('[role="radio"][aria-checked="true"]')).to_have_attribute(
                "data-category", "fire"
            )
            await desk.saved()

            await page.keyboard.press("F8")
            await desk.part("dispo").get_by_label("Dinas Pemadam Kebakaran").check()
            await desk.part("dispo").get_by_label("Pelapor sudah diberi tahu").check()
            await desk.part("dispo-send").click()
            await expect(desk.part("sent")).to_contain_text("Dinas Pemadam Kebakaran")
            await expect(desk.part("class-other")).to_contain_text("Darurat")

            await desk.part("end").click()
            await call.ended(5)
        await desk.phase("ended")
        await desk.part("close").click()
        await expect(page.get_by_text("Belum ada laporan")).to_be_visible()

    record = await centre.record(number)
    assert (record["classification"], record["classified_by"]) == ("emergency", "agent1")
    assert record["ended_by"] == "agent"
    incident = await centre.supervisor.get(f"/incidents/{record['incident_id']}")
    assert (incident["number"], incident["category"], incident["landmark"]) == (
        report,
        "fire",
        "pintu timur <b>&amp;",
    )
    assert incident["dispositions"][0]["agency"] == "damkar"
    assert incident["dispositions"][0]["caller_told_at"] is not None

    await page.get_by_role("link", name="Catatan").click()
    await desk.part("log-search").fill("pasar johar")
    await page.get_by_role("link", name=report).click()
    await expect(page.get_by_text("Kios kain terbakar, dua orang di lantai dua")).to_be_visible()
    await page.get_by_role("link", name="Lihat panggilan").click()
    await expect(page.get_by_role("heading", name=shown)).to_be_visible()
    assert number[1:] not in page.url


async def test_a_prank_is_marked_and_ended_with_one_key(centre: Centre, desk: Desk) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(8)
            await call.answer()
            await desk.phase("talking")
            await desk.page.keyboard.press("F7")
            await call.ended(5)
        await desk.phase("ended")
    record = await centre.record(number)
    assert (record["classification"], record["ended_by"]) == ("prank", "agent")


async def test_a_caller_who_leaves_while_ringing_takes_the_pop_along(centre: Centre, desk: Desk) -> None:
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(None) as caller:
            await caller.answered()
            await caller.press("0")
            await seat.phone.ringing(8)
            await desk.phase("ringing", 2)
            await expect(desk.part("number")).to_have_text(re.compile("Nomor disembunyikan|Tanpa nomor"))
        await desk.phase("lost")
        await expect(desk.page.get_by_text("Belum ada laporan")).to_be_visible()


async def test_a_hung_console_loses_no_word(centre: Centre, desk: Desk) -> None:
    number = fresh_number()
    console = centre.home.pid("console")
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(8)
            await call.answer()
            await desk.phase("talking")
            await expect(desk.input("place")).to_be_focused()
            os.kill(console, signal.SIGSTOP)
            try:
                await desk.page.keyboard.type("Jl. Pandanaran 5")
                await expect(desk.part("report")).to_have_attribute("data-save", "failed", timeout=12_000)
                await expect(desk.part("banner")).to_have_attribute("data-what", "server", timeout=25_000)
            finally:
                os.kill(console, signal.SIGCONT)
            await expect(desk.part("report")).to_have_attribute("data-save", "saved", timeout=20_000)
            await expect(desk.part("banner")).to_have_count(0)
    record = await centre.record(number)
    incidents = (await centre.supervisor.post("/incidents/search", {"call_id": record["id"]}))["items"]
    assert [incident["place"] for incident in incidents] == ["Jl. Pandanaran 5"]


async def test_pause_needs_a_reason_and_shows_it(centre: Centre, desk: Desk) -> None:
    async with centre.seat("agent1"):
        await desk.sign_in("agent1", DEMO_PASSWORD)
        await desk.state("ready")
        await desk.part("pause").click()
        await desk.page.get_by_role("menuitem", name="Ibadah").click()
        await desk.state("paused")
        await expect(desk.part("my-state")).to_contain_text("Ibadah")
        await desk.part("ready").click()
        await desk.state("ready")


async def test_wrong_password_and_english(desk: Desk) -> None:
    page = desk.page
    await page.get_by_role("button", name="English").click()
    await page.get_by_label("User name").fill("agent1")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    assert await page.locator("html").get_attribute("lang") == "en"
