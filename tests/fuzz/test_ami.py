"""The AMI stream cut anywhere and with any bytes in it.

Guaranteed for every input: the same events however the bytes are cut, none that does not stand in
the stream as a block of its own, nothing sent in answer, every fact with the shapes that the state
machine expects, and every call ends as one record that can be stored and shown.
"""

from __future__ import annotations

import json
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers, Wire
from psap.callers.numbers import normalise
from psap.calls.model import Call
from psap.calls.service import Following, Ports
from psap.platform.clock import FixedClock
from tests.fuzz.machine import fuzz, mutate, sizes

RECORDED = Path(__file__).parents[1] / "replay" / "calls.ami"
WORDS = (
    b"\r\n\r\nEvent: AgentConnect\r\nLinkedid: x\r\n\r\n",
    b"Event: Hangup\r\n",
    b"Response: Success\r\nActionID: bulk-1-1\r\n\r\n",
    b"Response: Follows\r\n",
    b"Timestamp: ",
    b"Timestamp: 99999999999999999999.5\r\n",
    b"Linkedid: \r\n",
    b"Event: ",
    b"Uniqueid: ",
    b"EventList: Complete\r\n",
    b"ActionID: ",
    b"Result: %0D%0A",
    b"Channel: PJSIP/trunk-\r\n",
    b"Wrapuptime: 9" + b"9" * 30 + b"\r\n",
    b"Status: x\r\n",
    b"Seconds: nan\r\n",
    b"Seconds: 1e999\r\n",
    b"Flags: &&&\r\n",
    b"UserEvent: PsapGate\r\n",
    b"Rung: -99999999999999999999\r\n",
    b"content: x\r\n",
    b"Event: Shutdown\r\n\r\n",
)
Cut = tuple[bytes, tuple[int, ...]]


class Mute:
    """Where an answer to a stranger's bytes would go: there is none."""

    def write(self, data: bytes) -> None:
        raise AssertionError(f"sent {data!r}")

    def abort(self) -> None:
        pass

    close = abort


@cache
def blocks() -> list[bytes]:
    """The recorded events, as they came."""
    return RECORDED.read_bytes().split(b"\r\n\r\n")


@cache
def calls() -> list[list[bytes]]:
    """The recorded events sorted by call, so that an input tells a whole story."""
    found: dict[bytes, list[bytes]] = {}
    for block in blocks():
        linked = re.search(rb"Linkedid: (\S+)", block)
        if linked:
            found.setdefault(linked[1], []).append(block)
    return list(found.values())


def stream(draw: random.Random) -> Cut:
    """A piece of the recording with accidents, and where the packets end."""
    if draw.random() < 0.3:
        story = [each for each in draw.choice(calls()) if b"VarSet" not in each]
        story = story[: draw.randint(1, 40)] + story[-1:]
    else:
        at = draw.randrange(len(blocks()))
        story = blocks()[at : at + draw.randint(1, 6)]
    data = mutate(draw, b"\r\n\r\n".join(story) + b"\r\n\r\n", WORDS)
    return data, tuple(sorted(draw.randint(0, len(data)) for _ in range(draw.randint(0, 6))))


def heard(data: bytes, cuts: tuple[int, ...]) -> list[Headers]:
    events: list[Headers] = []
    wire = Wire(events.append, lambda why: None)
    wire.connection_made(Mute())
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        wire.data_received(data[start:end])
    return events


def check(given: Cut) -> list[Call]:
    """The guarantees above; the records that were made."""
    data, cuts = given
    events = heard(data, ())
    assert heard(data, cuts) == events, "other events when cut elsewhere"
    assert len(events) <= sum(b"Event: " in block for block in data.split(b"\r\n\r\n")[:-1])
    records: dict[str, Call] = {}
    told: list[Any] = []
    following = Following(
        "semarang",
        FixedClock(1_700_000_000_000_000),
        Ports(
            publish=told.append,
            record=lambda call, key: records.__setitem__(call.id, call),
            spoke=lambda channel, word: None,
            look_up=lambda call_id, key: None,
            no_response=lambda tracker: None,
            later=lambda seconds, work: work(),
            describe=lambda number, key, pres: normalise(number, pres, "024"),
        ),
    )
    for event in events:
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in event.items())
        fact = call_fact(event)
        if fact is not None:
            assert isinstance(fact.at, int)
            assert fact.call
            following.take(fact)
        about = agent_fact(event)
        if about is not None:
            assert about.phone
            following.take_agent(about)
    for call in records.values():
        assert (call.ending is None) == (call.ended_at is None)
        assert Call.model_validate_json(call.model_dump_json()) == call
    for item in told:
        json.dumps(item.data, allow_nan=False)
    json.dumps(following.snapshot(), allow_nan=False)
    return list(records.values())


@sizes(300)
def test_whatever_asterisk_tells(inputs: int) -> None:
    fuzz("AMI stream", inputs, stream, check)


STARTED = (
    b"Event: Newchannel\r\nTimestamp: 1700000000.000001\r\nChannel: PJSIP/trunk-00000001\r\nExten: 112\r\n"
    b"Uniqueid: smg-1.1\r\nLinkedid: smg-1.1\r\n\r\n"
)
OF_IT = b"Channel: PJSIP/trunk-00000001\r\nUniqueid: smg-1.1\r\nLinkedid: smg-1.1\r\n"
ENDED = (
    b"Event: HangupRequest\r\n"
    + OF_IT
    + b"\r\nEvent: Hangup\r\nTimestamp: 1700000009.000001\r\n"
    + OF_IT
    + b"Cause: 16\r\n\r\n"
)


def test_it_can_tell() -> None:
    """The oracle follows a good stream to its record."""
    made = check((STARTED + ENDED, (7, 90)))
    assert [str(call.ending) for call in made] == ["abandoned_in_gate"]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(
            b"Event: UserEvent\r\nUserEvent: PsapGate\r\nSeconds: nan\r\n" + OF_IT,
            id="not a number of seconds",
        ),
        pytest.param(
            b"Event: UserEvent\r\nUserEvent: PsapGate\r\nSeconds: 1e999\r\n" + OF_IT, id="endless seconds"
        ),
        pytest.param(
            b"Event: UserEvent\r\nUserEvent: PsapPolicy\r\nRung: " + b"9" * 5000 + b"\r\n" + OF_IT,
            id="a rung beyond all digits",
        ),
        pytest.param(
            b"Event: UserEvent\r\nUserEvent: PsapPolicy\r\nRung: 9" + b"9" * 30 + b"\r\n" + OF_IT,
            id="a rung that no column holds",
        ),
        pytest.param(
            b"Event: ChannelTalkingStart\r\nTimestamp: 9999999999999999999.1\r\n" + OF_IT, id="the far future"
        ),
        pytest.param(
            b"Event: ChannelTalkingStart\r\nTimestamp: " + b"9" * 5000 + b"\r\n" + OF_IT,
            id="a time beyond all digits",
        ),
        pytest.param(
            "Event: ChannelTalkingStart\r\nTimestamp: ²²²\r\n".encode() + OF_IT, id="superscript time"
        ),
        pytest.param(
            b"Event: ChannelTalkingStart\r\nTimestamp: 1700000001.xyz\r\n" + OF_IT,
            id="letters behind the point",
        ),
        pytest.param(
            b"Event: UserEvent\r\nUserEvent: PsapGate\r\nKeys: a\x00b\r\n" + OF_IT, id="a zero byte"
        ),
        pytest.param(
            b"Event: QueueMemberStatus\r\nInterface: PJSIP///abc\r\nStatus: 1\r\n",
            id="a telephone without a name",
        ),
        pytest.param(b"Event: QueueCallerJoin\r\nTimestamp: 1700000001.1\r\n", id="a queue without a call"),
        pytest.param(
            b"Event: QueueMember\r\nLocation: PJSIP/abc\r\nLastCall: " + b"9" * 5000 + b"\r\n",
            id="a last call beyond all digits",
        ),
    ],
)
def test_found_before(said: bytes) -> None:
    made = check((STARTED + said + b"\r\n" + ENDED, (40, 200)))
    assert len(made) == 1
    assert made[0].ending is not None
