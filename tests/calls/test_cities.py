"""Every city comes up with its own profile and takes a call by its own rules."""

from __future__ import annotations

import asyncio
import contextlib
import tomllib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from psap.platform.settings import ROOT
from tests.support.api import ApiError
from tests.support.centre import Centre, fresh_number
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]

ZONES = {
    "semarang": "Asia/Jakarta",
    "bogor": "Asia/Jakarta",
    "pekalongan": "Asia/Jakarta",
    "ambon": "Asia/Jayapura",
}
BLOCKED_ENDS = {"bogor"}  # S2: "diblokir dan tidak dapat menelepon lagi"; elsewhere nobody is locked out
IMEI = "356938035643809"


OTHERS = [pytest.param(city, marks=pytest.mark.long) for city in ("bogor", "pekalongan")]


@pytest.mark.parametrize("city", ["semarang", "ambon", *OTHERS])
async def test_a_city_takes_a_call_by_its_own_rules(city: str, tmp_path: Path) -> None:
    written = tomllib.loads((ROOT / "profiles" / f"{city}.toml").read_text("utf-8"))
    home = Home(tmp_path / "home", profile=city, env={"PSAP_TIMER_SCALE": "0.2"})
    try:
        await asyncio.to_thread(home.start)
        async with AsyncExitStack() as stack:
            centre = Centre(home, stack)
            await centre.open()
            async with asyncio.TaskGroup() as group:
                group.create_task(_its_own_words(centre, written))
                group.create_task(_a_blocked_caller(centre, city))
                group.create_task(_landline_and_no_sim(centre, written["area_code"]))
                group.create_task(_a_conversation_and_an_incident(centre, written))
    except BaseException:
        print(home.logs())
        raise
    finally:
        await asyncio.to_thread(home.stop)


async def _its_own_words(centre: Centre, written: dict[str, Any]) -> None:
    """What the page gets is what the file says, and nothing of another city."""
    shown = await centre.supervisor.get("/profile")
    assert (shown["site"], shown["name"]) == (written["site"], written["name"])
    assert shown["timezone"] == ZONES[written["site"]] == written["timezone"]
    for table in ("agencies", "categories", "shifts"):
        assert [item["id"] for item in shown[table]] == [item["id"] for item in written[table]]
    assert [item["name"] for item in shown["categories"]] == [item["name"] for item in written["categories"]]
    assert [_clock(item["start"]) for item in shown["shifts"]] == [
        _clock(item["start"]) for item in written["shifts"]
    ]


def _clock(text: str) -> str:
    return text.replace(".", ":")[:5]


async def _a_blocked_caller(centre: Centre, city: str) -> None:
    number = fresh_number()
    await centre.supervisor.post("/blocklist", {"number": number, "reason": "uji", "for": "1h"})
    async with centre.caller(number) as caller:
        at = await caller.answered()
        if city in BLOCKED_ENDS:
            # told so, and ended: nobody hears why in the middle of a word
            ended = await caller.ended(20)
            assert ended.by == "callee"
            assert ended.at - at > 1
        else:
            await centre.live.wait("*", number=number)
    record = await centre.record(number)
    if city in BLOCKED_ENDS:
        assert (record["ending"], record["ended_by"]) == ("blocked", "system")
        assert record["gate"]["result"] == "blocked"
        assert record["policy"]["decision"] == "announce"
    else:
        assert record["ending"] == "abandoned_in_gate"
        assert record["policy"]["decision"] == "challenge"


async def _landline_and_no_sim(centre: Centre, area_code: str) -> None:
    """Ambon's own 0911 looks much like the 911 of a telephone without a SIM."""
    landline = f"{area_code}{fresh_number()[-6:].replace('0', '3')}"
    simless = f"911-{IMEI}"
    # the longest that could be taken for one: an area code and as many digits as a landline has
    for number, kind in ((landline, "landline"), (simless, "simless"), (f"911{IMEI}", "simless")):
        async with centre.caller(number) as caller:
            await caller.answered()
        record = await _newest_of_kind(centre, kind, number)
        assert record["caller"]["e164"] == (f"+62{number[1:]}" if kind == "landline" else None)
        assert record["ending"] == "abandoned_in_gate"


async def _newest_of_kind(centre: Centre, kind: str, number: str) -> dict[str, Any]:
    ended = await centre.live.wait(
        "call.ended",
        where=lambda data: (data["call"]["caller"] or {}).get("number") == number,
    )
    record: dict[str, Any] = {"ending": None}
    async with asyncio.timeout(10):
        while record["ending"] is None:  # the word may be a moment ahead of the database
            with contextlib.suppress(ApiError):
                record = await centre.supervisor.get(f"/calls/{ended.data['call']['id']}")
            await asyncio.sleep(0.02)
    assert record["caller"]["kind"] == kind, record["caller"]
    return record


async def _a_conversation_and_an_incident(centre: Centre, written: dict[str, Any]) -> None:
    """A call is talked and goes on record with the city's own category and agencies."""
    number = fresh_number()
    category = written["categories"][0]
    async with centre.seat("agent1", answer_after=0.1) as seat, centre.caller(number) as caller:
        await caller.answered()
        await caller.press("0")
        answered = await centre.live.wait("call.answered", number=number)
        incident = await seat.api.post(
            "/incidents",
            {"call_id": answered.data["call_id"], "category": category["id"]},
        )
        caller.hang_up()
        record = await centre.record(number)
    assert (record["site"], record["ending"], record["agent"]) == (written["site"], "answered", "agent1")
    assert incident["number"].startswith(written["code"]), incident["number"]
    assert incident["category"] == category["id"]
