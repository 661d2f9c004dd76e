"""AMI event -> facts. Pure; with resync.py the only place that knows AMI field names.

A caller's channel is the one whose name begins with ``PJSIP/trunk-`` and whose Uniqueid equals its
Linkedid. Everything a caller controls arrives here already filtered by the dialplan (UserEvent),
and is taken as data only.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping

from psap.calls import facts as f
from psap.calls.parties import PartyKind, call_of, read_leg_id
from psap.places.network import spot_of
from psap.queue import model as q

Headers = Mapping[str, str]
TRUNK = "PJSIP/trunk-"
OUTSIDE = ("trunk", "psap-out")  # endpoints of the network: nobody's telephone
PHONE = "PJSIP/"
QUEUE = "psap112"
# Python reads digits of any script and any length; a date, a column and JSON do not
STAMP = re.compile(r"([0-9]{1,11})(?:\.([0-9]{0,9}))?")
LONGEST_NUMBER = 15  # characters of a number that may be meant


def at_us(event: Headers) -> int:
    """When it happened, UTC microseconds; our own clock where Asterisk gives no timestamp."""
    text = event.get("Timestamp", "")
    if len(text) == 17 and text[10] == "." and text.isascii():  # as Asterisk writes it, until 2286
        digits = text[:10] + text[11:]
        if digits.isdigit():
            return int(digits)
    stamp = STAMP.fullmatch(text)
    if stamp:
        return int(stamp[1]) * 1_000_000 + int(((stamp[2] or "") + "000000")[:6])
    return time.time_ns() // 1000


def phone_of(channel_or_interface: str) -> str | None:
    """``PJSIP/abc-00000001`` or ``PJSIP/abc`` or ``PJSIP/abc/sip:...`` -> ``abc``; the trunk is none."""
    if not channel_or_interface.startswith(PHONE) or channel_or_interface.startswith(TRUNK):
        return None
    name = channel_or_interface[len(PHONE) :].split("/", 1)[0].split("@", 1)[-1]
    head, dash, tail = name.rpartition("-")
    # a channel's name ends with eight hexadecimal digits, an interface's does not
    if dash and len(tail) == 8 and not tail.strip("0123456789abcdef"):
        name = head
    return None if not name or name in OUTSIDE else name


def is_caller(event: Headers) -> bool:
    """Whether this event is about a caller's own channel."""
    return event.get("Channel", "").startswith(TRUNK) and _own(event)


def _own(event: Headers) -> bool:
    return bool(event.get("Uniqueid")) and event.get("Uniqueid") == event.get("Linkedid")


def text(value: str | None) -> str | None:
    """An empty word is an unknown one."""
    return value or None


def whole(value: str | None) -> int | None:
    """A whole number, None where it is none."""
    try:
        return int(value or "") if len(value or "") <= LONGEST_NUMBER else None
    except ValueError:
        return None


def number(value: str | None) -> float | None:
    """A number that JSON knows, None where it is none."""
    try:
        found = float(value or "")
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def flags_of(value: str | None) -> tuple[str, ...]:
    """Flags joined by ``&``."""
    return tuple(part for part in (value or "").split("&") if part)


def user_fact(name: str, at: int, call: str, values: Headers) -> f.Fact | None:
    """What the dialplan tells, alike by UserEvent and in the ledger (docs/architecture/contracts.md)."""
    if name == "PsapCall":
        return f.Identified(
            at,
            call,
            text(values.get("Number")),
            text(values.get("Key")),
            text(values.get("Pres")),
            text(values.get("Dialled")),
        )
    if name == "PsapPlace":
        spot = spot_of(values.get("Shape", ""), values.get("Figures", ""))
        if spot is None:
            return None
        return f.Located(at, call, spot.at.latitude, spot.at.longitude, spot.radius_m)
    if name == "PsapPolicy":
        return f.PolicyMade(
            at, call, whole(values.get("Rung")), text(values.get("Decision")), text(values.get("Block"))
        )
    if name == "PsapGate":
        return f.GateLeft(
            at,
            call,
            text(values.get("Result")),
            number(values.get("Seconds")),
            text(values.get("Keys")),
            text(values.get("Prio")),
            flags_of(values.get("Flags")),
        )
    if name == "PsapQueue":
        return f.QueueEntered(at, call, text(values.get("Prio")), waiting=False)
    if name == "PsapWindow":
        return f.WindowChanged(at, call, values.get("State") == "open")
    if name == "PsapEnd":
        return f.EndDeclared(at, call, text(values.get("Ending")), text(values.get("By")))
    if name == "PsapRecord":
        return f.Recorded(at, call, text(values.get("State")))
    if name == "PsapReturn":
        return f.Returned(at, call, text(values.get("Cause")))
    if name == "PsapTransfer":
        words = (text(values.get(word)) for word in ("Kind", "Id", "By", "How"))
        return f.Transferred(at, call, *words)
    return None


RING_ENDS = {
    "ANSWER": "answered",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "cancelled",
    "ABORT": "cancelled",
    "CHANUNAVAIL": "failed",
    "CONGESTION": "failed",
    "": "cancelled",
}


def invited(at: int, leg: str, phone: str | None) -> f.Ringing | None:
    """A channel whose id says that it is rung into a conversation (psap/calls/parties.py)."""
    found = read_leg_id(leg)
    if found is None or found[1].kind is PartyKind.SPY:
        return None
    call, who = found
    return f.Ringing(at, call, leg, who.agent, phone, queued=False, party=who.outside, invited=True)


def came(at: int, leg: str) -> f.Answered | None:
    """Who was rung into a conversation is in it; also a supervisor who only listened before."""
    found = read_leg_id(leg)
    if found is None:
        return None
    call, who = found
    return f.Answered(at, call, leg, who.id if who.kind is PartyKind.SPY else who.agent)


def _newchannel(event: Headers, at: int) -> f.Fact | None:
    if not is_caller(event):
        return invited(at, event.get("Uniqueid", ""), phone_of(event.get("Channel", "")))
    return f.Started(at, event["Uniqueid"], event["Channel"], text(event.get("Exten")))


def _user(event: Headers, at: int) -> f.Fact | None:
    if event.get("UserEvent") == "PsapTalk":
        return came(at, event.get("Uniqueid", ""))
    # the channel's own Linkedid, written by Asterisk, says whose call it is
    call = event.get("Linkedid") or event.get("Uniqueid")
    return user_fact(event.get("UserEvent", ""), at, call, event) if call else None


def _joined(event: Headers, at: int) -> f.Fact | None:
    return f.QueueEntered(at, event.get("Linkedid") or event["Uniqueid"])


def _left(event: Headers, at: int) -> f.Fact | None:
    return f.QueueLeft(at, event.get("Linkedid") or event["Uniqueid"], abandoned=False)


def _abandoned(event: Headers, at: int) -> f.Fact | None:
    return f.QueueLeft(at, event.get("Linkedid") or event["Uniqueid"], abandoned=True)


def _called(event: Headers, at: int) -> f.Fact | None:
    return f.Ringing(
        at,
        event["Linkedid"],
        event["DestUniqueid"],
        text(event.get("MemberName")),
        phone_of(event.get("Interface", "")),
        queued=True,
    )


def _dial_begin(event: Headers, at: int) -> f.Fact | None:
    call = event.get("Linkedid") or event.get("DestLinkedid")
    if not call or not event.get("Channel", "").startswith(TRUNK):
        return None
    return f.Ringing(
        at, call, event["DestUniqueid"], None, phone_of(event.get("DestChannel", "")), queued=False
    )


def _dial_end(event: Headers, at: int) -> f.Fact | None:
    call = event.get("Linkedid") or event.get("DestLinkedid")
    if not call:
        return None
    return f.RingEnded(at, call, event["DestUniqueid"], RING_ENDS.get(event.get("DialStatus", ""), "failed"))


def _no_answer(event: Headers, at: int) -> f.Fact | None:
    return f.RingEnded(at, event["Linkedid"], event["DestUniqueid"], "no_answer")


def _connect(event: Headers, at: int) -> f.Fact | None:
    return f.Answered(at, event["Linkedid"], event["DestUniqueid"], text(event.get("MemberName")))


def _complete(event: Headers, at: int) -> f.Fact | None:
    by = event.get("Reason", "")
    return f.TalkEnded(
        at, event["Linkedid"], event.get("DestUniqueid", ""), by if by in ("caller", "agent") else None
    )


def _talking(event: Headers, at: int) -> f.Fact | None:
    return f.TalkChanged(at, event["Linkedid"], True) if is_caller(event) else None


def _silent(event: Headers, at: int) -> f.Fact | None:
    return f.TalkChanged(at, event["Linkedid"], False) if is_caller(event) else None


def _hangup_request(event: Headers, at: int) -> f.Fact | None:
    if is_caller(event):
        return f.HangupSeen(at, event["Uniqueid"], by_far_end=True)
    call = call_of(event.get("Linkedid", ""))
    if call and call != event.get("Uniqueid"):
        return f.LegGone(at, call, event["Uniqueid"], by_far_end=True, cause=whole(event.get("Cause")))
    return None


def _hangup(event: Headers, at: int) -> f.Fact | None:
    if is_caller(event):
        return f.Ended(at, event["Uniqueid"], whole(event.get("Cause")))
    call = call_of(event.get("Linkedid", ""))
    if call and call != event.get("Uniqueid"):
        return f.LegGone(at, call, event["Uniqueid"], cause=whole(event.get("Cause")))
    return None


def _hold(event: Headers, at: int) -> f.Fact | None:
    call = call_of(event.get("Linkedid", ""))
    return f.Held(at, call, event["Uniqueid"], event.get("Event") == "Hold") if call else None


_CALLS: dict[str, Callable[[Headers, int], f.Fact | None]] = {
    "Newchannel": _newchannel,
    "UserEvent": _user,
    "QueueCallerJoin": _joined,
    "QueueCallerLeave": _left,
    "QueueCallerAbandon": _abandoned,
    "AgentCalled": _called,
    "AgentConnect": _connect,
    "AgentComplete": _complete,
    "AgentRingNoAnswer": _no_answer,
    "DialBegin": _dial_begin,
    "DialEnd": _dial_end,
    "ChannelTalkingStart": _talking,
    "ChannelTalkingStop": _silent,
    "Hold": _hold,
    "Unhold": _hold,
    "HangupRequest": _hangup_request,
    "Hangup": _hangup,
}


def call_fact(event: Headers) -> f.Fact | None:
    """What an event says about a call; None where it says nothing, or lacks a field it needs."""
    handler = _CALLS.get(event.get("Event", ""))
    if handler is None:
        return None
    try:
        fact = handler(event, at_us(event))
    except KeyError:
        return None
    return fact if fact is not None and fact.call else None


_MEMBERS = ("QueueMember", "QueueMemberAdded", "QueueMemberStatus", "QueueMemberPause")
_AGENTS = {*_MEMBERS, "QueueMemberRemoved", "DeviceStateChange"}


NAMES = frozenset(_CALLS) | _AGENTS  # the events that may become a fact


def agent_fact(event: Headers) -> q.AgentFact | None:
    """What an event says about an agent or a phone; None where it says nothing."""
    name = event.get("Event", "")
    if name not in _AGENTS:  # most events: decide before anything is computed
        return None
    if event.get("Queue", QUEUE) != QUEUE:
        return None  # a member of the second queue is not logged in by it
    at = at_us(event)
    if name in _MEMBERS:
        phone = phone_of(event.get("Location") or event.get("Interface", ""))
        if phone is None:
            return None
        return q.MemberSeen(
            at,
            phone,
            event.get("MemberName") or event.get("Name", ""),
            q.Device.of_number(whole(event.get("Status"))),
            event.get("Paused") == "1",
            text(event.get("PausedReason")),
            whole(event.get("LastCall")) or 0,
            whole(event.get("Wrapuptime")) or 0,
        )
    if name == "QueueMemberRemoved":
        phone = phone_of(event.get("Interface", ""))
        return q.MemberGone(at, phone) if phone else None
    if name == "DeviceStateChange":
        phone = phone_of(event.get("Device", ""))
        return q.PhoneSeen(at, phone, q.Device.of_word(event.get("State", ""))) if phone else None
    return None
