"""Agents and who waits. Pure.

An agent's state is put together from what the queue says (member, paused, device), what the calls
say (ringing, talking) and the wrap-up time after a call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psap.platform.clock import rfc3339


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
class Agent:
    """One agent with a telephone."""

    agent: str
    name: str
    phone: str
    state: AgentState = AgentState.LOGGED_OUT
    since: int = 0
    member: bool = False
    paused: bool = False
    reason: str | None = None
    device: Device = Device.UNKNOWN
    call_id: str | None = None
    ringing: bool = False
    talking: bool = False
    wrapup: int = 0
    wraps_until: int = 0

    @property
    def registered(self) -> bool:
        return self.device not in (Device.AWAY, Device.UNKNOWN)

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
        if self.talking or self.device is Device.IN_USE:
            return AgentState.TALKING
        if self.ringing or self.device is Device.RINGING:
            return AgentState.RINGING
        if self.paused:
            return AgentState.PAUSED
        if at < self.wraps_until:
            return AgentState.WRAPPING_UP
        return AgentState.READY

    def shown(self) -> dict[str, Any]:
        """As the contract and the HTTP interface show an agent."""
        return {
            "agent": self.agent,
            "name": self.name,
            "state": str(self.state),
            "since": rfc3339(self.since or None),
            "reason": self.reason if self.paused else None,
            "call_id": self.call_id,
            "phone_registered": self.registered,
        }


@dataclass(slots=True)
class Desk:
    """Every agent, by telephone and by name."""

    by_phone: dict[str, Agent] = field(default_factory=dict)
    wrapup: int = 0  # seconds, the queue's own; a member's 0 means this

    def agent(self, name: str | None) -> Agent | None:
        return next((a for a in self.by_phone.values() if a.agent == name), None)

    def owner(self, phone: str | None) -> str | None:
        """The agent whose telephone this is."""
        agent = self.by_phone.get(phone or "")
        return agent.agent if agent else None

    def load(self, phones: dict[str, tuple[str, str]], at: int) -> None:
        """Set the known telephones: phone -> (agent, name). Others go unless they are members."""
        for phone, (agent, name) in phones.items():
            known = self.by_phone.get(phone)
            if known is None:
                self.by_phone[phone] = Agent(agent, name, phone, since=at)
            else:
                known.agent, known.name = agent, name
        for phone in [p for p, a in self.by_phone.items() if p not in phones and not a.member]:
            del self.by_phone[phone]

    def forget_members(self) -> None:
        """Before a resync: the queue is about to tell all its members anew."""
        for agent in self.by_phone.values():
            agent.member = False

    def apply(self, fact: AgentFact) -> Agent | None:
        """Take one fact; the agent where something to be shown changed."""
        agent = self.by_phone.get(fact.phone)
        if agent is None:
            if not isinstance(fact, MemberSeen):
                return None
            agent = self.by_phone[fact.phone] = Agent(fact.agent, fact.agent, fact.phone, since=fact.at)
        before = agent.shown()
        if isinstance(fact, MemberSeen):
            agent.member, agent.paused, agent.reason = True, fact.paused, fact.reason
            agent.device, agent.wrapup = fact.device, fact.wrapup or self.wrapup
            if fact.last_call and not agent.talking:
                agent.wraps_until = (fact.last_call + agent.wrapup) * 1_000_000
        elif isinstance(fact, MemberGone):
            agent.member = agent.paused = False
            agent.wraps_until = 0
        elif isinstance(fact, PhoneSeen):
            agent.device = fact.device
        agent.settle(fact.at)
        return agent if agent.shown() != before else None

    def call_moved(self, phone: str | None, at: int, call: str | None, what: AgentState) -> Agent | None:
        """A call rings at, talks to or (READY) left a telephone; the agent if it changed."""
        agent = self.by_phone.get(phone or "")
        if agent is None:
            return None
        before = agent.shown()
        was_talking = agent.talking
        agent.ringing = what is AgentState.RINGING
        agent.talking = what is AgentState.TALKING
        if what is AgentState.READY:
            agent.device = Device.FREE if agent.registered else agent.device
            if was_talking and agent.wrapup:
                agent.wraps_until = at + agent.wrapup * 1_000_000
        agent.call_id = call
        agent.settle(at)
        return agent if agent.shown() != before else None

    def free(self) -> int:
        """How many agents could take a call now."""
        return sum(1 for a in self.by_phone.values() if a.state is AgentState.READY and a.registered)
