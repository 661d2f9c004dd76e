"""What cells come to: one JSON line each, and the table made of them."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from psap.platform import pbx_root
from psap.platform.settings import ROOT, load_settings
from tests.faults.cells import BY_KEY, CELLS, NOTHING, Cell

UNMEASURED = 8.0  # seconds more where the same call without a fault was not measured on this machine
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- matrix: ./112 test faults -->", "<!-- end of matrix -->"
HEAD = (
    "| part | fault | moment | extra seconds | call | record | from | gate | told | well again (s) |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
SOURCES = (
    "agi",
    "ami_bridge",
    "console/*.py",
    "console/routes",
    "psap",
    "dialplan",
    "asterisk-config",
    "profiles",
    "tests/faults",
    "tests/support",
)


@dataclass
class Told:
    """One call's record as it was found, and how often its begin and end were told."""

    call_id: str
    count: int
    ending: str | None
    source: str | None
    gate: str | None
    started: int
    ended: int


@dataclass
class Result:
    """One cell. ``seconds`` as measured, without what the same call takes without a fault."""

    part: str
    how: str
    moment: str
    begun: bool = False  # the fault was there: before it, only a machine that is too busy can fail
    reached: bool = False
    seconds: float | None = None
    words: str = ""
    told: list[Told] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    well_again: float | None = None
    took: float = 0.0
    logs: str = ""

    @property
    def key(self) -> str:
        return f"{self.part}, {self.how}, {self.moment}"

    def line(self) -> str:
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def of_line(cls, line: str) -> Result:
        words = json.loads(line)
        words["told"] = [Told(**told) for told in words["told"]]
        return cls(**words)


class Results:
    """Results of one state of the software, kept in a file so that a run can be continued."""

    def __init__(self, path: Path | None = None, *, fresh: bool = False) -> None:
        self.path = path or load_settings().cache / "faults" / f"{fingerprint()}.jsonl"
        self.by_key: dict[str, Result] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            self.path.unlink(missing_ok=True)
        if self.path.exists():
            for line in self.path.read_text("utf-8").splitlines():
                result = Result.of_line(line)
                self.by_key[result.key] = result

    def add(self, result: Result) -> None:
        self.by_key[result.key] = result
        with self.path.open("a", encoding="utf-8") as file:
            file.write(result.line() + "\n")

    def extra(self, result: Result) -> float | None:
        """Seconds more than the same call without a fault, as far as both were measured."""
        if result.seconds is None:
            return None
        well = self.by_key.get(f"{NOTHING}, well, {result.moment}")
        # what is told of a call that died is the time until the next one works
        base = 0.0 if well is None or well.seconds is None or BY_KEY[result.key].loses else well.seconds
        return max(0.0, result.seconds - base)


def fingerprint() -> str:
    """Of everything that a result depends on: our files and the versions of what is not ours."""
    digest = hashlib.sha256(versions().encode())
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def versions() -> str:
    """What the cells ran with, in words."""
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=False)
    words = (
        f"Asterisk {pbx_root.version(load_settings())}", f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}", "Redis " + redis.stdout.partition("v=")[2].split(" ")[0],
        f"{os.cpu_count()} cores",
    )  # fmt: skip
    return ", ".join(words)


def row(cell: Cell, result: Result, extra: float | None) -> str:
    """A cell's row of the table."""

    def each(values: Iterable[object]) -> str:
        return " + ".join(str(value) for value in values) or "none"

    told = result.told
    if result.faults:
        call = "**FAILED**: " + "; ".join(result.faults)[:160].replace("|", "/").replace("\n", " ")
    elif cell.loses:
        call = f"lost with Asterisk: {result.words}; the next call is answered"
    else:
        call = "kept" if cell.moment in ("in the queue", "ringing", "talking") else "reached"
    words = (
        cell.part, cell.how, cell.moment, "-" if extra is None else f"{extra:.1f}", call,
        each(item.ending for item in told), each(item.source for item in told),
        each(item.gate for item in told), each(f"{item.started}/{item.ended}" for item in told),
        "-" if result.well_again is None else f"{result.well_again:.1f}",
    )  # fmt: skip
    return "| " + " | ".join(str(word) for word in words) + " |"


def table(results: Results, cells: Iterable[Cell] = CELLS) -> list[str]:
    """The matrix; a cell that was not run says so."""
    rows = []
    for cell in cells:
        result = results.by_key.get(cell.key)
        if result is None:
            rows.append(f"| {cell.part} | {cell.how} | {cell.moment} | - | not run |" + " - |" * 5)
        else:
            rows.append(row(cell, result, results.extra(result)))
    return [*HEAD, *rows]


def write_page(results: Results, page: Path = PAGE) -> None:
    """Put the table into the page, between its marks."""
    text = page.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    today = datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d")
    lines = [
        BEGIN,
        f"{today}, {versions()}; {len(results.by_key)} of {len(CELLS)} cells run.",
        "",
        *table(results),
        END,
    ]
    page.write_text(before + "\n".join(lines) + after, "utf-8")


def cells_on_page(page: Path = PAGE) -> list[str]:
    """Keys of the cells that the page's table names."""
    part = page.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line.strip("| \n").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [", ".join(words[:3]) for words in rows[1:]]


def failed(results: Results, cells: Iterable[Cell]) -> Mapping[str, list[str]]:
    """Key -> what is wrong, of the cells that did not pass."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        result = results.by_key.get(cell.key)
        if result is None:
            found[cell.key] = ["was not run"]
            continue
        wrong = list(result.faults)
        extra = results.extra(result)
        most = cell.most + (0 if f"{NOTHING}, well, {cell.moment}" in results.by_key else UNMEASURED)
        if extra is not None and extra > most:
            wrong.append(f"{extra:.1f} s more than without a fault, at most {most:.0f}")
        if wrong:
            found[cell.key] = wrong
    return found
