"""The link by which a caller sends where they are: for one call, half an hour, and nothing in any log."""

from __future__ import annotations

from typing import Any

import pytest

from console.routes.locations import LINKS
from console.visibility import Sight, masked, sight
from psap.accounts.model import Role
from psap.platform.clock import FixedClock
from psap.platform.events import Event, EventType
from tests.console.conftest import Console, person
from tests.console.test_calls import call, record

HERE = {"latitude": -6.9718, "longitude": 110.4246, "radius_m": 18.5}


async def link_of(console: Console, who: str = "agent1") -> dict[str, Any]:
    await record(console, call(1))
    status, made = await console.ask("POST", f"/calls/{call(1).id}/location-link", who)
    assert status == 201, made
    assert isinstance(made, dict)
    return made


async def send(console: Console, token: str, **more: Any) -> tuple[int, Any]:
    """What a stranger's telephone posts: no session, no Origin of ours."""
    return await console.ask("POST", "/shared-location", json={"token": token, **HERE, **more})


async def test_the_agent_of_the_call_gets_a_link_others_do_not(console: Console) -> None:
    made = await link_of(console)
    assert made["url"] == console.origin + made["path"]
    assert made["secure"] is True  # 127.0.0.1: browsers take it for safe
    for who, wanted in (("agent2", 403), ("dispatcher1", 403), ("qc1", 403), ("supervisor1", 201)):
        status, _ = await console.ask("POST", f"/calls/{call(1).id}/location-link", who)
        assert status == wanted, who
    status, _ = await console.ask("POST", f"/calls/{call(2).id}/location-link", "agent1")
    assert status == 404
    console.parts.settings.public_url = "http://112.kota.example/"
    made = await link_of(console)
    assert made["url"] == "http://112.kota.example" + made["path"]
    assert made["secure"] is False


async def test_only_a_hash_is_kept_and_no_log_has_the_token(
    console: Console, capfd: pytest.CaptureFixture[str]
) -> None:
    made = await link_of(console)
    token = made["path"].rsplit("/", 1)[1]
    async with console.http.get(console.origin + made["path"]) as page:
        assert page.status == 200
    console.bridge.answers["call.locate"] = {}
    assert (await send(console, token))[0] == 200
    assert token not in await console.stored()
    out, err = capfd.readouterr()
    assert token not in out + err
    assert "/shared-location" in out + err  # it was logged, as a template


async def test_what_the_telephone_sends_reaches_the_call_as_often_as_it_moves(console: Console) -> None:
    token = (await link_of(console))["path"].rsplit("/", 1)[1]
    console.bridge.answers["call.locate"] = {}
    assert (await send(console, token))[0] == 200
    # typed by hand: capitals and a dash are forgiven
    assert (await send(console, f"{token[:4]}-{token[4:]}".upper(), latitude=-6.98, radius_m=None))[0] == 200
    assert console.bridge.params("call.locate") == [
        {"call_id": call(1).id, **HERE},
        {"call_id": call(1).id, **HERE, "latitude": -6.98, "radius_m": None},
    ]
    console.bridge.errors["call.locate"] = ("not_found", "no call")
    assert (await send(console, token))[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {"latitude": 91},
        {"latitude": "nan"},
        {"longitude": 181},
        {"radius_m": -1},
        {"radius_m": 1e12},
        {"latitude": None},
        {"more": 1},
        {"token": ""},
    ],
)
async def test_what_is_no_place_is_refused(console: Console, body: dict[str, Any]) -> None:
    token = (await link_of(console))["path"].rsplit("/", 1)[1]
    status, problem = await send(console, **{"token": token, **body})
    assert (status, problem["key"]) == (422, "invalid")
    assert console.bridge.params("call.locate") == []


async def test_a_wrong_or_old_link_says_how_to_call_112(console: Console) -> None:
    made = await link_of(console)
    token = made["path"].rsplit("/", 1)[1]
    clock = console.parts.clock
    late = FixedClock(clock.now_us() + 31 * 60_000_000)
    for wrong in (
        "aaaabbbbcccc",
        token[:-1],
        token + "a",
        "../../etc/passwd",
        "%00",
        "x" * 64,
        "\u0660" * 12,
    ):
        status, problem = await send(console, wrong)
        assert (status, problem["key"]) == (410, "link_over"), wrong
        assert "112" in problem["detail"]
    app = console.server.app
    app[LINKS].links._clock = late
    assert (await send(console, token))[0] == 410
    async with console.http.get(console.origin + made["path"]) as page:
        assert page.status == 410
        text = await page.text()
    assert "tel:112" in text
    assert "hubungi 112" in text
    assert "button" not in text


async def test_the_page_may_ask_for_the_place_the_rest_of_the_console_may_not(console: Console) -> None:
    made = await link_of(console)
    async with console.http.get(console.origin + made["path"]) as page:
        text, headers = await page.text(), page.headers
    assert "geolocation=(self)" in headers["Permissions-Policy"]
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Kota Semarang" in text
    assert call(1).id not in text  # nothing of the call
    assert "<script>" not in text
    assert "style=" not in text
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        async with console.http.get(f"{console.origin}/l-page/{name}") as file:
            assert (file.status, file.content_type) == (200, kind)
    async with console.http.get(f"{console.origin}/l-page/..%2f..%2fapp.py") as file:
        assert file.status == 404
    async with console.http.get(console.origin + "/") as other:
        assert "geolocation=()" in other.headers["Permissions-Policy"]


async def test_guessing_is_slowed_down_and_hurts_nobody_else(console: Console) -> None:
    token = (await link_of(console))["path"].rsplit("/", 1)[1]
    console.bridge.answers["call.locate"] = {}
    answers = [(await send(console, "aaaabbbbcccc"))[0] for _ in range(62)]
    assert answers[0] == 410
    assert answers[-1] == 429
    assert (await send(console, token))[0] == 200  # of the same address: many telephones share one
    for _ in range(30):
        status, _ = await send(console, token)
    assert status == 429  # one link, too often


def test_where_somebody_else_s_caller_is_stays_hidden() -> None:
    place = {**HERE, "source": "shared", "at": "2026-01-01T00:00:00+00:00"}
    event = Event(EventType.CALL_LOCATED, 0, {"call_id": "c", "agent": "agent1", "location": place})
    assert sight(event, person("agent1")) is Sight.FULL
    assert sight(event, person("supervisor1", Role.SUPERVISOR)) is Sight.FULL
    assert sight(event, person("agent2")) is Sight.MASKED
    assert sight(event, person("qc1", Role.QC)) is Sight.NONE
    assert masked(event.data)["location"] is None
    assert masked({"call": {"id": "c", "location": place}})["call"]["location"] is None


async def test_without_the_bridge_the_page_is_told(console: Console) -> None:
    token = (await link_of(console))["path"].rsplit("/", 1)[1]
    await console.bridge.stop()
    status, problem = await send(console, token)
    assert (status, problem["key"]) == (503, "bridge_away")
