"""Which shift, and which day's: a night shift belongs to the date on which it began."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psap.agencies.profile import find_profile, load_profile, shift_of
from psap.platform.clock import to_us

CITIES = {name: load_profile(find_profile(name)) for name in ("pekalongan", "bogor", "ambon", "semarang")}


@pytest.mark.parametrize(
    ("city", "local", "day", "shift"),
    [
        ("pekalongan", "2022-10-20T07:29:59", 19, "malam"),
        ("pekalongan", "2022-10-20T07:30:00", 20, "pagi"),
        ("pekalongan", "2022-10-20T16:00:00", 20, "sore"),
        ("pekalongan", "2022-10-20T23:30:00", 20, "malam"),
        ("pekalongan", "2022-10-21T00:00:00", 20, "malam"),
        ("bogor", "2024-01-20T00:00:00", 20, "gilir1"),
        ("bogor", "2024-01-20T23:59:59", 20, "gilir4"),
        ("ambon", "2025-12-17T03:00:00", 16, "malam"),
    ],
)
def test_the_table(city: str, local: str, day: int, shift: str) -> None:
    profile = CITIES[city]
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(profile.timezone))
    found, name = shift_of(profile, to_us(moment))
    assert (found.day, name) == (day, shift)


def test_the_same_moment_is_another_hour_in_ambon() -> None:
    moment = to_us(datetime(2025, 12, 16, 15, 30, tzinfo=ZoneInfo("UTC")))
    assert shift_of(CITIES["ambon"], moment) == (date(2025, 12, 16), "malam")  # 00.30 WIT
    assert shift_of(CITIES["pekalongan"], moment) == (date(2025, 12, 16), "sore")  # 22.30 WIB


@given(st.integers(1_600_000_000, 2_000_000_000), st.sampled_from(sorted(CITIES)))
def test_every_moment_has_a_shift(epoch: int, city: str) -> None:
    assert shift_of(CITIES[city], epoch * 1_000_000)[1] is not None
