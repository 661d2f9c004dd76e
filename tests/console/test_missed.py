"""Missed calls over HTTP: whose number is shown to whom, who may take what, what the bridge is asked."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from psap.calls.model import Caller, CallerKind, Ending, Flag
from psap.missed import service
from psap.platform.audit import read_audit
from tests.console.conftest import Console
from tests.console.test_calls import NUMBER, call, record

MASKED = "0812***90"


async def lost(console: Console, n: int = 1, **more: Any) -> dict[str, Any]:
    """An entry of the list, as the supervisor sees it."""
    now = console.parts.clock.now_us()
    await record(console, call(n, ending=Ending.ABANDONED_IN_QUEUE, started_at=now, **more))
    async with console.parts.database.write() as connection:
        (entry,), _ = await service.derive(connection, console.parts.site, now)
    _, found = await console.ask("GET", f"/missed/{entry.id}", "supervisor1")
    return dict(found)


def with_a_way_out(console: Console) -> None:
    console.parts.settings.trunk_proxy = "127.0.0.3:5060"


async def test_a_call_taker_sees_a_number_whole_once_it_is_theirs(console: Console) -> None:
    entry = await lost(console)
    assert entry["caller"]["number"] == NUMBER
    assert entry["history"]["calls_total"] == 1
    assert entry["calls"] == [entry["last"]["call_id"]]
    for who, number in (("agent1", MASKED), ("dispatcher1", NUMBER), ("admin1", NUMBER)):
        status, page = await console.ask("GET", "/missed", who)
        assert (status, page["items"][0]["caller"]["number"]) == (200, number), who
    status, page = await console.ask("GET", f"/missed/{entry['id']}", "agent1")
    assert (page["caller"]["number"], page["history"]) == (MASKED, None)
    assert NUMBER[2:] not in str(page)
    status, mine = await console.ask("POST", f"/missed/{entry['id']}/claim", "agent1")
    assert (status, mine["status"], mine["caller"]["number"]) == (200, "claimed", NUMBER)
    _, page = await console.ask("GET", f"/missed/{entry['id']}", "agent1")
    assert (page["caller"]["number"], page["history"]["calls_total"]) == (NUMBER, 1)
    _, page = await console.ask("GET", "/missed", "agent2")
    assert page["items"][0]["caller"]["number"] == MASKED
    assert page["items"][0]["claimed_by"] == "agent1"


async def test_of_two_claims_one_is_told_who_has_it(console: Console) -> None:
    entry = await lost(console)
    asked = (console.ask("POST", f"/missed/{entry['id']}/claim", who) for who in ("agent1", "agent2"))
    answers = await asyncio.gather(*asked)
    assert sorted(status for status, _ in answers) == [200, 409]
    taken = next(body for status, body in answers if status == 200)
    refused = next(body for status, body in answers if status == 409)
    assert refused["key"] == "claimed"
    assert taken["claimed_by"] in refused["detail"]


async def test_the_click_asks_the_bridge_once_and_hands_its_refusal_on(console: Console) -> None:
    with_a_way_out(console)
    entry = await lost(console, flags=[Flag.CANNOT_SPEAK])
    assert entry["needs_confirmation"]
    console.bridge.errors["call_back.start"] = ("confirm_needed", "may hide")
    status, problem = await console.ask("POST", f"/missed/{entry['id']}/call", "agent1")
    assert (status, problem["key"]) == (409, "confirm_needed")
    console.bridge.errors.clear()
    console.bridge.answers["call_back.start"] = {"id": entry["id"]}
    status, _ = await console.ask("POST", f"/missed/{entry['id']}/call", "agent1", json={"confirm": True})
    assert status == 202
    wanted = {"missed_id": entry["id"], "agent": "agent1"}
    assert console.bridge.params("call_back.start") == [
        wanted | {"confirm": False},
        wanted | {"confirm": True},
    ]


async def test_without_a_way_out_the_problem_names_the_setting(console: Console) -> None:
    entry = await lost(console)
    status, problem = await console.ask("POST", f"/missed/{entry['id']}/call", "agent1")
    assert (status, problem["key"]) == (503, "no_trunk")
    assert "PSAP_TRUNK_PROXY" in problem["detail"]
    assert console.bridge.params("call_back.start") == []


async def test_a_person_closes_and_a_supervisor_frees_what_somebody_holds(console: Console) -> None:
    entry = await lost(console)
    await console.ask("POST", f"/missed/{entry['id']}/claim", "agent1")
    for what, body in (("release", None), ("close", {"result": "not_needed"})):
        status, problem = await console.ask("POST", f"/missed/{entry['id']}/{what}", "agent2", json=body)
        assert (status, problem["key"]) == (409, "claimed")
    status, freed = await console.ask("POST", f"/missed/{entry['id']}/release", "supervisor1")
    assert (status, freed["status"], freed["claimed_by"]) == (200, "open", None)
    for wrong in ("answered", "resolved", "x"):
        status, _ = await console.ask(
            "POST", f"/missed/{entry['id']}/close", "agent2", json={"result": wrong}
        )
        assert status == 422
    body = {"result": "reached", "note": "lewat RT"}
    status, done = await console.ask("POST", f"/missed/{entry['id']}/close", "agent2", json=body)
    assert (status, done["status"], done["result"], done["closed_by"]) == (200, "closed", "reached", "agent2")
    assert (await console.ask("GET", "/missed", "agent2"))[1]["items"] == []
    _, closed = await console.ask("GET", "/missed?status=closed", "supervisor1")
    assert [(one["id"], one["note"]) for one in closed["items"]] == [(entry["id"], "lewat RT")]
    status, problem = await console.ask("POST", f"/missed/{entry['id']}/claim", "agent1")
    assert (status, problem["key"]) == (409, "closed")


async def test_the_change_is_told_masked_to_all_but_its_owner(console: Console) -> None:
    entry = await lost(console)
    async with console.live("agent1") as mine, console.live("agent2") as other:
        await console.ask("POST", f"/missed/{entry['id']}/claim", "agent1")
        for socket, number in ((mine, NUMBER), (other, MASKED)):
            told = await socket.receive_json(timeout=10)
            assert (told["type"], told["data"]["id"]) == ("missed.changed", entry["id"])
            assert told["data"]["caller"]["number"] == number


async def test_who_has_no_number_is_shown_plainly(console: Console) -> None:
    hidden = Caller(presentation="withheld", kind=CallerKind.WITHHELD)
    entry = await lost(console, caller=hidden)
    assert (entry["reachable"], entry["caller"]["number"]) == (False, None)


async def test_a_bad_cursor_and_a_strange_id_are_refused(console: Console) -> None:
    assert (await console.ask("GET", "/missed?cursor=x", "agent1"))[1]["key"] == "bad_cursor"
    assert (await console.ask("GET", f"/missed/{uuid.uuid4()}", "agent1"))[0] == 404
    assert (await console.ask("POST", "/missed/081234567890/claim", "agent1"))[0] == 404


async def test_every_deed_is_in_the_audit_without_a_number(console: Console) -> None:
    entry = await lost(console)
    await console.ask("POST", f"/missed/{entry['id']}/claim", "agent1")
    await console.ask("POST", f"/missed/{entry['id']}/release", "agent1")
    await console.ask("POST", f"/missed/{entry['id']}/close", "agent1", json={"result": "not_needed"})
    async with console.parts.database.read() as connection:
        rows = list(reversed(await read_audit(connection, "semarang", subject=entry["id"])))
    assert [(row.actor, row.action) for row in rows] == [
        ("supervisor1", "missed.viewed"),  # who looked
        ("agent1", "missed.claimed"),
        ("agent1", "missed.released"),
        ("agent1", "missed.closed"),
    ]
    assert NUMBER[2:] not in str(rows)
