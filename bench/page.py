"""docs/benchmarks.md: each measurement writes the part between its own two marks, and nothing else.

What is measured is a ratio: our way and the named limit in the same run, their samples taken in
turns, so that whatever else the machine does hits both. ``Side`` holds one side's samples.
"""

from __future__ import annotations

import datetime
import fcntl
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from psap.platform.settings import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(slots=True)
class Side:
    """One of the things compared: its samples, all in one unit (ms unless its name says otherwise)."""

    name: str
    samples: list[float] = field(default_factory=list)

    @property
    def n(self) -> int:
        return len(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def percentile(self, share: float) -> float:
        """The smallest sample that ``share`` (0 to 1) of all do not exceed."""
        ordered = sorted(self.samples)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    @property
    def p99(self) -> float:
        return self.percentile(0.99)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def machine(*versions: str) -> str:
    """One line: when, on what machine, with which versions (``Asterisk 22.10.1``...)."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in _text(Path("/proc/cpuinfo")).splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    today = datetime.datetime.now(datetime.UTC).date()
    words = [f"Python {platform.python_version()}", f"Linux {platform.release()}", *versions]
    load = os.getloadavg()[0]
    return (
        f"{today}, {os.cpu_count()} x {model}, {pages / 2**30:.0f} GiB, load {load:.1f} at the end; "
        + ", ".join(words)
    )


def write_section(name: str, title: str, about: str, lines: Sequence[str], document: Path = DOCUMENT) -> None:
    """Put ``lines`` between ``name``'s marks; a section that is not there yet is added at the end.

    ``about`` says what is compared with what; it stands under ``title`` and is written anew too.
    Safe beside another measurement that writes its own section at the same moment.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n## {title}\n`./112 bench {name}`: {about}\n\n" + "\n".join(lines) + f"\n{end}"
    with document.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read() or "# Benchmarks\n"
        if begin in text and end in text:
            head, _, rest = text.partition(begin)
            text = head + section + rest.partition(end)[2]
        else:
            text = f"{text.rstrip()}\n\n{section}\n"
        file.truncate(0)
        file.write(text)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
