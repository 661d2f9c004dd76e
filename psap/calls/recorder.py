"""The recorder: calls and marks reach the database, or a spool file until they can.

Event handling only puts things here and never waits. While the database is locked, away or full,
everything goes to ``HOME/spool/calls.jsonl`` (append and fsync) and is replayed in order later;
each write is idempotent, so a replay that is cut short does no harm.

A transaction costs as much as ten rows in it: when calls come faster than ``GATHER`` what comes within
it is written together. The first after a pause is written at once, and so is a person's word.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from psap.calls.model import Call
from psap.calls.store import AWAY_ERRORS, Row, row_of, upsert
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo

BATCH = 200  # entries in one transaction
RETRY = 0.5  # seconds between attempts while the database is away
GATHER = 0.05  # seconds between the beginnings of two transactions that nobody waits for

Mark = dict[str, Any]


class Log(Protocol):
    def warning(self, event: str, **fields: object) -> object: ...
    def info(self, event: str, **fields: object) -> object: ...


class Recorder:
    """One writer of calls. ``on_mark(connection, mark=...)`` does a mark's work inside a transaction;
    ``on_marked(marks)`` is awaited after the commit."""

    def __init__(
        self,
        database: Database,
        spool: Path,
        clock: Clock,
        log: Log,
        *,
        on_mark: Callable[..., Coroutine[Any, Any, None]],
        on_marked: Callable[[list[Mark]], Awaitable[None]],
    ) -> None:
        self._in_one_go = InOneGo(database)
        self._spool = spool / "calls.jsonl"
        self._clock = clock
        self._log = log
        self._on_mark = on_mark
        self._on_marked = on_marked
        self._fresh: dict[str, tuple[Call, str | None, int]] = {}  # newest state, row not made yet
        self._calls: dict[str, Row] = {}
        self._marks: list[Mark] = []
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hurry = asyncio.Event()
        self._began = 0.0  # when the newest transaction did, monotonic
        self._tellers: list[_Once] = []  # who is told once what waits now is written
        self.away: str | None = None  # why the database cannot be written, in words
        self._stopping = False
        self._spooled = 0  # entries in the spool that we wrote
        self._stamp = 0  # of the newest row, UTC microseconds

    def put(self, call: Call, number_key: str | None) -> None:
        """Remember a call; never waits. What is written is its state when its turn comes."""
        self._fresh[call.id] = (call, number_key, self._next_stamp())
        self._wake(hurry=call.classified_by is not None or call.incident_id is not None)

    def _made(self) -> dict[str, Row]:
        """What waits for the database as rows: a call that changed three times meanwhile is one."""
        fresh, self._fresh = self._fresh, {}
        for call_id, state in fresh.items():
            try:
                self._calls[call_id] = row_of(*state)
            except Exception as error:  # one call that cannot be written must not take the others with it
                self._log.warning("a call's record could not be made", call_id=call_id, error=repr(error))
        return self._calls

    @property
    def stamp(self) -> int:
        """The newest row's ``updated_at``, UTC microseconds."""
        return self._stamp

    def stamps_after(self, stamp: int) -> None:
        """Rows from here on are newer than ``stamp``, also if the clock was set back meanwhile."""
        self._stamp = max(self._stamp, stamp)

    def _next_stamp(self) -> int:
        # a newer word must win over an older one: a clock that is set back must not turn that around
        self._stamp = max(self._stamp + 1, self._clock.now_us())
        return self._stamp

    @property
    def waiting(self) -> int:
        """Entries that the database does not have yet."""
        return len(self._fresh.keys() | self._calls.keys()) + len(self._marks) + self._spooled

    def mark(self, mark: Mark) -> None:
        """Remember an agent's word (JSON-ready); never waits."""
        self._marks.append(mark)
        self._wake(hurry=True)

    def pending(self, call_id: str) -> Row | None:
        """A call's row that is not written yet."""
        return self._made().get(call_id)

    @property
    def idle(self) -> bool:
        """Whether everything so far is written."""
        return self._idle.is_set()

    def when_written(self, tell: Callable[[], None], within: float) -> None:
        """Call ``tell`` once what was put so far is written, and after so many seconds at the latest."""
        loop, once = asyncio.get_running_loop(), _Once(tell)
        if self.idle:
            loop.call_soon(once)
            return
        self._tellers.append(once)
        loop.call_later(within, once)

    def _wake(self, *, hurry: bool) -> None:
        self._idle.clear()
        self._news.set()
        if hurry:
            self._hurry.set()

    async def run(self) -> None:
        """Write until ``stop``."""
        if self._spool.exists():
            self.away = "the spool of an earlier run is not replayed yet"
            self._news.set()
        while True:
            if self.away is None:
                await self._news.wait()
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY):
                        await self._news.wait()
            self._news.clear()
            await self._round()
            if self._stopping and not self._unwritten:
                return

    @property
    def _unwritten(self) -> bool:
        return bool(self._fresh or self._calls or self._marks)

    async def _gather(self) -> None:
        """Let what comes in the next moment be written with what is there, unless somebody waits for it."""
        rest = self._began + GATHER - time.monotonic()
        if rest > 0 and not self._hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._hurry.wait()
        self._hurry.clear()
        self._began = time.monotonic()

    async def _round(self) -> None:
        if self.away is not None:
            await self._to_spool()
            if self._stopping or not await self._replay():
                return
        while self._unwritten:
            await self._gather()
            rows, self._calls = self._made(), {}
            marks, self._marks = self._marks, []
            tellers, self._tellers = self._tellers, []
            try:
                await self._write(list(rows.values()), marks)
            except BaseException as error:
                # also when we are told to stop while the database is slow: what a person said is nowhere else
                self._calls = rows | self._calls
                self._marks = marks + self._marks
                if not isinstance(error, AWAY_ERRORS):
                    raise
                self._fall(error)
                await self._to_spool()
                return
            for tell in tellers:
                asyncio.get_running_loop().call_soon(tell)
        self._idle.set()

    def _fall(self, error: Exception) -> None:
        why = str(getattr(error, "orig", None) or error)
        if self.away is None:
            self._log.warning("database away, spooling", detail=why)
        self.away = why

    async def _write(self, rows: list[Row], marks: list[Mark]) -> None:
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            try:
                await self._in_one_go.write(partial(upsert, rows=part))
            except AWAY_ERRORS:
                raise
            except Exception:  # one entry is bad: it must not hold up the others
                for row in part:
                    await self._alone({"call": row}, partial(upsert, rows=[row]))
        for mark in marks:
            await self._alone({"mark": mark}, partial(self._on_mark, mark=mark))
        if marks:
            await self._on_marked(marks)

    async def _alone(self, entry: dict[str, Any], work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Write one entry in its own transaction; a bad one is laid aside."""
        try:
            await self._in_one_go.write(work)
        except AWAY_ERRORS:
            raise
        except Exception as error:
            self._log.warning("an entry cannot be written, laid aside", error=repr(error)[:200])
            text = json.dumps(entry, separators=(",", ":")) + "\n"
            await asyncio.to_thread(_append, self._spool.with_name("rejected.jsonl"), text)

    async def _to_spool(self) -> None:
        if not self._made() and not self._marks:
            return
        entries = [{"call": row} for row in self._calls.values()] + [{"mark": m} for m in self._marks]
        text = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
        rows, self._calls = self._calls, {}
        marks, self._marks = self._marks, []
        try:
            await asyncio.to_thread(_append, self._spool, text)
            self._spooled += len(entries)
        except OSError as error:
            self.away = f"neither database nor spool can be written: {error}"
            self._calls = rows | self._calls
            self._marks = marks + self._marks

    async def _replay(self) -> bool:
        """Write the spool to the database; False where that is still not possible."""
        try:
            lines = (await asyncio.to_thread(self._spool.read_text, "utf-8", "replace")).splitlines()
        except FileNotFoundError:
            lines = []
        except OSError as error:  # a bad block, or somebody else's file: our end would mend neither
            self._fall(error)
            return False
        entries = [entry for line in lines if (entry := _entry(line)) is not None]
        self._spooled = len(entries)
        self.stamps_after(max((_stamp_of(entry) for entry in entries), default=0))
        try:
            for start in range(0, max(len(entries), 1), BATCH):
                part = entries[start : start + BATCH]
                await self._write(
                    [entry["call"] for entry in part if "call" in entry],
                    [entry["mark"] for entry in part if "mark" in entry],
                )
            # what the spool had no room for: back is only who can write it
            rows, self._calls = self._made(), {}
            marks, self._marks = self._marks, []
            try:
                await self._write(list(rows.values()), marks)
            except BaseException:
                self._calls, self._marks = rows | self._calls, marks + self._marks
                raise
        except AWAY_ERRORS as error:
            self._fall(error)
            return False
        with contextlib.suppress(FileNotFoundError):
            self._spool.unlink()
        self._spooled = 0
        self._log.info("database is back", replayed=len(entries))
        self.away = None
        return True

    async def flush(self, seconds: float) -> None:
        """Wait until everything so far is written or spooled, at most ``seconds``."""
        self._hurry.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def stop(self, task: asyncio.Task[None], seconds: float) -> None:
        """Write what is left, to the spool if the database is slow, and end."""
        self._stopping = True
        if self.away is None:
            await self.flush(seconds)
        task.cancel()
        await asyncio.wait([task])  # however it ended: what it left goes to the spool
        await self._to_spool()
        await self._in_one_go.close()


class _Once:
    """A function that is called once, by whoever comes first."""

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def __call__(self) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell()


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        # a line cut short by an earlier crash must not swallow this one
        if file.tell():
            file.write("\n")
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _stamp_of(entry: dict[str, Any]) -> int:
    call = entry.get("call")
    stamp = call.get("updated_at") if isinstance(call, dict) else None
    return stamp if isinstance(stamp, int) else 0
