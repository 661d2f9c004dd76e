"""A whole report by keyboard alone, on a real call; a reload in the middle; two calls that never mix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.axe import findings
from tests.browser.desk import Desk
from tests.browser.film import filmed
from tests.support.centre import Centre, fresh_number
from tests.support.home import DEMO_PASSWORD

pytestmark = pytest.mark.browser


async def sign_in_by_keys(desk: Desk) -> None:
    """Name, Tab, password, Enter."""
    await desk.page.get_by_label("Nama pengguna").focus()
    for words in ("agent1", "Tab", DEMO_PASSWORD, "Enter"):
        await (desk.page.keyboard.press if words in ("Tab", "Enter") else desk.page.keyboard.type)(words)
    await expect(desk.part("desk")).to_be_visible()


async def test_a_whole_report_by_keyboard_alone(centre: Centre, desk: Desk, tmp_path: Path) -> None:
    number = fresh_number()
    page, keys = desk.page, desk.page.keyboard
    async with centre.seat("agent1") as seat, filmed(page, tmp_path / "report.avi") as film:
        await sign_in_by_keys(desk)
        await desk.state("ready")
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(20)
            await call.answer()
            await desk.phase("talking", 20)

            # 1 where: two words, an arrow, Enter; then the pin by arrows
            await expect(desk.input("place")).to_be_focused()
            await keys.type("pasar joh", delay=30)
            offered = page.get_by_role("option", name="Pasar Johar")
            # in the list for the whole of it: in one for fewer letters it may be the second
            await expect(page.get_by_role("option").first).to_contain_text("Pasar Johar", timeout=20_000)
            await keys.press("ArrowDown")
            await expect(offered).to_have_attribute("aria-selected", "true")
            await keys.press("Enter")
            await expect(desk.input("place")).to_have_value("Pasar Johar")
            await expect(desk.input("district")).to_have_value("Semarang Tengah")
            await expect(desk.part("pin-told")).to_contain_text(
                "Pasar Johar · dari pencarian", timeout=20_000
            )
            await keys.press("End")
            await keys.type(", kios 12")
            await keys.press("Tab")
            await expect(desk.input("landmark")).to_be_focused()
            await keys.type("pintu timur")
            await expect(desk.part("map")).to_have_attribute("data-engine", "plain", timeout=20_000)
            await keys.press("Alt+P")
            await expect(desk.part("map")).to_be_focused()
            for _ in range(3):
                await keys.press("Shift+ArrowRight")
            await keys.press("ArrowUp")
            await expect(desk.part("pin-told")).to_contain_text("pin petugas")
            # 2 what, 3 what happened with the guide's questions
            await keys.press("Alt+2")
            await keys.press("1")
            await keys.press("Alt+3")
            await keys.type("Kios kain terbakar")
            await keys.press("Tab")
            await keys.type("kain")
            await desk.saved()
            report = await desk.part("report-number").inner_text()
            assert re.fullmatch(r"SMG-\d{4}-\d{6}", report)

            # a reload in mid-call, in mid-word: the last keystrokes were never sent
            await keys.press("Alt+3")
            await keys.press("End")
            await keys.type(", api besar")
            await page.reload()
            await desk.phase("talking", 20)
            await expect(desk.input("description")).to_have_value("Kios kain terbakar, api besar")
            await expect(desk.input("place")).to_have_value("Pasar Johar, kios 12")
            await expect(desk.input("answer-0")).to_have_value("kain")
            await expect(desk.part("pin-told")).to_contain_text("pin petugas", timeout=20_000)
            await expect(desk.part("report-number")).to_have_text(report)

            # 4 how many, who is hurt, danger; 5 name and number back
            await keys.press("Alt+4")
            for words in ("3", "2 sesak napas", "kabel listrik", "Bu Yuli"):
                await keys.type(words)
                await keys.press("Tab")
            await expect(desk.input("callback_number")).to_be_focused()
            await keys.press("Tab")
            await keys.press("Enter")  # the caller's own number
            await expect(desk.input("callback_number")).to_be_focused()
            await desk.saved()
            assert await findings(page) == []

            # disposition: the first agency is what the category suggests
            await keys.press("F8")
            await expect(desk.part("dispo").get_by_label("Dinas Pemadam Kebakaran")).to_be_focused()
            await keys.press("1")
            await keys.press("Control+Enter")
            await expect(desk.part("sent")).to_contain_text("Dinas Pemadam Kebakaran")
            call.hang_up()
        await desk.phase("ended", 20)

        # the SOP's last step: somebody was sent, so what the caller was told is asked for
        await keys.press("Alt+W")
        await expect(desk.part("closing")).to_be_visible()
        await keys.press("1")
        await expect(desk.part("closing").get_by_label("Apa yang disampaikan")).to_have_value(
            re.compile("menuju lokasi")
        )
        await keys.press("Control+Enter")
        await expect(page.get_by_text("Belum ada laporan")).to_be_visible()

    assert len(film.pictures) > 10
    assert (tmp_path / "report.avi").stat().st_size > 50_000
    incident = await centre.supervisor.get(f"/incidents/{(await centre.record(number))['incident_id']}")
    assert {
        name: incident[name] for name in ("number", "place", "landmark", "category", "people", "injured")
    } == {
        "number": report,
        "place": "Pasar Johar, kios 12",
        "landmark": "pintu timur",
        "category": "fire",
        "people": "3",
        "injured": "2 sesak napas",
    }
    assert (incident["located_by"], incident["radius_m"]) == ("pin", None)
    assert incident["answers"] == {"Apa yang terbakar?": "kain"}
    assert incident["callback_number"] == number
    assert incident["closing"]["told"] is True
    assert "menuju lokasi" in incident["closing"]["what"]
    # and whoever looks later reads all of it
    await page.goto(f"{desk.url}/#/catatan/{incident['id']}")
    for words in ("kain", "menuju lokasi", "pin petugas", "2 sesak napas"):
        await expect(page.get_by_text(words).last).to_be_visible()
    johar = (await centre.supervisor.post("/places/search", {"text": "Pasar Johar"}))["items"][0]
    east = (
        (incident["longitude"] - johar["longitude"]) * 111_320 * 0.9926
    )  # the cosine of Semarang's latitude
    assert east == pytest.approx(300, abs=3)
    assert (incident["latitude"] - johar["latitude"]) * 111_320 == pytest.approx(10, abs=1)


async def test_two_calls_in_a_row_never_mix(centre: Centre, desk: Desk) -> None:
    numbers = [fresh_number(), fresh_number()]
    keys = desk.page.keyboard
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        for turn, number in enumerate(numbers):
            async with centre.caller(number) as caller:
                await caller.answered()
                await caller.press("0")
                call = await seat.phone.ringing(40)
                await call.answer()
                await desk.phase("talking", 20)
                await expect(desk.input("place")).to_be_focused()
                await expect(desk.input("place")).to_have_value("")
                await expect(desk.input("description")).to_have_value("")
                await keys.type(f"Jl. Pemuda {turn}")
                await keys.press("Alt+3")
                # the first caller is cut off in the middle of a word, and the next one comes at once
                await keys.type(f"laporan nomor {turn} belum sele")
                call.hang_up()
            await desk.phase("ended", 20)
            await keys.type("sai")
            await expect(desk.input("description")).to_have_value(f"laporan nomor {turn} belum selesai")
            await desk.saved()
    for turn, number in enumerate(numbers):
        record = await centre.record(number)
        incident = await centre.supervisor.get(f"/incidents/{record['incident_id']}")
        assert (incident["place"], incident["description"]) == (
            f"Jl. Pemuda {turn}",
            f"laporan nomor {turn} belum selesai",
        )


async def test_the_same_fire_is_offered_and_joined(centre: Centre, desk: Desk) -> None:
    """A second caller about one fire: offered with its reason, refused once and for all, joined, parted."""
    station = (await centre.supervisor.post("/places/search", {"text": "Stasiun Semarang Tawang"}))["items"][
        0
    ]
    place = {"latitude": station["latitude"], "longitude": station["longitude"], "located_by": "gazetteer"}
    keys, strip = desk.page.keyboard, desk.part("similar")
    async with centre.seat("agent1") as seat:

        async def reported(category: str, name: str) -> str:
            """Another call taker's report of this minute; its number."""
            body = {"category": category, "place": name, "status": "open", **place}
            number: str = (await seat.api.post("/incidents", body))["number"]
            return number

        other_kind = await reported("animal", "Stasiun Tawang, ular di peron")
        same = await reported("fire", "Stasiun Tawang")
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(fresh_number()) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(20)
            await call.answer()
            await desk.phase("talking", 20)
            await keys.type("stasiun tawang", delay=20)
            await expect(desk.page.get_by_role("option").first).to_contain_text("Tawang", timeout=20_000)
            await keys.press("ArrowDown")
            await keys.press("Enter")
            strip_place = await desk.part("strip").bounding_box()
            await keys.press("Alt+2")
            await keys.press("1")
            await expect(strip).to_contain_text(same, timeout=20_000)
            await expect(strip).to_contain_text("Karena")
            await expect(strip).not_to_contain_text(other_kind)
            assert await desk.part("strip").bounding_box() == strip_place

            # another event: never offered again for this report, also after a reload
            await keys.press("Alt+B")
            await expect(desk.part("strip")).not_to_contain_text(same)
            await desk.page.reload()
            await desk.phase("talking", 20)
            await desk.saved()
            third = await reported("fire", "Stasiun Tawang, atap")
            await expect(strip).to_contain_text(third, timeout=20_000)

            await keys.press("Alt+G")
            await expect(desk.part("linked")).to_contain_text(f"Tergabung dengan {third}")
            await expect(strip).to_have_count(0)
            await desk.part("part").click()
            await expect(strip).to_contain_text(third, timeout=20_000)
            await keys.press("Alt+G")
            await expect(desk.part("linked")).to_be_visible()
            call_id = await desk.part("report").get_attribute("data-call")
    found = (await centre.supervisor.post("/incidents/search", {"call_id": call_id}))["items"][0]
    first = await centre.supervisor.get(f"/incidents/{found['linked_to']}")
    assert first["number"] == third


@pytest.mark.long
async def test_the_report_goes_with_the_caller(centre: Centre, desk: Desk) -> None:
    """Who gets the caller handed over finds the form as it was written, and goes on in the same report."""
    number = fresh_number()
    browser = desk.page.context.browser
    assert browser is not None
    other = await Desk.open(browser, desk.url)
    async with centre.seat("agent1") as seat:
        await desk.sign_in("agent1", DEMO_PASSWORD)
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(20)
            await call.answer()
            await desk.phase("talking", 20)
            await desk.page.keyboard.type("Jl. Pandanaran 5")
            await desk.saved()
            report = await desk.part("report-number").inner_text()
            call_id = await desk.part("report").get_attribute("data-call")
            async with centre.seat("agent2") as next_seat:
                await other.sign_in("agent2", DEMO_PASSWORD)
                to = {"kind": "agent", "id": "agent2"}
                await seat.api.post(f"/calls/{call_id}/transfer", {"to": to, "how": "cold"})
                theirs = await next_seat.phone.ringing(20)
                await theirs.answer()
                await other.phase("talking", 20)
                await expect(other.input("place")).to_have_value("Jl. Pandanaran 5", timeout=20_000)
                await expect(other.part("report-number")).to_have_text(report)
                await other.page.keyboard.press("Alt+3")
                await other.page.keyboard.type("atap roboh")
                await other.saved()
                theirs.hang_up()
    found = (await centre.supervisor.post("/incidents/search", {"call_id": call_id}))["items"]
    assert [(each["number"], each["place"], each["description"]) for each in found] == [
        (report, "Jl. Pandanaran 5", "atap roboh")
    ]
    assert other.complaints == []
