"""What the faults cost: printed at the end of the run, written into docs on request."""

from __future__ import annotations

import datetime
import os
import platform
import sqlite3
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from psap.platform import pbx_root
from psap.platform.settings import ROOT
from tests.support.home import Home

PAGE = ROOT / "docs" / "reliability.md"
MARK = "<!-- measured: PSAP_WRITE_DOCS=1 python -m pytest tests/faults -->"
HEAD = (
    "| fault | when | extra delay or gap (s) | ending | record from | gate |",
    "|---|---|---|---|---|---|",
)


@dataclass
class Row:
    """One call with one fault."""

    part: str
    how: str
    moment: str
    seconds: float
    number: str
    record: dict[str, object] = field(default_factory=dict)

    def text(self) -> str:
        gate = self.record.get("gate")
        result = gate.get("result") if isinstance(gate, dict) else None
        words = (
            f"{self.part} {self.how}", self.moment, f"{self.seconds:.2f}",
            self.record.get("ending"), self.record.get("source"), result,
        )  # fmt: skip
        return "| " + " | ".join(str(word) for word in words) + " |"


@dataclass
class Table:
    """All cells of a run. ``baseline``: the same call without a fault."""

    rows: list[Row] = field(default_factory=list)
    baseline: float | None = None
    versions: str = ""

    def lines(self) -> list[str]:
        longest = max((row.seconds for row in self.rows), default=0.0)
        return [
            *HEAD,
            *(row.text() for row in self.rows),
            "",
            f"The same call without a fault: {self.baseline or 0:.2f} s from the caller's INVITE to the call "
            f"taker's voice. Longest extra delay: **{longest:.2f} s** (at most 8 s allowed).",
        ]

    def measure_versions(self, home: Home) -> None:
        redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False)
        asterisk = pbx_root.asterisk_rx(home.settings, "core show version").split(" built")[0]
        words = (
            f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}", asterisk,
            f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}",
            "Redis " + redis.stdout.partition("v=")[2].split(" ")[0], f"{os.cpu_count()} cores",
        )  # fmt: skip
        self.versions = ", ".join(words)

    def write(self, page: Path = PAGE) -> None:
        """Replace what stands after the page's mark with this run."""
        before = page.read_text("utf-8").partition(MARK)[0]
        page.write_text(f"{before}{MARK}\n{self.versions}.\n\n" + "\n".join(self.lines()) + "\n", "utf-8")


TABLE = Table()
