"""Who calls in the busiest hours of Bogor's busiest day: what a document tells, and what is assumed.

Times are seconds of the day as it was (not of a replay). Everything about a caller is drawn beforehand; how
long a call taker takes to lift the receiver and to talk is drawn as it happens, replayed or simulated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

CALLS_A_DAY = 3_000  # S2: "paling banyak 3000 telepon dalam satu hari"
TAKERS = 3  # S2: 12 call takers in 4 shifts of 3
HOURS = (0.072, 0.068)  # of a day's calls in its two busiest hours
HOUR = 3600.0
BREAKS = (1 / 6, 5 / 12, 2 / 3)  # when each call taker's break begins, as a share of the time
BREAK_SECONDS = 600.0
PICK_UP = (4.0, 2.0)  # mean and standard deviation
LONGEST_PICK_UP = 20.0
LEAVE_GATE = (1.0, 6.0)  # from the answer
PRESS = (3.0, 9.0)
REDIAL = (15.0, 45.0)  # from hanging up


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to behave. ``keys`` empty: never passes the gate. ``talk``: mean and standard deviation."""

    name: str
    share: float  # of the first calls, per cent
    keys: str = ""
    talk: tuple[float, float] = (15.0, 10.0)
    ended_by: str = "agent"
    patience: float = 60.0  # mean, exponential
    redials: float = 0.0  # probability, after giving up in the queue
    classification: str = ""
    noise: bool = True


KINDS = {
    each.name: each
    for each in (
        Kind("leaves the greeting", 34),
        Kind("silent", 14),
        Kind("prank", 14, "0", (15, 10), "agent", 45, 0, "prank"),
        Kind("child", 10, "0", (20, 12), "agent", 45, 0, "child"),
        Kind("wrong number", 8, "0", (12, 5), "agent", 60, 0, "wrong_number"),
        Kind("information", 8, "0", (75, 40), "caller", 120, 0.3, "information", noise=False),
        Kind("emergency", 11, "0", (150, 75), "caller", 240, 0.8, "emergency", noise=False),
        Kind("cannot speak", 1, "55", (120, 60), "caller", 300, 0.8, "emergency", noise=False),
    )
}
LEAVES, SILENT = "leaves the greeting", "silent"

ASSUMPTIONS = """\
- Bogor's study (S2): at most 3,000 calls a day, 3 call takers at a time, no time limit on an emergency;
  pranks, children and ghosts among the calls; what is no emergency is ended at once by the call taker.
- Assumed: 80 % noise (Semarang 38.6 %, S0; Purworejo 82.7 %). Of all calls 34 % hang up in the greeting,
  14 % stay silent, 14 % are pranks, 10 % children, 8 % wrong numbers; 8 % are questions, 11 %
  emergencies, 1 % press 55.
- Assumed: the two busiest hours have 7.2 % and 6.8 % of the day's calls (of an even day: 4.2 %), Poisson
  within an hour. No document tells the hours.
- Assumed: talk, lognormal with a mean of 15 s (prank), 20 s (child), 12 s (wrong number), 75 s
  (question), 150 s (emergency), 120 s (55); 4 s to lift the receiver.
- Assumed: patience in the queue, exponential with a mean of 45 s (prank, child), 60 s (wrong number), 120
  s (question), 240 s (emergency), 300 s (55). Of those who gave up, 80 % of the emergencies and 30 % of
  the questions call again after 15 to 45 s, once.
- Assumed: one break of 10 minutes for each call taker (paused, away from the telephone); each caller has
  a number of their own that was never marked, so that no block is in play.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One person who calls at ``at``. ``acts_after`` the answer: hanging up, or pressing the keys."""

    at: float
    kind: Kind
    number: str
    acts_after: float
    patience: float
    redial_after: float | None  # None: gives up for good


def arrivals(seed: int, hours: float, shares: Sequence[float] = HOURS) -> list[Arrival]:
    """Everybody who calls for the first time within so many hours, by time."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    out: list[Arrival] = []
    span, at = hours * HOUR, 0.0
    highest = max(shares) * CALLS_A_DAY / HOUR
    numbers: set[str] = set()
    while True:
        at += draw.expovariate(highest)
        if at >= span:
            return out
        share = shares[min(len(shares) - 1, int(at / HOUR))]
        if draw.random() > share / max(shares):
            continue
        number = f"0812{draw.randrange(10**8):08d}"
        while number in numbers:
            number = f"0812{draw.randrange(10**8):08d}"
        numbers.add(number)
        out.append(_person(at, number, draw))


def _person(at: float, number: str, draw: random.Random) -> Arrival:
    kind = draw.choices(list(KINDS.values()), [each.share for each in KINDS.values()])[0]
    acts_after = draw.uniform(*(LEAVE_GATE if kind.name == LEAVES else PRESS))
    patience = draw.expovariate(1 / kind.patience)
    redials, after = draw.random() < kind.redials, draw.uniform(*REDIAL)
    return Arrival(at, kind, number, acts_after, patience, after if redials else None)


def lognormal(mean: float, deviation: float, draw: random.Random) -> float:
    """A draw from the lognormal distribution of this mean and standard deviation."""
    variance = math.log(1 + (deviation / mean) ** 2)
    return draw.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance))


def talk_of(kind: Kind, draw: random.Random) -> float:
    """How long this conversation lasts."""
    return lognormal(*kind.talk, draw)


def pick_up(draw: random.Random) -> float:
    """How long a telephone rings before it is lifted."""
    return min(LONGEST_PICK_UP, lognormal(*PICK_UP, draw))


def breaks(hours: float) -> list[tuple[float, float]]:
    """When each call taker is away, in the order of the call takers."""
    span = hours * HOUR
    return [(begin * span, min(span, begin * span + min(BREAK_SECONDS, span / 6))) for begin in BREAKS]
