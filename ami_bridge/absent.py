"""A telephone that leaves while it rings: its call goes on to the next one at once.

Without us the ring would run out by itself (``ring_seconds``), and the queue would go on then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.wire import Headers
from psap.queue.model import Desk

GRACE = 1.0  # seconds: a telephone that registers anew takes its old place off first


class Absent:
    """Listens for telephones that take themselves off."""

    def __init__(
        self, actions: Actions, desk: Desk, soon: Callable[[Coroutine[Any, Any, None]], None]
    ) -> None:
        self._actions = actions
        self._desk = desk
        self._soon = soon

    def listen(self, event: Headers) -> None:
        """One AMI event; only a contact that went is of interest."""
        if event.get("Event") != "ContactStatus" or event.get("ContactStatus") != "Removed":
            return
        phone = event.get("EndpointName") or event.get("AOR", "")
        agent = self._desk.by_phone.get(phone)
        if agent is not None and agent.ringing:
            self._soon(self._left(phone))

    async def _left(self, phone: str) -> None:
        await asyncio.sleep(GRACE)
        agent = self._desk.by_phone.get(phone)
        if agent is None or not agent.ringing or await self._actions.has_contact(phone):
            return
        await self._actions.stop_ringing(agent, only=phone)  # the other one may be there, and ring
