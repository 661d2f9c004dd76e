"""What the console finds out by itself for figures and the page "Keadaan": files, heartbeats and records.

Looked at in the background; whoever asks is answered from memory. A database that is slow or away costs the
askers nothing, and is asked the rarer the longer it takes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from cryptography import x509

from console.metric_catalogue import ALL_PARTS
from psap.board import count_store
from psap.board.model import Hour, midnight
from psap.platform import backup, disk
from psap.platform.heartbeat import STALE_SECONDS, heartbeat_age, read_beat
from psap.platform.settings import Settings

if TYPE_CHECKING:
    from console.parts import Parts

FILES_EVERY = 5.0  # seconds
RECORDS_EVERY = 15.0  # scaled by PSAP_TIMER_SCALE
SHARE = 20  # times as long as counting took is waited before the next
PATIENCE = 10.0  # seconds for the database
HOURS = 12

BEATING = ("agi", "ami_bridge", "console", "watchdog")

log = structlog.get_logger(part="console")


class Looks:
    """The newest of each look; empty where nothing is known (any more)."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.files: dict[str, Any] = {}
        self.records: dict[str, Any] = {}
        self.hours: list[Hour] | None = None

    async def run_files(self) -> None:
        """Look at disk, spool, backups and certificate until cancelled."""
        while True:
            try:
                self.files = await asyncio.to_thread(files, self._parts.settings)
            except Exception as error:  # whatever a look meets, the next one comes
                log.warning("the home's files cannot be looked at", error=type(error).__name__)
                self.files = {}
            await asyncio.sleep(FILES_EVERY)

    async def run_records(self) -> None:
        """Count the records until cancelled."""
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._count()
            except Exception as error:
                log.warning("the records cannot be counted", error=type(error).__name__)
                self.records, self.hours = {}, None
            every = max(1.0, RECORDS_EVERY * self._parts.settings.timer_scale)
            await asyncio.sleep(max(every, SHARE * (time.monotonic() - began)))

    async def _count(self) -> None:
        parts, now = self._parts, self._parts.clock.now_us()
        async with parts.database.read() as connection:
            found: dict[str, Any] = await count_store.by_words(
                connection, parts.site, midnight(parts.profile.zone, now)
            )
            found["missed"] = await count_store.open_missed(connection, parts.site)
            hours = await count_store.hours(connection, parts.site, now, HOURS)
        self.records, self.hours = {**found, "counted_at": now / 1_000_000}, hours

    def figures(self) -> dict[str, Any]:
        """For the catalogue's LOOKS: everything that is known now."""
        parts, live = self._parts, self._parts.live
        rows = {"watchdog": WELL, **parts.state.now()["parts"]}
        states = {name: rows[name]["state"] for name in ALL_PARTS}
        return {
            **self.files,
            **self.records,
            **beats(parts.settings.run),
            "started": started(parts.settings),
            "up": {name: state == "up" for name, state in states.items()},
            "down": {name: state == "down" for name, state in states.items()},
            "bridge_up": parts.state.bridge is not None,
            "database_up": parts.state.database_up,
            "redis_up": live.connected,
            "live_clients": live.clients,
            "live_events": live.events,
            "live_lag_seconds": live.lag_seconds,
            "live_resets": live.resets,
        }


WELL: Mapping[str, str | None] = {"state": "up", "id": None, "en": None}
LOOKS: web.AppKey[Looks] = web.AppKey("looks", Looks)


def told_by(run: Path, part: str) -> dict[str, Any]:
    """The figures in a part's heartbeat; empty where it beats no more."""
    age = heartbeat_age(run, part)
    if age is None or age > STALE_SECONDS:
        return {}
    figures = (read_beat(run, part) or {}).get("figures")
    return figures if isinstance(figures, dict) else {}


def beats(run: Path) -> dict[str, dict[str, Any]]:
    """What each part's process costs, by its own word in its heartbeat."""
    found: dict[str, dict[str, Any]] = {"cpu_seconds": {}, "resident_bytes": {}}
    for part in BEATING:
        age = heartbeat_age(run, part)
        process = (read_beat(run, part) or {}).get("process")
        if age is None or age > STALE_SECONDS or not isinstance(process, dict):
            continue
        for name, row in found.items():
            row[part] = process.get(name)
    return found


def started(settings: Settings) -> dict[str, float]:
    """When each part was started, UTC seconds: ours say it, the others made their socket then."""
    found: dict[str, float] = {}
    for part in BEATING:
        process = (read_beat(settings.run, part) or {}).get("process")
        if isinstance(process, dict) and isinstance(process.get("started"), int | float):
            found[part] = process["started"]
    sockets = {"asterisk": settings.pbx / "run" / "asterisk.ctl", "redis": settings.run / "redis.sock"}
    for part, path in sockets.items():
        try:
            found[part] = float(int(path.stat().st_mtime))
        except OSError:
            continue
    return found


def files(settings: Settings) -> dict[str, float]:
    """Room, spool, backups, certificate. Blocking, for a thread."""
    room = disk.look(settings)
    found: dict[str, float] = {
        "disk_free_bytes": room.free,
        "disk_total_bytes": room.total,
        "disk_reserve_bytes": room.held,
        "disk_low": room.low,
        "disk_full": room.full,
        "spool_bytes": _size(settings.spool / "calls.jsonl"),
        "rejected_bytes": _size(settings.spool / "rejected.jsonl"),
    }
    newest = max((path.stat().st_mtime for path in backup.listed(settings)), default=None)
    if newest is not None:
        found["backup_at"] = newest
    if settings.tls_cert is not None and (until := ends_at(settings.tls_cert)) is not None:
        found["certificate_until"] = until
    return found


def ends_at(certificate: Path) -> float | None:
    """When a PEM file's first certificate ends, UTC seconds; None: it cannot be read."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return found.not_valid_after_utc.timestamp()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
