"""``python -m psap.platform.watchdog``: kills what hangs, so that its keeper starts it again.

supervisord, systemd and containers notice the dead, not the hung: a stopped or blocked process keeps
its sockets open and takes callers into silence. This looks at every part each ``EVERY`` seconds and
ends one that gave no sign of life for its patience (docs/adr/0013-watchdog.md says why these figures).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psap.platform import control, probes, supervise
from psap.platform.heartbeat import heartbeat_age, write_heartbeat
from psap.platform.settings import Settings, load_settings

EVERY = 2.0  # seconds between two looks
ANSWER = 6.0  # seconds a part has for one answer: slow is not dead
LATE = 1.0  # seconds: when our own sleep took so much too long, nobody is judged
OLDEST_BEAT = 6.0  # seconds; a beat comes each second
BUSY_SHARE = 0.2  # of the silent time spent computing: busy rather than dead
START_SECONDS = 120.0  # until a fresh process gives its first sign of life


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without a sign of life until a part is ended. ``busy`` None: never while it computes."""

    idle: float
    busy: float | None


OURS = Patience(idle=20.0, busy=60.0)
# an Asterisk whose threads move may carry conversations, however silent its AMI is
ASTERISK = Patience(idle=30.0, busy=None)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a process: ``cpu`` in seconds since its start, ``letter`` is its state in /proc."""

    pid: int
    born: int  # its start in clock ticks: a pid may be given away again
    letter: str
    cpu: float
    alive: bool  # it gave every sign of life that it owes


class Judge:
    """Decides about one part, from looks alone. Pure: time is what the looks say."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._who: tuple[int, int] | None = None
        self._silent = 0.0
        self._cpu = 0.0
        self._lived = False
        self._doubted = False

    def verdict(self, look: Look, seconds: float) -> str | None:
        """Why to end it, or None. ``seconds``: how much this look counts, 0 on a starved machine."""
        if self._who != (look.pid, look.born):
            self._who, self._lived = (look.pid, look.born), False
            self._silent, self._cpu, self._doubted = 0.0, look.cpu, False
        if look.alive:
            self._lived, self._silent, self._cpu, self._doubted = True, 0.0, look.cpu, False
            return None
        if look.letter == "t":  # a debugger holds it: a person is at work
            return None
        if not self._doubted or (self._patience.busy is None and look.cpu > self._cpu):
            # a first doubt may be a moment old; what moves by itself begins anew
            self._doubted, self._silent, self._cpu = True, 0.0, look.cpu
            return None
        self._silent += seconds
        stopped = look.letter == "T"
        busy = look.cpu - self._cpu > BUSY_SHARE * self._silent
        limit = self._patience.busy if busy and self._patience.busy is not None else self._patience.idle
        if not self._lived:
            limit = max(limit, START_SECONDS)
        if self._silent < limit:
            return None
        how = "stopped" if stopped else "busy without an answer" if busy else "hung"
        return f"{how}: no sign of life for {self._silent:.0f} s"


def process(pid: int) -> tuple[int, str, float] | None:
    """(start in ticks, state letter, processor seconds) of a process; None: it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    words = stat.rpartition(")")[2].split()
    return int(words[19]), words[0], (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


Sign = Callable[[], Awaitable[bool]]


class Watchdog:
    """Looks at every part that runs for a home."""

    def __init__(self, settings: Settings, log: Any) -> None:
        self._settings = settings
        self._log = log
        self._last = ""
        self._known: dict[str, supervise.ProcessInfo] = {}
        self._seen: dict[str, int] = {}  # the process whose sign of life was the last
        self.signs: dict[str, Sign] = {
            "asterisk": self._answers("asterisk"),
            "redis": self._answers("redis"),
            "agi": self._both("agi", self._answers("agi")),
            "ami_bridge": self._both("ami_bridge", self._bridge),
            "console": self._both("console", self._answers("console")),
        }
        if settings.redis_url is not None:
            del self.signs["redis"]  # somebody else's
        self._ended = dict.fromkeys(self.signs, 0)  # how often, for metrics

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            for part, sign in self.signs.items():
                group.create_task(self._watch(part, sign, ASTERISK if part == "asterisk" else OURS))

    async def _beat(self) -> None:
        while True:
            try:
                self._known = await asyncio.to_thread(supervise.info, self._settings)
            except supervise.SuperviseError:
                self._known = {}  # nobody would start again what we end
            detail = f"{len(self.signs)} parts{self._last}"
            more = {"seen": self._seen, "figures": {"ended": self._ended}}
            write_heartbeat(self._settings.run, "watchdog", "up", detail, more)
            await asyncio.sleep(1)

    async def _watch(self, part: str, sign: Sign, patience: Patience) -> None:
        judge = Judge(patience)
        while True:
            began = time.monotonic()
            await asyncio.sleep(EVERY)
            late = time.monotonic() - began > EVERY + LATE
            known = self._known.get(part)
            if known is None or known.state != "RUNNING" or known.pid is None:
                continue
            alive = await sign()
            seen = process(known.pid)
            if seen is None:
                continue
            born, letter, cpu = seen
            if alive:
                self._seen[part] = known.pid
            look = Look(known.pid, born, letter, cpu, alive)
            why = judge.verdict(look, 0.0 if late else time.monotonic() - began)
            if why is not None and (now := process(known.pid)) is not None and now[0] == born:
                self._log.error("part ended because it hangs", hung=part, pid=known.pid, detail=why)
                self._last = f"; {part} {why}"
                self._ended[part] += 1
                with contextlib.suppress(ProcessLookupError):
                    os.kill(known.pid, signal.SIGKILL)

    def _answers(self, part: str) -> Sign:
        """Any answer at all is a sign of life, also one that says that something else is wrong."""
        probe = probes.PROBES[part]

        async def ask() -> bool:
            try:
                async with asyncio.timeout(ANSWER):
                    await probe(self._settings)
            except probes.UnwellError as error:
                return error.state == "degraded"
            except Exception:
                return False
            return True

        return ask

    async def _bridge(self) -> bool:
        try:
            await control.ask(self._settings.bridge_socket, "health", timeout=ANSWER)
        except control.BridgeAwayError:
            return False
        except (control.ControlError, ValueError, KeyError):
            pass
        return True

    def _both(self, part: str, answers: Sign) -> Sign:
        """A heart that beats, and an answer: a thread may beat while its neighbour hangs."""

        async def both() -> bool:
            age = heartbeat_age(self._settings.run, part)
            return age is not None and age < OLDEST_BEAT and await answers()

        return both


async def main() -> None:
    """Watch the home in PSAP_HOME until SIGTERM."""
    from psap.platform.log import setup_log

    log = setup_log("watchdog")
    task = asyncio.create_task(Watchdog(load_settings(), log).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    asyncio.run(main())
