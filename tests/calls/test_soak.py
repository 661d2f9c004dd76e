"""The soak itself: a short one for real, and that its summary sees what it is there to see."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bench.callers import Placed
from bench.summary import Summary
from bench.watching import Growth, Life, Watch
from psap.platform.migrate import migrate
from psap.platform.settings import ROOT, Settings


def summary(*calls: Placed) -> Summary:
    return Summary(1, 10.0, list(calls), Counter({"kill -9 agi": 1}), [], False, True)


def spoken(dialled: str, **more: object) -> Placed:
    call = Placed("talks", dialled, "081200000001", True, answered=True, person_after=1.5, over=True)
    for name, value in more.items():
        setattr(call, name, value)
    return call


def test_lost_and_doubled_are_seen() -> None:
    good = summary(spoken("112000000001"))
    good.recorded = Counter({"112000000001": 1})
    assert good.good
    for recorded, call in (
        (Counter[str](), spoken("112000000001")),
        (Counter({"112000000001": 2}), spoken("112000000001")),
        (Counter({"112000000001": 1, "112000000009": 1}), spoken("112000000001")),
        (Counter({"112000000001": 1}), spoken("112000000001", person_after=None)),
        (Counter({"112000000001": 1}), spoken("112000000001", answered=False)),
    ):
        bad = summary(call)
        bad.recorded = recorded
        assert not bad.good
    good.healthy = False
    assert not good.good


def test_only_closed_records_count(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, profile="semarang")
    migrate(settings)
    with sqlite3.connect(tmp_path / "psap.db") as base:
        columns = [row[1] for row in base.execute("pragma table_info(calls)") if row[3]]
        for number, ending in enumerate(("answered", None)):
            values = dict.fromkeys(columns, "[]") | {
                "id": str(number), "site": "semarang", "uniqueid": f"s-{number}", "direction": "inbound",
                "kind": "mobile", "classification": "test", "source": "live", "started_at": 1,
                "updated_at": 1, "dialled": f"11200000000{number}", "ending": ending,
            }  # fmt: skip
            names = ",".join(values)
            base.execute(
                f"insert into calls ({names}) values ({','.join('?' * len(values))})", [*values.values()]
            )
    found = summary(spoken("112000000000"), spoken("112000000001"))
    found.read(settings)
    assert [call.dialled for call in found.without_record] == ["112000000001"]


@pytest.mark.parametrize(
    ("kb_a_second", "handles_a_second", "flat"), [(0, 0, True), (40, 0, True), (200, 0, False), (0, 1, False)]
)
def test_growth_is_seen_over_the_calm_part(
    tmp_path: Path, kb_a_second: int, handles_a_second: int, flat: bool
) -> None:
    watch = Watch(Settings(home=tmp_path, profile="semarang"))
    began = watch._began
    earlier, last = Life(), Life()
    earlier.samples = [(float(t), 900_000, 90) for t in range(60)]  # what was killed says nothing
    last.samples = [
        (float(t), 40_000 + max(0, 100 - t) * 500 + t * kb_a_second, 12 + t * handles_a_second)
        for t in range(60, 300)
    ]
    watch._lives = {("agi", 1): earlier, ("agi", 2): last}
    watch._rests = [150.0, 300.0]
    watch.calm(began + 150, began + 300)
    found = watch.growth()
    assert (found[0].lives, found[0].flat) == (2, flat)
    bad = summary(spoken("112000000001"))
    bad.recorded, bad.calm, bad.growth = Counter({"112000000001": 1}), 3000, found
    assert bad.good is flat


def test_a_part_that_died_in_the_calm_is_not_flat() -> None:
    assert not Growth("agi", 3, None, None).flat


@pytest.mark.long
@pytest.mark.calls
@pytest.mark.timeout(600)
def test_a_hundred_calls() -> None:
    words = [
        "bench",
        "soak",
        "--calls",
        "100",
        "--rate",
        "4",
        "--phones",
        "16",
        "--seed",
        "112",
        "--calm",
        "0",
    ]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
    if "PSAP_CACHE" in os.environ:
        kept["PSAP_CACHE"] = os.environ["PSAP_CACHE"]
    done = subprocess.run(
        [str(ROOT / "112"), *words], env=kept, capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert re.search(r"\| calls placed \| 1\d\d: ", done.stdout)
    assert "| **lost**: no record | **0** |" in done.stdout
    assert re.search(r"\| faults injected \| [1-9]", done.stdout)
