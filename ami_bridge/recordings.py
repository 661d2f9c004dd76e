"""The bridge's part in recordings: takes finished files out of Asterisk's spool, and stops what runs when the
disk is full. That a call is recorded at all is the dialplan's doing (dialplan/record.conf), whoever lives.

It looks into the spool each second instead of waiting for a word: so a file whose call ended while we were
away, or while Asterisk died, is found like any other.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ami_bridge.actions import Actions
from ami_bridge.catch_up import CatchUp
from ami_bridge.commands import must
from ami_bridge.duties import Duty
from ami_bridge.wire import LinkError
from psap.calls.model import Call, call_id
from psap.calls.quality import measured, with_sample
from psap.calls.service import Following
from psap.calls.store import AWAY_ERRORS
from psap.calls.tracking import Tracker
from psap.platform import disk
from psap.platform.control import ControlError
from psap.platform.troubles import Trouble
from psap.recordings import sound
from psap.recordings.service import Filed, Found, Shelf

LOOK_EVERY = 1.0  # seconds
CLOSING = 5.0  # seconds that Asterisk may take to close a file whose channel is gone
ROW_PATIENCE = 3600.0  # seconds that a file waits for its call's record before it is filed without
AT_ONCE = 50  # files filed together: one trip to the disk, one transaction
RETRY = 10.0  # seconds until a file that could not be filed is tried again

Find = Callable[[str], Awaitable[tuple[Tracker, str | None]]]


class Recordings:
    """Files what was recorded. ``room()``: how the disk is; ``find``: a call's tracker, running or over."""

    def __init__(
        self,
        shelf: Shelf,
        actions: Actions,
        following: Following,
        catch_up: CatchUp,
        room: Callable[[], disk.Room | None],
        find: Find,
        log: Any,
    ) -> None:
        self._shelf, self._actions, self._following = shelf, actions, following
        self._catch_up, self._room, self._find, self._log = catch_up, room, find, log
        self._later: dict[str, float] = {}  # Uniqueid -> not before (monotonic)
        self._stopped: set[str] = set()
        self._adopt_at = 0.0  # when the shelf is looked through next (monotonic)
        self._fault: Trouble | None = None

    def duties(self) -> Iterable[Duty]:
        return [Duty("recordings", LOOK_EVERY, self.look)]

    def methods(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Commands of others."""
        return {"call.quality": self.quality}

    def complaint(self) -> Trouble | None:
        """For ``bridge.troubles``."""
        return self._fault

    def may_record(self) -> bool:
        """The word for the dialplan; True where the disk was not looked at yet."""
        room = self._room()
        return room is None or not room.low

    async def look(self) -> None:
        """One look into the spool: file what is finished, stop what the disk has no room for."""
        if self._catch_up.behind:
            self._adopt_at = 0.0  # the database may be another one afterwards
            return  # records first: a file is put by the date its call began
        if self._adopt_at <= time.monotonic():
            await self._adopt()
        waiting = await asyncio.to_thread(self._shelf.waiting)
        self._later = {key: when for key, when in self._later.items() if key in waiting}
        running = waiting.keys() & self._following.calls.keys()
        await self._stop(running)
        now = time.monotonic()
        ready = [key for key in waiting if key not in running and self._later.get(key, 0.0) <= now]
        if not ready:
            if not waiting:
                self._fault = None
            return
        # of a call that we heard end the channel is gone; a list of all costs more than the filing does
        over = [key for key in ready if self._id(key) in self._following.recent]
        if len(over) < len(ready):
            try:
                alive = await self._actions.channels()
            except LinkError:
                alive = set(ready)  # whoever still talks cannot be told now
            over = [key for key in ready if key in over or key not in alive]
        for start in range(0, len(over), AT_ONCE):
            await self._take({key: waiting[key] for key in over[start : start + AT_ONCE]})

    async def _adopt(self) -> None:
        try:
            count = await self._shelf.adopt()
        except AWAY_ERRORS as error:
            self._adopt_at = time.monotonic() + RETRY
            self._log.warning("the shelf of recordings waits", error=type(error).__name__)
            return
        self._adopt_at = math.inf
        if count:
            self._log.warning("recordings without a row were written down", count=count)

    async def _stop(self, running: set[str]) -> None:
        """A full disk belongs to records: what is recorded now ends here, its call goes on."""
        self._stopped &= running
        room = self._room()
        if room is None or not room.full:
            return
        for key in running - self._stopped:
            self._stopped.add(key)
            try:
                await self._actions.stop_recording(key)
            except LinkError:
                self._stopped.discard(key)
                return
            self._log.warning("a recording was stopped, the disk is full", call_id=self._id(key))

    async def _take(self, paths: Mapping[str, Path]) -> None:
        """File those of these that Asterisk has closed and whose call has its record."""
        seen = await asyncio.to_thread(self._shelf.look_at, paths, time.time())
        failed = {key: each for key, each in seen.items() if isinstance(each, Exception)}
        # one that was not closed: its last samples, or all of a short one, come when Asterisk closes it
        closed = {
            key: each
            for key, each in seen.items()
            if isinstance(each, Found) and (each.closed or not 0 <= each.age < CLOSING)
        }
        try:
            calls = await self._calls(closed)
        except AWAY_ERRORS as error:
            failed |= dict.fromkeys(closed, error)
            closed, calls = {}, {}
        ready: list[tuple[str, Path, Call | None]] = []
        for key, each in closed.items():
            call = calls.get(key)
            if (call is None or call.ending is None) and 0 <= each.age < ROW_PATIENCE:
                self._later[key] = time.monotonic() + min(RETRY, max(LOOK_EVERY, each.age))
            else:
                ready.append((key, paths[key], call))
        filed = await self._shelf.file_all(ready) if ready else {}
        # what failed comes last: the complaint stands, whatever else was filed
        outcomes = sorted((failed | filed).items(), key=lambda each: isinstance(each[1], Exception))
        for key, outcome in outcomes:
            try:
                self._filed(key, paths[key], outcome)
            except OSError as error:
                self._waits(key, error)

    def _filed(self, key: str, path: Path, outcome: Filed) -> None:
        """What became of one file."""
        match outcome:
            case FileNotFoundError():
                pass
            case sound.SoundError():
                path.replace(path.with_suffix(".foreign"))
                self._log.error("a file in the spool is no recording, laid aside", error=str(outcome))
            case Exception():  # the database's or the disk's
                self._waits(key, outcome)
            case _:
                self._fault = None
                if outcome is not None:
                    self._tell(outcome.call_id, outcome.id)
                    self._log.info(
                        "recording filed",
                        call_id=outcome.call_id,
                        seconds=outcome.seconds,
                        mended=outcome.mended,
                    )

    def _waits(self, key: str, error: Exception) -> None:
        self._later[key] = time.monotonic() + RETRY
        self._log.warning("a recording cannot be filed now", call_id=self._id(key), error=repr(error)[:200])
        self._fault = Trouble(
            "disk",
            "degraded",
            "Rekaman belum dapat disimpan; panggilan tidak terganggu dan rekaman tidak hilang.",
            "Recordings cannot be put in their place; calls are not affected and no recording is lost.",
            type(error).__name__,
        )

    async def _calls(self, keys: Iterable[str]) -> dict[str, Call]:
        """Their records, of those whose call has one."""
        found, asked = {}, []
        for key in keys:
            heard = self._following.recent.get(self._id(key))
            if heard is not None:
                found[key] = heard.call
            else:
                asked.append(key)
        return found | await self._shelf.calls_of(asked)

    def _tell(self, wanted: str, recording: str) -> None:
        """The call as we remember it says so too."""
        tracker = self._following.recent.get(wanted)
        if tracker is not None and recording not in tracker.call.recording_ids:
            tracker.call.recording_ids.append(recording)

    def _id(self, key: str) -> str:
        return call_id(self._following.site, key)

    # -- quality

    async def quality(self, params: dict[str, Any]) -> dict[str, Any]:
        """``{call_id, agent, loss, jitter_ms, level_in, level_out, round_trip_ms}``: one more measurement."""
        agent = must(params, "agent", longest=64)
        tracker, _ = await self._find(must(params, "call_id", longest=64))
        call = tracker.call
        if call.agent != agent and not any(leg.agent == agent for leg in call.legs):
            raise ControlError("not_your_call", f"{agent} did not talk in this call")
        call.quality = with_sample(call.quality, agent, measured(params))
        self._following.ports.record(call, tracker.number_key)
        return {"quality": [each.model_dump(mode="json") for each in call.quality]}
