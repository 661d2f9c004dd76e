"""A home whose parts are kept from outside: a very small systemd, of an unprivileged account.

What it starts is read from the units in systemd/: their ExecStart lines, their environment, their
notify sockets and restarts. What systemd itself would do around a process (its own mounts and
filters, a RootDirectory) is not done here.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from psap.platform import pbx_root, supervise
from psap.platform.settings import ROOT, Settings
from tests.support.home import UP_SECONDS, Home
from tests.support.persons import homes

UNITS = ROOT / "systemd"
SERVICES = ("redis", "asterisk", "agi", "ami-bridge", "console", "watchdog")
READY_SECONDS = 240.0


class KeptHome(Home):
    """A home under /tmp, prepared by ``./112 prepare`` and kept by this process."""

    def __init__(self, folder: Path, *, env: dict[str, str] | None = None) -> None:
        super().__init__(folder, env={"PSAP_SUPERVISOR": "outside", "PSAP_HOME": str(folder), **(env or {})})
        self.units: dict[str, Unit] = {}

    def start(self, **_ignored: object) -> KeptHome:
        """`prepare`, then every unit; returns when all are ready and the home is well."""
        homes.add(self.folder)
        self.prepare()
        for name in SERVICES:
            self.units[name] = Unit(self, name)
        end = time.monotonic() + READY_SECONDS
        for unit in self.units.values():
            unit.await_ready(end)
        while not (told := self.status())["healthy"]:
            assert time.monotonic() < end, f"{told}\n{self.logs()}"
            time.sleep(0.2)
        return self

    def cli(
        self, *words: str, check: bool = True, timeout: float = 60, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As ``./112`` does it, with a Python that the home's account may run too."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
        clean |= {key: os.environ[key] for key in ("PSAP_CACHE", "PSAP_PBX_ROOT") if key in os.environ}
        clean["PYTHONPATH"] = str(ROOT)
        ended = subprocess.run(
            reachable([sys.executable, "-m", "psap.cli", *words, "--home", str(self.folder)]),
            cwd="/", env={**clean, **self.env, **(env or {})}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if check and ended.returncode != 0:
            raise AssertionError(
                f"./112 {' '.join(words)} -> {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
            )
        return ended

    def prepare(self) -> None:
        """What psap112-prepare.service does. It may not write into root's cache, and keeps its own."""
        shared, own = Settings().cache / "prompts", self.folder / "cache"
        if shared.is_dir() and not own.exists():  # spoken once is enough
            shutil.copytree(shared, own)
        self.cli("prepare", "--demo", "--profile", self.profile, timeout=UP_SECONDS)

    def stop(self) -> None:
        """End every unit, the last first."""
        for unit in reversed(self.units.values()):
            unit.stop()
        assert not supervise.survivors(self.settings)


class Unit:
    """One unit: its process, started anew whenever it ends, until ``stop``."""

    def __init__(self, home: KeptHome, name: str) -> None:
        self._home = home
        self.name = name
        self.part = name.replace("-", "_")
        self.starts = 0
        self.watchdogs = 0  # times that it said WATCHDOG=1
        self._service = _service(name)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        if self._service.get("Type") != ["notify"]:
            self._ready.set()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # an abstract name: the account may not reach every folder of the tests
        self._address = f"\0psap-test-{os.getpid()}-{id(self)}"
        self._notify.bind(self._address)
        self._notify.settimeout(0.2)
        home.settings.logs.mkdir(exist_ok=True)
        self._log: IO[bytes] = (home.settings.logs / f"{self.part}.log").open("ab")
        self.process = self._start()
        self._threads = [threading.Thread(target=work) for work in (self._keep, self._listen)]
        for thread in self._threads:
            thread.start()

    def await_ready(self, end: float) -> None:
        """Wait for READY=1, where the unit owes it."""
        assert self._ready.wait(max(0.0, end - time.monotonic())), f"{self.name} never said READY=1"

    def restart(self) -> None:
        """``systemctl restart``: SIGTERM, and ready again."""
        started = self.starts
        self._ready.clear()
        self.process.terminate()
        end = time.monotonic() + READY_SECONDS
        while self.starts == started:
            assert time.monotonic() < end, f"{self.name} did not end"
            time.sleep(0.02)
        if self._service.get("Type") == ["notify"]:
            self.await_ready(end)

    def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        for thread in self._threads:
            thread.join(30)
        self._notify.close()
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self._home.settings
        uid, gid = pbx_root.owner(create=True)
        words = [word.replace("/var/lib/psap112", str(settings.home)) for word in self._service["ExecStart"]]
        environment = {
            "PATH": os.environ["PATH"],
            "PSAP_HOME": str(settings.home),
            "PSAP_PART": self.part,
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": "@" + self._address[1:],
        }
        if self.part == "asterisk":
            # systemd enters the Debian root (RootDirectory=): here `up`'s own way there does
            words = pbx_root.in_root(settings, words, unprivileged=True)
        else:
            if words[0].endswith("/python"):
                words[0] = sys.executable
            if os.geteuid() == 0:
                words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--", *words]
            words = reachable(words)
        self.starts += 1
        return subprocess.Popen(
            words,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def _keep(self) -> None:
        """Restart=always."""
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
                if self._stopping.wait(0.5):
                    return
                self.process = self._start()
            if self._stopping.is_set():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(8)
                    return
                self.process.kill()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                words = self._notify.recv(4096).decode().split("\n")
                self.watchdogs += "WATCHDOG=1" in words
                if "READY=1" in words:
                    self._ready.set()


def _service(name: str) -> dict[str, list[str]]:
    text = (UNITS / f"psap112-{name}.service").read_text("utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("ExecStart="):
            found["ExecStart"] = shlex.split(line.removeprefix("ExecStart="))
        elif line.startswith("Type="):
            found["Type"] = [line.removeprefix("Type=")]
    return found


def reachable(command: Sequence[str]) -> list[str]:
    """The command, with a Python that another account may run.

    A city's .venv is made from the system's Python; a developer's may lie in a home that nobody else may
    enter: then, in a mount namespace of the command's own, that folder is an open one with only that in it.
    """
    real = Path(sys.executable).resolve()
    shut = [folder for folder in reversed(real.parents) if not folder.stat().st_mode & 0o001]
    if not shut or os.geteuid() != 0:
        return list(command)
    names = {real.relative_to(shut[0]).parts[0], ".cache"}
    lines = [
        "mount --make-rprivate /",
        "k=$(mktemp -d)",
        'mount --bind "$0" "$k"',
        'mount -t tmpfs -o mode=755 psap-test "$0"',
        *(f'mkdir "$0/{name}" && mount --bind "$k/{name}" "$0/{name}"' for name in sorted(names)),
        'umount -l "$k"',
        'rmdir "$k"',
        'exec "$@"',
    ]
    return ["unshare", "--mount", "--", "sh", "-c", " && ".join(lines), str(shut[0]), *command]


def account() -> str:
    """The name of the account that everything runs as."""
    return pwd.getpwuid(pbx_root.owner(create=True)[0]).pw_name
