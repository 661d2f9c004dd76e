"""The measurement of the idle call taker: its report, its faults; a small one for real."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from bench.idle import ALONE, OURS, Level
from bench.idle_command import faults, report
from psap.platform.settings import ROOT


def level(ours: list[float], alone: list[float]) -> Level:
    found = Level(50, 4, waited=[48, 50])
    found.sides[OURS].samples, found.sides[ALONE].samples = ours, alone
    return found


def test_the_report_tells_both_sides_and_whether_the_aim_is_met() -> None:
    text = "\n".join(report([level([8.0, 9.0, 60.0], [500.0, 800.0, 900.0])]))
    assert "| 50 | 48-50 | 4 | with the nudge | 3 | 9 | 60 | 60 | 67% |" in text
    assert "| app_queue alone | 3 | 800 | 900 | 900 | 0% |" in text
    assert "89 times shorter" in text
    assert "met by the median, missed by 10 ms by p99" in text


def test_too_few_samples_and_rings_before_their_time_are_faults() -> None:
    good = level([8.0] * 5, [500.0] * 5)
    assert faults([good]) == []
    good.early = 1
    assert len(faults([good])) == 1
    assert len(faults([level([8.0] * 5, [])])) == 1


@pytest.mark.long
@pytest.mark.calls
@pytest.mark.timeout(300)
def test_a_small_one() -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
    if "PSAP_CACHE" in os.environ:
        kept["PSAP_CACHE"] = os.environ["PSAP_CACHE"]
    done = subprocess.run(
        [str(ROOT / "112"), "bench", "idle", "--waiting", "5", "--seconds", "36"],
        env=kept, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    medians = {
        side: float(found)
        for side, found in re.findall(
            r"\| (with the nudge|app_queue alone) \| [0-9]+ \| ([0-9]+) ", done.stdout
        )
    }
    assert medians[OURS] < medians[ALONE]
