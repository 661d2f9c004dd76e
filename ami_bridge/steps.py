"""A clock that is set, on or back, does not lengthen or shorten the calls in progress.

Asterisk stamps its events with the wall clock; our own, beside CLOCK_MONOTONIC, tells when that was set.
"""

from __future__ import annotations

import time

from ami_bridge.translate import at_us
from ami_bridge.wire import Headers
from psap.calls.service import Following

LEAST_US = 2_000_000  # less is a clock that is kept right, not set


class Steps:
    """Listens to every event, before it is translated."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._offset = self._now_offset()

    def _now_offset(self) -> int:
        return self._following.clock.now_us() - time.monotonic_ns() // 1000

    def listen(self, event: Headers) -> None:
        """One AMI event: the first one stamped after a step moves every call's own clock against it."""
        offset = self._now_offset()
        jump = offset - self._offset
        if abs(jump) >= LEAST_US:
            late = self._following.clock.now_us() - at_us(event)
            if abs(late - jump) < abs(late):
                return  # stamped before the step, and only heard after it
            for tracker in self._following.calls.values():
                tracker.shift -= jump
        self._offset = offset
