"""Retention: first what would go, then, in small steps between which everybody else writes, that it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from psap.agencies.model import Profile
from psap.keeping import store
from psap.keeping.model import Due, Kind, days, horizon
from psap.platform import backup
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.settings import Settings
from psap.recordings import store as recording_store
from psap.recordings.service import Shelf

STEP = 200  # rows in one transaction: some milliseconds
BREATH = 0.02  # seconds between two, in which others write
TABLES = (
    Kind.RECORDINGS,  # before their calls: a call that is gone holds nothing back
    *(Kind.CALLS, Kind.MISSED, Kind.INCIDENTS, Kind.REPUTATION),
    *(Kind.ROSTERS, Kind.TRAININGS, Kind.SESSIONS, Kind.AUDIT),
)


class Retention:
    """Of one home."""

    def __init__(self, settings: Settings, database: Database, profile: Profile, clock: Clock) -> None:
        self._settings, self._database, self._clock = settings, database, clock
        self._site, self._rules = profile.site, profile.retention
        self._shelf = Shelf(settings, database, profile, clock)

    async def plan(self) -> list[Due]:
        """What is due now, of every kind. Changes nothing."""
        now = self._clock.now_us()
        found = []
        async with self._database.read() as connection:
            for kind in TABLES:
                count, oldest, held = await store.due(
                    connection, self._site, kind, horizon(self._rules, kind, now)
                )
                found.append(Due(kind, days(self._rules, kind), count, oldest, held))
        for kind in (Kind.LOGS, Kind.BACKUPS):
            old = await asyncio.to_thread(self._old_files, kind, horizon(self._rules, kind, now))
            found.append(Due(kind, days(self._rules, kind), len(old), min(old.values(), default=None)))
        return found

    async def apply(
        self, *, actor: str, progress: Callable[[Kind, int], None] = lambda _kind, _count: None
    ) -> dict[Kind, int]:
        """Delete what is due; how much of each kind went. Audited, with the counts."""
        now = self._clock.now_us()
        gone: dict[Kind, int] = {}
        for kind in TABLES:
            gone[kind] = 0
            before = horizon(self._rules, kind, now)
            while count := await self._step(kind, before, actor):
                gone[kind] += count
                progress(kind, gone[kind])
                await asyncio.sleep(BREATH)
        for kind in (Kind.LOGS, Kind.BACKUPS):
            gone[kind] = await asyncio.to_thread(self._drop_files, kind, horizon(self._rules, kind, now))
            progress(kind, gone[kind])
        async with self._database.write() as connection:
            await store.remember(connection, self._site, now)
            if any(gone.values()):
                await write_audit(
                    connection,
                    site=self._site,
                    at=self._clock.now_us(),
                    actor=actor,
                    action=Action.RETENTION_APPLIED,
                    detail={str(kind): count for kind, count in gone.items() if count},
                )
        return gone

    async def last(self) -> int | None:
        """When it was last applied, UTC microseconds; None: never."""
        async with self._database.read() as connection:
            return await store.remembered(connection, self._site)

    async def begin(self) -> None:
        """Count the days from now: a new home has nothing to delete."""
        async with self._database.write() as connection:
            await store.remember(connection, self._site, self._clock.now_us())

    async def _step(self, kind: Kind, before: int, actor: str) -> int:
        async with self._database.write() as connection:
            if kind is Kind.AUDIT:
                return await store.trim_some(
                    connection, self._site, before, STEP * 10, at=self._clock.now_us(), actor=actor
                )
            if kind is Kind.RECORDINGS:
                old = await recording_store.due(connection, self._site, before, STEP)
                await asyncio.to_thread(self._shelf.take_away, old)  # files first: none is left without a row
                await recording_store.drop(connection, self._site, old)
                return len(old)
            return await store.drop_some(connection, self._site, kind, before, STEP)

    def _old_files(self, kind: Kind, before: int) -> dict[Path, int]:
        """Files of a kind last written before a moment."""
        found: list[Path] = []
        if kind is Kind.LOGS:
            found += [*self._settings.logs.glob("*.log.*"), *(self._settings.pbx / "log").glob("messages*.*")]
            found = [path for path in found if path.name != "messages.log"]
        elif kind is Kind.BACKUPS:
            found += backup.listed(self._settings)[:-1]  # the newest always stays
        times = {path: path.stat().st_mtime_ns // 1000 for path in found if path.is_file()}
        return {path: at for path, at in times.items() if at < before}

    def _drop_files(self, kind: Kind, before: int) -> int:
        old = self._old_files(kind, before)
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
