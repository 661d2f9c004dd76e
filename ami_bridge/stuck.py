"""Callers who have hung up while Asterisk has not noticed.

Measured on Asterisk 22.10.1: of callers who send BYE within the same tenth of a second in which a call
taker answers, and send no sound, about three in a hundred stay in the queue's bridge for ever: the
hang-up lies in the channel's queue of frames, but the thread that would read it sleeps. The call would never
end and never have its record. Asking once more wakes the thread; for who ends as they should it is
far too late to matter.

A channel is asked for by its Uniqueid: names begin anew with each start of Asterisk, and the next caller
of the same name may be in conversation.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ami_bridge.duties import Duty
from ami_bridge.translate import is_caller
from ami_bridge.wire import RefusedError

AFTER = 3.0  # seconds between a caller's hang-up and the end of the channel that are too long
AGAIN = 10.0  # seconds until it is asked for once more
FORGET = 60.0  # then the channel is gone, or nothing helps


class Stuck:
    """Remembers hang-ups until the channel is gone."""

    def __init__(
        self,
        hang_up: Callable[[str], Awaitable[None]],
        log: Any,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hang_up = hang_up
        self._log = log
        self._now = now
        self._asked: dict[str, tuple[float, float]] = {}  # Uniqueid -> (hung up at, ask again at)

    def listen(self, event: Mapping[str, str]) -> None:
        """Hear one AMI event."""
        name = event.get("Event")
        if name == "HangupRequest" and is_caller(event):
            now = self._now()
            self._asked.setdefault(event["Uniqueid"], (now, now + AFTER))
        elif name == "Hangup":
            self._asked.pop(event.get("Uniqueid", ""), None)

    def duties(self) -> list[Duty]:
        """Look each second."""
        return [Duty("stuck callers", 1.0, self.wake)]

    async def wake(self) -> None:
        """End those that are overdue."""
        now = self._now()
        for channel, (since, due) in list(self._asked.items()):
            if now - since > FORGET:
                del self._asked[channel]
            elif now >= due:
                self._asked[channel] = (since, now + AGAIN)
                try:
                    await self._hang_up(channel)
                except RefusedError:  # gone while we were away
                    self._asked.pop(channel, None)
                    continue
                self._log.warning("a caller who had hung up was still there", seconds=round(now - since, 1))
