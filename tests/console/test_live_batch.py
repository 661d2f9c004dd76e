"""Many events at once: one write to each browser, each a message of its own, for whose eyes it is."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web

from console import live as live_module
from console.live import Client, Live
from console.live_messages import Batch, Message, Wire
from psap.accounts.model import Role
from psap.platform.clock import SystemClock
from psap.platform.events import Event, EventType
from psap.platform.hot import Hot
from tests.console.conftest import Console, person
from tests.console.test_live import CALLER, heard

PEOPLE = [
    *(person(f"agent{number}") for number in (1, 2, 3)),
    *(person(role.value, role) for role in Role if role is not Role.AGENT),
]


def busy(count: int) -> list[tuple[str, Event]]:
    """Events of every kind, of three call takers' calls."""
    kinds = list(EventType)
    return [
        (
            f"{number + 1}-0",
            Event(
                kinds[number % len(kinds)],
                number,
                {"call_id": f"c{number}", "agent": f"agent{number % 4}", "caller": CALLER, "note": "x"},
            ),
        )
        for number in range(count)
    ]


class Socket(asyncio.WriteTransport):
    """Keeps what is written, and how often."""

    def __init__(self, held_back: int = 0) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.held_back = held_back
        self.aborted = False

    def write(self, data: Any) -> None:
        self.writes.append(data)

    def get_write_buffer_size(self) -> int:
        return self.held_back

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        self.aborted = True


def connected(live: Live, socket: Socket, name: str = "agent1") -> Client:
    made = Client(person(name), "", cast(web.WebSocketResponse, None), socket)
    live._clients.add(made)
    return made


@pytest.fixture
async def live() -> Live:
    return Live(Hot("unix:///nowhere"), SystemClock())


@pytest.mark.parametrize("count", [1, 2, 64])
def test_together_everybody_sees_what_they_see_of_each(count: int) -> None:
    events = busy(count)
    batch = Batch(events)
    for someone in PEOPLE * 2:  # whoever is asked about first or again
        told = batch.message_for(someone)
        each = [m for seq, event in events if (m := Wire(seq, event).message_for(someone)) is not None]
        if not each:
            assert told is None
            continue
        assert told is not None
        assert told.texts == tuple(m.texts[0] for m in each)
        assert told.frame == b"".join(m.frame for m in each)


async def test_many_events_are_one_write_for_each_browser(live: Live) -> None:
    sockets = [Socket() for _ in range(3)]
    for number, socket in enumerate(sockets):
        connected(live, socket, f"agent{number + 1}")
    live._fan_out(busy(40))
    assert [len(socket.writes) for socket in sockets] == [1, 1, 1]
    assert live.events == 40
    assert live.last == "40-0"


async def test_what_was_replayed_is_not_told_again(live: Live) -> None:
    socket = Socket()
    client = connected(live, socket)
    client.seen = "7-0"
    events = busy(12)
    for piece in (events[:4], events[4:9], events[9:]):
        live._fan_out(piece)
    told = b"".join(socket.writes)
    assert [number for number in range(1, 13) if f'"seq":"{number}-0"'.encode() in told] == sorted(
        int(seq.partition("-")[0])
        for seq, event in events[7:]
        if Wire(seq, event).message_for(client.user) is not None
    )
    assert client.seen is None


async def test_who_is_behind_gets_each_message_by_itself_and_is_closed_when_it_is_too_much(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "QUEUE", 50)
    slow, quick = Socket(held_back=live_module.ROOM + 1), Socket()
    client = connected(live, slow)
    connected(live, quick)
    events = [(f"{n}-0", Event(EventType.CALL_STARTED, n, {"call_id": f"c{n}"})) for n in range(1, 61)]
    live._fan_out(events[:40])
    assert not slow.writes
    assert client.outbox.qsize() == client.behind == 40
    assert client.outbox.get_nowait() == Wire(*events[0]).for_user(client.user)
    live._fan_out(events[40:])
    assert client.ended
    assert slow.aborted
    assert not slow.writes
    assert len(quick.writes) == 2


def test_messages_joined_are_messages_still() -> None:
    one = Message("a")
    assert Message.joined([one]) is one
    both = Message.joined([one, Message.joined([Message("b" * 200), Message("c" * 70_000)])])
    assert [len(text) for text in both.texts] == [1, 200, 70_000]


async def test_a_burst_reaches_every_browser_in_order(console: Console) -> None:
    async with (
        console.live("agent1") as own,
        console.live("agent2") as other,
        console.live("supervisor1") as boss,
    ):
        named = [
            (
                f"burst{n}",
                Event(EventType.CALL_RINGING, n, {"call_id": f"c{n}", "agent": a, "caller": CALLER}),
            )
            for n, a in enumerate(["agent1", "agent2"] * 75)
        ]
        seqs = await console.parts.hot.publish_all(named)
        for socket, name in ((own, "agent1"), (other, "agent2"), (boss, None)):
            told = [await heard(socket) for _ in seqs]
            assert [message["seq"] for message in told] == seqs
            for message in told:
                whole = message["data"]["caller"] == CALLER
                assert whole is (name in (None, message["data"]["agent"]))


async def test_half_a_character_does_not_end_the_channel(console: Console) -> None:
    """A caller's name may be anything: a lone surrogate cannot be written as UTF-8."""
    async with console.live("agent1") as own, console.live("agent2") as other:
        data = {"call_id": "c", "agent": "agent1", "caller": {**CALLER, "name": "\ud800 Siti é"}}
        await console.parts.hot.publish(Event(EventType.CALL_RINGING, 1, data))
        assert (await heard(own))["data"]["caller"]["name"] == "\ud800 Siti é"
        assert (await heard(other))["type"] == "call.ringing"
