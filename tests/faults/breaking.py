"""Ways to break a process or the database of a running home, each undone when its block ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from psap.platform import probes, supervise, watchdog
from tests.support.home import Home

OURS = ("agi", "ami_bridge", "console", "redis")
ENDURE = 8.0  # seconds that a fault lasts at least which has no end of its own
PAUSE = 8.0  # seconds: shorter than the watchdog's patience
SLOW_RUN, SLOW_PAUSE = 0.05, 5.0  # seconds a slowed process runs and is paused, in turn
STARVED_RUN, STARVED_PAUSE = 0.03, 1.7  # each answer late, none late enough for a watchdog
CRASHES = 3  # of Asterisk: the call must be possible afterwards
CRASH_AFTER = 0.3  # seconds a process lives in a crash loop


async def until(moment: float) -> None:
    """Wait until a moment (time.monotonic); at once if it is over."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


def _pid(home: Home, part: str) -> int:
    pid = supervise.info(home.settings)[part].pid
    assert pid is not None, f"{part} does not run"
    return pid


def _state(home: Home, part: str) -> str:
    return supervise.info(home.settings)[part].state


def _signal(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


async def _hold_down(home: Home, part: str) -> None:
    """Kill the process without a warning, and keep supervisord from bringing it back.

    Frozen first, it cannot act on supervisord's SIGTERM: what ends it is SIGKILL.
    """
    pid = _pid(home, part)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.to_thread(supervise.ask, home.settings, "supervisor.stopProcess", part, False)
    finally:
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(15):
        while await asyncio.to_thread(_state, home, part) != "STOPPED":  # noqa: ASYNC110 - supervisord's word
            await asyncio.sleep(0.02)


async def _bring_back(home: Home, part: str) -> None:
    await asyncio.to_thread(supervise.ask, home.settings, "supervisor.startProcess", part, False)


@asynccontextmanager
async def killed(home: Home, *parts: str) -> AsyncIterator[None]:
    """Dead by SIGKILL until the end of the block."""
    try:
        await asyncio.gather(*(_hold_down(home, part) for part in parts))
        yield
    finally:
        for part in reversed(parts):
            await _bring_back(home, part)


@asynccontextmanager
async def killed_once(home: Home, part: str) -> AsyncIterator[None]:
    """SIGKILL; supervisord brings it back as it always does."""
    os.kill(_pid(home, part), signal.SIGKILL)
    yield


@asynccontextmanager
async def stopped(home: Home, part: str, seconds: float | None = None) -> AsyncIterator[None]:
    """Neither dead nor alive: SIGSTOP, its sockets still open, for ``seconds`` (None: twice the watchdog's
    patience) or until the watchdog ends it. The block's end waits for that."""
    patience = watchdog.ASTERISK if part == "asterisk" else watchdog.OURS
    pid = _pid(home, part)
    end = time.monotonic() + (2 * patience.idle if seconds is None else seconds)
    os.kill(pid, signal.SIGSTOP)

    def hold() -> None:
        begun = False  # the signal takes its moment too
        while time.monotonic() < end and (supervise.is_stopped(pid) or not begun):
            begun = begun or supervise.is_stopped(pid)
            time.sleep(0.1)
        _signal(pid, signal.SIGCONT)

    held = asyncio.create_task(asyncio.to_thread(hold))
    try:
        yield
    finally:
        await held


def paused(home: Home, part: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Stopped, and going on before a watchdog ends it."""
    return stopped(home, part, PAUSE)


@asynccontextmanager
async def _background(work: Callable[[threading.Event], None]) -> AsyncIterator[None]:
    """``work(over)`` in a thread until the block ends; what it raises is raised there."""
    over = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, over))
    try:
        yield
    finally:
        over.set()
        await task


@asynccontextmanager
async def slow(
    home: Home, part: str, run: float = SLOW_RUN, pause: float = SLOW_PAUSE, seconds: float | None = None
) -> AsyncIterator[None]:
    """A starved process: it answers, but each answer takes up to ``pause``; for exactly ``seconds``, or
    to the block's end and at least ``ENDURE``."""
    pid = _pid(home, part)
    begun = time.monotonic()
    end = begun + (seconds or 3600)

    def starve(over: threading.Event) -> None:
        while not over.is_set() and time.monotonic() < end:
            _signal(pid, signal.SIGSTOP)
            over.wait(pause)
            _signal(pid, signal.SIGCONT)
            over.wait(run)

    async with _background(starve):
        yield
        await until(begun + (seconds or ENDURE))


def starved(home: Home, part: str) -> contextlib.AbstractAsyncContextManager[None]:
    """Slow, but never slow enough for a watchdog."""
    return slow(home, part, STARVED_RUN, STARVED_PAUSE)


@asynccontextmanager
async def crash_loop(home: Home, part: str, crashes: int | None = None) -> AsyncIterator[None]:
    """It dies ``CRASH_AFTER`` its start again and again: ``crashes`` times, or to the block's end and at
    least for ``ENDURE``."""
    first = _pid(home, part)
    begun = time.monotonic()

    def crash(over: threading.Event) -> None:
        seen, count = first, 1
        while not over.is_set() and count != crashes:
            with contextlib.suppress(supervise.SuperviseError):
                pid = supervise.info(home.settings)[part].pid
                if pid not in (None, 0, seen):
                    over.wait(CRASH_AFTER)
                    _signal(pid, signal.SIGKILL)
                    seen, count = pid, count + 1
            over.wait(0.1)

    os.kill(first, signal.SIGKILL)
    try:
        async with _background(crash):
            yield
            await until(begun + ENDURE)
    finally:
        # supervisord waits longer and longer; nobody needs to watch it wait
        if _state(home, part) == "BACKOFF":
            await asyncio.to_thread(supervise.ask, home.settings, "supervisor.stopProcess", part)
            await _bring_back(home, part)


@asynccontextmanager
async def restarted(home: Home, part: str) -> AsyncIterator[None]:
    """An orderly restart begins; the block goes on meanwhile."""

    def restart(_over: threading.Event) -> None:
        supervise.ask(home.settings, "supervisor.stopProcess", part, timeout=20)
        supervise.ask(home.settings, "supervisor.startProcess", part, False)

    async with _background(restart):
        yield


@asynccontextmanager
async def locked(home: Home, lasts: float = 2.5) -> AsyncIterator[None]:
    """Somebody else holds the database's only write lock, ``lasts`` longer than the block:
    longer than a writer waits for it."""
    with contextlib.closing(sqlite3.connect(home.settings.home / "psap.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=5000")
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
            await asyncio.sleep(lasts)
        finally:
            other.execute("ROLLBACK")


@asynccontextmanager
async def slow_database(home: Home) -> AsyncIterator[None]:
    """The write lock is free for moments only: each writer waits up to five seconds."""

    def hold(over: threading.Event) -> None:
        path = home.settings.home / "psap.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
            while not over.is_set():
                other.execute("BEGIN EXCLUSIVE")
                over.wait(SLOW_PAUSE)
                other.execute("ROLLBACK")
                over.wait(SLOW_RUN)

    begun = time.monotonic()
    async with _background(hold):
        await asyncio.sleep(0.2)  # the lock is taken
        yield
        await until(begun + ENDURE)


@asynccontextmanager
async def deleted(home: Home) -> AsyncIterator[None]:
    """The database's files are gone; whoever has them open writes into nothing."""
    for name in ("psap.db", "psap.db-wal", "psap.db-shm"):
        Path(home.settings.home / name).unlink(missing_ok=True)
    yield


async def recovered(home: Home, parts: Iterable[str] = OURS, timeout: float = 60) -> None:
    """Wait until every part is well again, as ``./112 status`` asks them."""
    told = None
    try:
        async with asyncio.timeout(timeout):
            while True:
                told = await probes.status(home.settings)
                if told.healthy and all(told.parts[part].pid for part in parts):
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not well within {timeout} s: {told}") from None
