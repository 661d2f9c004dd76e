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
from bench.watching import slope
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


def test_growth_is_told_from_restarts() -> None:
    """A process that grows by one a second grows 3,600 an hour, however often it began anew."""
    one = [(float(t), t + 100) for t in range(60)]
    other = [(float(t), t) for t in range(200, 260)]
    assert slope([one, other]) == pytest.approx(3600)
    assert slope([[(0.0, 1), (1.0, 2)]]) is None


@pytest.mark.long
@pytest.mark.calls
@pytest.mark.timeout(600)
def test_a_hundred_calls() -> None:
    words = ["bench", "soak", "--calls", "100", "--rate", "4", "--phones", "16", "--seed", "112"]
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
