"""What runs for a home now, found in ``/proc``: nobody need be asked, and nobody can have died first.

Each part carries PSAP_HOME and PSAP_PART in its environment, whoever started it: supervisord, systemd
or a container. From a container that sees the machine's processes (``pid: host``) the numbers are the
machine's, while a heartbeat holds the number that its writer has in its own container.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psap.platform.heartbeat import read_beat
from psap.platform.settings import Settings

# what starts a part and waits for it, with the part's own environment
STARTERS = frozenset({"sh", "bash", "tini", "docker-init", "catatonit", "dumb-init", "sudo", "setpriv"})


@dataclass(frozen=True, slots=True)
class Found:
    """One process. ``born`` in clock ticks since boot; ``own_pid`` is its number where it lives itself."""

    pid: int
    part: str
    name: str
    born: int
    own_pid: int


def survivors(settings: Settings) -> dict[int, str]:
    """Everything that runs for this home now: pid -> part's name."""
    return dict(_carriers(settings))


def mains(settings: Settings) -> dict[str, Found]:
    """The one process that is each part: not its starter, nor a health check beside it."""
    best: dict[str, tuple[tuple[bool, bool, int], Found]] = {}
    beats: dict[str, int | None] = {}
    for pid, part in _carriers(settings):
        seen = _look(pid, part)
        if seen is None:
            continue
        if part not in beats:
            beat = read_beat(settings.run, part)
            beats[part] = beat["pid"] if beat else None
        order = (seen.name in STARTERS, beats[part] != seen.own_pid, seen.born)
        if part not in best or order < best[part][0]:
            best[part] = (order, seen)
    return {part: seen for part, (_order, seen) in best.items()}


def _carriers(settings: Settings) -> Iterator[tuple[int, str]]:
    home = f"PSAP_HOME={settings.home}".encode()
    conf = str(settings.run / "supervisord.conf").encode()
    redis = str(settings.run / "redis.sock").encode()
    mine = os.geteuid()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            if mine not in (0, entry.stat().st_uid):
                continue  # its environment is not ours to read
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            if not argv[0]:
                continue  # a zombie or a kernel thread
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        part = next((word[10:].decode() for word in environment if word.startswith(b"PSAP_PART=")), None)
        if part and home in environment:
            if not settings.outside or _same_home(settings, pid):
                yield pid, part
        elif conf in argv and b"psap.platform.supervisor_main" in argv:
            yield pid, "supervisord"
        elif argv[0].split(b" ")[0].endswith(b"redis-server") and redis in argv[0]:
            yield pid, "redis"  # it writes its title, with or without a path, over its environment


def _same_home(settings: Settings, pid: int) -> bool:
    """Two containers may call different folders by one name: is it the same folder?"""
    with contextlib.suppress(OSError):
        # Asterisk may see this folder of the home and no other
        there = Path(f"/proc/{pid}/root{settings.pbx}").stat()
        here = settings.pbx.stat()
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
    return False


def _look(pid: int, part: str) -> Found | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
        status = Path(f"/proc/{pid}/status").read_text("utf-8", errors="replace")
    except OSError:
        return None
    spaces = next((line.split() for line in status.splitlines() if line.startswith("NSpid:")), [str(pid)])
    name = stat.partition("(")[2].rpartition(")")[0]
    return Found(pid, part, name, int(stat.rpartition(")")[2].split()[19]), int(spaces[-1]))
