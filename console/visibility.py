"""What a role may see of an event: pure, and computed once per event and class, not per browser.

A call taker sees whole what is theirs; of everybody else's calls the number is masked. QC listens
to recordings later and sees nothing live.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

from psap.accounts.model import Role, User
from psap.callers.numbers import mask
from psap.platform.events import Event, EventType


class Sight(StrEnum):
    """How much of a message a client receives."""

    FULL = "full"
    MASKED = "masked"
    NONE = "none"


SEES_ALL = {Role.SUPERVISOR, Role.DISPATCHER, Role.ADMIN}


@cache
def rule(kind: EventType, role: Role) -> tuple[Sight, Sight]:
    """How much of such an event a role sees: of what is one's own, and of what is others'."""
    if role == Role.QC:
        return Sight.NONE, Sight.NONE
    if kind == EventType.PHONE_TAKEN:  # told to whom it was taken from, whatever the role
        return Sight.FULL, Sight.NONE
    if kind == EventType.BLOCKLIST_CHANGED:
        seen = Sight.FULL if role in (Role.SUPERVISOR, Role.ADMIN) else Sight.NONE
        return seen, seen
    if kind == EventType.TRAINING_CHANGED:
        return Sight.FULL, Sight.FULL if role == Role.SUPERVISOR else Sight.NONE
    return Sight.FULL, Sight.FULL if role in SEES_ALL else Sight.MASKED


def sight(event: Event, user: User) -> Sight:
    """How much of this event this person sees."""
    own, others = rule(event.type, user.role)
    return own if own is others or user.username in owners(event) else others


def owners(event: Event) -> set[str]:
    """The call takers whose call (or telephone, or training) this event tells of."""
    data = event.data
    if event.type == EventType.PHONE_TAKEN:
        return {data["agent"]} if isinstance(data.get("agent"), str) else set()
    call = data.get("call")
    names = {data.get("agent"), call.get("agent") if isinstance(call, dict) else None}
    names |= set(data.get("agents") or ())
    if isinstance(call, dict):
        names |= {leg.get("agent") for leg in call.get("legs", ()) if leg.get("answered_at")}
    return {name for name in names if isinstance(name, str)}


def mask_number(number: str | None) -> str | None:
    """A number that cannot be read back; None stays unknown."""
    return mask(number) if number else None


def masked(data: dict[str, Any]) -> dict[str, Any]:
    """A copy of an event's data without numbers and without what is known about the caller."""
    shown = dict(data)
    if isinstance(shown.get("caller"), dict):
        shown["caller"] = masked_caller(shown["caller"])
    if shown.get("direction") == "outbound":
        shown["dialled"] = mask_number(shown.get("dialled"))  # whom we rang: the caller's number again
    if isinstance(shown.get("call"), dict):
        # note and evidence are words about a person; keep them with those who need them
        shown["call"] = {**masked(shown["call"]), "note": None, "evidence": []}
    if isinstance(shown.get("waiting"), list):
        shown["waiting"] = [masked(row) for row in shown["waiting"]]
    for private in ("history", "note", "location"):
        if private in shown:
            shown[private] = None
    return shown


def masked_caller(caller: dict[str, Any]) -> dict[str, Any]:
    """A caller whose number cannot be read."""
    return {**caller, "number": mask_number(caller.get("number")), "e164": mask_number(caller.get("e164"))}
