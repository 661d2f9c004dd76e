"""What a role may see of an event: pure, and computed once per event and class, not per browser.

A call taker sees whole what is theirs; of everybody else's calls the number is masked. QC listens
to recordings later and sees nothing live.
"""

from __future__ import annotations

from enum import StrEnum
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


def sight(event: Event, user: User) -> Sight:
    """How much of this event this person sees."""
    if user.role == Role.QC:
        return Sight.NONE
    if event.type == EventType.PHONE_TAKEN:  # told to whom it was taken from, whatever the role
        return Sight.FULL if event.data.get("agent") == user.username else Sight.NONE
    if event.type == EventType.BLOCKLIST_CHANGED:
        return Sight.FULL if user.role in (Role.SUPERVISOR, Role.ADMIN) else Sight.NONE
    if event.type == EventType.TRAINING_CHANGED:
        return Sight.FULL if user.role == Role.SUPERVISOR or user.username in owners(event) else Sight.NONE
    if user.role in SEES_ALL or user.username in owners(event):
        return Sight.FULL
    return Sight.MASKED


def owners(event: Event) -> set[str]:
    """The call takers whose call this event tells of."""
    data = event.data
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
