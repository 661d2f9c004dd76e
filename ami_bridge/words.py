"""The words that the dialplan reads each second: is agi there, is the bridge, how many are free.

Each carries its time; the dialplan believes only a fresh one, for whoever writes it may die too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ami_bridge.actions import Actions
from ami_bridge.duties import Duty
from ami_bridge.probe import AgiProbe
from psap.calls.service import Following
from psap.platform import pbx_names

TELL_EVERY = 1.0  # seconds


class Words:
    """Tells the dialplan what it cannot see for itself."""

    def __init__(
        self, actions: Actions, following: Following, probe: AgiProbe, may_record: Callable[[], bool]
    ) -> None:
        self._actions = actions
        self._following = following
        self._probe = probe
        self._may_record = may_record
        self._since: int | None = None

    def duties(self) -> Iterable[Duty]:
        return [Duty("dialplan-words", TELL_EVERY, self.tell)]

    def up(self) -> None:
        """Asterisk's events reach us again: who comes from the next second on is heard whole."""
        self._since = int(time.time()) + 1

    def down(self) -> None:
        """Events may be lost from here on."""
        self._since = None

    async def tell(self) -> None:
        """Ask agi, then write every word."""
        await self._probe.ask()
        self._following.settle_agents()
        now = int(time.time())
        if self._probe.up is not None:
            word = "up" if self._probe.up else "down"
            await self._actions.set_global(pbx_names.GLOBAL_AGI, f"{word}:{now}")
        if self._since is not None:
            await self._actions.set_global(pbx_names.GLOBAL_BRIDGE, f"up:{now}:{self._since}")
        word = "on" if self._may_record() else "off"
        await self._actions.set_global(pbx_names.GLOBAL_RECORD, f"{word}:{now}")
        await self._actions.set_global(pbx_names.GLOBAL_FREE, f"{self._following.desk.free()}:{now}")
