"""Ways to break a part of a running home, each undone when its block ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from psap.platform import probes, supervise
from tests.support.home import Home

OURS = ("agi", "ami_bridge", "console", "redis")
RUN, PAUSE = 0.03, 1.7  # seconds a slowed process runs and is paused, in turn


def _pid(home: Home, part: str) -> int:
    pid = supervise.info(home.settings)[part].pid
    assert pid is not None, f"{part} does not run"
    return pid


def _state(home: Home, part: str) -> str:
    return supervise.info(home.settings)[part].state


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
async def stopped(home: Home, part: str) -> AsyncIterator[None]:
    """Neither dead nor alive: SIGSTOP, its sockets still open."""
    pid = _pid(home, part)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def slow(home: Home, part: str) -> AsyncIterator[None]:
    """A starved process: it answers, but each answer takes nearly two seconds."""
    pid = _pid(home, part)
    over = threading.Event()

    def starve() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(PAUSE)
            os.kill(pid, signal.SIGCONT)
            over.wait(RUN)

    thread = threading.Thread(target=starve)
    thread.start()
    try:
        yield
    finally:
        over.set()
        await asyncio.to_thread(thread.join)
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def locked(home: Home, _part: str) -> AsyncIterator[None]:
    """Somebody else holds the database's only write lock."""
    with contextlib.closing(sqlite3.connect(home.settings.home / "psap.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=5000")
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


async def recovered(home: Home, parts: Iterable[str] = OURS, timeout: float = 30) -> None:
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


HOW = {"killed": killed, "stopped": stopped, "slow": slow, "locked": locked}
