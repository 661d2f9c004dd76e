"""Time, injectable: the only place that reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


class FixedClock:
    """A clock for tests that moves only when told."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def advance(self, seconds: float) -> None:
        """Move forward (or back) by ``seconds``."""
        self._now_us += int(seconds * 1_000_000)


EARLIEST = -62_135_596_800_000_000  # 1 January of the year 1, UTC microseconds
LATEST = 253_402_300_799_999_999  # the last microsecond of the year 9999


def from_us(us: int) -> datetime:
    """An aware UTC datetime from UTC microseconds."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


def local(us: int, zone: tzinfo) -> datetime:
    """The same moment on a city's clock; in UTC where that clock would leave the calendar."""
    moment = from_us(us)
    try:
        return moment.astimezone(zone)
    except OverflowError:  # until the last day of the year 9999: a way to say "for ever"
        return moment


def to_us(moment: datetime) -> int:
    """UTC microseconds of an aware datetime.

    Raises:
        ValueError: the datetime has no time zone, or lies outside the years 1 to 9999 in UTC.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    try:
        delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("a time outside the calendar") from error
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def rfc3339(us: int | None) -> str | None:
    """RFC 3339 in UTC with an offset, as the HTTP interface shows times; None stays None."""
    if us is None:
        return None
    return f"{_second(us // 1_000_000)}.{us % 1_000_000:06d}+00:00"


@lru_cache(1024)  # what happens is told of the same few seconds, again and again
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
