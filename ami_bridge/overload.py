"""Callers who are refused for want of room: everybody at a desk should know that it is so full."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ami_bridge.wire import Headers
from psap.platform.troubles import Trouble

SHOWN = 5.0  # seconds after the last refusal that the complaint still stands
COUNTED = 60.0  # seconds that are counted


class Overload:
    """Counts what dialplan/limits.conf refused. Remembers moments, nobody's number."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._moments: deque[float] = deque(maxlen=20_000)

    def listen(self, event: Headers) -> None:
        """One AMI event."""
        if event.get("UserEvent") == "PsapPolicy" and event.get("Decision") == "overload":
            self._moments.append(self._now())

    def complaint(self) -> Trouble | None:
        """What to say of it now."""
        now = self._now()
        while self._moments and now - self._moments[0] > COUNTED:
            self._moments.popleft()
        if not self._moments or now - self._moments[-1] > SHOWN:
            return None
        count = len(self._moments)
        return Trouble(
            "asterisk",
            "degraded",
            f"Penuh: {count} panggilan ditolak (503) dalam satu menit; yang menelepon lagi didahulukan.",
            f"Full: {count} calls were refused (503) within a minute; who dials again comes first.",
            "profile [limits] gate_calls, all_calls",
        )
