"""A second ear for what is pressed in the gate.

While agi thinks between two of its commands, Asterisk throws pressed keys away. Asterisk's own DTMF
events miss none, so that the bridge can tell the gate, before it takes a caller for silent, what it did
not hear itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ami_bridge.wire import Headers
from psap.calls.service import Following

MOST = 16  # keys of one caller that are worth remembering
LETTERS = {**{str(digit): str(digit) for digit in range(10)}, "*": "s", "#": "h"}  # as gate.keys are written


class Keys:
    """Listens to every event. ``tell(channel, keys)`` reaches the gate; ``soon`` runs it without waiting."""

    def __init__(
        self,
        following: Following,
        tell: Callable[[str, str], Awaitable[None]],
        soon: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._following = following
        self._tell = tell
        self._soon = soon
        self._pressed: dict[str, str] = {}  # by the caller channel's Uniqueid

    def listen(self, event: Headers) -> None:
        """One AMI event: a key that ended, or a channel that did."""
        name, call = event.get("Event"), event.get("Uniqueid", "")
        if name == "Hangup":
            self._pressed.pop(call, None)
            return
        if name != "DTMFEnd" or event.get("Direction") != "Received":
            return
        tracker = self._following.calls.get(call)
        letter = LETTERS.get(event.get("Digit", ""))
        if tracker is None or letter is None or tracker.call.gate.result is not None:
            return  # an agent's key, or one pressed in the queue or a conversation
        pressed = self._pressed[call] = (self._pressed.get(call, "") + letter)[:MOST]
        self._soon(self._say(tracker.channel, pressed))

    async def _say(self, channel: str, pressed: str) -> None:
        await self._tell(channel, pressed)
