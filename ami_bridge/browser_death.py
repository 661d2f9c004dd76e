"""A browser that dies in a conversation gives its caller to the next call taker, in front.

Two signs together: its registration is gone (its socket was closed, or it answers nothing), and no sound
has come from it for two seconds. Neither alone is a death: a page whose socket broke goes on speaking (sound
needs no socket) and registers again; a page that is silent with its socket open waits for ``rtp_timeout``. A
second tab that took over registers in the older one's place, and the older one goes on speaking. A page that
was loaded anew in the middle of a conversation registers too, but has that conversation no more: only sound
speaks for it then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.duties import Duty
from ami_bridge.wire import Headers, RefusedError
from psap.calls.legs import LegState
from psap.calls.service import Following
from psap.queue.model import Agent, Kind

SILENT = 2.0  # seconds without a packet; a browser sends fifty a second, also when it is muted
LOOK = 0.2  # seconds between two looks
MISSED = 5.0  # seconds between two looks for a death that nobody told us of (we were away)
LOST = frozenset(("Removed", "Unreachable"))


class BrowserDeath:
    """Watches the browsers that talk and lost their registration."""

    def __init__(
        self,
        following: Following,
        actions: Actions,
        opened_at: Callable[[str], int],
        soon: Callable[[Coroutine[Any, Any, None]], None],
        log: Any,
    ) -> None:
        """``opened_at``: when the tab that is an agent's telephone now was opened, UTC microseconds."""
        self._following = following
        self._actions = actions
        self._opened_at = opened_at
        self._soon = soon
        self._log = log
        self._watched: set[str] = set()  # Uniqueids of legs

    def duties(self) -> list[Duty]:
        """What happened while nobody told us."""
        return [Duty("browsers in conversation", MISSED, self.look)]

    def listen(self, event: Headers) -> None:
        """One AMI event; only a registration that was lost is of interest."""
        if event.get("Event") != "ContactStatus" or event.get("ContactStatus") not in LOST:
            return
        phone = event.get("EndpointName") or event.get("AOR", "")
        for channel, state in self._talking():
            if state.phone == phone:
                self._begin(channel, state)

    async def look(self) -> None:
        """Watch whoever talks without a registration, or in a tab that is the telephone no more."""
        for channel, state in self._talking():
            if channel not in self._watched and not await self._has_it_back(state):
                self._begin(channel, state)

    def _talking(self) -> list[tuple[str, LegState]]:
        return [
            (channel, state)
            for tracker in self._following.calls.values()
            for channel, state in tracker.legs.items()
            if state.talking and self._agent(state) is not None
        ]

    def _agent(self, state: LegState) -> Agent | None:
        agent = self._following.desk.by_phone.get(state.phone or "")
        found = agent.named(state.phone or "") if agent else None
        return agent if found is not None and found.kind is Kind.BROWSER else None

    def _begin(self, channel: str, state: LegState) -> None:
        if channel not in self._watched:
            self._watched.add(channel)
            self._soon(self._watch(channel, state))

    async def _watch(self, channel: str, state: LegState) -> None:
        try:
            if await self._dead(channel, state):
                await self._end(channel, state)
        finally:
            self._watched.discard(channel)

    async def _dead(self, channel: str, state: LegState) -> bool:
        """True once it is surely dead; False when it is alive, or the conversation is over."""
        packets, heard = -1, time.monotonic()
        while state.talking:
            now = await self._actions.packets_received(channel)
            if now is None:
                return False  # the leg is gone: the dialplan knows what to do
            if now != packets:
                packets, heard = now, time.monotonic()
                if await self._has_it_back(state):
                    return False
            elif time.monotonic() - heard >= SILENT:
                return not await self._has_it_back(state)
            await asyncio.sleep(LOOK)
        return False

    async def _has_it_back(self, state: LegState) -> bool:
        """Whether the very tab that talks is registered."""
        agent = self._agent(state)
        if agent is None or self._opened_at(agent.agent) > (state.leg.answered_at or 0):
            return False
        return await self._actions.has_contact(state.phone or "")

    async def _end(self, channel: str, state: LegState) -> None:
        """Where others are with the caller, only the dead one leaves the room (dialplan/leg.conf)."""
        try:
            await self._actions.end_dead(channel, "browser")
        except RefusedError:
            return  # it ended by itself in this moment
        calls = self._following.calls.values()
        whose = next((each.call.id for each in calls if each.legs.get(channel) is state), None)
        self._log.warning("a browser died in a conversation", call_id=whose)
