"""Who waits, in the order in which they will be served. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psap.calls.model import Flag, Priority
from psap.calls.tracking import Tracker
from psap.platform.clock import rfc3339

# who comes back from a conversation that broke is before all others (dialplan/queue.conf)
_ORDER = {Priority.HIGH: 0, Priority.NORMAL: 1, None: 1, Priority.LOW: 2}


def waiting(trackers: Iterable[Tracker]) -> list[dict[str, Any]]:
    """The callers in the queue as the contract shows them; position from 1."""
    found = [t for t in trackers if t.waiting and not t.ended]
    found.sort(
        key=lambda t: (
            Flag.RESCUED not in t.call.flags,
            _ORDER[t.call.priority],
            t.waiting_since or t.call.started_at,
        )
    )
    return [
        {
            "call_id": t.call.id,
            "caller": t.call.caller.model_dump(mode="json"),
            "since": rfc3339(t.waiting_since),
            "priority": t.call.priority,
            "flags": list(t.call.flags),
            "position": position,
        }
        for position, t in enumerate(found, 1)
    ]
