"""The faults of a soak: a process killed or stopped, a locked database, a cut AMI connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import sqlite3
from collections import Counter

from psap.platform import supervise
from psap.platform.pbx_root import PbxRootError, asterisk_rx
from psap.platform.settings import Settings

PARTS = ("agi", "ami_bridge", "console", "redis")
STOPPED = (2.0, 6.0)  # seconds of a stop, between these
LOCKED = (1.0, 4.0)
FAULTS = (
    *(f"kill -9 {part}" for part in PARTS),
    *(f"stop {part}" for part in PARTS),
    "database locked",
    "AMI connection cut",
)


class Faults:
    """Injects one fault after the other; ``counts`` says how many of each took place."""

    def __init__(self, settings: Settings, draw: random.Random) -> None:
        self._settings = settings
        self._draw = draw
        self._stopped: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    async def run(self, every: float) -> None:
        """A fault about every ``every`` seconds, until cancelled; lasting ones overlap the next."""
        while True:
            await asyncio.sleep(every * self._draw.uniform(0.5, 1.5))
            task = asyncio.create_task(self._one(self._draw.choice(FAULTS)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Everything that was stopped goes on."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pid in list(self._stopped):
            _send(pid, signal.SIGCONT)

    async def _one(self, fault: str) -> None:
        with contextlib.suppress(supervise.SuperviseError, PbxRootError, sqlite3.OperationalError, OSError):
            if fault == "database locked":
                await self._lock(self._draw.uniform(*LOCKED))
            elif fault == "AMI connection cut":
                await asyncio.to_thread(self._cut)
            else:
                await self._hit(fault, self._draw.uniform(*STOPPED))
            self.counts[fault] += 1

    async def _hit(self, fault: str, seconds: float) -> None:
        part = fault.rsplit(" ", 1)[1]
        pid = (await asyncio.to_thread(supervise.info, self._settings))[part].pid
        if pid is None:
            raise supervise.SuperviseError(f"{part} is on its way back already")
        if fault.startswith("kill"):
            os.kill(pid, signal.SIGKILL)
            return
        os.kill(pid, signal.SIGSTOP)
        self._stopped.add(pid)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._stopped.discard(pid)
            _send(pid, signal.SIGCONT)

    async def _lock(self, seconds: float) -> None:
        with contextlib.closing(
            sqlite3.connect(self._settings.home / "psap.db", isolation_level=None)
        ) as other:
            other.execute("PRAGMA busy_timeout=3000")
            other.execute("BEGIN EXCLUSIVE")
            try:
                await asyncio.sleep(seconds)
            finally:
                other.execute("ROLLBACK")

    def _cut(self) -> None:
        """Asterisk closes the bridge's session, as a restart of its manager would."""
        shown = asterisk_rx(self._settings, "manager show connected")
        for line in shown.splitlines():
            session = re.match(r"\s*bridge\s+\S+\s+\d+\s+\d+\s+(\d+)\s", line)
            if session:
                asterisk_rx(self._settings, f"manager kick session {session[1]}")
                return
        raise PbxRootError("the bridge is not connected now")


def _send(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
