"""What happened while the bridge, Asterisk's link, Redis or the database was away becomes known again.

Two steps. At once, while events wait: the calls that go on are adopted, and those we followed that
ended meanwhile are finished. Then, beside the events: every call since the ledger's place gets its
record. The place stands in SQL with the calls, so a database restored from a backup is caught up alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from ami_bridge import resync
from ami_bridge.books import Books, Place
from ami_bridge.data import Data
from ami_bridge.duties import Duty
from ami_bridge.history import History
from ami_bridge.link import Link
from ami_bridge.wire import LinkError
from psap.calls.model import Call, Ending, Source, call_id
from psap.calls.progress import Stage
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.calls.tracking import Tracker
from psap.platform.control import ControlError

BOOKS_EVERY = 5.0  # seconds between two looks at the ledger's length
# The place stays this far before the first word of the oldest call in progress: a line may be written
# that long before we hear of its call. Seconds of a clock that nobody sets.
SLACK = 30.0
LATE_LINES = 1.0  # seconds in which Asterisk has written the lines of a channel that is gone
TOLD_TWICE = 5.0  # seconds after which no event comes that the ledger has told already
DATABASE_EVERY = 0.5  # seconds between two looks whether the database is back
AT_ONCE = 20  # calls taken up before commands and events have their turn again
STAMP_AHEAD_US = 120_000_000  # rows may have been written so long after the stamp was stored


def _corrects(told: Call, known: Call) -> bool:
    """Whether the ledger tells by now how a call ended that was given up as failed when it did not yet."""
    given_up = known.ending is Ending.FAILED and known.source is Source.LEDGER
    return given_up and told.ending is not Ending.FAILED


class CatchUp:
    """The ledger's place, and the resynchronisation after every FullyBooted."""

    def __init__(
        self, link: Link, following: Following, books: Books, data: Data, recorder: Recorder, log: Any
    ) -> None:
        self._link = link
        self._following = following
        self.books = books
        self._data = data
        self._recorder = recorder
        self._log = log
        self._placed = False  # whether the place was read from the database
        self._task: asyncio.Task[None] | None = None
        self._ends: deque[tuple[float, tuple[Place, Place]]] = deque()  # (monotonic, where the books ended)
        self._seen: dict[str, float] = {}  # calls in progress: since when we know of them, monotonic
        self._stored = 0.0
        self._adopted: set[str] = set()  # calls in progress of which the beginning was not heard live
        self.behind = True  # until every call since the place has its record

    def duties(self) -> Iterable[Duty]:
        return [Duty("books", BOOKS_EVERY, self.keep_place)]

    async def run(self) -> None:
        """Asterisk is (again) there: learn what is true, then what happened meanwhile."""
        began = time.monotonic()
        following = self._following
        await self.close()
        self.behind = True
        with contextlib.suppress(ControlError):
            await self._data.load_phones(following)
        with contextlib.suppress(ControlError):
            await self.load_place()
        await resync.agents(self._link, following)
        self._ends.clear()
        await self._look()
        goes_on, finished = await self._take_up()
        # a call that goes on began before our first look at the books
        self._seen = dict.fromkeys(following.calls, float("-inf"))
        self._adopted |= self._seen.keys()
        asyncio.get_running_loop().call_later(TOLD_TWICE, self._all_is_news)
        following.tell_all()
        self._log.info(
            "resynchronised", adopted=goes_on, finished=finished, seconds=round(time.monotonic() - began, 3)
        )
        self._task = asyncio.create_task(self._tell_history(), name="history")

    async def replaced(self) -> None:
        """The database file was exchanged for an older one: whatever it lacks since its own place."""
        await self.close()
        self.behind, self._placed = True, False
        self._ends.clear()
        self._seen = dict.fromkeys(self._following.calls, float("-inf"))
        for tracker in self._following.calls.values():
            self._following.ports.record(tracker.call, tracker.number_key)
        self._task = asyncio.create_task(self._tell_history(), name="history")

    def _all_is_news(self) -> None:
        """What was said while we looked around has been heard by now; a clock set back must hide nothing."""
        for tracker in self._following.calls.values():
            tracker.told_until = 0

    def lost(self) -> None:
        """Asterisk is away: how long its files are says nothing of what we heard live."""
        self._ends.clear()

    async def close(self) -> None:
        """Leave the past alone."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # -- what goes on

    async def _take_up(self) -> tuple[int, int]:
        """Adopt what goes on, finish what ended; (adopted, finished)."""
        following = self._following
        alive = await resync.channels(self._link)
        callers = {key: channel for key, channel in alive.items() if channel.caller}
        ours = {*callers, *following.calls}
        told = await asyncio.to_thread(self.books.stories_of, ours)
        if any(not told[key].over for key in ours - callers.keys() if key in told):
            # it ended just now: its last line is about to be written
            await asyncio.sleep(LATE_LINES / 4)
            told = await asyncio.to_thread(self.books.stories_of, ours)
        known: dict[str, resync.Row] = {}
        with contextlib.suppress(ControlError):
            known = await self._data.calls([call_id(following.site, key) for key in ours])
        # one that is over in the ledger is gone, though its channel may be listed for a moment
        callers = {key: each for key, each in callers.items() if key not in told or not told[key].over}
        for count, (key, channel) in enumerate(callers.items()):
            tracker = resync.adopted(following, told.get(key), channel, alive)
            resync.keep_words(tracker, following.calls.get(key), known.get(tracker.call.id))
            following.replace(tracker)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)  # commands are answered meanwhile
        resync.mark_agents(following)
        gone = [key for key in following.calls if key not in callers]
        for key in gone:
            self._finish(key, told, known)
        return len(callers), len(gone)

    def _finish(self, key: str, told: dict[str, Any], known: dict[str, resync.Row]) -> None:
        """A call we followed is gone: as the ledger tells its end, or as one that failed."""
        following = self._following
        old, tracker = following.calls[key], None
        if key in told:
            tracker = resync.retold(following, told[key])
        if tracker is None:
            tracker = old
            tracker.lost(following.clock.now_us())
        else:
            resync.keep_words(tracker, old, known.get(old.call.id))
        following.replace(tracker)

    # -- what happened

    async def _tell_history(self) -> None:
        while True:
            try:
                await self._history()
                return
            except ControlError as error:
                self._log.warning("catch-up waits", detail=str(error))
                await asyncio.sleep(DATABASE_EVERY)
            except LinkError as error:
                # an answer that comes too late loses no connection: nobody else would begin anew then
                self._log.warning("catch-up waits", detail=str(error))
                await asyncio.sleep(BOOKS_EVERY)
                while not self._link.up:  # noqa: ASYNC110 - its return begins anew and ends this one
                    await asyncio.sleep(DATABASE_EVERY)
            except Exception as error:
                self._log.error("catch-up failed", error=repr(error), exc_info=True)
                await asyncio.sleep(BOOKS_EVERY)

    async def _history(self) -> None:
        began, made = time.monotonic(), 0
        while self._recorder.away is not None:  # noqa: ASYNC110 - nobody tells its return
            await asyncio.sleep(DATABASE_EVERY)
        await self.load_place()
        following = self._following
        history = History(self.books, following.site, following.desk.owner)
        try:
            while trackers := await asyncio.to_thread(history.batch):
                made += await self._write(trackers)
            left, alive = history.left(), await resync.channels(self._link)
            if any(self._over_unseen(key, alive) for key, story in left.items() if not story.over):
                await asyncio.sleep(LATE_LINES)
                while trackers := await asyncio.to_thread(history.batch):
                    made += await self._write(trackers)
            # who came after we asked stands in no answer, and on a slow link nobody has told us of him yet
            still = history.left()
            failed = [
                history.failed(still[key])
                for key in left.keys() & still.keys()
                if self._over_unseen(key, alive) or (still[key].over and key not in self._following.calls)
            ]
            made += await self._write([tracker for tracker in failed if tracker is not None])
            made += await self._write([*await self._orphans(alive)])
        finally:
            history.close()
        self.behind = False
        self._log.info("caught up", calls=made, seconds=round(time.monotonic() - began, 3))

    def _over_unseen(self, key: str, alive: dict[str, resync.Channel]) -> bool:
        return key not in alive and key not in self._following.calls

    async def _orphans(self, alive: dict[str, resync.Channel]) -> Iterable[Tracker]:
        """Rows without an ending whose call neither goes on nor stands in the ledger."""
        found = []
        await self._recorder.flush(5.0)
        for call, key in (await self._data.open_calls()).values():
            if call.direction != "inbound" or call.id in self._following.recent:
                continue  # a call-back is decided by whoever dialled it
            if self._over_unseen(call.uniqueid, alive):
                tracker = Tracker.of_record(call, key)
                tracker.stage = Stage.GATE
                tracker.lost(max((entry.at for entry in call.timeline), default=call.started_at))
                found.append(tracker)
        return found

    async def _write(self, trackers: list[Tracker]) -> int:
        """Give these calls their records, unless they have one; how many there were to give."""
        following, made = self._following, 0
        ours = [tracker for tracker in trackers if tracker.call.uniqueid not in following.calls]
        # what is still on its way to the database counts as well
        await self._recorder.flush(5.0)
        known = await self._data.calls([tracker.call.id for tracker in ours]) if ours else {}
        for count, tracker in enumerate(ours, 1):
            row = known.get(tracker.call.id)
            if row is not None and row[0].ending is not None and not _corrects(tracker.call, row[0]):
                continue
            heard = following.recent.get(tracker.call.id)
            if heard is not None and not _corrects(tracker.call, heard.call):
                # we followed it to its end: an exchanged database lacks it, and nobody needs telling
                following.ports.record(heard.call, heard.number_key)
            else:
                resync.keep_words(tracker, heard, row)
                following.replace(tracker)
            made += 1
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)
        if made:
            await self._recorder.flush(5.0)
        return made

    # -- the place

    async def load_place(self) -> None:
        """Where the ledger is to be read from. Raises ControlError(database_away)."""
        if self._placed:
            return
        value = await self._data.read_state("ledger")
        self.books.load(value)
        stamp = value.get("stamp") if isinstance(value, dict) else None
        if isinstance(stamp, int) and stamp > self._following.clock.now_us():  # the clock was set back
            self._recorder.stamps_after(stamp + STAMP_AHEAD_US)
        self._placed = True

    async def keep_place(self) -> None:
        """Move the place on, past calls that have their record."""
        if not self._link.up:
            return
        now = time.monotonic()
        await self._look()
        await self._complete()
        calls = self._following.calls
        self._seen = {key: self._seen.get(key, now) for key in calls}
        if self.behind or self._recorder.away is not None or not self._recorder.idle:
            return
        limit = min(self._seen.values(), default=now) - SLACK
        moved = False
        while self._ends and self._ends[0][0] <= limit:
            moved = self.books.move(self._ends.popleft()[1]) or moved
        if moved or now - self._stored > SLACK:
            self._stored = now
            await self._data.write_state("ledger", {**self.books.shown(), "stamp": self._recorder.stamp})

    async def _complete(self) -> None:
        """Who hung up may have been said just before we came: of an adopted call the ledger says it again."""
        following = self._following
        over = self._adopted - following.calls.keys()
        self._adopted -= over
        for key, story in (await asyncio.to_thread(self.books.stories_of, over)).items():
            heard = following.recent.get(call_id(following.site, key))
            told = resync.retold(following, story) if story.over else None
            if heard is None or told is None:
                continue
            following.identify(told)
            if resync.amended(heard, told):
                following.changed(heard)

    async def _look(self) -> None:
        self._ends.append((time.monotonic(), await asyncio.to_thread(self.books.ends)))
