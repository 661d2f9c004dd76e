"""The bridge keeps the data safe: the database's file, the disk's room, backups, retention."""

# ruff: noqa: E501 - sentences
from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ami_bridge.duties import Duty
from psap.agencies.model import Profile, local_time
from psap.calls.service import Following
from psap.keeping.service import Retention
from psap.platform import backup, disk, sqlite
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.guard import FileGuard, NothingLeftError, Rescue
from psap.platform.settings import ROOT, Settings
from psap.platform.troubles import Trouble
from psap.reports import store as reports

FILE_EVERY = 1.0  # seconds
ROOM_EVERY = 1.0
BACKUP_EVERY = 3600.0  # scaled, but never more often than SHORTEST
SHORTEST = 300.0
FIRST_BACKUP = 120.0  # after the start, when the last one is older than BACKUP_EVERY
BACKUP_LIMIT = 1800.0
REPORTS_EVERY = 900.0
RETENTION_LOOK = 900.0  # seconds between two looks at whether a day has passed
DAY_US, QUIET_HOURS = 86_400_000_000, range(2, 5)
# Nobody applied it for so long: we were away, or the clock was set wrongly forward, and everything looks old
LONG_AGO_US = 7 * DAY_US
TOLD_FOR = 12.0  # a mended file is told for so long: every page has heard it by then


class Keeping:
    """Duties about one home's data. ``caught_up``: read the ledger after an older state was put back."""

    def __init__(
        self,
        settings: Settings,
        caught_up: Callable[[], Awaitable[None]],
        following: Following,
        database: Database,
        profile: Profile,
        clock: Clock,
        log: Any,
    ) -> None:
        self._settings, self._caught_up, self._following = settings, caught_up, following
        self._profile, self._clock, self._log = profile, clock, log
        self._database = database
        self._retention = Retention(settings, database, profile, clock)
        self.guard = FileGuard(settings)
        self.room: disk.Room | None = None
        self._file: tuple[float, Trouble] | None = None  # until when (monotonic) it is told
        self._damage: Trouble | None = None
        self._backup_fault: Trouble | None = None
        scale = settings.timer_scale
        self._backup_every = max(SHORTEST, BACKUP_EVERY * scale)
        self._backup_due = time.monotonic() + max(60.0, FIRST_BACKUP * scale)

    def duties(self) -> Iterable[Duty]:
        return [
            Duty("database-file", FILE_EVERY, self.look_at_file),
            Duty("disk-room", ROOM_EVERY, self.look_at_room),
            Duty("backups", 10.0, self.back_up),
            Duty("retention", RETENTION_LOOK, self.let_go),
            Duty("reports", REPORTS_EVERY, self.count_days),
        ]

    def methods(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Commands of others."""
        return {"person.forget": self.forget}

    async def forget(self, params: dict[str, Any]) -> dict[str, int]:
        """Calls of a person who was erased: what is remembered of them must not be written again."""
        ids = [str(each) for each in params.get("call_ids", [])]
        return {"forgotten": sum(self._following.recent.pop(each, None) is not None for each in ids)}

    def complaints(self) -> list[Callable[[], Trouble | None]]:
        """For ``bridge.troubles``; each answers from memory."""
        return [
            lambda: self.room.trouble() if self.room else None,
            self._about_file,
            lambda: self._damage,
            lambda: self._backup_fault,
        ]

    def _about_file(self) -> Trouble | None:
        if self._file is None or self._file[0] < time.monotonic():
            return None
        return self._file[1]

    # -- the file

    async def check(self) -> None:
        """Once at start: is the file sound? Takes a second for each GB, beside everything else."""
        path = sqlite.path_of(self._settings.effective_database_url)
        if path is None or not path.exists():
            return
        fault = await asyncio.to_thread(sqlite.fault_of, path)
        # locked is not damaged
        if fault is None or "locked" in fault:
            return
        self._damage = Trouble(
            "database",
            "down",
            "Berkas basis data rusak: panggilan tetap berjalan dan dicatat di spool/. Pulihkan: ./112 down, lalu "
            "./112 restore CADANGAN, lalu ./112 up.",
            "The database file is damaged: calls go on and are recorded in spool/. Mend it: ./112 down, then "
            "./112 restore BACKUP, then ./112 up.",
            fault[:200],
        )
        self._log.error("the database file is damaged", detail=fault[:200])

    async def look_at_file(self) -> None:
        """Notice a deleted or exchanged file within a second, and mend it."""
        try:
            done = await asyncio.to_thread(self.guard.look)
        except NothingLeftError:
            self._tell_file(
                "down",
                "Berkas basis data hilang dan tidak ada cadangan: panggilan tetap berjalan dan dicatat di spool/. "
                "Jalankan ./112 restore dari cadangan di luar mesin ini.",
                "The database file is gone and there is no backup: calls go on and are recorded in spool/. "
                "Run ./112 restore with a backup from elsewhere.",
            )
            return
        except (sqlite3.Error, OSError) as error:
            self._tell_file(
                "down",
                "Berkas basis data terhapus, pemulihan dicoba lagi tiap detik; panggilan tetap berjalan.",
                "The database file was deleted, rescuing it is tried again each second; calls go on.",
                str(error)[:200],
            )
            return
        if done is not None:
            await self._mended(done)

    async def _mended(self, done: Rescue) -> None:
        self._log.error(
            "the database file was deleted or exchanged; it is back",
            how=done.how,
            seconds=round(done.seconds, 3),
            aside=done.aside.name if done.aside else None,
            backup=done.manifest.at if done.manifest else None,
        )
        if done.how == "backup":
            when = done.manifest.at if done.manifest else "?"
            self._tell_file(
                "degraded",
                f"Berkas basis data terhapus; cadangan {when} dipasang, sisanya dilengkapi dari catatan Asterisk.",
                f"The database file was deleted; the backup of {when} is in place, Asterisk's ledger makes up "
                "the rest.",
            )
            await self._caught_up()
        else:
            self._tell_file(
                "degraded",
                "Berkas basis data terhapus dan sudah dipulihkan; tidak ada catatan yang hilang.",
                "The database file was deleted and is back; no record is lost.",
            )

    def _tell_file(self, state: Any, indonesian: str, english: str, detail: str = "") -> None:
        self._file = (
            time.monotonic() + TOLD_FOR,
            Trouble("database", state, indonesian, english, detail),
        )

    # -- room

    async def look_at_room(self) -> None:
        """Keep the reserve; say when the disk fills up and when there is room again."""
        before = self.room
        self.room = await asyncio.to_thread(disk.tend, self._settings)
        if before is not None and (before.full, before.low) == (self.room.full, self.room.low):
            return
        if self.room.full:
            given = await asyncio.to_thread(disk.make_room, self._settings)
            self._log.error("the disk is full", free=self.room.free, reserve=self.room.held, given=given)
        elif self.room.low:
            self._log.warning("the disk is filling up", free=self.room.free)
        elif before is not None:
            self._log.info("there is room on the disk again", free=self.room.free)

    # -- backups

    async def back_up(self) -> None:
        """An automatic backup when one is due, in a process of its own that yields to calls."""
        if time.monotonic() < self._backup_due:
            return
        newest = max((path.stat().st_mtime for path in backup.listed(self._settings)), default=0.0)
        wait = self._backup_every - (time.time() - newest)
        if 0 < wait <= self._backup_every:
            self._backup_due = time.monotonic() + wait
            return
        self._backup_due = time.monotonic() + self._backup_every
        if self.room is None or self.room.low:
            return  # the disk's own complaint says so
        words = ["-m", "psap.cli", "backup", "--auto", "--home", str(self._settings.home)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(BACKUP_LIMIT):
                _, said = await process.communicate()
        except BaseException as error:
            process.kill()
            await process.wait()
            if not isinstance(error, TimeoutError):
                raise
            said = b"timeout"
        if process.returncode == 0:
            self._backup_fault = None
            self._log.info("backed up")
            return
        why = said.decode("utf-8", "replace").strip()[-300:]
        self._log.error("backup failed", detail=why)
        self._backup_fault = Trouble(
            "disk",
            "degraded",
            "Cadangan otomatis gagal; panggilan tidak terganggu. Lihat log/ami_bridge.log.",
            "The automatic backup failed; calls are not affected. See log/ami_bridge.log.",
            why,
        )

    # -- retention

    async def let_go(self) -> None:
        """Once a day, at night where the day allows it, delete what was kept long enough.

        After a jump of the clock, back or far forward, the day begins anew: time for a person to see it.
        """
        last, now = await self._retention.last(), self._clock.now_us()
        if last is None or not 0 <= now - last <= LONG_AGO_US:
            if last is not None:
                self._log.warning("retention waits for a day", days_since=(now - last) // DAY_US)
            await self._retention.begin()
            return
        if now - last < DAY_US or (
            now - last < 2 * DAY_US and local_time(self._profile, now).hour not in QUIET_HOURS
        ):
            return
        gone = await self._retention.apply(actor="bridge")
        # an old call that somebody spoke of lately: what was deleted must not be written again
        for old in [
            key for key, each in self._following.recent.items() if now - each.call.started_at > DAY_US
        ]:
            del self._following.recent[old]
        self._log.info("retention applied", **{str(kind): count for kind, count in gone.items()})

    # -- reports

    async def count_days(self) -> None:
        """Count anew the days in which calls changed, so that a report finds little to do."""
        await reports.refresh(self._database, self._profile.site, self._profile.zone)

    async def close(self) -> None:
        """Let go of the files."""
        await asyncio.to_thread(self.guard.close)
