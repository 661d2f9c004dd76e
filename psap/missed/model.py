"""Missed calls: which calls stand in the list, what an entry is, what may be done with it. Pure.

An entry is one person to call back: all calls of a number until it is closed. Who has no usable
number (withheld, SIM-less, none at all) gets an entry per call, shown as not reachable.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field, computed_field

from psap.calls.model import Call, Caller, Ending, Flag, Gate, GateResult, Micros, Policy, Record

WINDOW_US = 72 * 3_600 * 1_000_000  # calls lost longer ago come into the list no more
LOST = (Ending.ABANDONED_IN_GATE, Ending.ABANDONED_IN_QUEUE, Ending.NO_RESPONSE, Ending.FAILED)
TOO_MANY = "too_many"  # the dialplan's word (docs/adr/0009-overload.md)
ANNOUNCED = "announce"  # told that the number is blocked, and ended
HIDES = {"violence"}  # categories of an open incident whose reporter a ringing telephone may betray


class Status(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"  # somebody has taken it, nothing rings yet
    CALLING = "calling"
    UNKNOWN = "unknown"  # nobody knows whether the citizen was dialled: a person decides
    CLOSED = "closed"


class AttemptState(StrEnum):
    UNDER_WAY = "under_way"
    UNKNOWN = "unknown"
    DONE = "done"


class Result(StrEnum):
    """What came of a call-back, told by the citizen's leg."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"  # the agent hung up while it rang at the citizen's
    FAILED = "failed"  # not reachable: the cause is a Q.850 number
    NOT_DIALLED = "not_dialled"  # it never went as far as the citizen: the agent did not answer
    UNKNOWN = "unknown"


class Closing(StrEnum):
    """Why an entry is closed. The first two come by themselves, the others are a person's word."""

    ANSWERED = "answered"
    RESOLVED = "resolved"  # called again and was answered
    REACHED = "reached"  # reached in another way, or an unknown attempt that did reach
    NOT_REACHED = "not_reached"
    NOT_NEEDED = "not_needed"


PERSONS_WORD = (Closing.REACHED, Closing.NOT_REACHED, Closing.NOT_NEEDED)


class LastCall(Record):
    """What is known of the newest of an entry's calls."""

    call_id: str
    ending: Ending
    wait_seconds: float | None = None  # in the queue
    seconds: float | None = None  # from the call's arrival to its end
    gate: Gate = Field(default_factory=Gate)
    policy: Policy = Field(default_factory=Policy)
    source: str | None = None


class Attempt(Record):
    """One call-back. ``channel_id`` is chosen before Asterisk is asked."""

    id: str
    site: str
    missed_id: str
    claim: int
    call_id: str
    channel_id: str = Field(exclude=True)
    agent: str
    phone: str = Field(exclude=True)  # a SIP account's name
    state: AttemptState = AttemptState.UNDER_WAY
    result: Result | None = None
    cause: int | None = None
    started_at: Micros
    answered_at: Micros | None = None
    ended_at: Micros | None = None
    talk_seconds: float | None = None


class Missed(Record):
    """One entry of the list. ``version`` goes up with every change."""

    id: str
    site: str
    version: int = 1
    status: Status = Status.OPEN
    number_key: str | None = Field(None, exclude=True)
    caller: Caller = Field(default_factory=Caller)
    count: int = 1
    first_at: Micros
    last_at: Micros
    last: LastCall
    flags: list[Flag] = Field(default_factory=list)
    needs_confirmation: bool = False
    claim: int = 0
    claimed_by: str | None = None
    claimed_at: Micros | None = None
    attempts: int = 0
    last_result: Result | None = None
    incident_id: str | None = None
    result: Closing | None = None
    resolved_call_id: str | None = None
    note: str | None = None
    closed_by: str | None = None
    closed_at: Micros | None = None
    updated_at: Micros

    @computed_field  # type: ignore[prop-decorator]
    @property
    def reachable(self) -> bool:
        """Whether there is a number to ring."""
        return self.number_key is not None and bool(self.caller.number)

    def shown(self) -> dict[str, Any]:
        """As the interface and ``missed.changed`` show it; JSON-ready."""
        return self.model_dump(mode="json")


class MissedError(Exception):
    """It cannot be done so; ``key`` for programs, the text for people."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key


def belongs(call: Call) -> bool:
    """Whether an ended call stands in the list.

    Who left gate or queue does, and who fell out by a fault. Who neither pressed nor spoke does
    too (no key is no proof of no emergency), but for numbers that already carry marks. Blocked and
    challenged callers were told how to get through, and are not called; who hung up amid the challenge
    was not told yet, and is. Whom a block ends whatever they do is not called for not hearing it out.
    A number's third call at once is not: the other two are there, and have their own end.
    """
    if call.direction != "inbound" or call.ending not in LOST or call.policy.decision == TOO_MANY:
        return False
    if call.ending is Ending.ABANDONED_IN_GATE and call.policy.decision == ANNOUNCED:
        return False
    marked = (call.policy.rung or 0) > 0
    return not (call.ending is Ending.NO_RESPONSE and marked)


def betrays(call: Call) -> bool:
    """Whether a ringing telephone may betray this caller: somebody who could not speak."""
    return Flag.CANNOT_SPEAK in call.flags or call.gate.result is GateResult.CANNOT_SPEAK


def last_of(call: Call) -> LastCall:
    """What an entry keeps of its newest call."""
    assert call.ending is not None
    seconds = None if call.ended_at is None else round((call.ended_at - call.started_at) / 1_000_000, 3)
    return LastCall(
        call_id=call.id,
        ending=call.ending,
        wait_seconds=call.queue.wait_seconds,
        seconds=seconds,
        gate=call.gate,
        policy=call.policy,
        source=str(call.source),
    )


def entry_of(missed_id: str, call: Call, number_key: str | None, now_us: int) -> Missed:
    """A new entry for a call."""
    return Missed(
        id=missed_id,
        site=call.site,
        number_key=number_key,
        caller=call.caller,
        first_at=call.started_at,
        last_at=call.started_at,
        last=last_of(call),
        flags=list(call.flags),
        needs_confirmation=betrays(call),
        incident_id=call.incident_id,
        updated_at=now_us,
    )


def joined(entry: Missed, call: Call, now_us: int) -> Missed:
    """The entry with one more call of its number; calls may come in any order."""
    newest = call.started_at >= entry.last_at
    return entry.model_copy(
        update={
            "version": entry.version + 1,
            "count": entry.count + 1,
            "first_at": min(entry.first_at, call.started_at),
            "last_at": max(entry.last_at, call.started_at),
            "last": last_of(call) if newest else entry.last,
            "caller": call.caller if newest else entry.caller,
            "flags": [*entry.flags, *(flag for flag in call.flags if flag not in entry.flags)],
            "needs_confirmation": entry.needs_confirmation or betrays(call),
            "incident_id": call.incident_id or entry.incident_id,
            "updated_at": now_us,
        }
    )
