"""Domain events: what just happened, as the bridge publishes it and browsers receive it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from psap.platform.clock import rfc3339

STREAM = "psap:events"
STREAM_LENGTH = 20_000  # about a day at 3,000 calls; older: the client gets a reset


class EventType(StrEnum):
    CALL_STARTED = "call.started"
    CALL_GATE = "call.gate"
    CALL_QUEUED = "call.queued"
    CALL_RINGING = "call.ringing"
    CALL_ANSWERED = "call.answered"
    CALL_UPDATED = "call.updated"
    CALL_ENDED = "call.ended"
    CALL_LOCATED = "call.located"
    CALL_TALK = "call.talk"
    AGENT_CHANGED = "agent.changed"
    QUEUE_CHANGED = "queue.changed"
    INCIDENT_CHANGED = "incident.changed"
    BLOCKLIST_CHANGED = "blocklist.changed"
    MISSED_CHANGED = "missed.changed"
    PHONE_TAKEN = "phone.taken"
    TRAINING_CHANGED = "training.changed"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``at`` in UTC microseconds; ``data`` is JSON-ready. ``text``: the same, encoded already."""

    type: EventType
    at: int
    data: dict[str, Any] = field(default_factory=dict)
    text: str | None = field(default=None, compare=False, repr=False)

    def wire(self, seq: str) -> str:
        """The message a WebSocket client receives; ASCII, whatever a caller's name is made of."""
        data = json.dumps(self.data, separators=(",", ":")) if self.text is None else self.text
        return f'{{"v":1,"type":"{self.type.value}","at":"{rfc3339(self.at)}","seq":"{seq}","data":{data}}}'
