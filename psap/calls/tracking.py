"""One state machine per call: facts in, the call's record out. Pure.

It forgives: facts may come twice, late or not at all, and still every call ends as exactly one
record. What only a missing fact could tell stays None.
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
from psap.calls.model import (
    Call,
    EndedBy,
    Ending,
    Flag,
    Gate,
    GateResult,
    Leg,
    Location,
    LocationSource,
    Policy,
    Priority,
    Source,
    TimelineEntry,
    call_id,
)
from psap.calls.parties import Party, PartyKind, party, read_leg_id

# Q.850 causes that are the network's doing, nobody's wish
NETWORK_CAUSES = {3, 25, 27, 38, 41, 42, 47, 58, 102, 127}
# how a ring ended, where the telephone's own word says more than "cancelled"
RING_CAUSES = {17: "busy", 21: "busy", 18: "no_answer", 19: "no_answer", 20: "failed"} | dict.fromkeys(
    NETWORK_CAUSES, "failed"
)
STEP_US = 2_000_000  # facts of one call come in order but for less than this: more is a clock set back


class Stage(StrEnum):
    GATE = "gate"
    QUEUE = "queue"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


@dataclass(slots=True)
class Tracker:
    """One call in progress."""

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

    @classmethod
    def begin(cls, site: str, fact: f.Started, source: Source = Source.LIVE) -> Tracker:
        """The tracker of a call that just came up."""
        call = Call(
            id=call_id(site, fact.call),
            site=site,
            uniqueid=fact.call,
            started_at=fact.at,
            dialled=fact.dialled,
            source=source,
        )
        tracker = cls(call, fact.name, latest=fact.at)
        tracker._note(fact.at, "started")
        return tracker

    @classmethod
    def of_record(cls, call: Call, number_key: str | None) -> Tracker:
        """A call that is not followed any more, so that a person's word can still be added."""
        return cls(call, "", Stage.ENDED, number_key)

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
        return [leg for leg in self.legs.values() if leg.talking]

    def ringing_legs(self) -> list[LegState]:
        return [leg for leg in self.legs.values() if leg.leg.end is None and not leg.talking]

    def apply(self, fact: f.Fact) -> bool:
        """Take one fact; True where the record changed in a way worth telling."""
        if self.ended:
            return False
        if fact.at > self.told_until:
            fact = self._steady(fact)
        elif not isinstance(fact, _CLOSING):
            return False
        handler = _HANDLERS.get(type(fact))
        return handler(self, fact) if handler else False

    def _steady(self, fact: f.Fact) -> f.Fact:
        """The fact on this call's own clock, which is never set back: what is told later happened later."""
        at = fact.at + self.shift
        if self.latest - at > STEP_US:
            self.shift += self.latest - at
            at = self.latest
        self.latest = max(self.latest, at)
        return fact if at == fact.at else replace(fact, at=at)

    # -- the gate

    def _identified(self, fact: f.Identified) -> bool:
        self.number_key = fact.key
        self.call.dialled = fact.dialled or self.call.dialled
        self.call.caller.number = fact.number
        self.call.caller.presentation = fact.presentation
        self._note(fact.at, "identified")
        return True

    def _located(self, fact: f.Located) -> bool:
        source = LocationSource.NETWORK
        return self.locate(
            Location(
                latitude=fact.latitude,
                longitude=fact.longitude,
                radius_m=fact.radius_m,
                source=source,
                at=fact.at,
            )
        )

    def locate(self, location: Location) -> bool:
        """Where the caller is; what their own telephone sent is not undone by the network. Also of a call
        that is over: the caller may walk on."""
        known = self.call.location
        if known is not None and known.source is LocationSource.SHARED is not location.source:
            return False
        self.call.location = location
        if known is None or known.source is not location.source:
            self._note(location.at, "located", source=location.source)
        return True

    def _policy(self, fact: f.PolicyMade) -> bool:
        self.call.policy = Policy(rung=fact.rung, decision=fact.decision, block_id=fact.block_id)
        self._note(fact.at, "policy", rung=fact.rung, decision=fact.decision)
        return True

    def _gate_left(self, fact: f.GateLeft) -> bool:
        result = GateResult(fact.result) if fact.result in set(GateResult) else None
        self.call.gate = Gate(result=result, seconds=fact.seconds, keys=fact.keys)
        if result is not GateResult.HUNG_UP:
            self._priority(fact.priority)
        for word in fact.flags:
            if word in set(Flag):
                self.flag(Flag(word))
        self._note(fact.at, "gate", result=fact.result, seconds=fact.seconds)
        return True

    def _priority(self, word: str | None) -> None:
        if word in set(Priority):
            self.call.priority = Priority(word)

    def flag(self, flag: Flag) -> bool:
        """Add a flag; False where it was there."""
        if flag in self.call.flags:
            return False
        self.call.flags.append(flag)
        return True

    def _recorded(self, fact: f.Recorded) -> bool:
        self._note(fact.at, "recorded", state=fact.state)
        return False

    # -- the queue

    def _queue_entered(self, fact: f.QueueEntered) -> bool:
        before = (self.call.priority, self.in_queue, self.stage)
        self._priority(fact.priority)
        if self.joined_at is None:
            self.joined_at = fact.at
        if not self.in_queue:
            self.in_queue = True
            self.waiting_since = self.joined_at if self.call.answered_at is None else fact.at
            self._note(fact.at, "queued", priority=self.call.priority)
        if self.stage is Stage.GATE or (self.stage is Stage.TALKING and self.talking_leg() is None):
            self.stage = Stage.QUEUE
            # what ended the conversation does not end the call
            self.far_end_hung_up = self.talk_ended_by = None
        return before != (self.call.priority, self.in_queue, self.stage)

    def _queue_left(self, fact: f.QueueLeft) -> bool:
        if not self.in_queue:
            return False
        self.in_queue = False
        return True

    def _ringing(self, fact: f.Ringing) -> bool:
        known = self.legs.get(fact.channel)
        if known is not None:  # the queue's own word may come after the channel's
            known.leg.agent = fact.agent or known.leg.agent
            known.queued = known.queued or fact.queued
            return False
        outside = fact.party
        if outside is None and fact.agent is None and fact.phone is None and self.sent_to is not None:
            outside = self.sent_to.outside
        state = self.legs[fact.channel] = LegState(
            Leg(agent=fact.agent, party=outside),
            fact.phone,
            fact.at,
            queued=fact.queued,
            invited=fact.invited,
        )
        self.call.legs.append(state.leg)
        self.shared = self.shared or fact.invited
        if not fact.invited:  # who is asked in is not yet whose call it is
            self.call.agent = fact.agent or self.call.agent
        if self.talking_leg() is None:
            self.stage = Stage.RINGING
        self._note(fact.at, "ringing", agent=fact.agent, party=outside)
        return True

    def owned(self, state: LegState, agent: str) -> None:
        """Whose telephone it is that has just begun to ring."""
        state.leg.agent = agent
        if not state.invited:
            self.call.agent = agent
        if self.call.timeline and self.call.timeline[-1].what == "ringing":
            self.call.timeline[-1].data["agent"] = agent

    def _ring_ended(self, fact: f.RingEnded) -> bool:
        state = self.legs.get(fact.channel)
        if state is None or state.leg.end is not None or state.talking:
            return False
        if fact.end == "answered":
            if state.queued:
                return False  # the queue says so itself, with the agent
            return self._answered(f.Answered(fact.at, fact.call, fact.channel, state.leg.agent))
        self._close_ring(state, fact.at, fact.end)
        return True

    def _close_ring(self, state: LegState, at: int, end: str) -> None:
        state.leg.end = end
        state.leg.ring_seconds = _seconds(state.rang_at, at)
        if self.call.answered_at is None:
            self.call.ring_seconds = state.leg.ring_seconds
        if self.stage is Stage.RINGING and not self.ringing_legs():
            self.stage = Stage.QUEUE
        self._note(at, "ring_ended", agent=state.leg.agent, party=state.leg.party, end=end)

    # -- the conversation

    def _answered(self, fact: f.Answered) -> bool:
        state = self.legs.get(fact.channel)
        if state is None:
            asked = read_leg_id(fact.channel) is not None  # listened before, and joins now
            state = LegState(Leg(agent=fact.agent), None, None, queued=not asked, invited=asked)
            self.shared = self.shared or asked
            self.legs[fact.channel] = state
            self.call.legs.append(state.leg)
        if state.talking or state.leg.answered_at is not None:
            return False
        leg = state.leg
        leg.agent = fact.agent or leg.agent
        leg.answered_at, leg.end = fact.at, "answered"
        leg.ring_seconds = _seconds(state.rang_at, fact.at)
        state.talking = True
        if self.call.answered_at is None and leg.agent is None and state.phone is None and not state.queued:
            self.outside_answered = True
        for other in self.ringing_legs():
            if not other.invited:
                self._close_ring(other, fact.at, "cancelled")
        self.call.agent = leg.agent or self.call.agent
        if not state.invited:
            self.call.ring_seconds = leg.ring_seconds
            # what ended an earlier conversation does not end the call
            self.talk_ended_by = None
        if self.call.answered_at is None:
            self.call.answered_at = fact.at
            self._close_wait(fact.at)
        self.in_queue = False
        self.stage = Stage.TALKING
        self._note(fact.at, "answered", agent=leg.agent, party=leg.party)
        return True

    def _talk_ended(self, fact: f.TalkEnded) -> bool:
        state = self.legs.get(fact.channel)
        if state is None:
            # of a leg that the caller was led away from, or that we ended, the queue may tell late, without
            # its channel: it is the first that it has not told of yet, never a later conversation
            queued = [each for each in self.legs.values() if each.queued and each.leg.answered_at is not None]
            untold = [each for each in queued if not each.completed]
            state = untold[0] if untold else None if queued else self.talking_leg()
            if state is None or not state.talking:
                if state is not None:
                    state.completed = True
                return False
        state.completed = True
        if state.moved:  # that the caller left is known
            return False
        closed = self._close_talk(state, fact.at)
        if self.talking_leg() is None:
            self.talk_ended_by = fact.by or self.talk_ended_by
        return closed

    def _leg_gone(self, fact: f.LegGone) -> bool:
        state = self.legs.get(fact.channel)
        if state is None:
            return False
        if state.talking:
            if fact.by_far_end and self.far_end_hung_up is None and len(self.talking_legs()) == 1:
                self.far_end_hung_up = False
            return self._close_talk(state, fact.at)
        if state.leg.end is None:
            self._close_ring(state, fact.at, RING_CAUSES.get(fact.cause or 0, "cancelled"))
            return True
        return False

    def _close_talk(self, state: LegState | None, at: int) -> bool:
        if state is None or not state.talking:
            return False
        state.talking = False
        state.held = False
        state.leg.talk_seconds = _seconds(state.leg.answered_at, at)
        self.call.talk_seconds = together.talk_seconds(self.call.legs)
        left = [leg for leg in self.talking_legs() if leg.leg.agent is not None]
        if left:  # whose call it is now
            self.call.agent = max(left, key=lambda leg: leg.leg.answered_at or 0).leg.agent
        self._note(at, "talk_ended", agent=state.leg.agent, party=state.leg.party)
        return True

    def _transferred(self, fact: f.Transferred) -> bool:
        data = {"kind": fact.kind, "id": fact.identity, "by": fact.by, "how": fact.how}
        self._note(fact.at, "moved" if fact.how == "move" else "transferred", **data)
        if fact.how == "warm" or fact.kind not in set(
            PartyKind
        ):  # the others go on; another place in the queue
            return True
        self.sent_to = party(fact.kind, fact.identity)
        for state in self.talking_legs():
            self._close_talk(state, fact.at)
            state.moved = self.shared = True
            self.waiting_since = fact.at
        self.stage = Stage.QUEUE
        self.far_end_hung_up = self.talk_ended_by = None
        return True

    def _held(self, fact: f.Held) -> bool:
        state = self.legs.get(fact.channel)
        if state is None or not state.talking or state.held is fact.held:
            return False
        state.held, self.shared = fact.held, True
        return True

    def _returned(self, fact: f.Returned) -> bool:
        self.far_end_hung_up = None
        self.talk_ended_by = None
        self._note(fact.at, "returned", cause=fact.cause)
        return self.flag(Flag.RESCUED)

    # -- the caller's voice

    def _window(self, fact: f.WindowChanged) -> bool:
        self.listener.window(fact.at, fact.open)
        return False

    def _talk(self, fact: f.TalkChanged) -> bool:
        self.listener.talk(fact.at, fact.talking, with_agent=self.stage is Stage.TALKING)
        return False

    def _audio(self, fact: f.AudioCounted) -> bool:
        self.packets = max(self.packets or 0, fact.packets)
        return False

    # -- the end

    def _declared(self, fact: f.EndDeclared) -> bool:
        self.declared = fact
        return False

    def _hangup_seen(self, fact: f.HangupSeen) -> bool:
        if self.far_end_hung_up is None:
            self.far_end_hung_up = fact.by_far_end
        return False

    def _ended(self, fact: f.Ended) -> bool:
        call = self.call
        for state in list(self.legs.values()):
            if state.talking:
                self._close_talk(state, fact.at)
            elif state.leg.end is None:
                self._close_ring(state, fact.at, "cancelled")
        self._close_wait(fact.at)
        self.listener.finish(fact.at)
        if self.packets == 0:
            self.flag(Flag.NO_AUDIO)
        call.ended_at = fact.at
        call.ended_by = self._ended_by(fact.cause)
        call.ending = self._ending(call.ended_by)
        if call.ending is Ending.ABANDONED_IN_GATE and call.gate.result is None:
            call.gate.result = GateResult.HUNG_UP
        self.in_queue = False
        self.stage = Stage.ENDED
        if call.ending is Ending.ABANDONED_IN_QUEUE:
            self._note(fact.at, "abandoned")
        self._note(fact.at, "ended", ending=call.ending, by=call.ended_by)
        return True

    def lost(self, at: int) -> None:
        """The channel is gone and nobody saw how: Asterisk died, or its ledger is unreadable."""
        self._ended(f.Ended(at, self.call.uniqueid, 41))
        # also one in conversation: nobody wished its end (answered_at still tells of the answer)
        self.call.ending, self.call.ended_by = Ending.FAILED, EndedBy.SYSTEM
        self.call.timeline[-1].data.update(ending=Ending.FAILED, by=EndedBy.SYSTEM)

    def _ended_by(self, cause: int | None) -> EndedBy | None:
        if self.declared is not None and self.declared.by in set(EndedBy):
            return EndedBy(self.declared.by)
        # the cause of a leg that died stays on the caller's channel, which went on
        went_on = self.far_end_hung_up is True and Flag.RESCUED in self.call.flags
        if cause in NETWORK_CAUSES and not went_on:
            return EndedBy.NETWORK
        if self.call.answered_at is not None and self.talk_ended_by in ("caller", "agent"):
            return EndedBy(self.talk_ended_by)
        if self.far_end_hung_up is True:
            return EndedBy.CALLER
        if self.far_end_hung_up is False and self.call.answered_at is not None:
            return EndedBy.AGENT
        return EndedBy.SYSTEM

    def _ending(self, by: EndedBy | None) -> Ending:
        if self.call.answered_at is not None:
            return Ending.OVERFLOWED if self.outside_answered else Ending.ANSWERED
        if self.declared is not None and self.declared.ending in set(Ending):
            return Ending(self.declared.ending)
        if by in (EndedBy.SYSTEM, EndedBy.NETWORK):
            return Ending.FAILED
        if self.joined_at is not None:
            return Ending.ABANDONED_IN_QUEUE
        return Ending.ABANDONED_IN_GATE

    def _close_wait(self, at: int) -> None:
        if self.joined_at is not None and self.call.queue.wait_seconds is None:
            self.call.queue.wait_seconds = _seconds(self.joined_at, at)

    def _note(self, at: int, what: str, **data: object) -> None:
        known = {key: value for key, value in data.items() if value is not None}
        for last in reversed(self.call.timeline if what in _ONCE else ()):
            if at - last.at >= STEP_US:
                break
            if (last.what, last.data) == (what, known):
                return  # the ledger's last word, and the event of the same moment
        self.call.timeline.append(TimelineEntry(at=at, what=what, data=known))


def _seconds(start: int | None, end: int) -> float | None:
    return None if start is None else round(max(0, end - start) / 1_000_000, 3)


# heard again out of its order a fact would move a call back; what closes something does no harm
_CLOSING = f.RingEnded | f.LegGone | f.HangupSeen | f.Ended
_ONCE = {"identified", "located", "policy", "gate", "recorded", "queued", "returned"}

_HANDLERS: dict[type[f.Fact], Callable[[Tracker, Any], bool]] = {
    f.Identified: Tracker._identified,
    f.Located: Tracker._located,
    f.PolicyMade: Tracker._policy,
    f.WindowChanged: Tracker._window,
    f.TalkChanged: Tracker._talk,
    f.AudioCounted: Tracker._audio,
    f.GateLeft: Tracker._gate_left,
    f.Recorded: Tracker._recorded,
    f.QueueEntered: Tracker._queue_entered,
    f.QueueLeft: Tracker._queue_left,
    f.Ringing: Tracker._ringing,
    f.RingEnded: Tracker._ring_ended,
    f.Answered: Tracker._answered,
    f.LegGone: Tracker._leg_gone,
    f.TalkEnded: Tracker._talk_ended,
    f.Returned: Tracker._returned,
    f.Transferred: Tracker._transferred,
    f.Held: Tracker._held,
    f.EndDeclared: Tracker._declared,
    f.HangupSeen: Tracker._hangup_seen,
    f.Ended: Tracker._ended,
}
