"""Real calls, recorded from a real Asterisk: the live stream and the ledger make the same records.

``calls.ami`` is the AMI stream as it came, ``psap.csv`` and ``queue_log`` what Asterisk wrote down of
the same calls (invented numbers). Add a bug's recording here before mending it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ami_bridge.ledger import replay, stories
from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers, Wire
from psap.callers.numbers import normalise
from psap.calls.model import Call, Source
from psap.calls.service import Following, Ports
from psap.calls.tracking import Tracker
from psap.platform.clock import FixedClock
from psap.platform.events import Event, EventType

HERE = Path(__file__).parent
ENDED_AS_PRANK = "081200000003"  # by the agent's command, which stands in neither recording


class Transport:
    """Nothing is sent in a replay."""

    def write(self, data: bytes) -> None:
        raise AssertionError(f"a replay sent {data!r}")

    def abort(self) -> None:
        pass


def events(packet: int) -> list[Headers]:
    seen: list[Headers] = []
    wire = Wire(seen.append, lambda why: None)
    wire.connection_made(Transport())
    data = (HERE / "calls.ami").read_bytes()
    for start in range(0, len(data), packet):
        wire.data_received(data[start : start + packet])
    return seen


class Replayed:
    """The centre after the stream."""

    def __init__(self, stream: list[Headers]) -> None:
        self.published: list[Event] = []
        self.records: dict[str, Call] = {}
        self.words: list[tuple[str, str]] = []
        self.following = Following(
            "semarang",
            FixedClock(0),
            Ports(
                publish=self.published.append,
                record=lambda call, key: self.records.update({call.id: call}),
                spoke=lambda channel, word: self.words.append((channel, word)),
                look_up=lambda call_id, key: None,
                no_response=lambda tracker: None,
                later=lambda seconds, work: work(),
                describe=lambda number, key, pres: normalise(number, pres, "024"),
            ),
        )
        for event in stream:
            fact = call_fact(event)
            if fact is not None:
                self.following.take(fact)
            elif (about := agent_fact(event)) is not None:
                self.following.take_agent(about)


@pytest.fixture(scope="module")
def live() -> Replayed:
    return Replayed(events(4096))


@pytest.fixture(scope="module")
def ledger() -> dict[str, Tracker]:
    cel = (HERE / "psap.csv").read_text("utf-8").splitlines()
    queue_log = (HERE / "queue_log").read_text("utf-8").splitlines()
    made = (
        replay(story, "semarang", lambda phone: None, Source.LEDGER)
        for story in stories(cel, queue_log).values()
    )
    return {tracker.call.id: tracker for tracker in made if tracker is not None}


def test_packets_cut_anywhere_make_the_same_events() -> None:
    assert events(7) == events(65536)


def test_each_call_is_one_record(live: Replayed) -> None:
    assert not live.following.calls
    kinds = [event.type for event in live.published]
    assert kinds.count(EventType.CALL_STARTED) == kinds.count(EventType.CALL_ENDED) == len(live.records)
    assert all(call.ending is not None and call.ended_by is not None for call in live.records.values())


def test_the_screen_pop_comes_before_the_answer(live: Replayed) -> None:
    for call_id, call in live.records.items():
        types = [e.type for e in live.published if e.data.get("call_id") == call_id]
        if call.answered_at is not None:
            order = [
                EventType.CALL_STARTED,
                EventType.CALL_GATE,
                EventType.CALL_QUEUED,
                EventType.CALL_RINGING,
                EventType.CALL_ANSWERED,
                EventType.CALL_ENDED,
            ]
            assert [kind for kind in types if kind in order] == order


def test_the_ledger_tells_the_same_as_the_live_stream(live: Replayed, ledger: dict[str, Tracker]) -> None:
    assert ledger.keys() == live.records.keys()
    for call_id, call in live.records.items():
        other = ledger[call_id].call
        if call.caller.number == ENDED_AS_PRANK:
            other.ended_by = call.ended_by
        assert words(other) == words(call)
        for mine, theirs in zip(seconds(call), seconds(other), strict=True):
            assert theirs == (mine if mine is None else pytest.approx(mine, abs=0.2))


def words(call: Call) -> list[Any]:
    legs = [(leg.agent if leg.answered_at else None, leg.end) for leg in call.legs]
    return [
        *(call.caller.number, call.dialled, call.ending, call.ended_by, call.gate, call.policy),
        *(
            call.priority,
            [flag for flag in call.flags if not flag.startswith(("suspected", "no_audio"))],
            legs,
        ),
    ]


def seconds(call: Call) -> list[float | None]:
    return [call.queue.wait_seconds, call.ring_seconds, call.talk_seconds] + [
        value for leg in call.legs for value in (leg.ring_seconds, leg.talk_seconds)
    ]
