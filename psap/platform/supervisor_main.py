"""supervisord, with an upper limit on its back-off.

Plain supervisord adds a second to the wait before each further attempt, for ever: a part that kept
failing overnight would be tried every few minutes. An emergency number wants it back soon.
"""

from __future__ import annotations

import time
from typing import Any

from supervisor import process, supervisord
from supervisor.states import ProcessStates

LONGEST_WAIT = 15.0  # seconds between two attempts


def cap_back_off() -> None:
    """Make supervisord wait at most ``LONGEST_WAIT`` before it starts a part again."""
    original = process.Subprocess.change_state

    def change_state(self: Any, new_state: int, expected: bool = True) -> Any:
        changed = original(self, new_state, expected)
        if new_state == ProcessStates.BACKOFF:
            self.delay = min(self.delay, time.time() + LONGEST_WAIT)
        return changed

    process.Subprocess.change_state = change_state


if __name__ == "__main__":
    cap_back_off()
    supervisord.main()
