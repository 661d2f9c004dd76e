"""The parts of a running home, and how each is started."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from psap.platform import pbx_root
from psap.platform.settings import ROOT, Settings

OURS = ("agi", "ami_bridge", "console")  # python -m NAME
REDIS_MEMORY = "256mb"  # the stream of events is trimmed long before this


@dataclass(frozen=True, slots=True)
class Part:
    """One process that supervisord keeps alive. ``stop_seconds``: from SIGTERM to SIGKILL."""

    name: str
    command: list[str]
    directory: Path
    stop_seconds: int = 5


def processes(settings: Settings) -> list[Part]:
    """What `up` starts, in the order of starting; stopping goes the other way round."""
    parts: list[Part] = []
    if settings.redis_url is None:
        parts.append(Part("redis", _redis(settings), settings.home / "redis"))
    parts.append(Part("asterisk", pbx_root.asterisk_command(settings), Path("/"), stop_seconds=8))
    parts += [Part(name, [sys.executable, "-m", name], ROOT) for name in OURS]
    parts.append(Part("watchdog", [sys.executable, "-m", "psap.platform.watchdog"], ROOT))
    return parts


def ports(settings: Settings) -> list[tuple[str, str, int, str]]:
    """What must be free: (protocol, address, port, the variable that changes it)."""
    return [
        ("udp", settings.sip_bind, settings.sip_port, "PSAP_SIP_PORT"),
        ("tcp", "127.0.0.1", settings.ami_port, "PSAP_AMI_PORT"),
        ("tcp", "127.0.0.1", settings.pbx_http_port, "PSAP_PBX_HTTP_PORT"),
        ("tcp", "127.0.0.1", settings.agi_port, "PSAP_AGI_PORT"),
        ("tcp", settings.http_bind, settings.http_port, "PSAP_HTTP_PORT"),
    ]


def log_tail(settings: Settings, part: str, lines: int = 1) -> list[str]:
    """The last lines that a part wrote, Asterisk's own log included; empty if it wrote nothing."""
    for path in (settings.logs / f"{part}.log", settings.pbx / "log" / "messages.log"):
        if path.name == "messages.log" and part != "asterisk":
            continue
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 8192))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            continue
        found = [line.strip() for line in text.splitlines() if line.strip()]
        if found:
            return found[-lines:]
    return []


def _redis(settings: Settings) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(settings.run / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(settings.home / "redis"),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory": REDIS_MEMORY,
        "maxmemory-policy": "volatile-lru",
        "daemonize": "no",
        "logfile": "",
        "proc-title-template": "{title} {unixsocket} {server-mode}",
    }
    command = ["redis-server"]
    for name, value in options.items():
        command += [f"--{name}", value]
    return command


def command_line(part: Part) -> str:
    """The part's command as supervisord's configuration wants it (``%`` begins an expansion there)."""
    return shlex.join(part.command).replace("%", "%%")
