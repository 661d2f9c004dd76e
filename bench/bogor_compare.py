"""Waits and losses of one run, and whether they lie where the simulation's many runs lie."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.bogor_model import ABANDONED, ANSWERED, LEFT_GATE, NO_RESPONSE, OPEN, Outcome

BAND = (0.025, 0.975)
BIN = 600.0  # seconds of the day, for the picture
LONG = 60.0  # the profile's longest wait: then all telephones ring
SOON = 20.0  # NENA-STA-020: 95 % within 20 s


def waits(outcomes: Sequence[Outcome]) -> list[float]:
    """Of those who were answered, seconds of the day."""
    return [each.wait for each in outcomes if each.end == ANSWERED and each.wait is not None]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed; 0.0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _count(end: str) -> Callable[[Sequence[Outcome]], float]:
    return lambda outcomes: sum(1 for each in outcomes if each.end == end)


def _abandoned(outcomes: Sequence[Outcome]) -> float:
    lost = sum(1 for each in outcomes if each.end == ABANDONED)
    return _share(lost, lost + len(waits(outcomes)))


def _soon(outcomes: Sequence[Outcome]) -> float:
    found = waits(outcomes)
    return _share(sum(1 for each in found if each <= SOON), len(found))


METRICS: dict[str, Callable[[Sequence[Outcome]], float]] = {
    "answered": _count(ANSWERED),
    "gave up in the queue": _count(ABANDONED),
    "of those who reached the queue, %": _abandoned,
    "wait of the answered, mean s": lambda outcomes: _mean(waits(outcomes)),
    "median s": lambda outcomes: percentile(waits(outcomes), 0.5),
    "90 % within s": lambda outcomes: percentile(waits(outcomes), 0.9),
    f"within {SOON:.0f} s, %": _soon,
    "called again": lambda outcomes: sum(1 for each in outcomes if each.again),
    f"waited longer than {LONG:.0f} s": lambda outcomes: sum(
        1 for each in outcomes if (each.wait or 0) > LONG
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure: the replay's, and the simulation's band and median."""

    name: str
    real: float
    low: float
    middle: float
    high: float

    @property
    def inside(self) -> bool:
        return self.low - 1e-9 <= self.real <= self.high + 1e-9


def compare(real: Sequence[Outcome], runs: Sequence[Sequence[Outcome]]) -> list[Verdict]:
    """Every figure of the replay against the same figure of every simulated run."""
    out = []
    for name, metric in METRICS.items():
        found = [metric(each) for each in runs]
        low, middle, high = (percentile(found, share) for share in (BAND[0], 0.5, BAND[1]))
        out.append(Verdict(name, metric(real), low, middle, high))
    return out


def by_time(outcomes: Sequence[Outcome], span: float) -> list[float | None]:
    """Mean wait of the answered, by when they called; None where nobody was."""
    bins: list[list[float]] = [[] for _ in range(max(1, math.ceil(span / BIN)))]
    for each in outcomes:
        if each.end == ANSWERED and each.wait is not None:
            bins[min(len(bins) - 1, int(each.at / BIN))].append(each.wait)
    return [_mean(values) if values else None for values in bins]


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How the calls ended."""
    return {
        end: sum(1 for each in outcomes if each.end == end)
        for end in (ANSWERED, ABANDONED, LEFT_GATE, NO_RESPONSE, OPEN)
    }
