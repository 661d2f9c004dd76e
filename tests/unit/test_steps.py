"""A call's own clock goes on evenly when the machine's is set."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ami_bridge.steps import Steps
from psap.platform.clock import SystemClock

HOUR = 3_600_000_000


class Stepped:
    """The machine's clock, and what it was set by."""

    step = 0

    def now_us(self) -> int:
        return SystemClock().now_us() + self.step


def stamped(at: int) -> dict[str, str]:
    return {"Event": "Hangup", "Timestamp": f"{at // 1_000_000}.{at % 1_000_000:06}"}


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_is_taken_out_of_the_calls_in_progress(step: int) -> None:
    clock, tracker = Stepped(), SimpleNamespace(shift=0)
    following: Any = SimpleNamespace(clock=clock, calls={"a": tracker})
    steps = Steps(following)
    steps.listen(stamped(clock.now_us()))
    assert tracker.shift == 0
    before = clock.now_us()
    clock.step = step
    steps.listen(stamped(before))  # was on its way when the clock was set
    assert tracker.shift == 0
    for _ in range(2):  # once is enough
        steps.listen(stamped(clock.now_us()))
        assert tracker.shift == pytest.approx(-step, abs=1_000_000)


def test_events_that_were_late_are_no_step() -> None:
    clock, tracker = Stepped(), SimpleNamespace(shift=0)
    following: Any = SimpleNamespace(clock=clock, calls={"a": tracker})
    Steps(following).listen(stamped(clock.now_us() - HOUR))
    assert tracker.shift == 0
