"""Keeps Asterisk's AstDB equal to SQL's blocks: the dialplan decides from AstDB alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.duties import Duty
from ami_bridge.link import Link
from ami_bridge.reputation import Reputation
from ami_bridge.sweep import sweep
from ami_bridge.wire import LinkError
from psap.platform.control import ControlError
from psap.platform.pbx_names import DB_BLOCK

LOOK_EVERY = 0.5  # seconds: changes made while our socket was away count soon
RECONCILE_EVERY = 30.0  # seconds between two comparisons of AstDB with SQL
SWEEP_EVERY = 600.0

# keys or None for all -> key -> EXPIRY|RUNG|TREATMENT|BLOCKID of what is in force now
Wanted = Callable[[Sequence[str] | None], Awaitable[dict[str, str]]]


class Blocks:
    """One copy of the block list. ``known`` is what AstDB holds, as far as we wrote or read it."""

    def __init__(self, actions: Actions, wanted: Wanted) -> None:
        self._actions = actions
        self._wanted = wanted
        self._known: dict[str, str] | None = None
        self._turn = asyncio.Lock()
        self._written = self._deleted = 0

    def figures(self) -> dict[str, int]:
        """For metrics: numbers that AstDB holds (while that is known), and what was changed there."""
        held = {} if self._known is None else {"blocks": len(self._known)}
        return {"blocks_written": self._written, "blocks_deleted": self._deleted, **held}

    def forget(self) -> None:
        """Asterisk was away: what it holds must be read again."""
        self._known = None

    async def sync(self, keys: Sequence[str] | None = None) -> tuple[int, int]:
        """Make AstDB equal to SQL, for some keys or for all; (written, deleted).

        A difference is written, never everything anew: there is no moment without blocks.
        """
        async with self._turn:
            if self._known is None:
                self._known = await self._actions.tree(DB_BLOCK)
            wanted = await self._wanted(keys)
            scope = self._known.keys() | wanted.keys() if keys is None else set(keys)
            put = {k: wanted[k] for k in scope if k in wanted and self._known.get(k) != wanted[k]}
            delete = [k for k in scope if k not in wanted and k in self._known]
            try:
                done = await self._actions.write_tree(DB_BLOCK, put, delete)
            except BaseException:
                self._known = None  # written in part: read again next time
                raise
            self._written += len(put)
            self._deleted += len(delete)
            self._known.update(put)
            for key in delete:
                self._known.pop(key, None)
            return done

    async def reconcile(self) -> tuple[int, int]:
        """As ``sync`` for all, reading what AstDB really holds first."""
        async with self._turn:
            self._known = None
        return await self.sync(None)


class BlockWatch:
    """Sees to it that AstDB follows SQL without being asked."""

    def __init__(self, link: Link, actions: Actions, blocks: Blocks, reputation: Reputation) -> None:
        self._link = link
        self._actions = actions
        self._blocks = blocks
        self._reputation = reputation
        self._reconciled = 0.0
        self._many = False  # more changed than can be named: wait until it is quiet

    def duties(self) -> Iterable[Duty]:
        return [Duty("blocks", LOOK_EVERY, self.look), Duty("sweep", SWEEP_EVERY, self.sweep)]

    async def look(self) -> None:
        """Carry changed numbers over; all of them now and then."""
        if not self._link.up:
            return
        keys = await self._reputation.changed()
        # in the middle of an import: all at once when it is over, or every copy takes its time from it
        if keys is None:
            self._many, keys = True, []
        elif self._many and not keys:
            self._many, keys = False, None
        if self._due():
            keys = None
        if keys is None or keys:
            await self._blocks.sync(keys)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._reconciled < RECONCILE_EVERY:
            return False
        self._reconciled = now
        return True

    async def sweep(self) -> None:
        """Old entries that the dialplan made leave AstDB."""
        if self._link.up:
            await sweep(self._actions, int(time.time()))

    async def marked(self, marks: list[dict[str, Any]]) -> None:
        """Marks are in the database: what follows from them counts at once."""
        keys = {key for mark in marks if (key := self._reputation.key_of(mark)) is not None}
        try:
            await self._blocks.sync(sorted(keys))
        except (LinkError, ControlError):
            return  # the next look carries it over
