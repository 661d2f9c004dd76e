"""Who takes part in a conversation beside the caller: names, and the channel ids of who is asked in. Pure.

A leg that is rung into a conversation (``talk.add``) has a channel of its own, whose id we choose: it says
whose call it belongs to and who it is, so that Asterisk's own files tell it after all of us have died.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

# Asterisk calls two bridged channels by the older Linkedid, and reads the age behind the last hyphen: this
# one is younger than every call
_YOUNG = 2_147_483_647
_ID = re.compile(
    r"(?P<call>[^~]{1,100})~(?P<kind>[a-z]{1,10})~(?P<id>[A-Za-z0-9+._-]{1,40})-2147483647\.\d{1,9}"
)


class PartyKind(StrEnum):
    AGENT = "agent"
    AGENCY = "agency"
    CENTRE = "centre"
    QUEUE = "queue"  # only a transfer goes there
    SPY = "spy"  # a supervisor who listens: no party of the conversation

    @property
    def outside(self) -> bool:
        """Reached through the trunk."""
        return self in (PartyKind.AGENCY, PartyKind.CENTRE)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody on our side of a conversation. ``id``: account name, agency id, centre number."""

    kind: PartyKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def agent(self) -> str | None:
        """The account's name, None for somebody outside."""
        return self.id if self.kind is PartyKind.AGENT else None

    @property
    def outside(self) -> str | None:
        """As a leg's ``party`` names it: None for an agent."""
        return str(self) if self.kind.outside else None


def party(kind: str | None, identity: str | None) -> Party | None:
    """The party of two words of the dialplan; None where they are none."""
    return Party(PartyKind(kind), identity) if kind in set(PartyKind) and identity else None


def leg_id(call: str, who: Party, number: int) -> str:
    """The channel id of a leg that is rung into the call with this Uniqueid."""
    return f"{call}~{who.kind}~{who.id}-{_YOUNG}.{number}"


def read_leg_id(channel: str | None) -> tuple[str, Party] | None:
    """(the call's Uniqueid, who it is) of such a channel id; None for any other."""
    found = _ID.fullmatch(channel or "")
    who = party(found["kind"], found["id"]) if found else None
    return (found["call"], who) if found and who else None


def call_of(linkedid: str) -> str:
    """The Uniqueid of the call that a Linkedid means: who is being rung in has an own one until then."""
    found = read_leg_id(linkedid)
    return found[0] if found else linkedid
