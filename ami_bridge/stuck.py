"""Callers who have hung up while Asterisk has not noticed.

Measured on Asterisk 22.10.1: of callers who send BYE within the same tenth of a second in which a call
taker answers, and send no sound, about three in a hundred stay in the queue's bridge for ever: the
hang-up lies in the channel's queue of frames, but the thread that would read it sleeps. The call would never
end and never have its record. Asking once more wakes the thread; for who ends as they should it is
far too late to matter.

A hang-up that came while no bridge listened is not known to anybody: so callers who stand alone in a
conversation are looked for too. Whether such a caller has really gone is left to the dialplan (psap-after):
who is still there goes back in front, who has hung up is noticed as soon as the channel is read.

A channel is asked for by its Uniqueid: names begin anew with each start of Asterisk, and the next caller
of the same name may be in conversation.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ami_bridge.duties import Duty
from ami_bridge.story import whose
from ami_bridge.translate import is_caller
from ami_bridge.wire import RefusedError

AFTER = 3.0  # seconds between a caller's hang-up and the end of the channel that are too long
AGAIN = 10.0  # seconds until it is asked for once more
FORGET = 60.0  # then the channel is gone, or nothing helps
ANNOUNCER = "CBAnn/"  # a room's own voice (talk.conf) is nobody
ALONE_EVERY = 5.0  # seconds between two looks: alone in both is no moment between two steps of Asterisk


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
                self._log.warning(
                    "a caller who had hung up was still there",
                    call_id=whose(channel),
                    seconds=round(now - since, 1),
                )


def alone(rows: Iterable[Mapping[str, str]]) -> set[str]:
    """Uniqueids of callers who are in a conversation's bridge with nobody else, of CoreShowChannels' rows."""
    rows = [row for row in rows if not row.get("Channel", "").startswith(ANNOUNCER)]
    together = Counter(row.get("BridgeId", "") for row in rows)
    return {
        row["Uniqueid"]
        for row in rows
        if is_caller(row) and row.get("BridgeId") and together[row["BridgeId"]] == 1
    }


class Alone:
    """Finds callers whom a conversation has left behind."""

    def __init__(
        self,
        rows: Callable[[], Awaitable[Iterable[Mapping[str, str]]]],
        send_back: Callable[[str], Awaitable[None]],
        hang_up: Callable[[str], Awaitable[None]],
        log: Any,
    ) -> None:
        self._rows = rows
        self._send_back = send_back
        self._hang_up = hang_up
        self._log = log
        self._seen: set[str] = set()

    def duties(self) -> list[Duty]:
        """Look every few seconds."""
        return [Duty("callers left alone", ALONE_EVERY, self.look)]

    async def look(self) -> None:
        """Send on whoever was alone the last time, too."""
        now = alone(await self._rows())
        for channel in now & self._seen:
            try:
                await self._send_back(channel)
            except RefusedError:
                # Asterisk sends nobody anywhere who has hung up: that one only waits to be woken
                with contextlib.suppress(RefusedError):  # gone in this moment
                    await self._hang_up(channel)
            self._log.warning("a caller stood alone in a conversation", call_id=whose(channel))
        self._seen = now
