"""The list of missed calls follows the calls: soon after each end, and now and then anyway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ami_bridge.data import Data
from ami_bridge.duties import Duty
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.missed import service
from psap.missed.model import Missed
from psap.platform.events import Event, EventType

LOOK_EVERY = 1.0  # seconds
ANYWAY = 30.0  # seconds after which the list is brought up to the calls also without news
PAUSE = 0.05  # seconds between two batches: after a flood there are thousands, and others write too
NEWS_LASTS = 5.0  # seconds after a call's end in which its record is looked for


def changed(entry: Missed, at: int, **more: Any) -> Event:
    """``missed.changed``; ``agent`` is whose it is, and who therefore sees the number."""
    return Event(EventType.MISSED_CHANGED, at, entry.shown() | {"agent": entry.claimed_by} | more)


class MissedList:
    """Derives entries from recorded calls, wherever their records came from."""

    def __init__(
        self, data: Data, following: Following, recorder: Recorder, publish: Callable[[Event], None]
    ) -> None:
        self._data = data
        self._following = following
        self._recorder = recorder
        self._publish = publish
        self._newest: str | None = None
        self._news_until = 0.0
        self._listed = 0.0

    def duties(self) -> Iterable[Duty]:
        return [Duty("missed", LOOK_EVERY, self.keep)]

    async def keep(self) -> None:
        """Bring the list up to the calls, if there may be news."""
        newest = next(reversed(self._following.recent), None)
        now = time.monotonic()
        if newest != self._newest:
            self._newest, self._news_until = newest, now + NEWS_LASTS
        if self._recorder.away is not None or (now > self._news_until and now - self._listed < ANYWAY):
            return
        self._listed = now
        more = True
        while more:
            at = self._following.clock.now_us()
            work = partial(service.derive, site=self._data.site, now_us=at)
            entries, more = await self._data.write_in_one_go(work)
            for entry in entries:
                self._publish(changed(entry, at))
            if more:
                await asyncio.sleep(PAUSE)
