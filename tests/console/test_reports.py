"""Incidents and the blocklist over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.conftest import Console
from tests.console.test_live import heard

NUMBER = "081234567890"
REPORT = {"place": "Jl. Pemuda 1", "description": "asap tebal", "category": "fire", "callback_number": NUMBER}


async def make(console: Console, **more: Any) -> dict[str, Any]:
    status, incident = await console.ask("POST", "/incidents", "agent1", json={**REPORT, **more})
    assert status == 201, incident
    found: dict[str, Any] = incident
    return found


async def test_the_same_key_makes_one_incident(console: Console) -> None:
    headers = {"Idempotency-Key": "abc-1"}
    first = await console.ask("POST", "/incidents", "agent1", json=REPORT, headers=headers)
    again = await console.ask("POST", "/incidents", "agent1", json=REPORT, headers=headers)
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["id"] == again[1]["id"]
    assert first[1]["number"].startswith("SMG-")


async def test_a_change_needs_the_version_that_was_seen(console: Console) -> None:
    incident = await make(console)
    path = f"/incidents/{incident['id']}"
    status, problem = await console.ask("PATCH", path, "agent1", json={"place": "x"})
    assert (status, problem["key"]) == (428, "version_required")
    status, changed = await console.ask(
        "PATCH", path, "agent1", json={"place": "x"}, headers={"If-Match": '"1"'}
    )
    assert (status, changed["version"], changed["place"]) == (200, 2, "x")
    status, problem = await console.ask(
        "PATCH", path, "agent2", json={"place": "y"}, headers={"If-Match": "1"}
    )
    assert (status, problem["key"]) == (412, "stale_version")
    status, found = await console.ask("GET", path, "agent2")
    assert (found["place"], found["description"]) == ("x", "asap tebal")


async def test_dispositions_are_added_and_the_caller_told(console: Console) -> None:
    incident = await make(console)
    path = f"/incidents/{incident['id']}/dispositions"
    status, sent = await console.ask(
        "POST", path, "dispatcher1", json={"agency": "damkar", "note": "dua unit"}
    )
    assert (status, sent["status"]) == (201, "open")
    (told,) = sent["dispositions"]
    assert (told["agency"], told["by"], told["note"], told["caller_told_at"]) == (
        "damkar",
        "dispatcher1",
        "dua unit",
        None,
    )
    status, sent = await console.ask("PATCH", f"{path}/0", "agent1", json={"caller_told": True})
    assert status == 200
    assert sent["dispositions"][0]["caller_told_at"] is not None
    assert sent["dispositions"][0]["by"] == "dispatcher1"
    for place in ("1", "-1", "x"):
        status, _ = await console.ask("PATCH", f"{path}/{place}", "agent1", json={"caller_told": True})
        assert status == 404
    status, problem = await console.ask("POST", path, "agent1", json={"agency": "nasa"})
    assert (status, problem["key"]) == (422, "unknown_agency")


async def test_pages_are_told_and_the_call_is_linked_also_later(console: Console) -> None:
    call_id = "00000000-0000-4000-8000-000000000001"
    console.bridge.errors["call.link_incident"] = ("asterisk_away", "")
    async with console.live("agent2") as socket:
        incident = await make(console, call_id=call_id)
        message = await heard(socket)
    assert message["type"] == "incident.changed"
    assert message["data"] == {key: incident[key] for key in ("id", "number", "version", "status")}
    del console.bridge.errors["call.link_incident"]
    await console.parts.bridge.linked()
    assert console.bridge.params("call.link_incident")[-1] == {
        "call_id": call_id,
        "incident_id": incident["id"],
    }


async def test_incidents_are_found_by_words_and_numbers_only_in_the_body(console: Console) -> None:
    incident = await make(console)
    await make(console, description="pohon tumbang", category=None, callback_number=None)

    async def ids(method: str, path: str, **body: Any) -> list[str]:
        status, page = await console.ask(method, path, "qc1", json=body or None)
        assert status == 200, page
        return [each["id"] for each in page["items"]]

    assert await ids("GET", "/incidents?q=asap") == [incident["id"]]
    assert await ids("GET", f"/incidents?q={incident['number']}") == [incident["id"]]
    assert await ids("GET", "/incidents?category=fire") == [incident["id"]]
    assert len(await ids("GET", "/incidents")) == 2
    assert await ids("POST", "/incidents/search", q=NUMBER) == [incident["id"]]
    for text in (NUMBER, "+62 812-3456-7890"):
        status, problem = await console.ask(
            "GET", f"/incidents?q={text.replace('+', '%2B').replace(' ', '%20')}", "qc1"
        )
        assert (status, problem["key"]) == (422, "invalid")


async def test_a_block_is_made_explained_told_and_lifted(console: Console) -> None:
    body = {"number": NUMBER, "reason": "iseng berulang", "for": "3d"}
    async with console.live("supervisor1") as socket:
        status, block = await console.ask("POST", "/blocklist", "supervisor1", json=body)
        assert status == 201
        assert (await heard(socket))["type"] == "blocklist.changed"
    assert console.bridge.params("blocks.sync")[-1] == {"keys": ["6281234567890"]}
    status, found = await console.ask(
        "POST", "/blocklist/search", "agent1", json={"number": "+62 812-3456-7890"}
    )
    assert (status, found["state"]) == (200, "blocked")
    assert "iseng berulang" in found["explanation"]["id"]
    assert found["active"][0]["id"] == block["id"]
    status, page = await console.ask("GET", "/blocklist", "admin1")
    assert [each["id"] for each in page["items"]] == [block["id"]]
    status, _ = await console.ask("DELETE", f"/blocklist/{block['id']}", "supervisor1")
    assert status == 204
    assert len(console.bridge.params("blocks.sync")) == 2
    status, found = await console.ask("POST", "/blocklist/search", "agent1", json={"number": NUMBER})
    assert found["state"] == "open"
    status, problem = await console.ask("DELETE", f"/blocklist/{block['id']}", "supervisor1")
    assert (status, problem["key"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("ending", "permanent"),
    [
        ({}, False),
        ({"permanent": True}, True),
        ({"expires_at": None}, True),
        ({"expires_at": None, "permanent": True}, True),
        ({"expires_at": None, "permanent": False, "for": "3d"}, False),
        ({"expires_at": "2999-01-01T00:00:00+07:00"}, False),
    ],
)
async def test_a_block_ends_as_told(console: Console, ending: dict[str, Any], permanent: bool) -> None:
    body = {"number": NUMBER, "reason": "iseng", **ending}
    status, block = await console.ask("POST", "/blocklist", "supervisor1", json=body)
    assert status == 201
    assert (block["expires_at"] is None) == permanent


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"number": "anonymous", "reason": "x"}, "bad_number"),
        ({"number": "911-123456789012345", "reason": "x"}, "bad_number"),
        ({"number": NUMBER, "reason": "x", "expires_at": "2001-01-01T00:00:00Z"}, "bad_expiry"),
        ({"number": NUMBER, "reason": "  "}, "invalid"),
        ({"number": NUMBER, "reason": "x", "for": "selamanya"}, "invalid"),
        ({"number": NUMBER, "reason": "x", "for": "3d", "permanent": True}, "invalid"),
        ({"number": NUMBER, "reason": "x", "for": "3d", "expires_at": "2999-01-01T00:00:00Z"}, "invalid"),
        (
            {"number": NUMBER, "reason": "x", "permanent": True, "expires_at": "2999-01-01T00:00:00Z"},
            "invalid",
        ),
    ],
)
async def test_a_wrong_block_is_refused(console: Console, body: dict[str, Any], key: str) -> None:
    status, problem = await console.ask("POST", "/blocklist", "supervisor1", json=body)
    assert (status, problem["key"]) == (422, key)


async def test_a_block_until_the_calendars_last_second_is_explained(console: Console) -> None:
    body = {"number": NUMBER, "reason": "iseng", "expires_at": "9999-12-31T23:59:59Z"}
    assert (await console.ask("POST", "/blocklist", "supervisor1", json=body))[0] == 201
    status, found = await console.ask("POST", "/blocklist/search", "agent1", json={"number": NUMBER})
    assert (status, found["state"]) == (200, "blocked")
    assert "hingga 31-12-9999 23.59 UTC" in found["explanation"]["id"]


OUTSIDE = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")  # carried out by the offset alone


@pytest.mark.parametrize("moment", OUTSIDE)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/calls/search", {"from": None}),
        ("/calls/search", {"to": None}),
        ("/incidents/search", {"from": None}),
        ("/incidents/search", {"to": None}),
        ("/blocklist", {"expires_at": None, "number": NUMBER, "reason": "x"}),
    ],
)
async def test_a_time_outside_the_calendar_is_refused(
    console: Console, path: str, body: dict[str, Any], moment: str
) -> None:
    sent = {name: moment if value is None else value for name, value in body.items()}
    status, problem = await console.ask("POST", path, "supervisor1", json=sent)
    assert (status, problem["key"]) == (422, "invalid")
    assert [each["where"] for each in problem["errors"]] == [next(iter(body))]


async def test_a_block_holds_also_while_the_bridge_is_away(console: Console) -> None:
    await console.bridge.stop()
    status, _ = await console.ask(
        "POST", "/blocklist", "supervisor1", json={"number": NUMBER, "reason": "iseng"}
    )
    assert status == 201  # SQL is the truth; the bridge reconciles when it is back
