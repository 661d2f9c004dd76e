"""A clock that is set back: the queue is told to forget the last calls that lie in the future."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ami_bridge.set_clock import SetClock
from ami_bridge.wire import Headers, LinkAwayError
from psap.calls.progress import Stage
from psap.platform.clock import FixedClock
from psap.queue.model import AgentFact, Desk

START = 1_795_337_541  # epoch seconds
HOUR = 3600


class Asterisk:
    """A queue of one member, who ended a call just now; ``asked`` is what it was told to do."""

    def __init__(self) -> None:
        self.last_call = START
        self.asked: list[str] = []
        self.away = False

    async def do(self, name: str, *, timeout: float = 5.0, **fields: Any) -> list[Headers]:
        if self.away:
            raise LinkAwayError("away")
        if name == "QueueReset":
            self.asked.append(f"reset {fields['Queue']}")
            self.last_call = 0
            return []
        if name == "Redirect":
            self.asked.append(
                f"{fields['Channel']} to {fields['Context']},{fields['Exten']},{fields['Priority']}"
            )
            return []
        if fields["Queue"] != "psap112":
            return []
        return [{"Event": "QueueMember", "Queue": "psap112", "LastCall": str(self.last_call)}]


@dataclass
class Caller:
    """As much of a tracker as is looked at."""

    uniqueid: str
    stage: Stage
    joined_at: int | None = None
    direction: str = "inbound"
    started_at: int = 5

    @property
    def call(self) -> Caller:
        return self

    @property
    def ended(self) -> bool:
        return self.stage is Stage.ENDED

    def talking_leg(self) -> object | None:
        return self if self.stage is Stage.TALKING else None


class Following:
    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.desk = Desk()
        self.desk.load({"abc": ("agent1", "Petugas 1")}, 1)
        self.calls: dict[str, Caller] = {}

    def take_agent(self, fact: AgentFact) -> None: ...


class Log:
    def warning(self, _event: str, **_fields: object) -> None: ...


class Room:
    """Wall clock, steady clock, and what looks at both."""

    def __init__(self) -> None:
        self.wall, self.steady, self.asterisk = FixedClock(START * 1_000_000), 0.0, Asterisk()
        self.following = Following(self.wall)
        self.watch = SetClock(
            self.asterisk,  # type: ignore[arg-type]
            self.following,  # type: ignore[arg-type]
            Log(),
            lambda: self.steady,
        )

    def goes(self, seconds: float, *, set_by: float = 0.0) -> None:
        self.steady += seconds
        self.wall.advance(seconds + set_by)


async def test_a_clock_that_goes_asks_for_nothing() -> None:
    room = Room()
    for _ in range(3):
        room.goes(1.0, set_by=0.4)
        await room.watch.look()
    assert room.asterisk.asked == []


async def test_set_back_the_last_calls_are_forgotten_and_who_waits_is_sent_on() -> None:
    room = Room()
    callers = [
        Caller("second", Stage.QUEUE, joined_at=20),
        Caller("first", Stage.RINGING, joined_at=10),
        Caller("talking", Stage.TALKING, joined_at=3),
        Caller("gate", Stage.GATE, started_at=30),
        Caller("over", Stage.ENDED),
        Caller("called back", Stage.RINGING, direction="outbound"),
    ]
    room.following.calls = {caller.uniqueid: caller for caller in callers}
    room.following.desk.by_phone["abc"].wraps_until = (START + 10) * 1_000_000
    room.goes(1.0, set_by=-HOUR)
    await room.watch.look()
    sent = ["first to psap-queue,s,1", "second to psap-queue,s,1", "gate to psap-gate,s,local"]
    assert room.asterisk.asked == ["reset psap112", *sent]
    assert room.following.desk.by_phone["abc"].wraps_until == 0
    room.goes(1.0)
    await room.watch.look()  # once is enough
    assert len(room.asterisk.asked) == 4


async def test_set_on_nothing_needs_to_be_done() -> None:
    room = Room()
    room.goes(1.0, set_by=HOUR)
    await room.watch.look()
    assert room.asterisk.asked == []


async def test_an_asterisk_that_is_away_is_asked_again() -> None:
    room = Room()
    room.goes(1.0, set_by=-HOUR)
    room.asterisk.away = True
    for away in (True, False):
        room.asterisk.away = away
        try:
            await room.watch.look()
        except LinkAwayError:
            assert away
    assert room.asterisk.asked == ["reset psap112"]


async def test_set_back_while_we_were_away() -> None:
    room = Room()
    room.asterisk.last_call = START + HOUR
    await room.watch.forget()
    assert room.asterisk.asked == ["reset psap112"]
