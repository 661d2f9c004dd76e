"""The clock was set back: the queue would ring nobody until it has caught up.

Asterisk measures the wrap-up by the wall clock: who ended a call at 10:00 and finds the clock at 9:00 is
wrapping up until 10:00 for it, and a ring that began at 10:00 goes on for an hour. So the queue is told to
forget its last calls (``QueueReset``), and rings that were under way begin anew. The other way, nothing of
ours is to be done: wrap-ups are over early, and telephones register anew (asterisk-config/pjsip.conf).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.duties import Duty
from ami_bridge.link import Link
from ami_bridge.translate import agent_fact, whole
from ami_bridge.wire import Headers
from psap.calls.service import Following

EVERY = 1.0  # seconds
STEP = 2.0  # seconds by which a clock is set, not slewed
QUEUES = ("psap112", "psap-second")


class SetClock:
    """Compares the wall clock with the one that nobody sets."""

    def __init__(
        self,
        link: Link,
        actions: Actions,
        following: Following,
        log: Any,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._actions = actions
        self._following = following
        self._log = log
        self._steady = steady
        self._ahead = self._now() - steady()
        self._back = False  # set back, and not dealt with yet

    def _now(self) -> float:
        return self._following.clock.now_us() / 1_000_000

    def duties(self) -> list[Duty]:
        """Look each second."""
        return [Duty("set clock", EVERY, self.look)]

    async def look(self) -> None:
        """Notice a step. Raises LinkError where Asterisk is away: it is tried again."""
        ahead = self._now() - self._steady()
        step, self._ahead = ahead - self._ahead, ahead
        if abs(step) > STEP:
            self._log.warning("the clock was set", seconds=round(step, 1))
        self._back = self._back or step < -STEP
        if self._back:
            await self.forget()
            for agent in list(self._following.desk.by_phone.values()):
                await self._actions.stop_ringing(agent)
            self._back = False

    async def _members(self, queue: str) -> list[Headers]:
        rows = await self._link.do("QueueStatus", Queue=queue, timeout=10.0)
        return [row for row in rows if row.get("Event") == "QueueMember"]

    async def forget(self) -> None:
        """Whose last call lies in the future is free. Also after each connect: it may have been set then."""
        now = self._now()
        for queue in QUEUES:
            rows = await self._members(queue)
            if not any((whole(row.get("LastCall")) or 0) > now + 1 for row in rows):
                continue
            # its own statistics begin anew with it; nobody reads them
            await self._link.do("QueueReset", Queue=queue)
            self._log.warning("the queue forgot last calls that lay in the future", queue=queue)
        for agent in self._following.desk.by_phone.values():
            if agent.wraps_until > (now + agent.wrapup + 1) * 1_000_000:
                agent.wraps_until = 0
        for row in await self._members(QUEUES[0]):
            if (fact := agent_fact(row)) is not None:
                self._following.take_agent(fact)
