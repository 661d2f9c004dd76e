"""Events that nobody listens to are counted and not read."""

from __future__ import annotations

from typing import Any

from ami_bridge.hearing import Hearing
from ami_bridge.wire import Headers, Wire


class Nowhere:
    """A transport that nothing is written to."""

    def abort(self) -> None: ...


def wired(**more: Any) -> tuple[Wire, list[Headers]]:
    heard: list[Headers] = []
    wire = Wire(heard.append, lambda why: None, **more)
    wire.connection_made(Nowhere())
    return wire, heard


def test_only_what_is_wanted_is_read_and_all_is_counted() -> None:
    wire, heard = wired(wanted={b"Hangup"})
    wire.data_received(b"Event: Newexten\r\nA: 1\r\n\r\nEvent: Hangup\r\nA: 2\r\n\r\nEvent: Hangup\r\n\r\n")
    wire.data_received(b"Event: Hangup2\r\n\r\nEvent: Newexten\r\n\r\n")
    assert heard == [{"Event": "Hangup", "A": "2"}, {"Event": "Hangup"}]
    assert wire.passed == 3


def test_an_event_that_names_an_action_is_always_read() -> None:
    wire, heard = wired(wanted=set())
    wire.data_received(b"Event: OriginateResponse\r\nActionID: 7\r\nReason: 3\r\n\r\n")
    assert [event["Reason"] for event in heard] == ["3"]


def test_of_a_header_that_came_twice_the_first_counts() -> None:
    wire, heard = wired()
    wire.data_received(b"Event: X\r\nName: a: b\r\nName: c\r\nno header\r\nEmpty: \r\n\r\n")
    assert heard == [{"Event": "X", "Name": "a: b", "Empty": ""}]


def test_listeners_hear_their_events_in_the_order_of_adding() -> None:
    told: list[str] = []
    hearing = Hearing(["Newchannel"])
    hearing.add(lambda event: told.append(f"first {event['Event']}"), "Hangup", "Hold")
    hearing.add(lambda event: told.append(f"second {event['Event']}"), "Hangup")
    for name in ("Newchannel", "Hangup", "Hold", "Unheard"):
        hearing.heard({"Event": name})
    assert told == ["first Hangup", "second Hangup", "first Hold"]
    assert hearing.names == {b"Newchannel", b"Hangup", b"Hold", b"FullyBooted"}
