"""Agents and their telephones. Pure.

An agent's state is put together from what the queue says (member, paused, device), what the calls
say (ringing, talking) and the wrap-up time after a call. An agent has up to two telephones, the desk's
and the browser's; at most one of them is the queue's member, and facts about either are the agent's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psap.platform.clock import rfc3339

WEB = "w"  # what a browser's telephone is called after its agent's desk phone


def web_name(phone: str) -> str:
    """The endpoint of the browser's telephone beside a desk phone's."""
    return phone + WEB


class Kind(StrEnum):
    """Which of an agent's telephones."""

    DESK = "desk"
    BROWSER = "browser"


class AgentState(StrEnum):
    LOGGED_OUT = "logged_out"
    READY = "ready"
    PAUSED = "paused"
    RINGING = "ringing"
    TALKING = "talking"
    WRAPPING_UP = "wrapping_up"


class Device(StrEnum):
    """A telephone as Asterisk sees it."""

    UNKNOWN = "unknown"
    FREE = "free"
    IN_USE = "in_use"
    RINGING = "ringing"
    AWAY = "away"

    @classmethod
    def of_number(cls, status: int | None) -> Device:
        """From the queue's numbers (0 unknown .. 8 on hold)."""
        return {
            1: cls.FREE,
            2: cls.IN_USE,
            3: cls.IN_USE,
            4: cls.AWAY,
            5: cls.AWAY,
            6: cls.RINGING,
            7: cls.IN_USE,
            8: cls.IN_USE,
        }.get(status or 0, cls.UNKNOWN)

    @classmethod
    def of_word(cls, word: str) -> Device:
        """From a device state's word."""
        return {
            "NOT_INUSE": cls.FREE,
            "INUSE": cls.IN_USE,
            "BUSY": cls.IN_USE,
            "RINGING": cls.RINGING,
            "RINGINUSE": cls.IN_USE,
            "ONHOLD": cls.IN_USE,
            "UNAVAILABLE": cls.AWAY,
            "INVALID": cls.AWAY,
        }.get(word, cls.UNKNOWN)


@dataclass(frozen=True, slots=True)
class AgentFact:
    at: int
    phone: str


@dataclass(frozen=True, slots=True)
class MemberSeen(AgentFact):
    """The queue tells a member. ``last_call`` epoch seconds, ``wrapup`` seconds."""

    agent: str
    device: Device
    paused: bool
    reason: str | None
    last_call: int
    wrapup: int


@dataclass(frozen=True, slots=True)
class MemberGone(AgentFact):
    """The queue lost a member."""


@dataclass(frozen=True, slots=True)
class PhoneSeen(AgentFact):
    device: Device


@dataclass(slots=True)
class Telephone:
    """One telephone of an agent, as the queue and Asterisk see it. ``name`` is its endpoint."""

    name: str
    kind: Kind = Kind.DESK
    device: Device = Device.UNKNOWN
    member: bool = False
    paused: bool = False
    reason: str | None = None
    open: bool = True  # False: no tab is it, whatever is still registered

    @property
    def registered(self) -> bool:
        return self.open and self.device not in (Device.AWAY, Device.UNKNOWN)

    def left(self) -> None:
        """It is in the queue no more."""
        self.member = self.paused = False
        self.reason = None


@dataclass(slots=True)
class Agent:
    """One agent with a telephone, or two."""

    agent: str
    name: str
    desk: Telephone
    browser: Telephone | None = None
    state: AgentState = AgentState.LOGGED_OUT
    since: int = 0
    call_id: str | None = None
    ringing: bool = False
    talking: bool = False
    wrapup: int = 0
    wraps_until: int = 0

    @property
    def telephones(self) -> tuple[Telephone, ...]:
        return (self.desk,) if self.browser is None else (self.desk, self.browser)

    @property
    def telephone(self) -> Telephone:
        """The one that counts: the queue's member; else the browser's where it is there, else the desk's."""
        for each in self.telephones:
            if each.member:
                return each
        return self.browser if self.browser is not None and self.browser.registered else self.desk

    @property
    def phone(self) -> str:
        """The endpoint of the telephone that counts."""
        return self.telephone.name

    @property
    def member(self) -> bool:
        return any(each.member for each in self.telephones)

    @property
    def paused(self) -> bool:
        return self.telephone.paused

    @property
    def reason(self) -> str | None:
        return self.telephone.reason

    @property
    def device(self) -> Device:
        """What the agent does with either telephone; whether one is there is said of the one that counts."""
        for busy in (Device.IN_USE, Device.RINGING):
            if any(each.device is busy for each in self.telephones):
                return busy
        return self.telephone.device

    @property
    def registered(self) -> bool:
        return self.telephone.registered

    def of_kind(self, kind: Kind) -> Telephone | None:
        """The desk's or the browser's telephone."""
        return self.desk if kind is Kind.DESK else self.browser

    def named(self, phone: str) -> Telephone | None:
        """The telephone of this endpoint."""
        return next((each for each in self.telephones if each.name == phone), None)

    def joined(self, telephone: Telephone, *, paused: bool = False, reason: str | None = None) -> None:
        """This telephone is the queue's member, and no other."""
        for each in self.telephones:
            each.left()
        telephone.member, telephone.paused, telephone.reason = True, paused, reason

    def left(self) -> None:
        """No telephone is in the queue."""
        for each in self.telephones:
            each.left()

    def settle(self, at: int) -> bool:
        """Work the state out anew; True where it changed."""
        state = self._state(at)
        if state is self.state:
            return False
        self.state, self.since = state, at
        return True

    def _state(self, at: int) -> AgentState:
        if not self.member and not self.talking:
            return AgentState.LOGGED_OUT
        device = self.device
        if self.talking or device is Device.IN_USE:
            return AgentState.TALKING
        if self.ringing or device is Device.RINGING:
            return AgentState.RINGING
        if self.paused:
            return AgentState.PAUSED
        if at < self.wraps_until:
            return AgentState.WRAPPING_UP
        return AgentState.READY

    def looks(self) -> tuple[object, ...]:
        """All that ``shown`` shows, as it is: cheap to compare."""
        counts = self.telephone
        seen = counts.member or counts.registered
        return (
            *(self.agent, self.name, self.state, self.since, counts.reason if counts.paused else None),
            *(self.call_id, counts.kind if seen else None, counts.registered),
        )

    def shown(self) -> dict[str, Any]:
        """As the contract and the HTTP interface show an agent."""
        return {
            "agent": self.agent,
            "name": self.name,
            "state": str(self.state),
            "since": rfc3339(self.since or None),
            "reason": self.reason if self.paused else None,
            "call_id": self.call_id,
            "telephone": str(self.telephone.kind) if self.member or self.registered else None,
            "phone_registered": self.registered,
        }


@dataclass(slots=True)
class Desk:
    """Every agent, by telephone and by name."""

    by_phone: dict[str, Agent] = field(default_factory=dict)  # an agent stands here once for each telephone
    wrapup: int = 0  # seconds, the queue's own; a member's 0 means this

    def agents(self) -> list[Agent]:
        """Every agent once."""
        return list({id(agent): agent for agent in self.by_phone.values()}.values())

    def agent(self, name: str | None) -> Agent | None:
        return next((a for a in self.by_phone.values() if a.agent == name), None)

    def owner(self, phone: str | None) -> str | None:
        """The agent whose telephone this is."""
        agent = self.by_phone.get(phone or "")
        return agent.agent if agent else None

    def telephone(self, phone: str) -> Telephone | None:
        """A telephone by its endpoint."""
        agent = self.by_phone.get(phone)
        return agent.named(phone) if agent else None

    def load(self, phones: dict[str, tuple[str, str]], at: int) -> None:
        """Set the known desk phones: phone -> (agent, name), each with the browser's beside it.
        Others go unless they are members."""
        known: set[str] = set()
        for phone, (name, shown) in phones.items():
            web = web_name(phone)
            known |= {phone, web}
            agent = self.by_phone.get(phone)
            if agent is None:
                agent = self.by_phone[phone] = Agent(name, shown, Telephone(phone), since=at)
            else:
                agent.agent, agent.name = name, shown
            if agent.browser is None:
                agent.browser = Telephone(web, Kind.BROWSER)
            self._adopt(agent, web)
        for phone in [p for p, a in self.by_phone.items() if p not in known and not a.member]:
            del self.by_phone[phone]

    def _adopt(self, agent: Agent, web: str) -> None:
        """Whoever was heard of under the browser's name alone is this agent."""
        stray = self.by_phone.get(web)
        if stray is not None and stray is not agent:
            agent.browser = stray.desk
            agent.browser.kind = Kind.BROWSER
        self.by_phone[web] = agent

    def forget_members(self) -> None:
        """Before a resync: the queue is about to tell all its members anew."""
        for agent in self.agents():
            agent.left()

    def apply(self, fact: AgentFact) -> Agent | None:
        """Take one fact; the agent where something to be shown changed."""
        agent = self.by_phone.get(fact.phone)
        if agent is None:
            if not isinstance(fact, MemberSeen):
                return None
            agent = Agent(fact.agent, fact.agent, Telephone(fact.phone), since=fact.at)
            self.by_phone[fact.phone] = agent
        before = agent.looks()
        telephone = agent.named(fact.phone)
        if telephone is None:
            return None
        if isinstance(fact, MemberSeen):
            telephone.member, telephone.paused, telephone.reason = True, fact.paused, fact.reason
            telephone.device, agent.wrapup = fact.device, fact.wrapup or self.wrapup
            if fact.last_call and not agent.talking:
                agent.wraps_until = (fact.last_call + agent.wrapup) * 1_000_000
        elif isinstance(fact, MemberGone):
            telephone.left()
            if not agent.member:
                agent.wraps_until = 0
        elif isinstance(fact, PhoneSeen):
            telephone.device = fact.device
        agent.settle(fact.at)
        return agent if agent.looks() != before else None

    def call_moved(self, phone: str | None, at: int, call: str | None, what: AgentState) -> Agent | None:
        """A call rings at, talks to or (READY) left a telephone; the agent if it changed."""
        agent = self.by_phone.get(phone or "")
        telephone = agent.named(phone or "") if agent else None
        if agent is None or telephone is None:
            return None
        before = agent.looks()
        was_talking = agent.talking
        agent.ringing = what is AgentState.RINGING
        agent.talking = what is AgentState.TALKING
        if what is AgentState.READY:
            telephone.device = Device.FREE if telephone.registered else telephone.device
            if was_talking and agent.wrapup:
                agent.wraps_until = at + agent.wrapup * 1_000_000
        agent.call_id = call
        agent.settle(at)
        return agent if agent.looks() != before else None

    def free(self) -> int:
        """How many agents could take a call now."""
        return sum(1 for a in self.agents() if a.state is AgentState.READY and a.registered)
