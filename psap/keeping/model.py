"""Kinds of data and how long each is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psap.agencies.model import RetentionRules

DAY_US = 86_400_000_000


class Kind(StrEnum):
    """What is kept for a time of its own; the names are those of ``[retention]``."""

    CALLS = "calls"
    MISSED = "missed"
    INCIDENTS = "incidents"
    REPUTATION = "reputation"
    SESSIONS = "sessions"
    AUDIT = "audit"
    LOGS = "logs"
    RECORDINGS = "recordings"
    ROSTERS = "rosters"
    TRAININGS = "trainings"
    BACKUPS = "backups"


NAMES: dict[Kind, tuple[str, str]] = {
    Kind.CALLS: ("panggilan yang selesai", "calls that ended"),
    Kind.MISSED: ("panggilan tak terjawab yang ditutup", "missed calls that are closed"),
    Kind.INCIDENTS: ("kejadian yang ditutup, dan konsep", "closed incidents, and drafts"),
    Kind.REPUTATION: ("tanda dan blokir yang berakhir", "marks, and blocks that ended"),
    Kind.SESSIONS: ("sesi yang berakhir, gagal masuk", "sessions that ended, failed sign-ins"),
    Kind.AUDIT: ("jejak audit", "audit entries"),
    Kind.LOGS: ("berkas log lama", "older log files"),
    Kind.RECORDINGS: ("rekaman suara", "voice recordings"),
    Kind.ROSTERS: ("jadwal dinas", "rosters"),
    Kind.TRAININGS: ("latihan petugas", "trainings"),
    Kind.BACKUPS: ("berkas cadangan", "backup files"),
}


@dataclass(frozen=True, slots=True)
class Due:
    """What of a kind is older than it may be. ``oldest``: UTC microseconds; ``held``: on legal hold."""

    kind: Kind
    days: int
    count: int
    oldest: int | None
    held: int = 0


def horizon(rules: RetentionRules, kind: Kind, now_us: int) -> int:
    """What is older than this moment (UTC microseconds) is due."""
    return now_us - days(rules, kind) * DAY_US


def days(rules: RetentionRules, kind: Kind) -> int:
    """How many days a kind is kept."""
    if kind is Kind.RECORDINGS:  # nobody finds a recording without its call
        return min(rules.recordings, rules.calls)
    found: int = getattr(rules, str(kind))
    return found
