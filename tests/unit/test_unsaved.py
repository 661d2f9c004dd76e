"""A login that Asterisk forgot as it died is said again; an old one, and one it kept, is not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ami_bridge.translate import agent_fact
from ami_bridge.unsaved import WRITTEN, Unsaved
from ami_bridge.wire import Headers, LinkAwayError
from psap.queue.model import Desk, MemberGone

PHONE = {"Interface": "PJSIP/abc", "MemberName": "agent1", "Queue": "psap112", "Timestamp": "1795337541.6"}
ADDED = {"Event": "QueueMemberAdded", **PHONE, "Status": "1", "Paused": "0"}
PAUSED = {"Event": "QueueMemberPause", **PHONE, "Status": "1", "Paused": "1", "PausedReason": "sholat"}
REMOVED = {"Event": "QueueMemberRemoved", **PHONE}


class Log:
    def info(self, _event: str, **_fields: object) -> None: ...
    def warning(self, _event: str, **_fields: object) -> None: ...


class Recorded:
    """Actions that only remember what was asked."""

    def __init__(self, *, away: bool = False) -> None:
        self.done: list[str] = []
        self.start = ""
        self._away = away

    async def born(self) -> str:
        return self.start

    def __getattr__(self, name: str) -> Any:
        async def do(*words: str) -> None:
            if self._away:
                raise LinkAwayError("away")
            self.done.append(" ".join((name, *words)))

        return do


def take(event: Headers, desk: Desk, unsaved: Unsaved) -> None:
    unsaved.listen(event)
    fact = agent_fact(event)
    assert fact is not None
    desk.apply(fact)


async def after_a_death(
    events: list[dict[str, str]],
    *,
    kept: bool,
    age: float,
    monkeypatch: pytest.MonkeyPatch,
    away: bool = False,
) -> list[str]:
    """What is said again when Asterisk died ``age`` seconds after the events, and kept or forgot them."""
    desk, actions = Desk(), Recorded(away=away)
    desk.load({"abc": ("agent1", "Petugas 1")}, 1)
    unsaved = Unsaved(actions, desk, Log())  # type: ignore[arg-type]
    for event in events:
        take(event, desk, unsaved)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + age)
    unsaved.lost()
    if not kept and events[-1]["Event"] == "QueueMemberRemoved":
        unsaved_member = agent_fact(ADDED)
        assert unsaved_member is not None
        desk.apply(unsaved_member)
    elif not kept:
        desk.apply(MemberGone(1, "abc"))
    await unsaved.again()
    await unsaved.again()  # once is enough
    return actions.done


async def test_a_forgotten_login_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await after_a_death([ADDED], kept=False, age=0.5, monkeypatch=monkeypatch) == ["login abc agent1"]


async def test_with_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await after_a_death([ADDED, PAUSED], kept=False, age=0.5, monkeypatch=monkeypatch)
    assert said == ["login abc agent1", "pause abc sholat"]


async def test_a_forgotten_logout_too(monkeypatch: pytest.MonkeyPatch) -> None:
    said = await after_a_death([ADDED, REMOVED], kept=False, age=0.5, monkeypatch=monkeypatch)
    assert said == ["logout abc"]


@pytest.mark.parametrize(("kept", "age"), [(True, 0.5), (False, WRITTEN + 0.1)])
async def test_what_was_kept_or_is_old_is_left_alone(
    kept: bool, age: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await after_a_death([ADDED], kept=kept, age=age, monkeypatch=monkeypatch) == []


async def test_an_asterisk_that_is_gone_again_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await after_a_death([ADDED], kept=False, age=0, monkeypatch=monkeypatch, away=True) == []


@pytest.mark.parametrize("restarted", [False, True])
async def test_who_left_while_only_our_connection_was_broken_is_not_fetched_back(restarted: bool) -> None:
    desk, actions = Desk(), Recorded()
    desk.load({"abc": ("agent1", "Petugas 1")}, 1)
    unsaved = Unsaved(actions, desk, Log())  # type: ignore[arg-type]
    actions.start = "2026-11-22 07:00:00"
    await unsaved.again()
    take(ADDED, desk, unsaved)
    unsaved.lost()
    desk.apply(MemberGone(1, "abc"))  # what the queue says when we are back
    if restarted:
        actions.start = "2026-11-22 07:30:00"
    await unsaved.again()
    assert actions.done == (["login abc agent1"] if restarted else [])
