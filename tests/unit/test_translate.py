"""AMI events become facts; what is not about a caller, or lacks a field, becomes nothing."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.translate import at_us, call_fact, phone_of
from ami_bridge.wire import Headers, RefusedError, Wire, check
from psap.calls import facts as f

TRUNK = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "s-1.1", "Linkedid": "s-1.1"}
STAMP = {"Timestamp": "1795337541.622022"}
AT = 1_795_337_541_622_022


@pytest.mark.parametrize(
    ("event", "fact"),
    [
        (
            {"Event": "Newchannel", "Exten": "112", **TRUNK},
            f.Started(AT, "s-1.1", "PJSIP/trunk-00000001", "112"),
        ),
        ({"Event": "Newchannel", **TRUNK, "Channel": "PJSIP/abc-00000002"}, None),
        ({"Event": "Newchannel", **TRUNK, "Uniqueid": "s-1.2"}, None),
        (
            {
                "Event": "UserEvent",
                "UserEvent": "PsapCall",
                **TRUNK,
                "Number": "0812",
                "Key": "",
                "Pres": "allowed",
            },
            f.Identified(AT, "s-1.1", "0812", None, "allowed", None),
        ),
        (
            {
                "Event": "UserEvent",
                "UserEvent": "PsapGate",
                **TRUNK,
                "Result": "key0",
                "Seconds": "1.149",
                "Keys": "0",
                "Priority": "32",  # the dialplan's own, in every event
                "Prio": "normal",
                "Flags": "cannot_speak&called_again",
            },
            f.GateLeft(AT, "s-1.1", "key0", 1.149, "0", "normal", ("cannot_speak", "called_again")),
        ),
        ({"Event": "UserEvent", "UserEvent": "SomethingElse", **TRUNK}, None),
        ({"Event": "QueueCallerJoin", **TRUNK}, f.QueueEntered(AT, "s-1.1")),
        (
            {
                "Event": "AgentCalled",
                **TRUNK,
                "MemberName": "agent1",
                "Interface": "PJSIP/abc",
                "DestUniqueid": "s-1.2",
            },
            f.Ringing(AT, "s-1.1", "s-1.2", "agent1", "abc", True),
        ),
        ({"Event": "AgentCalled", **TRUNK}, None),
        (
            {"Event": "DialEnd", **TRUNK, "DestUniqueid": "s-1.2", "DialStatus": "BUSY"},
            f.RingEnded(AT, "s-1.1", "s-1.2", "busy"),
        ),
        (
            {"Event": "AgentComplete", **TRUNK, "DestUniqueid": "s-1.2", "Reason": "agent"},
            f.TalkEnded(AT, "s-1.1", "s-1.2", "agent"),
        ),
        ({"Event": "ChannelTalkingStart", **TRUNK}, f.TalkChanged(AT, "s-1.1", True)),
        ({"Event": "ChannelTalkingStart", **TRUNK, "Uniqueid": "s-1.2"}, None),
        ({"Event": "HangupRequest", **TRUNK}, f.HangupSeen(AT, "s-1.1", True)),
        ({"Event": "Hangup", **TRUNK, "Cause": "16"}, f.Ended(AT, "s-1.1", 16)),
        ({"Event": "Hangup", **TRUNK, "Uniqueid": "s-1.2"}, f.LegGone(AT, "s-1.1", "s-1.2")),
        ({"Event": "Hangup"}, None),
        ({}, None),
    ],
)
def test_each_event(event: Headers, fact: f.Fact | None) -> None:
    assert call_fact(event | STAMP) == fact


def test_a_fact_without_a_timestamp_is_of_now() -> None:
    assert at_us({}) > AT
    assert at_us({"Timestamp": "5"}) == 5_000_000


@pytest.mark.parametrize(
    ("name", "phone"),
    [
        ("PJSIP/abc", "abc"),
        ("PJSIP/abc-0000001f", "abc"),
        ("PJSIP/trunk-0000001f", None),
        ("PJSIP/abc/sip:abc@127.0.0.1:5060", "abc"),
        ("Local/112@x", None),
        ("", None),
    ],
)
def test_whose_telephone(name: str, phone: str | None) -> None:
    assert phone_of(name) == phone


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=6), st.text(max_size=12))
def test_strange_fields_never_raise(fields: dict[str, str], name: str) -> None:
    for event in ("UserEvent", "Hangup", "AgentCalled", name):
        call_fact(fields | TRUNK | {"Event": event})


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("Originate", {}),
        ("Setvar", {"Value": "1\r\nAction: Originate"}),
        ("Setvar", {"Value": "1\nX: y"}),
        ("Setvar", {"Va\rlue": "1"}),
        ("DBPut", {"Val": "a\0b"}),
    ],
)
def test_what_is_not_allowed_is_refused(name: str, fields: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        check(name, fields)


class Sink:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.data = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.data += data

    def abort(self) -> None:
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        return 0


def wire() -> tuple[Wire, list[Headers], Sink]:
    seen: list[Headers] = []
    made = Wire(seen.append, lambda why: None)
    sink = Sink()
    made.connection_made(sink)
    return made, seen, sink


async def test_letters_split_across_packets_stay_whole() -> None:
    made, seen, _ = wire()
    data = "Asterisk Call Manager/11.0.0\r\nEvent: X\r\nName: é漢字\r\n\r\n".encode()
    for index in range(len(data)):
        made.data_received(data[index : index + 1])
    assert seen[0]["Name"] == "é漢字"


async def test_bytes_that_are_no_utf8_cost_nothing_but_themselves() -> None:
    made, seen, _ = wire()
    made.data_received(b"Event: A\r\nName: \xff\xfe\r\n\r\nEvent: B\r\n\r\n")
    assert [event["Event"] for event in seen] == ["A", "B"]


async def test_of_a_repeated_header_the_first_counts() -> None:
    made, seen, _ = wire()
    made.data_received(b"Event: Hangup\r\nUniqueid: real\r\nUniqueid: forged\r\n\r\n")
    assert seen[0]["Uniqueid"] == "real"


async def test_a_list_that_is_refused_ends_at_once() -> None:
    made, _, sink = wire()
    future = made.submit("QueueStatus", {"Queue": "none"}).future
    number = sink.data.decode().split("ActionID: ")[1].split("\r\n")[0]
    made.data_received(f"Response: Error\r\nActionID: {number}\r\nMessage: no\r\n\r\n".encode())
    assert (await asyncio.wait_for(future, 1))[0]["Response"] == "Error"


async def test_a_lost_connection_fails_what_is_open_and_sends_nothing_again() -> None:
    made, _, sink = wire()
    future = made.submit("QueueAdd", {"Queue": "q", "Interface": "PJSIP/a"}).future
    before = sink.data
    made.connection_lost(None)
    with pytest.raises(Exception, match="lost"):
        await future
    assert (sink.data, sink.aborted, made.responses) == (before, True, {})
    assert not made.awaiting_actions


async def test_bulk_counts_what_was_done_and_refused() -> None:
    made, _, sink = wire()
    entries = [("DBPut", {"Family": "f", "Key": str(n), "Val": "v"}) for n in range(450)]
    task = asyncio.create_task(made.bulk_actions(entries))
    answered = 0
    async with asyncio.timeout(5):
        while not task.done():
            await asyncio.sleep(0)
            numbers = [part.split("\r\n")[0] for part in sink.data.decode().split("ActionID: ")[1:]]
            for number in numbers[answered:]:
                word = "Error" if number.endswith("-7") else "Success"
                made.data_received(f"Response: {word}\r\nActionID: {number}\r\n\r\n".encode())
            answered = len(numbers)
    assert task.result() == (449, 1)
