"""The recorded calls (tests/replay), as an Asterisk that can be looked at after each event."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ami_bridge.translate import agent_fact, at_us, call_fact
from ami_bridge.wire import Headers, Wire
from psap.callers.numbers import normalise
from psap.calls.model import Call
from psap.calls.service import Following, Ports
from psap.calls.tracking import Tracker
from psap.platform.clock import FixedClock

REPLAY = Path(__file__).parents[1] / "replay"
SITE = "semarang"


class _Deaf:
    """Nothing is sent in a replay."""

    def write(self, data: bytes) -> None:
        raise AssertionError(f"a replay sent {data!r}")

    def abort(self) -> None:
        pass


@dataclass(frozen=True)
class Recording:
    """One session: its events, and the lines of its ledger with their moments (UTC microseconds)."""

    events: tuple[Headers, ...]
    cel: tuple[tuple[int, str], ...]
    queue_log: tuple[tuple[int, str], ...]

    def at(self, count: int) -> int:
        """The moment just after so many events."""
        return at_us(self.events[count - 1]) if count else 0

    def books(self, count: int) -> tuple[str, str]:
        """CEL and queue_log as they were after so many events."""
        now = self.at(count)
        return (
            "".join(line + "\n" for at, line in self.cel if at <= now),
            "".join(line + "\n" for at, line in self.queue_log if at <= now),
        )

    def channels(self, count: int) -> list[Headers]:
        """CoreShowChannels after so many events."""
        there: dict[str, Headers] = {}
        for event in self.events[:count]:
            if event.get("Event") == "Newchannel":
                there[event["Uniqueid"]] = event
            elif event.get("Event") == "Hangup":
                there.pop(event["Uniqueid"], None)
        shown = ("Uniqueid", "Linkedid", "Channel")
        return [
            {"Event": "CoreShowChannel", **{name: event[name] for name in shown}} for event in there.values()
        ]

    def members(self) -> list[Headers]:
        """QueueStatus: everybody who is ever a member."""
        seen = {e["Interface"]: e["MemberName"] for e in self.events if e.get("Event") == "QueueMemberAdded"}
        seen |= {e["Interface"]: e["MemberName"] for e in self.events if e.get("Event") == "AgentCalled"}
        return [
            {"Event": "QueueMember", "Location": phone, "Name": name, "Status": "1", "Paused": "0"}
            for phone, name in seen.items()
        ]


@functools.cache
def recording(name: str) -> Recording:
    """``""`` the first one, ``"second"`` the other."""
    folder = REPLAY / name
    events: list[Headers] = []
    wire = Wire(events.append, lambda why: None)
    wire.connection_made(_Deaf())
    wire.data_received((folder / "calls.ami").read_bytes())
    cel = (folder / "psap.csv").read_text("utf-8").splitlines()
    queue_log = (folder / "queue_log").read_text("utf-8").splitlines()
    return Recording(
        tuple(events),
        tuple((int(line.split('"')[3].replace(".", "")), line) for line in cel),
        tuple((int(line.split("|")[0]) * 1_000_000, line) for line in queue_log),
    )


def following(record: Any, clock: FixedClock) -> Following:
    """A following that talks to nobody but ``record(call, key)``."""
    return Following(
        SITE,
        clock,
        Ports(
            publish=lambda event: None,
            record=record,
            spoke=lambda channel, word: None,
            look_up=lambda call_id, key: None,
            no_response=lambda tracker: None,
            later=lambda seconds, work: work(),
            describe=lambda number, key, pres: normalise(number, pres, "024"),
        ),
    )


def feed(followed: Following, events: tuple[Headers, ...]) -> None:
    """Give events as the bridge does."""
    for event in events:
        fact = call_fact(event)
        if fact is not None:
            followed.take(fact)
        elif (about := agent_fact(event)) is not None:
            followed.take_agent(about)


@functools.cache
def undisturbed(name: str) -> dict[str, dict[str, Any]]:
    """The records of a session that was followed from its first event to its last, by call id."""
    records: dict[str, Call] = {}
    followed = following(lambda call, key: records.update({call.id: call}), FixedClock(0))
    for row in recording(name).members():
        about = agent_fact(row)
        assert about is not None
        followed.take_agent(about)
    feed(followed, recording(name).events)
    return {call.id: call.model_dump(mode="json") for call in records.values()}


def described(tracker: Tracker) -> dict[str, Any]:
    """A tracker's record as the console shows it."""
    call = tracker.call
    call.caller = normalise(call.caller.number, call.caller.presentation, "024")
    return call.model_dump(mode="json")
