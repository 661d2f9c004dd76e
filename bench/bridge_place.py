"""What a bridge needs around it, without an Asterisk: a home, a Redis of its own, and whoever else is run."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from psap.cli.say import RefusedError
from psap.platform.hot import Hot, HotAwayError
from psap.platform.migrate import migrate
from psap.platform.settings import ROOT, Settings, load_secrets
from tests.support.home import free_ports

STARTS_WITHIN = 30.0  # seconds


class Place:
    """``async with Place() as place``: a migrated home with a running redis-server, gone afterwards."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="psap-bench-"))
        self.children: list[subprocess.Popen[bytes]] = []
        self.settings: Settings

    async def __aenter__(self) -> Place:
        # told to end, we end what we started, as after Ctrl-C
        if (task := asyncio.current_task()) is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        ami, agi, http = free_ports(3)
        self.settings = Settings(home=self.home, ami_link_port=ami, agi_port=agi, http_port=http)
        for folder in (self.settings.run, self.settings.pbx / "etc", self.settings.logs):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "profiles" / f"{self.settings.profile}.toml", self.home / "profile.toml")
        self.settings.save()
        self.secret = load_secrets(self.home).ami_bridge
        await asyncio.to_thread(migrate, self.settings)
        await self._redis()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for child in reversed(self.children):
            child.kill()
            await asyncio.to_thread(child.wait)
        if kind is None:
            shutil.rmtree(self.home, ignore_errors=True)
        else:
            print(f"{self.home} disimpan untuk diperiksa / kept to look into", file=sys.stderr)

    async def _redis(self) -> None:
        if shutil.which("redis-server") is None:
            raise RefusedError(
                "redis-server tidak ada, pasang paketnya / redis-server is missing, install its package"
            )
        options = ["--port", "0", "--unixsocket", str(self.settings.run / "redis.sock"), "--save", ""]
        self.redis = await self.start(["redis-server", *options, "--dir", str(self.home)])
        hot = Hot(self.settings.effective_redis_url)
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                while True:
                    try:
                        return await hot.ping()
                    except HotAwayError:
                        await asyncio.sleep(0.02)  # it says nowhere that it listens now
        finally:
            await hot.close()

    async def start(
        self, command: Sequence[str], *, talks: bool = False, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start a program that ends with this place. ``talks``: its input and output are pipes to us."""
        environment = {**os.environ, "PSAP_HOME": str(self.home), "PYTHONPATH": str(ROOT), **more}
        pipe = subprocess.PIPE if talks else None
        with (self.settings.logs / "bench.log").open("ab") as log:
            child = await asyncio.to_thread(
                subprocess.Popen,
                list(command),
                cwd=ROOT,
                env=environment,
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=log,
            )
        self.children.append(child)
        return child

    async def python(self, module: str, *words: str, talks: bool = False) -> subprocess.Popen[bytes]:
        """Start ``python -m module words...``."""
        return await self.start([sys.executable, "-m", module, *words], talks=talks)

    async def said(self, child: subprocess.Popen[bytes], within: float) -> str:
        """The next line of a child that talks.

        Raises:
            RefusedError: it ended, or said nothing within so many seconds.
        """
        assert child.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await asyncio.to_thread(child.stdout.readline)
        except TimeoutError:
            child.kill()  # ends the thread that reads, too
            line = b""
        if not line:
            raise RefusedError(
                f"bagian pengukuran berhenti atau diam {within:.0f} detik / "
                f"a part of the measurement ended or was silent for {within:.0f} s:\n{self.tail()}"
            )
        return line.decode().strip()

    def tell(self, child: subprocess.Popen[bytes], line: str) -> None:
        """Say one line to a child that talks."""
        assert child.stdin is not None
        child.stdin.write(f"{line}\n".encode())
        child.stdin.flush()

    def tail(self) -> str:
        """The last words of those that were started."""
        path = self.settings.logs / "bench.log"
        return path.read_text("utf-8", "replace")[-2_000:] if path.exists() else ""


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads; to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


async def until(moment: float) -> None:
    """Wait until ``time.monotonic()`` is there; a moment that has passed costs nothing."""
    if (left := moment - time.monotonic()) > 0:
        await asyncio.sleep(left)
