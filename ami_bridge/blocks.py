"""Keeps Asterisk's AstDB equal to SQL's blocks: the dialplan decides from AstDB alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ami_bridge.actions import Actions
from psap.platform.pbx_names import DB_BLOCK

# keys or None for all -> key -> EXPIRY|RUNG|TREATMENT|BLOCKID of what is in force now
Wanted = Callable[[Sequence[str] | None], Awaitable[dict[str, str]]]


class Blocks:
    """One copy of the block list. ``known`` is what AstDB holds, as far as we wrote or read it."""

    def __init__(self, actions: Actions, wanted: Wanted) -> None:
        self._actions = actions
        self._wanted = wanted
        self._known: dict[str, str] | None = None
        self._turn = asyncio.Lock()

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
            self._known.update(put)
            for key in delete:
                self._known.pop(key, None)
            return done

    async def reconcile(self) -> tuple[int, int]:
        """As ``sync`` for all, reading what AstDB really holds first."""
        async with self._turn:
            self._known = None
        return await self.sync(None)
