"""The bridge's side of reputation: marks in, the block list out, what is known of a caller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from psap.agencies.profile import Profile
from psap.callers import service as callers
from psap.callers.numbers import caller_key
from psap.callers.store import known_of
from psap.calls import store
from psap.calls.model import Call, Caller
from psap.calls.service import Background
from psap.calls.store import AWAY_ERRORS
from psap.calls.suggest import SHORT_SECONDS
from psap.platform.clock import Clock
from psap.platform.control import ControlError
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo

DAY_US = 86_400_000_000
RECENT_US = 10_000_000  # a change is written down at most this long before it can be seen
COUNT_EVERY = 30.0  # seconds: what the newest entry does not show (the clock was set back) is found by then
MANY = 1_000  # keys from which on the answer is worked out beside the event loop


def mark_of(call: Call, kind: str, author: str) -> dict[str, Any]:
    """A person's (or the gate's) word about a call, JSON-ready for the spool."""
    return {
        "call_id": call.id,
        "uniqueid": call.uniqueid,
        "started_at": call.started_at,
        "caller": call.caller.model_dump(mode="json"),
        "kind": kind,
        "author": author,
    }


class Reputation:
    """Reads and writes of psap.callers for one site."""

    def __init__(self, database: Database, profile: Profile, clock: Clock) -> None:
        self._database = database
        self._in_one_go = InOneGo(database)
        self._watching = InOneGo(database)  # a count of a million blocks must not hold up a screen-pop
        self._profile = profile
        self._site = profile.site
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._edges: tuple[int | None, int | None] = (None, None)
        self._count_due = 0.0  # monotonic

    async def mark(self, connection: Any, mark: dict[str, Any]) -> None:
        """Write one mark and what follows from it on the ladder, in the recorder's transaction."""
        call = Call(
            id=mark["call_id"],
            site=self._site,
            uniqueid=mark["uniqueid"],
            started_at=mark["started_at"],
            caller=Caller.model_validate(mark["caller"]),
        )
        await callers.mark_call(
            connection, self._site, self._profile, self._clock, call, mark["kind"], mark["author"]
        )

    def key_of(self, mark: dict[str, Any]) -> str | None:
        """The number key that a mark is about."""
        return caller_key(Caller.model_validate(mark["caller"]), self._profile.area_code)

    async def wanted(self, keys: Sequence[str] | None) -> dict[str, str]:
        """What AstDB should hold. Raises ControlError(database_away)."""
        try:
            if keys is None or len(keys) > MANY:
                # 100,000 rows in the event loop would hold up a screen-pop
                return await asyncio.to_thread(self._wanted_elsewhere, keys)
            return await self._watching.read(
                partial(callers.blocks_to_push, site=self._site, keys=keys, now_us=self._clock.now_us())
            )
        except AWAY_ERRORS as error:
            raise _away(error) from error

    def _wanted_elsewhere(self, keys: Sequence[str] | None) -> dict[str, str]:
        async def read() -> dict[str, str]:
            database = Database(self._database.url, busy_seconds=1.0)
            try:
                async with database.read() as connection:
                    return await callers.blocks_to_push(connection, self._site, keys, self._clock.now_us())
            finally:
                await database.close()

        return asyncio.run(read())

    async def changed(self) -> list[str] | None:
        """Keys of blocks that came or went since the last question; None: too many to name."""
        try:
            return await self._watching.read(self._changed)
        except AWAY_ERRORS as error:
            raise _away(error) from error

    async def _changed(self, connection: Any) -> list[str] | None:
        asked = self._clock.now_us()
        edges = await store.blocks_edges(connection, self._site)
        if self._seen is not None and edges == self._edges and time.monotonic() < self._count_due:
            return []
        now = await store.blocks_fingerprint(connection, self._site)
        before, self._seen = (self._edges, self._seen), now
        self._edges, self._count_due = edges, time.monotonic() + COUNT_EVERY
        if before[1] is None or before == (edges, now):
            return []
        since = asked - RECENT_US - int(COUNT_EVERY * 1_000_000)
        keys = await store.blocks_touched(connection, self._site, since)
        return keys if len(keys) <= MANY else None

    async def background(self, call_id: str, key: str) -> Background:
        """What is known of a number but for this call, for the screen-pop and the suggestions."""
        try:
            return await self._in_one_go.read(partial(self._background, call_id=call_id, key=key))
        except AWAY_ERRORS as error:
            raise _away(error) from error

    async def _background(self, connection: Any, call_id: str, key: str) -> Background:
        now = self._clock.now_us()
        known = await known_of(connection, self._site, key, now, short_seconds=SHORT_SECONDS)
        history = await callers.history(
            connection, self._site, key, now_us=now, profile=self._profile, known=known, without=call_id
        )
        return Background(history, known.short, known.failed, known.confirmed, ready=True)

    async def close(self) -> None:
        """Close what was opened."""
        await self._in_one_go.close()
        await self._watching.close()


def _away(error: BaseException) -> ControlError:
    why = str(getattr(error, "orig", None) or error)
    return ControlError("database_away", f"the database does not answer: {why}")
