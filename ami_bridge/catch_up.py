"""What happened while the bridge, Asterisk's link, Redis or the database was away becomes known again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import Any

from ami_bridge import resync
from ami_bridge.data import Data
from ami_bridge.duties import Duty
from ami_bridge.link import Link
from ami_bridge.resync import Books
from psap.calls.model import call_id
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.calls.tracking import Stage, Tracker
from psap.platform.control import ControlError

BOOKS_EVERY = 5.0  # seconds between two looks at the ledger's length


class CatchUp:
    """The ledger's place, and the resynchronisation after every FullyBooted."""

    def __init__(
        self, link: Link, following: Following, books: Books, data: Data, recorder: Recorder, log: Any
    ) -> None:
        self._link = link
        self._following = following
        self._books = books
        self._data = data
        self._recorder = recorder
        self._log = log

    def duties(self) -> Iterable[Duty]:
        return [Duty("books", BOOKS_EVERY, self.keep_place)]

    async def run(self) -> None:
        """Asterisk is (again) there: learn what is true and what happened meanwhile."""
        began = time.monotonic()
        following = self._following
        with contextlib.suppress(ControlError):
            await self._data.load_phones(following)
        await resync.agents(self._link, following)
        told, alive = await resync.whole_story(self._link, self._books)
        known: dict[str, Any] = {}
        with contextlib.suppress(ControlError):
            # what is still on its way to the database counts as well
            await self._recorder.flush(1.0)
            known = await self._data.open_calls()
            known |= await self._data.calls([call_id(following.site, key) for key in told])
        adopted, finished = await resync.calls(following, told, alive, known)
        for call, key in resync.orphans(following, known, told, alive):
            tracker = Tracker.of_record(call, key)
            tracker.stage = Stage.GATE
            tracker.lost(following.clock.now_us())
            following.replace(tracker)
            finished += 1
        following.tell_all()
        self._log.info(
            "resynchronised",
            channels=len(alive),
            adopted=adopted,
            finished=finished,
            seconds=round(time.monotonic() - began, 3),
        )

    def lost(self) -> None:
        """Asterisk is away: how long its files are says nothing of what we heard live."""
        self._books.sizes.clear()

    async def load_place(self) -> None:
        """Where the ledger is to be read from."""
        with contextlib.suppress(ControlError):
            value = await self._data.read_state("ledger")
            if isinstance(value, dict):
                self._books.cel_offset = int(value.get("cel", 0))
                self._books.queue_offset = int(value.get("queue", 0))

    async def keep_place(self) -> None:
        """Move the place on, past calls that have their record."""
        if not self._link.up:
            return
        now = self._following.clock.now_us()
        self._books.look(now)
        if self._recorder.away is not None or not self._recorder.idle:
            return
        oldest = min((t.call.started_at for t in self._following.calls.values()), default=now)
        if self._books.settle(oldest):
            await self._data.write_state(
                "ledger", {"cel": self._books.cel_offset, "queue": self._books.queue_offset}
            )
