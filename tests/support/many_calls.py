"""Months of a city's calls as rows of ``calls``, made fast: a million in half a minute.

Four in five are noise (silent, pranks, given up at the gate); the others wait, are answered by one of
many call takers, and are classified. As dense by the hour as a city's day is.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psap.platform.clock import to_us
from psap.platform.schema import calls

SITE = "semarang"
ZONE = ZoneInfo("Asia/Jakarta")
AGENTS = [f"petugas{number:02d}" for number in range(1, 41)]
COLUMNS = [column.name for column in calls.columns]
BY_HOUR = [2, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 7, 7, 7, 7, 8, 8, 8, 9, 9, 8, 6, 4, 3]
HOUR_US = 3_600_000_000

# (ending, share in per cent, gate's result)
_ENDS = (
    *(("abandoned_in_gate", 46, "hung_up"), ("no_response", 20, "no_response"), ("answered", 22, "key0")),
    *(
        ("abandoned_in_queue", 4, "key0"),
        ("blocked", 4, "blocked"),
        ("challenge_failed", 2, "challenge_failed"),
    ),
    *(("overflowed", 1, "key0"), ("failed", 1, "key0")),
)
_SAID = (
    ("prank", 45),
    ("ghost", 15),
    ("emergency", 20),
    ("information", 12),
    ("unclassified", 4),
    ("child", 2),
)
_STEPS = ("started", "policy", "gate", "queued", "ringing", "answered", "recorded", "ended")


def _pool(shares: tuple[Any, ...]) -> list[Any]:
    return [each for each in shares for _ in range(each[1])]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def starts(count: int, first: date, days: int, chance: random.Random) -> list[int]:
    """When each call began, UTC microseconds, in order; local days, an hour's share by ``BY_HOUR``."""
    begin = to_us(datetime.combine(first, time.min, tzinfo=ZONE))
    weights = [BY_HOUR[hour % 24] for hour in range(24 * days)]
    hours = chance.choices(range(24 * days), weights=weights, k=count)
    return sorted(begin + hour * HOUR_US + int(chance.random() * HOUR_US) for hour in hours)


def call_rows(count: int, first: date, days: int, *, seed: int = 112) -> Iterator[tuple[Any, ...]]:
    """``count`` calls over ``days`` local days, oldest first; in the order of ``COLUMNS``, JSON as text."""
    chance = random.Random(seed)
    ends, said = _pool(_ENDS), _pool(_SAID)
    stories = [
        _json(
            [
                {
                    "at": f"2026-11-{day:02d}T0{n}:00:00.123456Z",
                    "what": what,
                    "data": {"n": chance.randrange(99)},
                }
                for n, what in enumerate(_STEPS)
            ]
        )
        for day in range(1, 29)
    ]
    gates = {end: _json({"result": gate, "seconds": 4.25, "keys": "0"}) for end, _, gate in _ENDS}
    policy, none, location = _json({"rung": 0, "decision": "pass", "block_id": None}), "[]", "null"
    for number, at in enumerate(starts(count, first, days, chance)):
        ending = ends[int(chance.random() * len(ends))][0]
        took = ending == "answered"
        queued = took or ending in ("abandoned_in_queue", "overflowed")
        wait = round(chance.expovariate(1 / 9), 3) if queued and chance.random() < 0.98 else None
        agent = AGENTS[int(chance.random() ** 2 * len(AGENTS))] if took else None
        talk = round(chance.expovariate(1 / 60), 3) if took else None
        answered = at + int((wait or 0) * 1e6) + 4_000_000 if took or ending == "overflowed" else None
        key = f"62812{int(chance.random() * 10**8):08d}"
        legs = _json([{"agent": agent, "ring_seconds": 2.5, "end": "answered"}]) if took else none
        yield (
            *(
                str(uuid.UUID(int=chance.getrandbits(128), version=5)),
                SITE,
                f"{SITE}-{at // 1_000_000}.{number}",
            ),
            *("outbound" if number % 199 == 0 else "inbound", "112", "0" + key[2:], "+" + key, key),
            *(
                "allowed",
                "mobile",
                at,
                answered,
                at + 90_000_000,
                ending,
                "caller",
                gates[ending],
                policy,
                none,
            ),
            *("normal", wait, legs, agent, 2.5 if took else None, talk),
            said[int(chance.random() * len(said))][0] if took else "unclassified",
            *(agent, "catatan / note" if took and number % 7 == 0 else None, none, "live", None, none),
            *(None if number % 3 else location, none, stories[number % 28], at + 90_000_000, "call", False),
        )


def month(first: date) -> int:
    """How many days the month of ``first`` has."""
    return ((first.replace(day=28) + timedelta(days=4)).replace(day=1) - first.replace(day=1)).days
