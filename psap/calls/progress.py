"""What is known of a call while it is followed, and the small steps that every transition is made of. Pure.

``tracking.py`` takes the facts, ``transitions/`` says what each of them changes here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from psap.calls import facts as f
from psap.calls import together
from psap.calls.legs import LegState
from psap.calls.listening import Listener
from psap.calls.model import Call, Flag, Location, LocationSource, Priority, TimelineEntry
from psap.calls.parties import Party

STEP_US = 2_000_000  # facts of one call come in order but for less than this: more is a clock set back
_ONCE = {"identified", "located", "policy", "gate", "recorded", "queued", "returned"}


class Stage(StrEnum):
    GATE = "gate"
    QUEUE = "queue"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


@dataclass(slots=True)
class Progress:
    """One call's record so far, and what the record does not show."""

    call: Call
    channel: str  # name of the caller's channel
    stage: Stage = Stage.GATE
    number_key: str | None = None
    joined_at: int | None = None
    waiting_since: int | None = None
    in_queue: bool = False
    declared: f.EndDeclared | None = None
    far_end_hung_up: bool | None = None
    talk_ended_by: str | None = None
    outside_answered: bool = False
    sent_to: Party | None = None  # where the caller was sent on to
    shared: bool = False  # more than the caller and one call taker, or on hold: worth telling who is there
    legs: dict[str, LegState] = field(default_factory=dict)
    listener: Listener = field(default_factory=Listener)
    packets: int | None = None
    partial: bool = False  # rebuilt from the ledger: not everything the caller said was heard
    latest: int = 0  # the latest moment heard of, UTC microseconds
    shift: int = 0  # what the clock was set back by since the call began, microseconds
    told_until: int = 0  # up to here the ledger told it: events of that time come a second time

    @property
    def ended(self) -> bool:
        return self.stage is Stage.ENDED

    @property
    def waiting(self) -> bool:
        """Whether the caller stands in the queue, rung for or not."""
        return self.stage in (Stage.QUEUE, Stage.RINGING)

    def talking_leg(self) -> LegState | None:
        """The leg in conversation, if there is one."""
        return next((leg for leg in self.legs.values() if leg.talking), None)

    @property
    def agents(self) -> list[str]:
        """Call takers who have, or had, a part in the conversation, or are being rung."""
        legs = [each.leg for each in self.legs.values()]
        there = (leg for leg in legs if leg.agent and (leg.answered_at or leg.end is None))
        return list(dict.fromkeys(leg.agent for leg in there if leg.agent))

    def talking_legs(self) -> list[LegState]:
        """Every leg in conversation: two in a three-way room."""
        return [leg for leg in self.legs.values() if leg.talking]

    def ringing_legs(self) -> list[LegState]:
        """Every telephone that rings for this call."""
        return [leg for leg in self.legs.values() if leg.leg.end is None and not leg.talking]

    # -- what transitions are made of

    def steady(self, fact: f.Fact) -> f.Fact:
        """The fact on this call's own clock, which is never set back: what is told later happened later."""
        at = fact.at + self.shift
        if self.latest - at > STEP_US:
            self.shift += self.latest - at
            at = self.latest
        self.latest = max(self.latest, at)
        return fact if at == fact.at else replace(fact, at=at)

    def note(self, at: int, what: str, **data: object) -> None:
        """Put a line into the timeline, once."""
        known = {key: value for key, value in data.items() if value is not None}
        for last in reversed(self.call.timeline if what in _ONCE else ()):
            if at - last.at >= STEP_US:
                break
            if (last.what, last.data) == (what, known):
                return  # the ledger's last word, and the event of the same moment
        self.call.timeline.append(TimelineEntry(at=at, what=what, data=known))

    def prefer(self, word: str | None) -> None:
        """Take a priority; a word that is none changes nothing."""
        if word in set(Priority):
            self.call.priority = Priority(word)

    def flag(self, flag: Flag) -> bool:
        """Add a flag; False where it was there."""
        if flag in self.call.flags:
            return False
        self.call.flags.append(flag)
        return True

    def locate(self, location: Location) -> bool:
        """Where the caller is; what their own telephone sent is not undone by the network. Also of a call
        that is over: the caller may walk on."""
        known = self.call.location
        if known is not None and known.source is LocationSource.SHARED is not location.source:
            return False
        self.call.location = location
        if known is None or known.source is not location.source:
            self.note(location.at, "located", source=location.source)
        return True

    def owned(self, state: LegState, agent: str) -> None:
        """Whose telephone it is that has just begun to ring."""
        state.leg.agent = agent
        if not state.invited:
            self.call.agent = agent
        if self.call.timeline and self.call.timeline[-1].what == "ringing":
            self.call.timeline[-1].data["agent"] = agent

    def close_ring(self, state: LegState, at: int, end: str) -> None:
        """A telephone stops ringing; ``end``: answered, busy, no_answer, cancelled, failed."""
        state.leg.end = end
        state.leg.ring_seconds = seconds(state.rang_at, at)
        if self.call.answered_at is None:
            self.call.ring_seconds = state.leg.ring_seconds
        if self.stage is Stage.RINGING and not self.ringing_legs():
            self.stage = Stage.QUEUE
        self.note(at, "ring_ended", agent=state.leg.agent, party=state.leg.party, end=end)

    def close_talk(self, state: LegState | None, at: int) -> bool:
        """A leg's conversation is over; False where it had none."""
        if state is None or not state.talking:
            return False
        state.talking = False
        state.held = False
        state.leg.talk_seconds = seconds(state.leg.answered_at, at)
        self.call.talk_seconds = together.talk_seconds(self.call.legs)
        left = [leg for leg in self.talking_legs() if leg.leg.agent is not None]
        if left:  # whose call it is now
            self.call.agent = max(left, key=lambda leg: leg.leg.answered_at or 0).leg.agent
        self.note(at, "talk_ended", agent=state.leg.agent, party=state.leg.party)
        return True

    def close_wait(self, at: int) -> None:
        """The first wait in the queue is over, by an answer or the call's end."""
        if self.joined_at is not None and self.call.queue.wait_seconds is None:
            self.call.queue.wait_seconds = seconds(self.joined_at, at)


def seconds(start: int | None, end: int) -> float | None:
    """Seconds between two moments in microseconds, never below 0; None where the first is not known."""
    return None if start is None else round(max(0, end - start) / 1_000_000, 3)


# what a fact changes; True where the record changed in a way worth telling
Transition = Callable[[Progress, Any], bool]
Transitions = dict[type[f.Fact], Transition]
