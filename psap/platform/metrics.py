"""What a process counts, for the figures at ``GET /metrics``. Names and words come from closed sets only.

Bridge, gate and watchdog count here and tell their figures (``health.figures``, heartbeats); only the console
speaks Prometheus' language (console/metrics.py). Everything counts from the start of its process: a restart
begins at zero, as Prometheus expects of a counter. What must not be lost is counted from the records instead.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

OTHER = "other"  # whatever is in no closed set

# seconds; upper bounds. 112 answers within 10, NENA's aims are 15 and 20
ANSWER_SECONDS = (5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0)
GATE_SECONDS = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0)
TALK_SECONDS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


class Tally:
    """Counts by words, and durations in buckets. May be used by many threads at once.

    ``counts``: name -> its words (none: a plain count); ``times``: name -> upper bounds in seconds.
    """

    def __init__(
        self, counts: Mapping[str, Iterable[str]], times: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = {
            name: {str(word): 0 for word in words} for name, words in counts.items()
        }
        self._plain = dict.fromkeys((name for name, words in self._counts.items() if not words), 0)
        self._bounds = {name: tuple(bounds) for name, bounds in (times or {}).items()}
        self._buckets = {name: [0] * (len(bounds) + 1) for name, bounds in self._bounds.items()}
        self._sums = dict.fromkeys(self._bounds, 0.0)

    def count(self, name: str, word: object = None, times: int = 1) -> None:
        """One more. A word that is not in the set counts as ``other``."""
        with self._lock:
            if name in self._plain:
                self._plain[name] += times
                return
            row = self._counts[name]
            key = str(word)
            if key not in row:
                key = OTHER
            row[key] = row.get(key, 0) + times

    def observe(self, name: str, seconds: float | None) -> None:
        """One duration; unknown and negative ones (a clock that was set back) are left out."""
        if seconds is None or not 0 <= seconds < float("inf"):
            return
        place = bisect_left(self._bounds[name], seconds)
        with self._lock:
            self._buckets[name][place] += 1
            self._sums[name] += seconds

    def figures(self) -> dict[str, Any]:
        """``{count: n or {word: n}, time: {"buckets": [n each, the last: beyond], "sum": seconds}}``."""
        with self._lock:
            return {
                **self._plain,
                **{name: dict(row) for name, row in self._counts.items() if name not in self._plain},
                **{
                    name: {"buckets": list(row), "sum": round(self._sums[name], 3)}
                    for name, row in self._buckets.items()
                },
            }


def process_figures() -> dict[str, float]:
    """What this process costs: ``cpu_seconds`` since its start, ``resident_bytes`` now."""
    cpu = os.times()
    try:
        resident = int(_STATM.read_text("ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        resident = 0
    return {"cpu_seconds": round(cpu.user + cpu.system, 2), "resident_bytes": resident}
