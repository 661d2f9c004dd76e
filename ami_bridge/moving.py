"""A supervisor's hand in the queue: a waiting caller comes first, or goes to one call taker."""

from __future__ import annotations

from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.commands import Method, Params, must, text
from ami_bridge.targets import Targets
from psap.calls.model import Priority
from psap.calls.parties import Party, PartyKind
from psap.calls.service import Following
from psap.platform.control import ControlError


class Moving:
    """``waiting.move``."""

    def __init__(self, targets: Targets, following: Following, actions: Actions) -> None:
        self._targets = targets
        self._following = following
        self._actions = actions

    def methods(self) -> dict[str, Method]:
        """What the console may ask."""
        return {"waiting.move": self.move}

    async def move(self, params: Params) -> dict[str, Any]:
        """To a priority, or to one agent, whose telephone rings first; nobody lifts: back in the queue."""
        tracker = self._following.by_id.get(must(params, "call_id", longest=64))
        by = must(params, "by", longest=64)
        priority, agent = text(params, "priority", needed=False), text(params, "agent", needed=False)
        if (priority is None) == (agent is None):
            raise ControlError("bad_request", "priority atau agent, salah satu / either priority or agent")
        before = None if tracker is None else self._row(tracker.call.id)
        if tracker is None or before is None:
            raise ControlError("not_waiting_call", "pelapor tidak sedang menunggu / the caller does not wait")
        uniqueid = tracker.call.uniqueid
        if priority is not None:
            if priority not in (Priority.HIGH, Priority.NORMAL):
                raise ControlError("bad_request", "priority: high atau normal / high or normal")
            await self._actions.place(uniqueid, priority, by)
        else:
            target = await self._targets.find({"kind": "agent", "id": agent})
            who = Party(PartyKind.AGENT, agent or "")
            await self._actions.send_on(uniqueid, who, target.dial, by, None, "move")
        # who was sent to one telephone, or is just entering the queue anew, has no place in it now
        return self._row(tracker.call.id) or before

    def _row(self, call_id: str) -> dict[str, Any] | None:
        return next((row for row in self._following.waiting() if row["call_id"] == call_id), None)
