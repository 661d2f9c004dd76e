"""The shelf: recordings come out of Asterisk's spool, are kept by date, played, and taken away.

A file is linked to the shelf first, then written down, and only then taken out of the spool: whoever dies in
between finds it there again, and does the same once more.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from psap.agencies.model import Profile, local_time
from psap.calls import store as call_store
from psap.calls.model import Call, call_id
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.settings import Settings
from psap.recordings import sound, store
from psap.recordings.model import (
    FOLDER,
    PEAKS_SUFFIX,
    SHELVED,
    SPOOLED,
    Recording,
    began,
    recording_id,
    shelf_name,
)

ADOPT_DAYS = 60  # how far back the shelf is searched for files without a row, after a restore


class Shelf:
    """Recordings of one home."""

    def __init__(self, settings: Settings, database: Database, profile: Profile, clock: Clock) -> None:
        self._database, self._profile, self._clock = database, profile, clock
        self.spool = settings.pbx / "spool" / "monitor"
        self.folder = settings.home / FOLDER

    # -- filing

    def waiting(self) -> dict[str, Path]:
        """Uniqueid -> file, of what lies in Asterisk's spool. What is not named so is nobody's."""
        try:
            names = [path.name for path in self.spool.iterdir()]
        except FileNotFoundError:
            return {}
        return {found[1]: self.spool / name for name in names if (found := SPOOLED.fullmatch(name))}

    async def call_of(self, uniqueid: str) -> Call | None:
        """The record of the call that a spooled file belongs to."""
        wanted = call_id(self._profile.site, uniqueid)
        async with self._database.read() as connection:
            found = (await call_store.load(connection, [wanted])).get(wanted)
        return None if found is None else found[0]

    async def file(self, uniqueid: str, path: Path, call: Call | None) -> Recording | None:
        """Put a finished file on the shelf; None: it held no sound and is gone.

        Raises:
            SoundError: Asterisk never wrote this.
            OSError, and the database's own errors: it stays where it is, for the next attempt.
        """
        ended = path.stat().st_mtime_ns // 1000
        taken = await asyncio.to_thread(self._measured, path)
        if taken is None:
            return None
        heard, mended = taken
        started = began(call, ended=ended, seconds=heard.seconds)
        mine = call_id(self._profile.site, uniqueid)
        name = shelf_name(local_time(self._profile, started).date(), mine)
        sha256 = await asyncio.to_thread(self._put, path, self.folder / name)
        made = Recording(
            id=recording_id(mine),
            call_id=mine,
            started_at=started,
            seconds=heard.seconds,
            bytes=heard.bytes,
            mended=mended,
            file=name,
            sha256=sha256,
        )
        async with self._database.write() as connection:
            await store.add(connection, self._profile.site, made, self._clock.now_us())
        path.unlink(missing_ok=True)
        return made

    async def adopt(self) -> int:
        """Write down what lies on the shelf without a row, as after a restore; how many."""
        files = await asyncio.to_thread(self._lying)
        ids = {recording_id(found[1]): path for path in files if (found := SHELVED.fullmatch(path.name))}
        async with self._database.read() as connection:
            lacking = ids.keys() - await store.known(connection, self._profile.site, list(ids))
            stems = [ids[each].stem for each in lacking]
            calls = await call_store.load(connection, stems)
        count = 0
        for each in lacking:
            path = ids[each]
            call = calls.get(path.stem, (None, None))[0]
            try:
                made = await asyncio.to_thread(self._found, path, call)
            except (sound.SoundError, FileNotFoundError):
                continue  # no recording, or gone meanwhile
            async with self._database.write() as connection:
                await store.add(connection, self._profile.site, made, self._clock.now_us())
            count += 1
        return count

    def _found(self, path: Path, call: Call | None) -> Recording:
        """What a file on the shelf tells of itself."""
        heard = sound.measure(path)
        return Recording(
            id=recording_id(path.stem),
            call_id=path.stem,
            started_at=began(call, ended=path.stat().st_mtime_ns // 1000, seconds=heard.seconds),
            seconds=heard.seconds,
            bytes=heard.bytes,
            file=path.relative_to(self.folder).as_posix(),
            sha256=sound.digest(path),
        )

    def _measured(self, path: Path) -> tuple[sound.Sound, bool] | None:
        heard = sound.measure(path)
        if heard.seconds == 0:
            path.unlink(missing_ok=True)
            return None
        if not heard.sealed:
            sound.mend(path)
        return heard, not heard.sealed

    def _put(self, path: Path, target: Path) -> str:
        """The file on the shelf, ours alone to read; its checksum."""
        folder = target.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        if not (target.exists() and target.samefile(path)):
            part = target.with_name(f"{target.name}.part")
            part.unlink(missing_ok=True)
            try:
                os.link(path, part)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    raise
                shutil.copy2(path, part)  # another disk
            part.replace(target)
        if os.geteuid() == 0:  # Asterisk's account wrote it, and need not read it again
            os.chown(target, 0, 0)
        target.chmod(0o600)
        return sound.digest(target)

    def _lying(self) -> list[Path]:
        today = local_time(self._profile, self._clock.now_us()).date()
        days = [today - timedelta(days=ago) for ago in range(-1, ADOPT_DAYS)]
        return [path for day in days for path in (self.folder / f"{day:%Y/%m/%d}").glob("*.wav")]

    # -- hearing

    async def of_call(self, wanted: str) -> list[Recording]:
        """A call's recordings."""
        async with self._database.read() as connection:
            return await store.of_call(connection, self._profile.site, wanted)

    async def get(self, wanted: str) -> Recording | None:
        """One recording; None: there is none (any more)."""
        async with self._database.read() as connection:
            return await store.get(connection, self._profile.site, wanted)

    def path(self, recording: Recording) -> Path:
        """Where its sound lies; whether it is still there is for whoever opens it."""
        return self.folder / recording.file

    def waveform(self, recording: Recording) -> dict[str, Any]:
        """``{"seconds", "peaks"}``. Blocking, for a thread. Raises OSError, SoundError."""
        path = self.path(recording)
        return sound.cached_peaks(path, path.with_suffix(PEAKS_SUFFIX))

    # -- taking away

    def take_away(self, gone: Iterable[Recording]) -> None:
        """Delete the files of recordings; called before their rows go, so that none is left without one."""
        for each in gone:
            path = self.path(each)
            path.with_suffix(PEAKS_SUFFIX).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
