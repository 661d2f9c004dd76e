"""Who is nudged when a call taker becomes free, and how often."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Callable
from typing import Any

import pytest

from ami_bridge import wire
from ami_bridge.nudging import AGAIN, APART, EDGE, MOST, SERIES, Nudging, Waiting
from ami_bridge.wire import RefusedError
from psap.platform.control import ControlError

WRAPUP = 10
BORN = 1_900_000_000.0  # epoch


class Bench:
    """Nudging with a clock turned by hand; ``sent`` holds (seconds since the start, caller)."""

    def __init__(self, error: Exception | None = None) -> None:
        self.now, self.error = 0.0, error
        self.born = BORN
        self.sent: list[tuple[float, str]] = []
        self.warned: list[str] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self.nudging = Nudging(
            self._nudge, lambda: WRAPUP, self._soon, self._later, self,
            epoch=lambda: self.born + self.now, clock=lambda: self.now,
        )  # fmt: skip

    def warning(self, event: str, **_fields: object) -> None:
        self.warned.append(event)

    async def _nudge(self, caller: str) -> None:
        self.sent.append((round(self.now, 3), caller))
        if self.error is not None:
            raise self.error

    @staticmethod
    def _soon(wish: Any) -> None:
        with contextlib.suppress(StopIteration):
            wish.send(None)

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, len(self._due), work))

    def until(self, moment: float) -> None:
        """Let time pass."""
        while self._due and self._due[0][0] <= moment:
            self.now, _, work = heapq.heappop(self._due)
            work()
        self.now = moment

    def tell(self, event: str, **fields: object) -> None:
        self.nudging.listen(
            {"Event": event, "Queue": "psap112", **{key: str(value) for key, value in fields.items()}}
        )

    def member(self, name: str, status: int, *, last_call: int = 0, paused: int = 0) -> None:
        self.tell(
            "QueueMemberStatus", Interface=f"PJSIP/{name}", Status=status, Paused=paused, LastCall=last_call
        )

    def wait(self, *callers: str) -> None:
        for place, caller in enumerate(callers, 1):
            self.tell("QueueCallerJoin", Uniqueid=caller, Position=place)

    @property
    def callers(self) -> list[str]:
        return [caller for _, caller in self.sent]


def test_the_first_callers_are_nudged_when_somebody_becomes_free() -> None:
    bench = Bench()
    bench.member("a", 2)
    bench.wait("c1", "c2", "c3", "c4")
    assert bench.sent == []
    bench.member("a", 1)
    bench.until(0.019)
    # as many as are free, and one; one after the other, so that they do not race for one telephone
    assert bench.sent == [(0.0, "c1"), (APART, "c2")]
    bench.until(1)
    assert {at for at, caller in bench.sent if caller == "c1"} == {0.0, 0.02, 0.12}
    bench.until(60)
    assert len(bench.sent) == 2 * len(AGAIN)  # and no more: app_queue looks by itself


def test_the_end_of_a_wrap_up_is_the_moment() -> None:
    bench = Bench()
    bench.member("a", 2)
    bench.wait("c1")
    bench.until(0.4)
    bench.tell("AgentComplete", Interface="PJSIP/a", Timestamp=BORN + 0.4)
    bench.member("a", 1)  # the telephone is free before the queue has noted the call's end
    bench.until(WRAPUP)
    assert bench.sent == []
    bench.until(WRAPUP + 0.01)
    assert bench.sent == [(WRAPUP + EDGE, "c1")]


def test_who_is_rung_or_paused_or_talks_again_is_nobody_to_nudge_for() -> None:
    bench = Bench()
    bench.member("a", 2)
    bench.wait("c1")
    bench.member("a", 1, paused=1)
    assert bench.sent == []
    bench.member("a", 1, last_call=int(BORN))
    bench.until(3)
    bench.member("a", 2)  # called somebody during the wrap-up
    bench.until(30)
    assert bench.sent == []


def test_callers_for_whom_a_telephone_rings_are_left_alone() -> None:
    bench = Bench()
    bench.member("a", 2)
    bench.member("b", 2)
    bench.wait("c1", "c2", "c3")
    bench.tell("AgentCalled", Uniqueid="c1", Interface="PJSIP/a")
    bench.member("b", 1)
    bench.until(0.019)
    assert bench.callers == ["c2", "c3"]
    bench.tell("AgentRingNoAnswer", Uniqueid="c1", Interface="PJSIP/a")
    bench.until(2)
    bench.sent.clear()
    bench.member("a", 6)
    bench.member("a", 1)
    bench.until(2.03)
    assert list(dict.fromkeys(bench.callers)) == ["c1", "c2", "c3"]  # two are free


def test_the_order_is_the_queues_own() -> None:
    line = Waiting()
    for caller, position in (("a", 1), ("b", 2), ("high", 1), ("c", 4), ("a", 2)):
        line.join(caller, position)
    assert line.first(9) == ["high", "a", "b", "c"]
    line.leave("a")
    line.leave("nobody")
    assert line.first(2) == ["high", "b"]
    assert len(line) == 3


def test_whom_a_clock_set_back_would_make_unheard_is_left_alone() -> None:
    """Their keys lie in the future: Asterisk would read nothing more of them for an hour."""
    bench = Bench()
    bench.member("a", 2)
    pressed, before, after = "c-1899999000.1", f"c-{int(BORN) + 9}.2", f"c-{int(BORN) - 3590}.3"
    bench.until(10.0)
    bench.tell("DTMFEnd", Uniqueid=pressed, Direction="Received", Digit="0", Timestamp=BORN + 10)
    bench.wait(pressed, before)
    bench.born -= 3600
    bench.wait(after)
    bench.member("a", 1)
    bench.until(20.0)
    assert set(bench.callers) == {after}
    bench.born += 3600  # the clock has caught up
    bench.member("a", 2)
    bench.member("a", 1)
    bench.until(30.0)
    assert {pressed, before} & set(bench.callers)


def test_a_telephone_that_refuses_every_call_is_not_rung_in_a_tight_loop() -> None:
    bench = Bench()
    bench.wait("c1")
    bench.member("a", 1)
    for _ in range(100):  # one second of ringing and refusing
        bench.until(bench.now + 0.01)
        bench.tell("AgentCalled", Uniqueid="c1", Interface="PJSIP/a")
        bench.member("a", 6)
        bench.tell("AgentRingNoAnswer", Uniqueid="c1", Interface="PJSIP/a")
        bench.member("a", 1)
    assert len(bench.sent) <= SERIES + 2


def test_hundreds_who_are_free_at_once_cost_no_flood() -> None:
    bench = Bench()
    bench.wait(*(f"c{n}" for n in range(600)))
    for n in range(500):
        bench.member(f"a{n}", 1)
    assert len(bench.sent) <= MOST


def test_switched_off_or_without_asterisk_nothing_is_sent() -> None:
    bench = Bench()
    bench.member("a", 2)
    bench.wait("c1")
    switch = bench.nudging.methods()["queue.nudge"]
    assert asyncio.run(switch({"on": False})) == {"on": False, "sent": 0}
    bench.member("a", 1)
    bench.until(5)
    assert bench.sent == []
    with pytest.raises(ControlError):
        asyncio.run(switch({"on": "yes"}))
    asyncio.run(switch({"on": True}))
    bench.member("a", 2)
    bench.member("a", 1)
    assert bench.callers == ["c1"]
    bench.nudging.lost()
    bench.until(10)
    assert len(bench.sent) == 1


def test_after_a_reconnect_it_goes_on_with_what_the_queue_tells() -> None:
    bench = Bench()
    rows = [
        {"Event": "QueueParams", "Queue": "psap112"},
        {"Event": "QueueMember", "Queue": "psap112", "Location": "PJSIP/a", "Status": "2", "Paused": "0"},
        {"Event": "QueueEntry", "Queue": "psap112", "Uniqueid": "c1", "Position": "1"},
        {"Event": "QueueEntry", "Queue": "psap112", "Uniqueid": "c2", "Position": "2"},
        {"Event": "QueueEntry", "Queue": "psap-second", "Uniqueid": "x", "Position": "1"},
    ]
    bench.nudging.again(rows)
    bench.wait("c1")  # what happened while we asked is told again
    bench.tell("Hangup", Uniqueid="c2")
    bench.member("a", 1)
    assert bench.callers == ["c1"]


def test_an_asterisk_without_the_action_is_said_once_and_harms_nothing() -> None:
    bench = Bench(RefusedError("Invalid/unknown command: PlayDTMF."))
    bench.member("a", 2)
    bench.wait("c1")
    bench.member("a", 1)
    bench.until(1)
    assert len(bench.warned) == 1


def test_the_link_sends_no_other_key_and_none_that_anybody_hears() -> None:
    wire.check("PlayDTMF", {"Channel": "smg-1.2", "Digit": "D", "Duration": 100, "Receive": "true"})
    for wrong in ({"Digit": "0", "Receive": "true"}, {"Digit": "D"}, {"Digit": "D", "Receive": "false"}):
        with pytest.raises(RefusedError):
            wire.check("PlayDTMF", {"Channel": "smg-1.2", **wrong})
