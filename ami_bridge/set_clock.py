"""The clock was set back: Asterisk would let waiting callers wait until it has caught up.

Asterisk measures its waits by the wall clock. Set from 10:00 to 9:00, whoever ended a call at 10:00 wraps up
until 10:00 for it; and every caller who waits for something, in the gate for a key, in the queue for the next
look at the call takers, for the end of a ring, waits an hour for it (measured on Asterisk 22.10.1). So the
queue is told to forget its last calls (``QueueReset``), and whoever is not in conversation is sent
on: from the gate as when agi is away, in the queue to its beginning, in the order of coming.
The other way, nothing of ours is to be done: waits are over early, and telephones register anew
(asterisk-config/pjsip.conf).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from ami_bridge.duties import Duty
from ami_bridge.link import Link
from ami_bridge.translate import agent_fact, whole
from ami_bridge.wire import Headers, RefusedError
from psap.calls.progress import Stage
from psap.calls.service import Following

EVERY = 1.0  # seconds
STEP = 2.0  # seconds by which a clock is set, not slewed
QUEUES = ("psap112", "psap-second")
GATE, QUEUE = ("psap-gate", "local"), ("psap-queue", "1")  # context and priority


class SetClock:
    """Compares the wall clock with the one that nobody sets."""

    def __init__(
        self,
        link: Link,
        following: Following,
        log: Any,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
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
            await self._send_on()
            self._back = False

    async def _send_on(self) -> None:
        waiting = [each for each in self._following.calls.values() if each.call.direction == "inbound"]
        for tracker in sorted(waiting, key=lambda each: each.joined_at or each.call.started_at):
            if tracker.ended or tracker.talking_leg() is not None:
                continue  # also one who has come through while others were sent
            context, where = GATE if tracker.stage is Stage.GATE else QUEUE
            with contextlib.suppress(RefusedError):  # has hung up
                await self._link.do(
                    "Redirect", Channel=tracker.call.uniqueid, Context=context, Exten="s", Priority=where
                )

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
        for agent in self._following.desk.agents():
            if agent.wraps_until > (now + agent.wrapup + 1) * 1_000_000:
                agent.wraps_until = 0
        for row in await self._members(QUEUES[0]):
            if (fact := agent_fact(row)) is not None:
                self._following.take_agent(fact)
