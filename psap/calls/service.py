"""Following the calls: facts in; records, events and wishes out. Never waits for anything.

Holds every call in progress and every agent. What it needs from the outside comes as plain
functions (``Ports``), so the same code runs live, in replays and in tests.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from psap.calls import facts as f
from psap.calls import together
from psap.calls.legs import LegState
from psap.calls.model import Call, Caller, Classification, Ending, GateResult, Location
from psap.calls.suggest import Signs, suggestions
from psap.calls.tracking import Tracker
from psap.platform.clock import Clock, rfc3339
from psap.platform.events import Event, EventType
from psap.queue import model as q
from psap.queue.waiting import waiting

POP_PATIENCE = 0.015  # seconds that a screen-pop waits for the caller's history
RECENT = 500  # ended calls kept, so that an agent's last word finds them also without a database

NO_HISTORY: dict[str, Any] = {
    "calls": [],
    "calls_total": None,
    "incidents": [],
    "marks": None,
    "why": {"id": "Riwayat belum tersedia", "en": "History is not available yet"},
}


@dataclass
class Background:
    """What is known of a number before its call rings. ``ready`` once it was looked up."""

    history: dict[str, Any] = field(default_factory=lambda: dict(NO_HISTORY))
    short_calls: int = 0
    failed_challenges: int = 0
    marks: int = 0
    ready: bool = False


@dataclass
class Ports:
    """The outside. Each function returns at once."""

    publish: Callable[[Event], None]
    record: Callable[[Call, str | None], None]
    spoke: Callable[[str, str], None]  # tell the channel of this name what is heard of its caller
    look_up: Callable[[str, str], None]  # prefetch the background of (call id, number key)
    no_response: Callable[[Tracker], None]  # a soft mark
    describe: Callable[[str | None, str | None, str | None], Caller]  # number, key, presentation
    later: Callable[[float, Callable[[], None]], None]  # do it after so many seconds


class Following:
    """Every call in progress and every agent of one site."""

    def __init__(self, site: str, clock: Clock, ports: Ports) -> None:
        self.site = site
        self.clock = clock
        self.ports = ports
        self.calls: dict[str, Tracker] = {}  # by the caller channel's Uniqueid
        self.by_id: dict[str, Tracker] = {}
        self.desk = q.Desk()
        self.backgrounds: dict[str, Background] = {}
        self.recent: OrderedDict[str, Tracker] = OrderedDict()  # ended, by call id, newest last
        self._queue_shown: list[dict[str, Any]] = []
        self._queue_dirty = False
        self.name_of: Callable[[str, str], str] = lambda _kind, identity: identity  # a party's own name
        self.listeners_of: Callable[[str], list[dict[str, Any]]] = lambda _call_id: []
        self._talks: dict[str, dict[str, Any]] = {}  # what was told of who is there, by call id

    # -- facts about calls

    def take(self, fact: f.Fact) -> None:
        """One fact about a call."""
        if isinstance(fact, f.Started):
            if fact.call not in self.calls:
                self.adopt(Tracker.begin(self.site, fact))
                tracker = self.calls[fact.call]
                self._tell(EventType.CALL_STARTED, fact.at, tracker)
                self._record(tracker)
            return
        tracker_or_none = self.calls.get(fact.call)
        if tracker_or_none is None:
            return
        tracker = tracker_or_none
        changed = tracker.apply(fact)
        if isinstance(fact, f.TalkChanged | f.WindowChanged):
            if (word := tracker.listener.word()) is not None:
                self.ports.spoke(tracker.channel, word)
            return
        if changed:
            self._queue_dirty = True
            self._after(tracker, fact)
            self.tell_talk(tracker, fact.at)
        if tracker.ended:
            self._finish(tracker, fact.at)

    def adopt(self, tracker: Tracker) -> None:
        """Follow a call from here on."""
        self.calls[tracker.call.uniqueid] = tracker
        self.by_id[tracker.call.id] = tracker
        self.backgrounds.setdefault(tracker.call.id, Background())

    def replace(self, tracker: Tracker) -> None:
        """Follow a call as the ledger tells it, or finish it if it is over there."""
        self.drop(tracker.call.uniqueid)
        self._queue_dirty = True
        self.adopt(tracker)
        self.identify(tracker)
        if tracker.ended:
            self._finish(tracker, tracker.call.ended_at or self.clock.now_us())
        else:
            self._record(tracker)

    def drop(self, uniqueid: str) -> None:
        """Forget a call whose record is complete elsewhere."""
        old = self.calls.pop(uniqueid, None)
        if old is not None:
            self.by_id.pop(old.call.id, None)
            self._queue_dirty = True

    def identify(self, tracker: Tracker) -> None:
        """Work out who calls, and ask for what is known of the number."""
        call = tracker.call
        call.caller = self.ports.describe(call.caller.number, tracker.number_key, call.caller.presentation)
        # of two hundred a second nobody asks, nor of what is over
        if tracker.number_key and not tracker.ended and not call.policy.refused:
            self.ports.look_up(call.id, tracker.number_key)

    def _after(self, tracker: Tracker, fact: f.Fact) -> None:
        at = fact.at
        match fact:
            case f.Identified():
                self.identify(tracker)
                if tracker.call.policy.refused:  # its end, which follows at once, tells everything
                    return
                self._record(tracker)
                self._tell(EventType.CALL_UPDATED, at, tracker, call=_dump(tracker))
            case f.Located():
                self._record(tracker)
                self._tell_place(tracker, at)
            case f.GateLeft():
                call = tracker.call
                self._tell(
                    EventType.CALL_GATE,
                    at,
                    tracker,
                    gate=call.gate.model_dump(mode="json"),
                    policy=call.policy.model_dump(mode="json"),
                    flags=list(call.flags),
                )
            case f.QueueEntered():
                self._tell(
                    EventType.CALL_QUEUED,
                    at,
                    tracker,
                    priority=tracker.call.priority,
                    flags=list(tracker.call.flags),
                )
            case f.Ringing():
                self._rings(tracker, tracker.legs[fact.channel], at)
            case f.RingEnded() | f.LegGone() | f.TalkEnded():
                self._leg_moved(tracker, tracker.legs.get(fact.channel), at)
                if isinstance(fact, f.RingEnded) and fact.end == "answered":
                    self._answered(tracker, at)
            case f.Answered():
                self._answered(tracker, at, tracker.legs.get(fact.channel))
            case f.Transferred():
                for leg in tracker.legs.values():
                    self._leg_moved(tracker, leg, at)
                self.changed(tracker)
            case _:
                pass

    def _rings(self, tracker: Tracker, leg: LegState, at: int) -> None:
        if leg.invited and leg.leg.party is not None:  # nobody here has a telephone that rings
            return
        if leg.leg.agent is None and (owner := self.desk.owner(leg.phone)) is not None:
            tracker.owned(leg, owner)
        call = tracker.call
        if self.backgrounds[call.id].ready or tracker.number_key is None:
            self._pop(tracker, leg, at)
        else:
            # a caller who skipped the gate rings before the look-up is done: wait, but not long
            self.ports.later(POP_PATIENCE, lambda: self._pop(tracker, leg, at))
        self._agent_moved(leg, at, call.id, q.AgentState.RINGING)

    def _pop(self, tracker: Tracker, leg: LegState, at: int) -> None:
        if tracker.ended:
            return
        call = tracker.call
        self._tell(
            EventType.CALL_RINGING,
            at,
            tracker,
            agent=leg.leg.agent,
            invited=leg.invited,
            priority=call.priority,
            flags=list(call.flags),
            policy=call.policy.model_dump(mode="json"),
            gate=call.gate.model_dump(mode="json"),
            waiting_since=rfc3339(tracker.waiting_since),
            location=_place(call),
            history=self.backgrounds[call.id].history,
        )

    def _answered(self, tracker: Tracker, at: int, came: LegState | None = None) -> None:
        call = tracker.call
        for leg in tracker.legs.values():
            if leg.talking:
                self._agent_moved(leg, at, call.id, q.AgentState.TALKING)
            else:
                self._leg_moved(tracker, leg, at)
        if came is not None and came.invited and came.leg.party is not None:  # no call taker's answer
            self.changed(tracker)
            return
        self._tell(
            EventType.CALL_ANSWERED, at, tracker, agent=call.agent, wait_seconds=call.queue.wait_seconds
        )
        self._record(tracker)

    def _leg_moved(self, tracker: Tracker, leg: LegState | None, at: int) -> None:
        if leg is None or leg.talking or leg.leg.end is None:
            return
        agent = self.desk.by_phone.get(leg.phone or "")
        if agent is not None and agent.call_id == tracker.call.id:
            self._agent_moved(leg, at, None, q.AgentState.READY)

    def _agent_moved(self, leg: LegState, at: int, call_id: str | None, state: q.AgentState) -> None:
        agent = self.desk.call_moved(leg.phone, at, call_id, state)
        if agent is not None:
            self.ports.publish(Event(EventType.AGENT_CHANGED, at, agent.shown()))

    def _finish(self, tracker: Tracker, at: int) -> None:
        self.calls.pop(tracker.call.uniqueid, None)
        self.by_id.pop(tracker.call.id, None)
        for leg in tracker.legs.values():
            self._leg_moved(tracker, leg, at)
        self.recent.pop(tracker.call.id, None)
        self.remember(tracker)
        self.suggest(tracker)
        self.backgrounds.pop(tracker.call.id, None)
        self._talks.pop(tracker.call.id, None)
        self._record(tracker)
        self._tell(EventType.CALL_ENDED, at, tracker, call=_dump(tracker))
        call = tracker.call
        silent = call.ending is Ending.NO_RESPONSE or call.gate.result is GateResult.NO_RESPONSE
        if silent and tracker.number_key:
            self.ports.no_response(tracker)

    def remember(self, tracker: Tracker) -> Tracker:
        """Keep a call that ended; the one that is kept already, where there is one."""
        kept = self.recent.setdefault(tracker.call.id, tracker)
        while len(self.recent) > RECENT:
            self.recent.popitem(last=False)
        return kept

    def suggest(self, tracker: Tracker) -> None:
        """Add the flags that the measurements suggest, with their evidence."""
        call, known = tracker.call, self.backgrounds.get(tracker.call.id, Background())
        if call.answered_at is None:
            return
        talk = call.talk_seconds
        if talk is None:
            talk = (self.clock.now_us() - call.answered_at) / 1_000_000
        signs = Signs(
            talk_seconds=talk,
            # a detector that never spoke is believed only where packets prove a live channel
            speech_seconds=tracker.listener.agent_seconds
            if not tracker.partial and (tracker.listener.heard or (tracker.packets or 0) > 0)
            else None,
            packets=tracker.packets,
            short_calls=known.short_calls,
            failed_challenges=known.failed_challenges,
            marks=known.marks,
        )
        found = suggestions(signs)
        words = {item["what"] for _, evidence in found for item in evidence}
        call.evidence = [item for item in call.evidence if item.get("what") not in words]
        for flag, evidence in found:
            tracker.flag(flag)
            call.evidence.extend(evidence)

    # -- agents

    def take_agent(self, fact: q.AgentFact) -> None:
        """One fact about an agent or a telephone."""
        agent = self.desk.apply(fact)
        if agent is not None:
            self.ports.publish(Event(EventType.AGENT_CHANGED, fact.at, agent.shown()))

    def settle_agents(self) -> None:
        """Let wrap-up times run out."""
        now = self.clock.now_us()
        for agent in self.desk.agents():
            if agent.settle(now):
                self.ports.publish(Event(EventType.AGENT_CHANGED, now, agent.shown()))

    # -- people's words

    def said(self, tracker: Tracker, kind: Classification | None, note: str | None, by: str) -> None:
        """A person says what a call is, or notes something; None leaves it as it is."""
        call = tracker.call
        if kind is not None:
            call.classification, call.classified_by = kind, by
        call.note = note if note is not None else call.note
        self.changed(tracker)

    def locate(self, tracker: Tracker, location: Location) -> None:
        """The caller's own telephone tells where it is; also after the call ended."""
        if tracker.locate(location):
            self.changed(tracker)
            self._tell_place(tracker, location.at)

    def changed(self, tracker: Tracker) -> None:
        """Record and tell a call that a person changed."""
        self._record(tracker)
        self._tell(EventType.CALL_UPDATED, self.clock.now_us(), tracker, call=_dump(tracker))

    # -- telling

    def _tell_place(self, tracker: Tracker, at: int) -> None:
        self._tell(
            EventType.CALL_LOCATED, at, tracker, agent=tracker.call.agent, location=_place(tracker.call)
        )

    def _record(self, tracker: Tracker) -> None:
        self.ports.record(tracker.call, tracker.number_key)

    def _tell(self, kind: EventType, at: int, tracker: Tracker, **data: Any) -> None:
        caller = tracker.call.caller
        known = caller.number is not None or caller.presentation is not None
        base = {"call_id": tracker.call.id, "caller": caller.model_dump(mode="json") if known else None}
        self.ports.publish(Event(kind, at, base | data))

    def talk(self, tracker: Tracker) -> dict[str, Any]:
        """Who is in a conversation beside the caller, as ``call.talk`` tells it."""
        rows = together.parties(tracker.legs.values())
        for row in rows:
            agent = self.desk.agent(row["id"].partition(":")[2]) if row["kind"] == "agent" else None
            row["name"] = agent.name if agent else self.name_of(row["kind"], row["name"])
        return {
            "parties": rows,
            "held": together.held(tracker.talking_legs()),
            "listeners": self.listeners_of(tracker.call.id),
        }

    def tell_talk(self, tracker: Tracker, at: int) -> None:
        """Tell who is in a conversation, once there is more to it than a caller and a call taker."""
        call_id = tracker.call.id
        if not tracker.shared and call_id not in self._talks and not self.listeners_of(call_id):
            return
        shown = self.talk(tracker)
        if shown != self._talks.get(call_id):
            self._talks[call_id] = shown
            self._tell(EventType.CALL_TALK, at, tracker, agents=tracker.agents, **shown)

    def tell_queue(self) -> None:
        """Tell who waits, if that changed. Called some times a second: with hundreds waiting,
        telling at each fact would cost more than everything else."""
        if not self._queue_dirty:
            return
        self._queue_dirty = False
        shown = self.waiting()
        if shown != self._queue_shown:
            self._queue_shown = shown
            self.ports.publish(Event(EventType.QUEUE_CHANGED, self.clock.now_us(), {"waiting": shown}))

    def tell_all(self) -> None:
        """After a resync: tell every agent and the queue anew."""
        now = self.clock.now_us()
        for agent in self.desk.agents():
            self.ports.publish(Event(EventType.AGENT_CHANGED, now, agent.shown()))
        self._queue_dirty = True
        self.tell_queue()

    def waiting(self) -> list[dict[str, Any]]:
        """Who waits, as the contract shows it."""
        return waiting(self.calls.values())

    def snapshot(self) -> dict[str, Any]:
        """Everything in progress, as the contract's ``snapshot`` shows it."""
        return {
            "calls": [_dump(tracker) for tracker in self.calls.values()],
            "waiting": self.waiting(),
            "agents": [agent.shown() for agent in sorted_agents(self.desk.agents())],
        }


def sorted_agents(agents: Iterable[q.Agent]) -> list[q.Agent]:
    """Agents in the order in which people look for them."""
    return sorted(agents, key=lambda agent: (agent.name, agent.agent))


def _place(call: Call) -> dict[str, Any] | None:
    return None if call.location is None else call.location.model_dump(mode="json")


def _dump(tracker: Tracker) -> dict[str, Any]:
    return tracker.call.model_dump(mode="json")
