"""Calls and the queue: lists page by page, search, the agent's word, the bridge away."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from psap.callers.numbers import block_key
from psap.calls.model import Call, Caller, CallerKind, Classification, Ending, Leg, TimelineEntry
from psap.calls.store import row_of, upsert
from tests.console.bridge import agent
from tests.console.conftest import Console

START = 1_790_000_000_000_000
NUMBER = "081234567890"


def call(n: int, **more: Any) -> Call:
    """The n-th call of a day, one a minute."""
    values: dict[str, Any] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))),
        "site": "semarang",
        "uniqueid": f"semarang-{n}.1",
        "caller": Caller(
            number=NUMBER, e164="+6281234567890", presentation="allowed", kind=CallerKind.MOBILE
        ),
        "started_at": START + n * 60_000_000,
        "ended_at": START + n * 60_000_000 + 5_000_000,
        "ending": Ending.ANSWERED,
        "agent": "agent1",
        "legs": [
            Leg(agent="agent1", answered_at=START + n * 60_000_000, talk_seconds=5, end="answered"),
            Leg(agent="agent2", end="no_answer"),  # asked in, in vain
        ],
        "timeline": [TimelineEntry(at=START + n * 60_000_000, what="call.started")],
    }
    return Call(**{**values, **more})


async def record(console: Console, *calls: Call) -> None:
    async with console.parts.database.write() as connection:
        rows = [row_of(each, block_key(each.caller.number, "024"), START) for each in calls]
        await upsert(connection, rows)


async def test_calls_come_newest_first_page_by_page_without_loss_or_repetition(console: Console) -> None:
    # the same instant for some: the cursor must not lose a twin
    await record(console, *(call(n, started_at=START + n // 3 * 1_000_000) for n in range(25)))
    seen: list[str] = []
    cursor = ""
    while True:
        status, page = await console.ask("GET", f"/calls?limit=4{cursor}", "agent1")
        assert status == 200
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 25
    status, page = await console.ask("GET", "/calls", "agent1")
    assert [each["id"] for each in page["items"]] == seen
    assert page["next"] is None


async def test_one_call_has_its_timeline_and_times_with_an_offset(console: Console) -> None:
    await record(console, call(1))
    status, found = await console.ask("GET", f"/calls/{call(1).id}", "qc1")
    assert status == 200
    assert found["timeline"][0]["what"] == "call.started"
    assert found["started_at"].endswith("+00:00")
    assert found["caller"]["number"] == NUMBER
    assert found["answered_at"] is None


@pytest.mark.parametrize("number", ["081234567890", "+62 812-3456-7890", "6281234567890"])
async def test_a_number_is_found_however_it_is_written(console: Console, number: str) -> None:
    other = Caller(number="0248311113", kind=CallerKind.LANDLINE)
    await record(console, call(1), call(2, caller=other))
    status, page = await console.ask("POST", "/calls/search", "agent1", json={"number": number})
    assert status == 200
    assert [each["id"] for each in page["items"]] == [call(1).id]


async def test_search_by_time_ending_and_classification(console: Console) -> None:
    prank = call(3, ending=Ending.ABANDONED_IN_QUEUE, classification=Classification.PRANK)
    await record(console, call(1), call(2), prank)

    async def find(**body: Any) -> list[str]:
        status, page = await console.ask("POST", "/calls/search", "agent1", json=body)
        assert status == 200, page
        return [each["id"] for each in page["items"]]

    assert await find(ending="abandoned_in_queue") == [prank.id]
    assert await find(classification="prank") == [prank.id]
    found = await console.ask("GET", f"/calls/{call(2).id}", "agent1")
    moment = found[1]["started_at"]
    assert await find(**{"from": moment}) == [prank.id, call(2).id]
    assert await find(to=moment) == [call(1).id]
    assert await find(limit=1) == [prank.id]


async def test_a_call_in_progress_is_told_from_the_bridge(console: Console) -> None:
    now = call(9, ending=None, ended_at=None)
    console.bridge.snapshot["calls"] = [now.model_dump(mode="json")]
    status, found = await console.ask("GET", f"/calls/{now.id}", "agent1")
    assert (status, found["ending"]) == (200, None)


async def test_the_agents_word_goes_to_the_bridge_with_the_name(console: Console) -> None:
    await record(console, call(1))
    console.bridge.answers["call.classify"] = call(1, classification="prank").model_dump(mode="json")
    body = {"classification": "prank", "note": "anak-anak", "end": True}
    status, found = await console.ask("PATCH", f"/calls/{call(1).id}", "agent1", json=body)
    assert (status, found["classification"]) == (200, "prank")
    assert console.bridge.params("call.classify") == [
        {"call_id": call(1).id, "classification": "prank", "note": "anak-anak", "by": "agent1", "end": True}
    ]


async def test_an_agent_speaks_only_of_their_own_calls(console: Console) -> None:
    await record(console, call(1))
    console.bridge.answers["call.classify"] = call(1).model_dump(mode="json")
    for who, expected in (("agent2", 403), ("supervisor1", 200)):
        for method, path in (("PATCH", f"/calls/{call(1).id}"), ("POST", f"/calls/{call(1).id}/end")):
            status, _ = await console.ask(method, path, who, json={"classification": "ghost"})
            assert status == expected, (who, method)


@pytest.mark.parametrize("body", [None, {}, {"note": "anak-anak"}])
async def test_who_says_nothing_of_its_kind_hands_on_none(console: Console, body: Any) -> None:
    await record(console, call(1, classification=Classification.EMERGENCY))
    console.bridge.answers["call.classify"] = call(1).model_dump(mode="json")
    for who in ("agent1", "supervisor1"):
        status, _ = await console.ask("POST", f"/calls/{call(1).id}/end", who, json=body)
        assert status == 200
    for asked in console.bridge.params("call.classify"):
        assert (asked["classification"], asked["end"]) == (None, True)


RINGS = Leg(agent="agent1")
TALKS = Leg(agent="agent1", answered_at=START, end="answered")
TALKED = Leg(agent="agent1", answered_at=START, talk_seconds=9, end="answered")
OTHER = Leg(agent="agent2", answered_at=START, end="answered")


@pytest.mark.parametrize(
    ("legs", "word", "end"),
    [
        ([RINGS], 403, 403),  # the caller waits still
        ([RINGS.model_copy(update={"end": "no_answer"}), OTHER], 403, 403),  # somebody else's conversation
        ([TALKS], 200, 200),
        ([TALKED, OTHER], 200, 403),  # sent on
        ([TALKED, TALKS], 200, 200),  # and back again
    ],
)
async def test_only_who_talks_ends_a_call_and_who_talked_says_what_it_was(
    console: Console, legs: list[Leg], word: int, end: int
) -> None:
    now = call(9, ending=None, ended_at=None, legs=legs)
    console.bridge.snapshot["calls"] = [now.model_dump(mode="json")]
    console.bridge.answers["call.classify"] = now.model_dump(mode="json")
    asked: list[tuple[str, str, Any, int]] = [
        ("PATCH", "", {"classification": "prank"}, word),
        ("PATCH", "", {"classification": "prank", "end": True}, end),
        ("POST", "/end", None, end),
    ]
    for method, path, body, expected in asked:
        status, _ = await console.ask(method, f"/calls/{now.id}{path}", "agent1", json=body)
        assert status == expected, (method, path, body)
        status, _ = await console.ask(method, f"/calls/{now.id}{path}", "supervisor1", json=body)
        assert status == 200


async def test_who_has_just_answered_is_not_judged_by_what_was_remembered(console: Console) -> None:
    rings = call(9, ending=None, ended_at=None, legs=[RINGS]).model_dump(mode="json")
    talks = call(9, ending=None, ended_at=None, legs=[TALKS]).model_dump(mode="json")
    console.bridge.answers["call.classify"] = talks
    console.bridge.snapshot["calls"] = [rings]
    assert (await console.ask("GET", "/queue", "supervisor1"))[0] == 200  # which remembers it for a blink
    console.bridge.snapshot["calls"] = [talks]
    status, _ = await console.ask("POST", f"/calls/{call(9).id}/end", "agent1")
    assert status == 200


async def test_the_queue_masks_numbers_for_agents_only(console: Console) -> None:
    caller = Caller(number=NUMBER, kind=CallerKind.MOBILE).model_dump(mode="json")
    console.bridge.snapshot |= {
        "waiting": [{"call_id": "c", "caller": caller, "since": "2026-01-01T00:00:00+00:00", "position": 1}],
        "agents": [agent("agent1")],
    }
    status, queue = await console.ask("GET", "/queue", "supervisor1")
    assert (status, queue["waiting"][0]["caller"]["number"]) == (200, NUMBER)
    assert queue["agents"][0]["state"] == "ready"
    status, queue = await console.ask("GET", "/queue", "agent1")
    assert "234567" not in str(queue)


@pytest.mark.parametrize(
    ("verb", "state"), [("login", "ready"), ("logout", "ready"), ("pause", "paused"), ("unpause", "ready")]
)
async def test_readiness_goes_to_the_bridge(console: Console, verb: str, state: str) -> None:
    body = {"reason": "salat"} if verb == "pause" else None
    status, found = await console.ask("POST", f"/agents/me/{verb}", "agent1", json=body)
    assert (status, found["state"], found["agent"]) == (200, state, "agent1")
    assert console.bridge.params(f"agent.{verb}") == [{"agent": "agent1", **(body or {})}]


async def test_a_pause_needs_no_reason(console: Console) -> None:
    status, _ = await console.ask("POST", "/agents/me/pause", "agent1")
    assert status == 200
    assert console.bridge.params("agent.pause")[0]["reason"]  # the bridge refuses an empty one


@pytest.mark.parametrize(
    ("key", "status"),
    [("no_phone", 409), ("asterisk_away", 503), ("not_found", 404), ("unknown_method", 400)],
)
async def test_the_bridges_refusals_are_problems(console: Console, key: str, status: int) -> None:
    console.bridge.errors["agent.login"] = (key, "karena")
    got, problem = await console.ask("POST", "/agents/me/login", "agent1")
    assert got == status
    assert problem["status"] == status
    assert " / " in problem["title"]


async def test_without_the_bridge_the_log_stays_readable(console: Console) -> None:
    await record(console, call(1))
    await console.bridge.stop()
    status, problem = await console.ask("GET", "/queue", "agent1")
    assert (status, problem["key"]) == (503, "bridge_away")
    assert "bridge.sock" not in str(problem)
    for path in ("/calls", f"/calls/{call(1).id}"):
        status, _ = await console.ask("GET", path, "agent1")
        assert status == 200
    status, problem = await console.ask(
        "PATCH", f"/calls/{call(1).id}", "agent1", json={"classification": "test"}
    )
    assert (status, problem["key"]) == (503, "bridge_away")


async def test_many_askers_of_the_queue_ask_the_bridge_once(console: Console) -> None:
    for _ in range(5):
        await console.ask("GET", "/queue", "agent1")
    assert len(console.bridge.params("snapshot")) <= 2


async def test_a_bridge_that_hangs_keeps_nobody_waiting_in_a_row(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.bridge.PATIENCE", 0.3)
    console.bridge.hangs = True
    async with asyncio.timeout(5):  # one after the other they would take six
        answers = await asyncio.gather(*(console.ask("GET", "/queue", "agent1") for _ in range(20)))
    assert {status for status, _ in answers} == {503}
    assert len(console.bridge.params("snapshot")) == 1
