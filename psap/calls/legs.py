"""A leg of a call while it is followed. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from psap.calls.model import Leg


@dataclass(slots=True)
class LegState:
    """A leg and what its record does not show."""

    leg: Leg
    phone: str | None
    rang_at: int | None
    talking: bool = False
    queued: bool = True
    invited: bool = False  # rung into the conversation, beside the others
    moved: bool = False  # the caller was sent on, away from this leg
    completed: bool = False  # the queue has told of its end
    held: bool = False
    cause: int | None = None  # Q.850, of one that nobody answered

    @property
    def ringing(self) -> bool:
        return self.leg.end is None and not self.talking
