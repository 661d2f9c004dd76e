"""A month's figures: what they are, and how they are put together from the figures of its days. Pure.

Calls of citizens only, by when they began, in the city's zone. Everything that is added up is a whole
number, so that the order of adding, and the engine underneath, make no difference: waits are counted in
milliseconds, and for the percentile in whole seconds, rounded up ("answered within so many seconds").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from psap.calls.model import Ending
from psap.platform.clock import to_us

HOUR_US = 3_600_000_000
FORM = 1  # of a stored day; another one is counted anew
OPEN = "open"  # a call in progress has no ending yet

Seconds = str  # JSON's keys are texts
Stored = list[Any]  # [{ending: calls}, answered, milliseconds waited, {second: calls}]


class Figures(BaseModel):
    """Of one group of calls. Waits are of the answered ones with a known wait; None: there is none.

    ``p90_wait_seconds``: the smallest whole second within which nine in ten of them were answered.
    """

    calls: int
    endings: dict[str, int]
    answered: int
    mean_wait_seconds: float | None
    p90_wait_seconds: int | None


class Month(BaseModel):
    """``by_day`` has every day (YYYY-MM-DD), ``by_hour`` every hour of the day (00..23); ``by_category`` the
    classifications that occur; ``by_agent`` who answered, and of these calls only."""

    since: date
    until: date  # the last day, included
    total: Figures
    by_day: dict[str, Figures]
    by_hour: dict[str, Figures]
    by_category: dict[str, Figures]
    by_agent: dict[str, Figures]


@dataclass(slots=True)
class Tally:
    """One group while it is counted."""

    endings: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    wait_ms: int = 0
    waits: dict[Seconds, int] = field(default_factory=dict)

    def add(self, ending: str, answered: bool, wait_ms: int | None) -> None:
        """Count one call. ``wait_ms``: None where it was not answered or is not known."""
        self.endings[ending] = self.endings.get(ending, 0) + 1
        self.answered += answered
        if wait_ms is not None:
            self.wait_ms += wait_ms
            second = str(-(-wait_ms // 1000))
            self.waits[second] = self.waits.get(second, 0) + 1

    def merge(self, stored: Stored) -> None:
        """Add a group that was counted before."""
        endings, answered, wait_ms, waits = stored
        self.answered += answered
        self.wait_ms += wait_ms
        for mine, more in ((self.endings, endings), (self.waits, waits)):
            known = mine.get
            for name, count in more.items():
                mine[name] = known(name, 0) + count

    def stored(self) -> Stored:
        """As it is kept, JSON-ready."""
        return [self.endings, self.answered, self.wait_ms, self.waits]

    def figures(self) -> Figures:
        """What is shown of it."""
        timed = sum(self.waits.values())
        return Figures(
            calls=sum(self.endings.values()),
            endings=dict(sorted(self.endings.items())),
            answered=self.answered,
            mean_wait_seconds=self.wait_ms / timed / 1000 if timed else None,
            p90_wait_seconds=percentile(self.waits, timed, 90) if timed else None,
        )


def percentile(waits: Mapping[Seconds, int], timed: int, share: int) -> int:
    """The smallest second that ``share`` per cent of ``timed`` waits do not exceed (nearest rank)."""
    wanted, seen = -(-share * timed // 100), 0
    for second in sorted(map(int, waits)):
        seen += waits[str(second)]
        if seen >= wanted:
            return second
    raise ValueError("more waits were announced than there are")


def milliseconds(wait_seconds: float | None) -> int | None:
    """A stored wait as a whole number; a clock that was set back waited for nothing."""
    return None if wait_seconds is None else max(0, floor(wait_seconds * 1000 + 0.5))


class DayCount:
    """Counts the calls of one local day."""

    def __init__(self) -> None:
        self._hours: dict[str, Tally] = {}
        self._categories: dict[str, Tally] = {}
        self._agents: dict[str, Tally] = {}

    def add(
        self,
        hour: int,
        answered_at: int | None,
        ending: str | None,
        agent: str | None,
        wait_seconds: float | None,
        classification: str,
    ) -> None:
        """Count one call of a citizen; ``hour`` of the local day."""
        # whom a telephone outside took in the end, nobody here answered
        answered = answered_at is not None and ending != Ending.OVERFLOWED
        word = ending or OPEN
        wait = milliseconds(wait_seconds) if answered else None
        _of(self._hours, f"{hour:02d}").add(word, answered, wait)
        _of(self._categories, classification).add(word, answered, wait)
        if answered and agent is not None:
            _of(self._agents, agent).add(word, answered, wait)

    def stored(self) -> dict[str, Any]:
        """As it is kept, JSON-ready."""
        groups = {"hours": self._hours, "categories": self._categories, "agents": self._agents}
        return {"form": FORM} | {
            name: {key: tally.stored() for key, tally in group.items()} for name, group in groups.items()
        }


def _of(group: dict[str, Tally], key: str) -> Tally:
    found = group.get(key)
    if found is None:
        found = group[key] = Tally()
    return found


def month_of(days: Mapping[date, Mapping[str, Any]], first: date) -> Month:
    """Put a month together from its stored days; a day that is not there had no calls."""
    total = Tally()
    by_day: dict[str, Tally] = {}
    by_hour = {f"{hour:02d}": Tally() for hour in range(24)}
    categories: dict[str, Tally] = {}
    agents: dict[str, Tally] = {}
    whole = days_of(first)
    for day in whole:
        mine = by_day[day.isoformat()] = Tally()
        stored = days.get(day)
        if stored is None:
            continue
        for hour, group in stored["hours"].items():
            mine.merge(group)
            by_hour[hour].merge(group)
        for name, group in stored["categories"].items():
            _of(categories, name).merge(group)
        for name, group in stored["agents"].items():
            _of(agents, name).merge(group)
        total.merge(mine.stored())
    return Month(
        since=whole[0],
        until=whole[-1],
        total=total.figures(),
        by_day=_shown(by_day),
        by_hour=_shown(by_hour),
        by_category=_shown(categories),
        by_agent=_shown(agents),
    )


def _shown(groups: Mapping[str, Tally]) -> dict[str, Figures]:
    return {name: groups[name].figures() for name in sorted(groups)}


def days_of(first: date) -> list[date]:
    """Every day of the month in which ``first`` lies."""
    start = first.replace(day=1)
    after = (start + timedelta(days=31)).replace(day=1)
    return [start + timedelta(days=place) for place in range((after - start).days)]


def begin_of(day: date, zone: ZoneInfo) -> int:
    """The moment at which a local day begins, UTC microseconds."""
    return to_us(datetime.combine(day, time.min, tzinfo=zone))


@lru_cache(maxsize=10_000)
def day_of_hour(hour: int, zone: ZoneInfo) -> frozenset[date]:
    """The local days that a UTC hour (number since 1970) touches: two where a zone is off by half an hour."""
    moments = (hour * 3600, hour * 3600 + 3599)
    return frozenset(datetime.fromtimestamp(moment, UTC).astimezone(zone).date() for moment in moments)
