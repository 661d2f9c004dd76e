"""Who sees what of an event."""

from __future__ import annotations

import json

import pytest

from console.live_messages import Message, Wire, later
from console.visibility import mask_number
from psap.accounts.model import Role
from psap.platform.events import Event, EventType
from tests.console.conftest import person

NUMBER = "081234567890"
CALLER = {"number": NUMBER, "e164": "+6281234567890", "presentation": "allowed", "kind": "mobile"}


def ringing(agent: str = "agent1") -> Event:
    data = {"call_id": "c", "agent": agent, "caller": CALLER, "history": {"calls_total": 3}}
    return Event(EventType.CALL_RINGING, 1, data)


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.DISPATCHER, Role.ADMIN])
def test_who_watches_over_the_floor_sees_all(role: Role) -> None:
    shown = Wire("1-1", ringing()).for_user(person("somebody", role))
    assert shown is not None
    assert json.loads(shown)["data"]["caller"]["number"] == NUMBER


def test_the_agent_who_rings_sees_all() -> None:
    shown = Wire("1-1", ringing("agent1")).for_user(person("agent1"))
    assert shown is not None
    data = json.loads(shown)["data"]
    assert data["caller"] == CALLER
    assert data["history"] == {"calls_total": 3}


def test_another_agent_sees_no_number_anywhere() -> None:
    shown = Wire("1-1", ringing("agent1")).for_user(person("agent2"))
    assert shown is not None
    assert "1234567" not in shown
    data = json.loads(shown)["data"]
    assert data["agent"] == "agent1"
    assert data["caller"]["kind"] == "mobile"
    assert data["history"] is None


def test_a_whole_call_is_masked_inside_and_its_own_agent_sees_it() -> None:
    call = {
        "id": "c",
        "agent": "agent1",
        "caller": CALLER,
        "note": "rumah Bu Ani",
        "evidence": [{"a": 1}],
        "legs": [],
    }
    wire = Wire("1-1", Event(EventType.CALL_ENDED, 1, {"call_id": "c", "caller": CALLER, "call": call}))
    other, own = wire.for_user(person("agent2")), wire.for_user(person("agent1"))
    assert other is not None
    assert own is not None
    assert "1234567" not in other
    assert "Bu Ani" not in other
    assert "Bu Ani" in own


def test_whom_a_colleague_rings_back_is_masked_too() -> None:
    call = {
        "id": "c",
        "direction": "outbound",
        "dialled": NUMBER,
        "agent": "agent1",
        "caller": CALLER,
        "legs": [],
    }
    wire = Wire("1-1", Event(EventType.CALL_UPDATED, 1, {"call_id": "c", "caller": CALLER, "call": call}))
    other, own = wire.for_user(person("agent2")), wire.for_user(person("agent1"))
    assert other is not None
    assert own is not None
    assert "1234567" not in other
    assert json.loads(own)["data"]["call"]["dialled"] == NUMBER
    came = Event(EventType.CALL_UPDATED, 1, {"call": {**call, "direction": "inbound", "dialled": "112"}})
    other = Wire("1-1", came).for_user(person("agent2"))
    assert other is not None
    assert json.loads(other)["data"]["call"]["dialled"] == "112"


def test_waiting_numbers_are_masked_for_agents() -> None:
    event = Event(EventType.QUEUE_CHANGED, 1, {"waiting": [{"call_id": "c", "caller": CALLER}]})
    shown = Wire("1-1", event).for_user(person("agent1"))
    assert shown is not None
    assert "1234567" not in shown


@pytest.mark.parametrize("kind", list(EventType))
def test_quality_control_sees_nothing_live(kind: EventType) -> None:
    assert Wire("1-1", Event(kind, 1, {})).for_user(person("qc1", Role.QC)) is None


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.AGENT, False), (Role.SUPERVISOR, True), (Role.DISPATCHER, False)]
)
def test_blocklist_news_is_for_those_who_decide_it(role: Role, seen: bool) -> None:
    event = Event(EventType.BLOCKLIST_CHANGED, 1, {"id": "b"})
    assert (Wire("1-1", event).for_user(person("x", role)) is not None) is seen


def test_each_class_of_sight_is_encoded_once() -> None:
    wire = Wire("1-1", ringing())
    assert wire.for_user(person("s", Role.SUPERVISOR)) is wire.for_user(person("d", Role.DISPATCHER))
    assert wire.for_user(person("agent2")) is wire.for_user(person("agent3"))


def test_places_in_the_stream_are_numbers_not_text() -> None:
    assert later("10-0", "9-5")
    assert later("10-10", "10-9")
    assert not later("10-1", "10-1")


def test_unknown_numbers_stay_unknown() -> None:
    assert mask_number(None) is None


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_message_is_framed_for_any_websocket(length: int) -> None:
    """RFC 6455, 5.2: final text frame, no mask, the shortest length that fits."""
    frame = Message("x" * length).frame
    assert frame[0] == 0x81
    size = {126: 2, 127: 8}.get(frame[1], 0)
    told = int.from_bytes(frame[2 : 2 + size], "big") if size else frame[1]
    assert told == length
    assert size == (0 if length < 126 else 2 if length < 65_536 else 8)
    assert frame[2 + size :] == b"x" * length
