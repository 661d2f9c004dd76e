"""supervisord keeps the parts of a home alive; this starts it, asks it and ends it.

What runs for a home can always be found again from ``/proc``: each part carries PSAP_HOME and
PSAP_PART in its environment, so that `down` works also when supervisord itself was killed.
"""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from psap.platform import found
from psap.platform.found import survivors as survivors
from psap.platform.heartbeat import read_heartbeat
from psap.platform.parts import OURS, Part, command_line, processes
from psap.platform.settings import ROOT, Settings, write_private

CALL_SECONDS = 1.5  # one question to supervisord
START_SECONDS = 10.0
STOP_SECONDS = 30.0
LONGEST_SOCKET = 100  # Linux ends a socket's path at 107, and supervisord appends its pid at first
LOG_BYTES = 10 * 1024 * 1024
LOG_BACKUPS = 5
BEATING = (*OURS, "watchdog")  # who writes heartbeats


class SuperviseError(Exception):
    """supervisord does not do what it should."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """What supervisord knows of one part: ``state`` is its word (RUNNING, BACKOFF...)."""

    name: str
    state: str
    pid: int | None
    detail: str


class _Connection(http.client.HTTPConnection):
    """HTTP over supervisord's local socket, never longer than its time-out."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def socket_path(settings: Settings) -> Path:
    return settings.run / "supervisor.sock"


def ask(settings: Settings, method: str, *params: Any, timeout: float = CALL_SECONDS) -> Any:
    """One question to the home's supervisord.

    Raises:
        SuperviseError: nobody answers within ``timeout`` seconds, or it refused.
    """
    connection = _Connection(socket_path(settings), timeout)
    try:
        body = xmlrpc.client.dumps(params, method)
        connection.request("POST", "/RPC2", body, {"Content-Type": "text/xml"})
        answer, _method = xmlrpc.client.loads(connection.getresponse().read().decode())
    except (OSError, http.client.HTTPException) as error:
        raise SuperviseError(f"supervisord does not answer: {error!r}") from error
    except xmlrpc.client.Fault as error:
        raise SuperviseError(error.faultString) from error
    finally:
        connection.close()
    return answer[0]


def info(settings: Settings, timeout: float = CALL_SECONDS) -> dict[str, ProcessInfo]:
    """Each part as supervisord sees it; kept from outside, as /proc shows it.

    Raises:
        SuperviseError: supervisord does not answer.
    """
    if settings.outside:
        return {
            name: ProcessInfo(name, "RUNNING", each.pid, "kept from outside")
            for name, each in found.mains(settings).items()
        }
    rows = cast("list[dict[str, Any]]", ask(settings, "supervisor.getAllProcessInfo", timeout=timeout))
    return {
        row["name"]: ProcessInfo(row["name"], row["statename"], row["pid"] or None, row["description"])
        for row in rows
    }


def is_running(settings: Settings) -> bool:
    """Does a supervisord answer for this home?"""
    try:
        ask(settings, "supervisor.getState")
    except SuperviseError:
        return False
    return True


def start(settings: Settings) -> None:
    """Write supervisord's configuration and start it; it starts the parts.

    Raises:
        SuperviseError: it did not come up.
    """
    conf = settings.run / "supervisord.conf"
    write_private(conf, _configuration(settings))
    command = [sys.executable, "-m", "psap.platform.supervisor_main", "-c", str(conf)]
    # the settings travel in HOME/config.json; nothing of ours in the environment, no password above all
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
    environment["PYTHONPATH"] = str(ROOT)
    started = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_SECONDS,
    )
    if started.returncode != 0:
        lines = (started.stderr or started.stdout).strip().splitlines() or ["no message"]
        raise SuperviseError(f"supervisord: {lines[-1]}")
    end = time.monotonic() + START_SECONDS
    while not is_running(settings):
        if time.monotonic() > end:
            raise SuperviseError(f"supervisord does not answer, see {settings.logs / 'supervisord.log'}")
        time.sleep(0.05)


def stop(settings: Settings) -> list[int]:
    """End everything that runs for this home; returns the pids that would not go (none, as a rule)."""
    left = survivors(settings)
    try:
        ask(settings, "supervisor.shutdown")
    except SuperviseError:
        pass  # dead or hung: its children are found in /proc and ended below
    else:
        left = _wait_gone(settings, STOP_SECONDS)
    for sign, seconds in ((signal.SIGTERM, 6.0), (signal.SIGKILL, 4.0)):
        if not left:
            break
        # the supervisor first, or it would bring back what we end
        for pid in sorted(left, key=lambda pid: left[pid] != "supervisord"):
            _signal(pid, sign)
            _signal(pid, signal.SIGCONT)
        left = _wait_gone(settings, seconds)
    if not left:
        for name in ("supervisor.sock", "supervisord.pid"):
            (settings.run / name).unlink(missing_ok=True)
    return sorted(left)


def runs(settings: Settings) -> bool:
    """Does anything of this home run? Beating hearts count: of other containers nothing else is seen."""
    if found.survivors(settings):
        return True
    return settings.outside and any(read_heartbeat(settings.run, part)[0] != "down" for part in BEATING)


def is_stopped(pid: int | None) -> bool:
    """Has the process been stopped by a signal (state T)?"""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")


def _wait_gone(settings: Settings, seconds: float) -> dict[int, str]:
    end = time.monotonic() + seconds
    while (left := survivors(settings)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def _configuration(settings: Settings) -> str:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    home, logs, run = (_escape(path) for path in (settings.home, settings.logs, settings.run))
    user = "user=root\n" if os.geteuid() == 0 else ""
    sections = [
        f"""[unix_http_server]
file={run}/supervisor.sock
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
{user}logfile={logs}/supervisord.log
logfile_maxbytes={LOG_BYTES}
logfile_backups={LOG_BACKUPS}
pidfile={run}/supervisord.pid
directory={_escape(ROOT)}
identifier=psap112
nocleanup=true
minfds={files}
environment=PSAP_HOME="{home}",PYTHONPATH="{_escape(ROOT)}",PYTHONUNBUFFERED="1"
"""
    ]
    for place, part in enumerate(processes(settings)):
        sections.append(_program(part, place, home, logs))
    return "\n".join(sections)


def _program(part: Part, place: int, home: str, logs: str) -> str:
    return f"""[program:{part.name}]
command={command_line(part)}
directory={_escape(part.directory)}
environment=PSAP_PART="{part.name}",PSAP_HOME="{home}"
priority={10 + place}
autostart=true
autorestart=true
startsecs=1
startretries=1000000000
stopsignal=TERM
stopwaitsecs={part.stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{part.name}.log
stdout_logfile_maxbytes={LOG_BYTES}
stdout_logfile_backups={LOG_BACKUPS}
"""


def _escape(path: Path) -> str:
    return str(path).replace("%", "%%")
