"""Several legs of one call: how long somebody talked with the caller, and who is there now. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psap.calls.legs import LegState
from psap.calls.model import Leg
from psap.calls.parties import Party, PartyKind


def talk_seconds(legs: Iterable[Leg]) -> float:
    """Seconds in which at least one leg was in conversation: two who talk at once are not counted twice."""
    spans = sorted(
        (leg.answered_at, leg.answered_at + round(leg.talk_seconds * 1_000_000))
        for leg in legs
        if leg.answered_at is not None and leg.talk_seconds is not None
    )
    total = until = 0
    for start, end in spans:
        total += max(0, end - max(start, until))
        until = max(until, end)
    return round(total / 1_000_000, 3)


def party_of(leg: Leg) -> Party | None:
    """Who a leg is; None where nobody knows (the duty number of an overflow)."""
    if leg.agent is not None:
        return Party(PartyKind.AGENT, leg.agent)
    kind, _, identity = (leg.party or "").partition(":")
    return Party(PartyKind(kind), identity) if identity and kind in set(PartyKind) else None


def parties(legs: Iterable[LegState]) -> list[dict[str, Any]]:
    """Everybody but the caller, in the order in which they came, each once as they stand now.

    A ring of the queue that nobody answered is no party.
    """
    found: dict[str, dict[str, Any]] = {}
    for state in legs:
        who = party_of(state.leg)
        if who is None or not (state.talking or state.invited or state.ringing or state.leg.answered_at):
            continue
        earlier = found.get(str(who))
        if earlier is not None and earlier["state"] != "gone":
            continue
        now = "talking" if state.talking else "ringing" if state.ringing else "gone"
        found[str(who)] = {
            "id": str(who),
            "kind": str(who.kind),
            "name": who.id,
            "state": now,
            "end": state.leg.end if now == "gone" else None,
        }
    return list(found.values())


def held(talking: Iterable[LegState]) -> bool:
    """Whether a telephone of ours has the conversation on hold."""
    return any(state.held for state in talking)
