"""What a soak found: what was placed against what is in the database."""

from __future__ import annotations

import datetime
import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from bench.callers import Placed
from bench.page import write_section
from bench.watching import Growth
from psap.platform.settings import Settings


@dataclass(slots=True)
class Summary:
    """The whole result. Waits are seconds from INVITE to a person's voice."""

    seed: int
    seconds: float
    placed: list[Placed]
    faults: Counter[str]
    growth: list[Growth]
    interrupted: bool
    healthy: bool
    calm: int = 0
    recorded: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)

    def read(self, settings: Settings) -> None:
        """Count the closed records by the number that was dialled: each call dialled one of its own."""
        with sqlite3.connect(f"file:{settings.home / 'psap.db'}?mode=ro", uri=True) as base:
            rows = base.execute("select dialled, ending, source from calls where ending is not null")
            for dialled, ending, source in rows:
                self.recorded[dialled] += 1
                self.endings[ending] += 1
                self.sources[source] += 1

    @property
    def refused(self) -> list[Placed]:
        """Refused before an answer."""
        return [call for call in self.placed if not call.answered and not call.left]

    @property
    def without_record(self) -> list[Placed]:
        return [call for call in self.placed if call.answered and not self.recorded[call.dialled]]

    @property
    def without_person(self) -> list[Placed]:
        """Who wanted a person and stayed, and got none."""
        return [call for call in self.placed if call.wants_person and call.person_after is None]

    @property
    def doubled(self) -> list[Placed]:
        return [call for call in self.placed if self.recorded[call.dialled] > 1]

    @property
    def unknown(self) -> int:
        """Records of calls that nobody placed."""
        return len(self.recorded.keys() - {call.dialled for call in self.placed})

    @property
    def good(self) -> bool:
        lost = len(self.without_record) + len(self.without_person)
        flat = not self.calm or all(each.flat for each in self.growth)
        return not (lost or self.doubled or self.unknown or self.refused) and self.healthy and flat

    def lines(self) -> list[str]:
        """The summary as Markdown."""
        waits = sorted(call.person_after for call in self.placed if call.person_after is not None)
        kinds = Counter(call.kind for call in self.placed)
        records = sum(1 for call in self.placed if self.recorded[call.dialled])
        amid = len(self.placed) - self.calm  # the seconds are of the part in which things broke
        today = datetime.datetime.now(datetime.UTC).date()
        out = [
            f"{amid} calls in {self.seconds:.0f} s ({amid / max(1.0, self.seconds):.1f} a second) amid "
            f"{self.faults.total()} faults, then {self.calm} with none, seed {self.seed}, {today}"
            + (" (interrupted)" if self.interrupted else ""),
            "",
            "| | |",
            "|---|---|",
            f"| calls placed | {len(self.placed)}: {_counted(kinds)} |",
            f"| faults injected | {self.faults.total()}: {_counted(self.faults)} |",
            f"| records | {records}: {_counted(self.endings)}; {_counted(self.sources)} |",
            f"| **lost**: no record | **{len(self.without_record)}** |",
            f"| **lost**: stayed on the line and reached nobody | **{len(self.without_person)}** |",
            f"| refused before an answer | {len(self.refused)} |",
            f"| doubled | {len(self.doubled)} |",
            f"| records of calls that nobody placed | {self.unknown} |",
            f"| to a person's voice, seconds: median, 99 %, longest | {_waits(waits)} |",
            f"| healthy at the end | {'yes' if self.healthy else 'NO'} |",
            "",
            f"Afterwards {self.calm} calls with nothing broken. Memory: medians of their first and last "
            "third; file handles: before and after them, when no call is there.",
            "",
            "| process | starts | MB, first third | MB, last third | handles before | handles after | |",
            "|---|---|---|---|---|---|---|",
        ]
        for each in self.growth:
            kb, handles = each.kb, each.handles
            figures = (
                f"{kb[0] / 1024:.1f} | {kb[1] / 1024:.1f} | {handles[0]} | {handles[1]}"
                if kb and handles
                else "- | - | - | -"
            )
            out.append(f"| {each.part} | {each.lives} | {figures} | {'flat' if each.flat else 'NOT FLAT'} |")
        for title, calls in (
            ("no record", self.without_record),
            ("reached nobody", self.without_person),
            ("doubled", self.doubled),
            ("refused", self.refused),
        ):
            for call in calls[:20]:
                out.append(f"- {title}: dialled {call.dialled}, {call.kind}, answered {call.answered}, "
                           f"status {call.status}")  # fmt: skip
        return out

    def write(self) -> None:
        """Put the summary into docs/benchmarks.md."""
        write_section(
            "soak",
            "Soak",
            "calls of mixed behaviour while random faults happen, then some with nothing broken.",
            self.lines(),
        )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


def _waits(waits: list[float]) -> str:
    if not waits:
        return "-"
    return f"{waits[len(waits) // 2]:.1f}, {waits[int(len(waits) * 0.99)]:.1f}, {waits[-1]:.1f}"
