"""Facts: what happened to a call, in the centre's own words.

They come from live events (ami_bridge/translate.py) or from the ledger (ami_bridge/ledger.py); the
state machine in tracking.py cannot tell which. ``at`` is UTC microseconds; ``call`` the Uniqueid
of the caller's channel (Linkedid); ``channel`` the Uniqueid of the channel it happened on.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    at: int
    call: str


@dataclass(frozen=True, slots=True)
class Started(Fact):
    """A caller's channel came up from the trunk. ``name`` is the channel's name."""

    name: str
    dialled: str | None = None


@dataclass(frozen=True, slots=True)
class Identified(Fact):
    number: str | None
    key: str | None
    presentation: str | None
    dialled: str | None


@dataclass(frozen=True, slots=True)
class Located(Fact):
    """Where the network says that the caller is: degrees (WGS 84), metres (None: not told)."""

    latitude: float
    longitude: float
    radius_m: float | None


@dataclass(frozen=True, slots=True)
class PolicyMade(Fact):
    rung: int | None
    decision: str | None
    block_id: str | None


@dataclass(frozen=True, slots=True)
class WindowChanged(Fact):
    """The silent window of the gate, in which the caller's speech counts as an answer."""

    open: bool


@dataclass(frozen=True, slots=True)
class TalkChanged(Fact):
    """The caller began or ceased to speak."""

    talking: bool


@dataclass(frozen=True, slots=True)
class AudioCounted(Fact):
    """RTP packets received from the caller so far."""

    packets: int


@dataclass(frozen=True, slots=True)
class GateLeft(Fact):
    result: str | None
    seconds: float | None
    keys: str | None
    priority: str | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recorded(Fact):
    """From here on the call is recorded (on), or not: the disk is low, or Asterisk cannot (failed)."""

    state: str | None


@dataclass(frozen=True, slots=True)
class QueueEntered(Fact):
    """``priority`` None: not told here. ``waiting`` True once app_queue itself says so."""

    priority: str | None = None
    waiting: bool = True


@dataclass(frozen=True, slots=True)
class QueueLeft(Fact):
    abandoned: bool


@dataclass(frozen=True, slots=True)
class Ringing(Fact):
    """A leg began to ring. ``agent`` None and ``phone`` None: a number outside (the duty number)."""

    channel: str
    agent: str | None
    phone: str | None
    queued: bool  # by the queue, which tells the answer itself
    party: str | None = None  # somebody outside, where it is known who
    invited: bool = False  # into the conversation, beside the others


@dataclass(frozen=True, slots=True)
class RingEnded(Fact):
    """A leg stopped ringing. ``end`` as psap.calls.model.Leg.end."""

    channel: str
    end: str


@dataclass(frozen=True, slots=True)
class Answered(Fact):
    channel: str
    agent: str | None


@dataclass(frozen=True, slots=True)
class LegGone(Fact):
    """A leg's channel is gone. ``by_far_end``: the telephone hung up by itself. ``cause`` Q.850."""

    channel: str
    by_far_end: bool | None = None
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class TalkEnded(Fact):
    """The conversation with an agent ended, by "caller" or "agent" where known."""

    channel: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Transferred(Fact):
    """The caller was sent on and leaves the conversation. ``how``: cold, or move for one who waited."""

    kind: str | None  # psap.calls.parties.PartyKind, or priority
    identity: str | None
    by: str | None
    how: str | None


@dataclass(frozen=True, slots=True)
class Held(Fact):
    """A telephone of ours put the conversation on hold, or took it up again."""

    channel: str
    held: bool


@dataclass(frozen=True, slots=True)
class Returned(Fact):
    """An agent's leg ended abnormally: the caller goes back in front. ``cause`` Q.850, or ``browser``."""

    cause: str | None = None


@dataclass(frozen=True, slots=True)
class EndDeclared(Fact):
    ending: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class HangupSeen(Fact):
    """The caller's side (True) or somebody on ours (False) asked for the end of the call."""

    by_far_end: bool


@dataclass(frozen=True, slots=True)
class Ended(Fact):
    """The caller's channel is gone. ``cause`` Q.850, None unknown."""

    cause: int | None = None
