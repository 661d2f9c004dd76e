"""How often somebody may guess a password. Failures count; a success forgives.

Kept in memory: guessing again after a restart of ours is worth less than a desk that nobody can
enter. Per account *and* address, so that a stranger elsewhere cannot lock a call taker out.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

PER_ACCOUNT = RateLimitItemPerMinute(5, 5)  # five in five minutes
PER_ADDRESS = RateLimitItemPerMinute(100, 5)  # many call takers sit behind one address


class SignInLimits:
    """Failed attempts of the last minutes."""

    def __init__(self) -> None:
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def seconds_to_wait(self, username: str, address: str) -> int:
        """0: may try; otherwise how long to wait."""
        return max(self._wait(*each) for each in _keys(username, address))

    def failed(self, username: str, address: str) -> None:
        """Count a wrong username or password."""
        for item, *names in _keys(username, address):
            self._windows.hit(item, *names)

    def succeeded(self, username: str, address: str) -> None:
        """Forget the account's failures from this address."""
        self._windows.clear(PER_ACCOUNT, "account", username, address)

    def _wait(self, item: RateLimitItem, *names: str) -> int:
        if self._windows.test(item, *names):
            return 0
        reset = self._windows.get_window_stats(item, *names).reset_time
        return max(1, math.ceil(reset - time.time()))


def _keys(username: str, address: str) -> tuple[tuple[RateLimitItem, str, str, str], ...]:
    return (
        (PER_ACCOUNT, "account", username, address),
        (PER_ADDRESS, "address", address, ""),
    )
