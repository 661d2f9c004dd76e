"""The wallboard and the rosters over HTTP: what is told, what is null when a part is away, who may plan."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from psap.board.model import midnight
from psap.calls.model import Classification, Ending, QueueStay
from psap.platform.clock import rfc3339
from tests.console.bridge import agent
from tests.console.conftest import Console
from tests.console.test_calls import NUMBER, call, record


def waiting(console: Console, *seconds: float) -> list[dict[str, Any]]:
    now = console.parts.clock.now_us()
    return [
        {
            "call_id": f"00000000-0000-4000-8000-00000000000{place}",
            "caller": {"number": NUMBER, "e164": None, "presentation": "allowed", "kind": "mobile"},
            "since": rfc3339(now - int(wait * 1_000_000)),
            "priority": "normal",
            "flags": [],
            "position": place + 1,
        }
        for place, wait in enumerate(seconds)
    ]


async def day(console: Console) -> None:
    now = console.parts.clock.now_us()
    some = {"started_at": now, "answered_at": now, "queue": QueueStay(wait_seconds=12.0)}
    await record(
        console,
        call(1, **some, classification=Classification.PRANK),
        call(2, **some, agent="agent2"),
        call(3, started_at=now, ending=Ending.ABANDONED_IN_QUEUE, agent=None),
        call(4, started_at=midnight(console.parts.profile.zone, now) - 1, answered_at=1),  # yesterday
    )


async def test_the_wall_tells_counts_and_nobodys_number(console: Console) -> None:
    await day(console)
    console.bridge.snapshot["waiting"] = waiting(console, 31, 4)
    console.bridge.snapshot["agents"] = [agent("agent1", "talking")]
    status, told = await console.ask("GET", "/board", "dispatcher1")
    assert status == 200
    assert told["waiting"] == 2
    assert 31 <= told["longest_wait_seconds"] < 60
    assert [(one["agent"], one["state"]) for one in told["agents"]] == [("agent1", "talking")]
    today = told["today"]
    assert (today["calls"], today["answered"], today["abandoned_in_queue"], today["prank"]) == (3, 2, 1, 1)
    assert today["within"] == {"10": 0, "15": 2, "20": 2}
    assert [(one["seconds"], one["aim"]) for one in told["steps"]] == [(10, None), (15, 0.9), (20, 0.95)]
    assert [(one["agent"], one["name"], one["answered"]) for one in told["by_agent"]] == [
        ("agent1", "Agent1", 1),
        ("agent2", "Agent2", 1),
    ]
    assert NUMBER[1:] not in str(told)
    assert told["shift"]["id"] in {shift.id for shift in console.parts.profile.shifts}


async def test_nobody_waits_is_not_a_wait_of_nothing(console: Console) -> None:
    _, told = await console.ask("GET", "/board", "agent1")
    assert (told["waiting"], told["longest_wait_seconds"], told["agents"]) == (0, None, [])
    assert told["today"]["mean_wait_seconds"] is None


async def test_without_the_bridge_the_day_is_told_and_the_queue_is_unknown(console: Console) -> None:
    await day(console)
    await console.bridge.stop()
    status, told = await console.ask("GET", "/board", "agent1")
    assert status == 200
    assert (told["waiting"], told["longest_wait_seconds"], told["agents"]) == (None, None, None)
    assert told["today"]["answered"] == 2


async def test_without_the_database_the_queue_is_told_and_the_day_is_unknown(console: Console) -> None:
    console.bridge.snapshot["waiting"] = waiting(console, 3)
    # a session is proven before, and held in memory by nobody: the database goes away in between
    app = console.server.app
    assert app is not None
    from console.routes.board import DAYS

    days = app[DAYS]

    async def broken(_since: int) -> Any:
        raise OSError("disk I/O error")

    days._counted = broken  # type: ignore[method-assign]
    status, told = await console.ask("GET", "/board", "agent1")
    assert (status, told["waiting"], told["today"], told["by_agent"]) == (200, 1, None, None)


async def test_many_walls_count_once(console: Console) -> None:
    from console.routes.board import DAYS

    app = console.server.app
    assert app is not None
    days, counted, real = app[DAYS], [], app[DAYS]._counted

    async def counting(since: int) -> Any:
        counted.append(since)
        return await real(since)

    days._counted = counting  # type: ignore[method-assign]
    answers = await asyncio.gather(*(console.ask("GET", "/board", "agent1") for _ in range(20)))
    assert {status for status, _ in answers} == {200}
    assert len(counted) == 1


async def test_a_slow_database_does_not_keep_the_wall_waiting(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.routes import board

    app = console.server.app
    assert app is not None
    monkeypatch.setattr(board, "PATIENCE", 0.05)
    gate = asyncio.Event()
    days, begun, real = app[board.DAYS], [], app[board.DAYS]._counted

    async def slow(since: int) -> Any:
        begun.append(since)
        await gate.wait()
        return await real(since)

    days._counted = slow  # type: ignore[method-assign]
    status, told = await console.ask("GET", "/board", "agent1")
    assert (status, told["today"]) == (200, None)
    days._next = 0
    await console.ask("GET", "/board", "agent1")
    assert len(begun) == 1  # the counting that goes on is not begun once more
    gate.set()
    monkeypatch.setattr(board, "PATIENCE", 30)
    days._next = 0
    _, told = await console.ask("GET", "/board", "agent1")
    assert told["today"]["calls"] == 0


async def test_a_supervisor_plans_and_a_call_taker_reads(console: Console) -> None:
    cell = {"shift_date": "2026-09-21", "shift": "malam", "agents": ["agent2", "agent1"]}
    status, told = await console.ask("PUT", "/rosters", "supervisor1", json=cell)
    assert (status, told["agents"]) == (200, ["agent1", "agent2"])
    status, told = await console.ask("GET", "/rosters?since=2026-09-21", "agent1")
    assert status == 200
    assert told["items"] == [{**cell, "agents": ["agent1", "agent2"]}]
    assert (told["since"], told["until"]) == ("2026-09-21", "2026-09-27")
    assert [one["agent"] for one in told["agents"]] == ["agent1", "agent2", "supervisor1"]
    assert [one["id"] for one in told["shifts"]] == ["pagi", "siang", "malam"]
    status, told = await console.ask(
        "POST", "/rosters/copy", "admin1", json={"since": "2026-09-21", "to": "2026-09-28"}
    )
    assert (status, [one["shift_date"] for one in told["items"]]) == (200, ["2026-09-28"])


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        ({"shift_date": "2026-09-21", "shift": "siesta", "agents": []}, 422, "unknown_shift"),
        ({"shift_date": "2026-09-21", "shift": "pagi", "agents": ["hantu"]}, 422, "unknown_agent"),
        ({"shift_date": "9999-12-31", "shift": "pagi", "agents": []}, 422, "bad_date"),
        ({"shift_date": "kemarin", "shift": "pagi", "agents": []}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_planned_is_refused_in_words(
    console: Console, body: dict[str, Any], status: int, key: str
) -> None:
    got, told = await console.ask("PUT", "/rosters", "supervisor1", json=body)
    assert (got, told["key"]) == (status, key)


async def test_dates_at_the_calendars_end_are_no_crash(console: Console) -> None:
    for query in ("since=9999-12-31", "since=0001-01-01", "since=2100-12-31&days=62"):
        status, told = await console.ask("GET", f"/rosters?{query}", "agent1")
        assert (status, told["key"]) == (422, "bad_date"), query
    body = {"since": "9999-12-31", "to": "0001-01-01"}
    status, told = await console.ask("POST", "/rosters/copy", "supervisor1", json=body)
    assert (status, told["key"]) == (422, "bad_date")


async def test_who_should_be_here_now(console: Console) -> None:
    _, now = await console.ask("GET", "/rosters/now", "agent1")
    assert (now["planned"], now["known"], now["people"]) == (0, True, [])
    cell = {"shift_date": now["shift_date"], "shift": now["shift"]["id"], "agents": ["agent1", "agent2"]}
    status, _ = await console.ask("PUT", "/rosters", "supervisor1", json=cell)
    assert status == 200
    console.bridge.snapshot["agents"] = [agent("agent1"), agent("supervisor1"), agent("agent2", "logged_out")]
    await console.ask("POST", "/agents/me/login", "agent1")  # what follows a command is asked anew
    _, now = await console.ask("GET", "/rosters/now", "dispatcher1")
    assert [(one["agent"], one["name"], one["status"]) for one in now["people"]] == [
        ("agent2", "Agent2", "late"),
        ("supervisor1", "Supervisor1", "extra"),
        ("agent1", "Agent1", "here"),
    ]
    await console.ask("POST", "/agents/me/login", "agent1")
    await console.bridge.stop()
    _, now = await console.ask("GET", "/rosters/now", "dispatcher1")
    assert now["known"] is False
    assert {one["status"] for one in now["people"]} == {"unknown"}


async def test_today_is_the_date_of_the_shift_that_runs(console: Console) -> None:
    _, told = await console.ask("GET", "/rosters", "agent1")
    _, now = await console.ask("GET", "/rosters/now", "agent1")
    assert told["since"] == told["today"] == now["shift_date"]
    assert date.fromisoformat(told["until"]) - date.fromisoformat(told["since"]) == timedelta(days=6)
