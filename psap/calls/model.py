"""What a call is: closed sets of words, and the record that every call ends as.

Pure: true with the power off. The shape is the HTTP interface's; times inside are UTC
microseconds (``int``), shown as RFC 3339 when serialised to JSON.
"""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from psap.platform.clock import EARLIEST, LATEST, rfc3339

CALL_NAMESPACE = uuid.UUID("6f1b5c1e-7d0a-5c1f-9a64-112112112112")


def call_id(site: str, uniqueid: str) -> str:
    """UUIDv5 of the site and the caller channel's Uniqueid: alike live and in catch-up."""
    return str(uuid.uuid5(CALL_NAMESPACE, f"{site}:{uniqueid}"))


def _us(value: object) -> object:
    """Accept an RFC 3339 text as well as microseconds, so records survive a JSON round trip."""
    if isinstance(value, str):
        from datetime import datetime

        from psap.platform.clock import to_us

        return to_us(datetime.fromisoformat(value))
    return value


def _in_calendar(us: int) -> int:
    """A time that no calendar shows could be stored, and then never be shown again."""
    if not EARLIEST <= us <= LATEST:
        raise ValueError("a time outside the calendar")
    return us


Micros = Annotated[
    int,
    BeforeValidator(_us),
    AfterValidator(_in_calendar),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Ending(StrEnum):
    ANSWERED = "answered"
    ABANDONED_IN_GATE = "abandoned_in_gate"
    NO_RESPONSE = "no_response"
    ABANDONED_IN_QUEUE = "abandoned_in_queue"
    BLOCKED = "blocked"
    CHALLENGE_FAILED = "challenge_failed"
    OVERFLOWED = "overflowed"
    FAILED = "failed"


class EndedBy(StrEnum):
    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"
    NETWORK = "network"


class GateResult(StrEnum):
    KEY0 = "key0"
    SPOKE = "spoke"
    CANNOT_SPEAK = "cannot_speak"
    RECENT_DROP = "recent_drop"
    NO_RESPONSE = "no_response"
    HUNG_UP = "hung_up"
    CHALLENGE_PASSED = "challenge_passed"
    CHALLENGE_FAILED = "challenge_failed"
    BLOCKED = "blocked"
    LOCAL = "local"
    OTHER_KEY = "other_key"


class CallerKind(StrEnum):
    MOBILE = "mobile"
    LANDLINE = "landline"
    SHORT = "short"
    SIMLESS = "simless"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    CANNOT_SPEAK = "cannot_speak"
    CALLED_AGAIN = "called_again"
    NO_AUDIO = "no_audio"
    SUSPECTED_PRANK = "suspected_prank"
    SUSPECTED_GHOST = "suspected_ghost"
    RESCUED = "rescued"


class Classification(StrEnum):
    EMERGENCY = "emergency"
    INFORMATION = "information"
    PRANK = "prank"
    GHOST = "ghost"
    CHILD = "child"
    WRONG_NUMBER = "wrong_number"
    TEST = "test"
    UNCLASSIFIED = "unclassified"


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Source(StrEnum):
    LIVE = "live"
    LEDGER = "ledger"


class Record(BaseModel):
    model_config = ConfigDict(use_enum_values=False, extra="forbid")


class Caller(Record):
    """Who calls. ``number`` as the carrier sent it (filtered), ``e164`` with +; None: unknown."""

    number: str | None = None
    e164: str | None = None
    presentation: str | None = None  # "allowed" or "withheld"
    kind: CallerKind = CallerKind.UNKNOWN


class Gate(Record):
    """What happened at the press-0 gate. ``seconds`` from answer to leaving the gate."""

    result: GateResult | None = None
    seconds: float | None = None
    keys: str | None = None


class Policy(Record):
    """What the number's reputation meant for this call. ``rung`` 0 none .. 5 permanent."""

    rung: int | None = None
    decision: str | None = None  # pass, warn, challenge, announce, flagged, overload, too_many, draining
    block_id: str | None = None

    @property
    def refused(self) -> bool:
        """Not let in at all: no room (overload), the number holds its calls already (too_many), or
        Asterisk was being drained."""
        return self.decision in ("overload", "too_many", "draining")


class QueueStay(Record):
    """``wait_seconds``: joining to answer (or to leaving), ringing included."""

    wait_seconds: float | None = None


class Leg(Record):
    """One ring attempt at one agent, or at ``party`` outside ("agency:ID", "centre:NUMBER").

    ``end``: answered, no_answer, busy, cancelled, failed.
    """

    agent: str | None = None
    party: str | None = None
    ring_seconds: float | None = None
    answered_at: Micros | None = None
    talk_seconds: float | None = None
    end: str | None = None


Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]  # degrees, WGS 84
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Radius = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]  # metres


class LocationSource(StrEnum):
    NETWORK = "network"  # came with the call (PIDF-LO)
    SHARED = "shared"  # sent by the caller's telephone through the link


class Location(Record):
    """Where the caller is. ``radius_m``: how far that may be wrong; None: not told."""

    latitude: Latitude
    longitude: Longitude
    radius_m: Radius | None = None
    source: LocationSource
    at: Micros


class LegQuality(Record):
    """How one agent's browser heard and was heard, over the whole conversation.

    ``loss`` 0..1 of the packets that the browser should have got; levels 0..1 of full scale, the mean of what
    was measured: ``level_in`` the caller as heard, ``level_out`` the agent's microphone. None: not told.
    """

    agent: str
    samples: int = 1
    loss: float | None = None
    loss_worst: float | None = None
    jitter_ms: float | None = None
    jitter_ms_worst: float | None = None
    level_in: float | None = None
    level_out: float | None = None
    round_trip_ms: float | None = None
    round_trip_ms_worst: float | None = None


class TimelineEntry(Record):
    """One line of the call's story; ``data`` never repeats personal data."""

    at: Micros
    what: str
    data: dict[str, Any] = Field(default_factory=dict)


class Call(Record):
    """The record of one call. Unknown is None, never 0. ``ending`` None: still in progress."""

    id: str
    site: str
    uniqueid: str
    direction: str = "inbound"
    dialled: str | None = None
    caller: Caller = Field(default_factory=Caller)
    started_at: Micros
    answered_at: Micros | None = None
    ended_at: Micros | None = None
    ending: Ending | None = None
    ended_by: EndedBy | None = None
    gate: Gate = Field(default_factory=Gate)
    policy: Policy = Field(default_factory=Policy)
    flags: list[Flag] = Field(default_factory=list)
    priority: Priority | None = None
    queue: QueueStay = Field(default_factory=QueueStay)
    legs: list[Leg] = Field(default_factory=list)
    agent: str | None = None
    ring_seconds: float | None = None
    talk_seconds: float | None = None
    classification: Classification = Classification.UNCLASSIFIED
    classified_by: str | None = None
    note: str | None = None
    evidence: list[dict[str, Any]] = Field(default_factory=list)
    source: Source = Source.LIVE
    incident_id: str | None = None
    recording_ids: list[str] = Field(default_factory=list)
    location: Location | None = None
    quality: list[LegQuality] = Field(default_factory=list)
    timeline: list[TimelineEntry] = Field(default_factory=list)
