"""The bridge's lines about a call: where it began, was answered and ended, each with its ``call_id``.

Three lines a call, not one for each event: what lies between stands in the call's own timeline.
"""

from __future__ import annotations

from typing import Any

from psap.calls.model import call_id
from psap.platform.events import Event, EventType


def whose(uniqueid: str) -> str:
    """The call of a caller's channel; its Uniqueid begins with the site."""
    return call_id(uniqueid.rpartition("-")[0], uniqueid)


class Story:
    """Writes what is told anyway; closed words and figures only."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def told(self, event: Event) -> None:
        """One event on its way to browsers."""
        if event.type is EventType.CALL_STARTED:
            self._log.info("call began", call_id=event.data["call_id"])
        elif event.type is EventType.CALL_ANSWERED:
            self._log.info("call answered", call_id=event.data["call_id"], wait=event.data["wait_seconds"])
        elif event.type is EventType.CALL_ENDED:
            call = event.data["call"]
            self._log.info(
                "call ended",
                call_id=call["id"],
                ending=call["ending"],
                by=call["ended_by"],
                gate=call["gate"]["result"],
                talk=call["talk_seconds"],
                source=call["source"],
            )
