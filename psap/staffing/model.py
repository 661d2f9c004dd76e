"""Rosters: shifts x dates x call takers, and who should be here now. Pure.

A shift over midnight belongs to the date on which it begins (``psap.agencies.model.shift_of``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from psap.agencies.model import Profile, Shift, shift_of
from psap.platform.clock import to_us

MOST_AGENTS = 100  # in one shift
FIRST, LAST = date(2000, 1, 1), date(2100, 12, 31)  # dates that a roster may have
WEEK = 7


class Here(StrEnum):
    """Whether somebody is where the roster says."""

    HERE = "here"
    LATE = "late"  # planned, the shift has begun, not logged in
    EXTRA = "extra"  # logged in, not planned: swapped, or still in a conversation
    UNKNOWN = "unknown"  # planned, and nobody can say now who is logged in


class RosterError(Exception):
    """A roster that cannot be; ``key`` for programs, the text for people."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key


@dataclass(frozen=True, slots=True)
class Cell:
    """One shift of one date with its call takers, by username in order."""

    shift_date: date
    shift: str
    agents: tuple[str, ...]

    @property
    def subject(self) -> str:
        """How the audit names it."""
        return f"{self.shift_date.isoformat()}/{self.shift}"


@dataclass(frozen=True, slots=True)
class Person:
    """One line of who should be here. ``late_seconds`` since the shift began, of who is late only."""

    agent: str
    status: Here
    state: str | None = None
    since: str | None = None
    late_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """The shift that runs now. Times in UTC microseconds; ``shift`` None: no shift covers this moment."""

    shift_date: date
    shift: Shift | None
    starts_at: int | None
    ends_at: int | None


def span(profile: Profile, shift: Shift, day: date) -> tuple[int, int]:
    """(start, end) of a shift that begins on ``day``, UTC microseconds."""
    begins = datetime.combine(day, shift.start, tzinfo=profile.zone)
    last = day if shift.start < shift.end else day + timedelta(days=1)
    return to_us(begins), to_us(datetime.combine(last, shift.end, tzinfo=profile.zone))


def shift_named(profile: Profile, shift_id: str) -> Shift:
    """The profile's shift.

    Raises:
        RosterError: unknown_shift.
    """
    found = next((each for each in profile.shifts if each.id == shift_id), None)
    if found is None:
        raise RosterError("unknown_shift", "gilir ini tidak ada di kota ini", "the city has no such shift")
    return found


def duty_at(profile: Profile, now_us: int) -> Duty:
    """Which shift it is."""
    day, shift_id = shift_of(profile, now_us)
    if shift_id is None:
        return Duty(day, None, None, None)
    shift = shift_named(profile, shift_id)
    return Duty(day, shift, *span(profile, shift, day))


def check_date(day: date) -> date:
    """A date that a roster may have.

    Raises:
        RosterError: bad_date.
    """
    if not FIRST <= day <= LAST:
        raise RosterError("bad_date", "tanggal jadwal di luar 2000-2100", "a roster's date is in 2000-2100")
    return day


def clean_agents(wanted: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Usernames in order, each once; ``known`` are those who may stand in this shift.

    Raises:
        RosterError: unknown_agent, too_many_agents.
    """
    agents = tuple(sorted(set(wanted)))
    if len(agents) > MOST_AGENTS:
        raise RosterError(
            "too_many_agents",
            f"paling banyak {MOST_AGENTS} petugas per gilir",
            f"at most {MOST_AGENTS} a shift",
        )
    if not set(agents) <= set(known):
        raise RosterError(
            "unknown_agent",
            "hanya akun aktif yang menerima panggilan dapat dijadwalkan",
            "only active accounts that take calls can be planned",
        )
    return agents


def who_is_here(
    planned: Collection[str], agents: Iterable[Mapping[str, Any]] | None, starts_at: int, now_us: int
) -> list[Person]:
    """Everybody planned, and everybody logged in beside them; late ones first, then extra, then here.

    ``agents``: as the bridge's snapshot shows them; None while it is away. Nobody is extra in a shift
    for which nothing was planned.
    """
    if agents is None:
        return [Person(name, Here.UNKNOWN) for name in sorted(planned)]
    rows = {str(row["agent"]): row for row in agents}
    found = []
    for name in sorted(set(planned) | set(rows)):
        row = rows.get(name, {})
        state = row.get("state")
        there = state not in (None, "logged_out")
        if name in planned and not there:
            late = max(0.0, (now_us - starts_at) / 1_000_000)
            found.append(Person(name, Here.LATE, state, row.get("since"), late))
        elif there:
            status = Here.HERE if name in planned or not planned else Here.EXTRA
            found.append(Person(name, status, state, row.get("since")))
    order = (Here.LATE, Here.EXTRA, Here.HERE)
    return sorted(found, key=lambda one: (order.index(one.status), one.agent))
