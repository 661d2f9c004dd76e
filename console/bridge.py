"""Wishes to the AMI bridge, and its snapshot of what happens now, remembered for a blink."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from console.problem import PROBLEMS, Problem
from psap.platform.control import ControlError, ask

FRESH = 0.2  # seconds a snapshot serves other askers
LINK_PATIENCE = 0.5  # seconds that saving a report waits for the bridge
MANY_LINKS = 10_000
FAILED = 0.5  # seconds that a failure is believed
RETRY = 1.0  # seconds
PATIENCE = 2.5  # seconds before the bridge counts as away


class Bridge:
    """The bridge's commands as HTTP sees them: refusals become problems."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._snapshot: dict[str, Any] | None = None
        self._taken = 0.0
        self._failed = -FAILED
        self._lock = asyncio.Lock()
        self._links: dict[str, str] = {}  # call -> incident, not yet told
        self._unlinked = asyncio.Event()
        self._linked = asyncio.Event()
        self._linked.set()

    async def command(self, method: str, **params: Any) -> Any:
        """Send a command and return its result.

        Raises:
            Problem: bridge_away, asterisk_away, database_away, not_found, no_phone, bad_request.
        """
        try:
            result = await ask(self._socket, method, params, timeout=PATIENCE)
        except ControlError as error:
            key = error.key if error.key in PROBLEMS else "bad_request"
            # the detail of "away" names a socket path of this machine: not for browsers
            raise Problem(key, "" if key.endswith("_away") else error.detail) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Problem("bridge_away") from error
        if method != "snapshot":
            self._snapshot = None  # what follows a command must show its effect
        return result

    async def snapshot(self) -> dict[str, Any]:
        """Calls, waiting callers and agents now, at most ``FRESH`` seconds old.

        Raises:
            Problem: bridge_away.
        """
        async with self._lock:  # many browsers polling ask the bridge once
            now = time.monotonic()
            if self._snapshot is not None and now - self._taken <= FRESH:
                return self._snapshot
            if now - self._failed < FAILED:
                # who queued behind a bridge that hangs must not each wait their own turn
                raise Problem("bridge_away")
            try:
                found: dict[str, Any] = await self.command("snapshot")
            except Problem:
                self._failed = time.monotonic()
                raise
            self._snapshot, self._taken = found, now
            return found

    async def sync_blocks(self, keys: list[str]) -> bool:
        """Ask for AstDB to follow SQL for these keys; False: the bridge is away and reconciles later."""
        try:
            await self.command("blocks.sync", keys=keys)
        except Problem:
            return False
        return True

    async def link_incident(self, call_id: str, incident_id: str) -> None:
        """Tell the bridge which incident a call led to; again later while the bridge is away."""
        if await self._link(call_id, incident_id, LINK_PATIENCE):
            return
        if len(self._links) < MANY_LINKS:
            self._links[call_id] = incident_id
            self._unlinked.set()
            self._linked.clear()

    async def link_for_ever(self) -> None:
        """Retry links that the bridge has not heard of."""
        while True:
            await self._unlinked.wait()
            await asyncio.sleep(RETRY)
            for call_id, incident_id in list(self._links.items()):
                if not await self._link(call_id, incident_id, PATIENCE):
                    break
                if self._links.get(call_id) == incident_id:
                    del self._links[call_id]
            if not self._links:
                self._unlinked.clear()
                self._linked.set()

    async def linked(self) -> None:
        """Wait until the bridge knows every link."""
        await self._linked.wait()

    async def _link(self, call_id: str, incident_id: str, patience: float) -> bool:
        """True when there is nothing left to do, also when the bridge knows no such call."""
        try:
            async with asyncio.timeout(patience):
                await self.command("call.link_incident", call_id=call_id, incident_id=incident_id)
        except Problem as problem:
            return not problem.key.endswith("_away")
        except TimeoutError:
            return False
        return True
