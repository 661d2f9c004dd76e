"""The figures of a day for the wall: what they are, and how shares come from them. Pure.

"Today" begins at midnight in the city's zone. Calls of citizens only; call-backs are not counted.
"""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from psap.platform.clock import from_us, to_us

STEPS = (10, 15, 20)  # seconds of waiting that the wall tells of
AIMS = {10: None, 15: 0.90, 20: 0.95}  # NENA-STA-020: 90 % within 15 s, 95 % within 20 s


class Today(BaseModel):
    """Counts since local midnight, by when the call began.

    ``answered``: a call taker spoke with the caller; ``timed`` of them have a known wait, and ``within``
    counts those by seconds from joining the queue to the answer. ``classified`` and the words after it are of
    the answered. ``never_passed``: silent at the gate to its end; ``turned_away``: blocked, or failed the
    challenge; ``refused``: there was no room, or the number held its calls already.
    """

    since: str | None = None
    at: str | None = Field(None, description="when this was counted")
    calls: int = 0
    open: int = 0
    answered: int = 0
    timed: int = 0
    within: dict[str, int] = Field(default_factory=lambda: {str(step): 0 for step in STEPS})
    mean_wait_seconds: float | None = None
    longest_answered_wait_seconds: float | None = None
    abandoned_in_queue: int = 0
    abandoned_in_gate: int = 0
    never_passed: int = 0
    overflowed: int = 0
    turned_away: int = 0
    refused: int = 0
    failed: int = 0
    classified: int = 0
    emergency: int = 0
    information: int = 0
    prank: int = 0
    silent: int = 0
    other: int = 0


class AgentDay(BaseModel):
    """What one call taker did today. Seconds; None: nothing is known."""

    agent: str
    name: str | None = None
    answered: int
    talk_seconds: float | None = None
    mean_wait_seconds: float | None = None


class Figures(BaseModel):
    """One counting: the day, and by whom answered, most first."""

    today: Today
    by_agent: list[AgentDay]


class Hour(BaseModel):
    """One hour of the clock: calls that began in it. ``abandoned``: in the queue."""

    at: str = Field(description="when the hour began")
    calls: int
    answered: int
    abandoned: int
    mean_wait_seconds: float | None


def midnight(zone: ZoneInfo, now_us: int) -> int:
    """The moment at which the city's day began, UTC microseconds."""
    day = from_us(now_us).astimezone(zone).date()
    return to_us(datetime.combine(day, time.min, tzinfo=zone))
