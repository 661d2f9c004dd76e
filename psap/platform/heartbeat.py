"""Heartbeats: each of our processes writes ``HOME/run/<part>.json`` once a second.

``./112 status`` reads these, so that it answers at once also when a part hangs: a heartbeat older
than ``STALE_SECONDS`` means stopped or hung. ``CLOCK_MONOTONIC`` is used: it is the same for all
processes of one machine and does not jump.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from psap.platform.metrics import process_figures

STALE_SECONDS = 3.0
STARTED = int(time.time())  # of this process, UTC seconds; constant, so that a restart is a change


Beat = tuple[str, str] | tuple[str, str, Mapping[str, Any]]


def write_heartbeat(
    run: Path, part: str, state: str, detail: str, more: Mapping[str, Any] | None = None
) -> None:
    """Write one heartbeat. ``state`` is up or degraded; ``more`` is what else this part knows, of
    others too (``parts``). A full disk is no reason to stop."""
    beat = {"state": state, "detail": detail, "pid": os.getpid(), "monotonic": time.monotonic()}
    process = {"started": STARTED, **process_figures()}
    target = run / f"{part}.json"
    part_file = target.with_suffix(".part")
    words = json.dumps({**(more or {}), "process": process, **beat})
    try:
        part_file.write_text(words, "utf-8")
        part_file.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            _write_over(target, words.encode())
    notify(detail)


def notify(detail: str) -> None:
    """Tell systemd, where it asked for it, that we are ready and alive (sd_notify); else nothing."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    address = "\0" + where[1:] if where.startswith("@") else where
    words = f"READY=1\nWATCHDOG=1\nSTATUS={' '.join(detail.split())}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)  # a manager that does not read must not hold a heart
        line.sendto(words.encode(), address)


def _write_over(target: Path, words: bytes) -> None:
    """On a full disk there is no room for a second file, but the first one's blocks are ours: without
    this, everybody would look dead, and the watchdog would kill whoever still keeps the records."""
    descriptor = os.open(target, os.O_WRONLY)
    try:
        os.pwrite(descriptor, words.ljust(os.fstat(descriptor).st_size), 0)
    finally:
        os.close(descriptor)


async def beat_forever(run: Path, part: str, state: Callable[[], Beat]) -> None:
    """Write a heartbeat each second until cancelled; ``state()`` gives (state, detail[, more])."""
    while True:
        write_heartbeat(run, part, *state())
        await asyncio.sleep(1)


def read_beat(run: Path, part: str) -> dict[str, Any] | None:
    """The last heartbeat as it was written; None where there is none that can be read."""
    try:
        beat = json.loads((run / f"{part}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    # half a file after a crash of the machine may be valid JSON, too
    return beat if isinstance(beat, dict) and {"state", "detail", "pid", "monotonic"} <= beat.keys() else None


def heartbeat_age(run: Path, part: str) -> float | None:
    """Seconds since the last heartbeat; None where there is none of this boot."""
    beat = read_beat(run, part)
    age = time.monotonic() - beat["monotonic"] if beat else -1.0
    return age if age >= 0 else None


def read_heartbeat(run: Path, part: str) -> tuple[str, str, int | None]:
    """(state, detail, pid); state is down where there is no fresh heartbeat."""
    beat = read_beat(run, part)
    if beat is None:
        return "down", "never started", None
    age = time.monotonic() - beat["monotonic"]
    if age > STALE_SECONDS or age < 0:
        return "down", f"no sign of life for {age:.0f} s", beat["pid"]
    return beat["state"], beat["detail"], beat["pid"]
