"""The shelf: recordings come out of Asterisk's spool, are kept by date, played, and taken away.

A file is linked to the shelf first, then written down, and only then taken out of the spool: whoever dies in
between finds it there again, and does the same once more.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from psap.agencies.model import Profile, local_time
from psap.calls import store as call_store
from psap.calls.model import Call, call_id
from psap.platform.clock import Clock
from psap.platform.database import Database
from psap.platform.in_one_go import InOneGo
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
Filed = Recording | Exception | None  # None: it held no sound and is gone


@dataclass(frozen=True, slots=True)
class Found:
    """A file in Asterisk's spool. ``closed``: nothing more comes into it; ``age``: since something did."""

    closed: bool
    age: float


class Shelf:
    """Recordings of one home. ``in_one_go``: where rows are written, if many are."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        profile: Profile,
        clock: Clock,
        in_one_go: InOneGo | None = None,
    ) -> None:
        self._database, self._profile, self._clock = database, profile, clock
        self._in_one_go = in_one_go
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

    def look_at(self, paths: Mapping[str, Path], now: float) -> dict[str, Found | Exception]:
        """How each of these files is; one that is gone meanwhile is left out. Blocking."""
        seen: dict[str, Found | Exception] = {}
        for key, path in paths.items():
            try:
                heard, age = sound.measure(path), now - path.stat().st_mtime
                seen[key] = Found(heard.sealed and heard.seconds > 0, age)
            except FileNotFoundError:
                continue
            except (sound.SoundError, OSError) as error:
                seen[key] = error
        return seen

    async def calls_of(self, uniqueids: Iterable[str]) -> dict[str, Call]:
        """The records of the calls that spooled files belong to, by Uniqueid, as far as there are any."""
        wanted = {call_id(self._profile.site, each): each for each in uniqueids}
        if not wanted:
            return {}
        async with self._database.read() as connection:
            found = await call_store.load(connection, list(wanted))
        return {wanted[mine]: call for mine, (call, _) in found.items()}

    async def file(self, uniqueid: str, path: Path, call: Call | None) -> Recording | None:
        """``file_all`` for one; what kept it from being filed is raised."""
        filed = (await self.file_all([(uniqueid, path, call)]))[uniqueid]
        if isinstance(filed, Exception):
            raise filed
        return filed

    async def file_all(self, found: Sequence[tuple[str, Path, Call | None]]) -> dict[str, Filed]:
        """Put finished files on the shelf, by Uniqueid, and write them down together.

        An outcome that is an exception: SoundError (Asterisk never wrote this), OSError and the database's
        own errors: that file stays where it is, for the next attempt.
        """
        outcomes = await asyncio.to_thread(self._put_all, found)
        made = {key: each for key, each in outcomes.items() if isinstance(each, Recording)}
        for key, error in (await self._written(made)).items():
            outcomes[key] = error
        # only now: who dies before finds them in the spool again
        done = [path for key, path, _ in found if isinstance(outcomes[key], Recording)]
        await asyncio.to_thread(_unlink, done)
        return outcomes

    async def _written(self, made: Mapping[str, Recording]) -> dict[str, Exception]:
        """Write rows, all in one transaction; those that could not be written, and why."""
        if not made:
            return {}
        write = partial(
            store.add_all, site=self._profile.site, made=list(made.values()), filed_at=self._clock.now_us()
        )
        try:
            await self._write(write)
        except call_store.AWAY_ERRORS as error:
            return dict.fromkeys(made, error)
        except Exception as error:  # one of them is bad: it must not hold up the others
            if len(made) == 1:
                return dict.fromkeys(made, error)
            alone = [await self._written({key: each}) for key, each in made.items()]
            return {key: each for failed in alone for key, each in failed.items()}
        return {}

    async def _write(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        if self._in_one_go is not None:
            await self._in_one_go.write(work)
            return
        async with self._database.write() as connection:
            await work(connection)

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
                await store.add_all(connection, self._profile.site, [made], self._clock.now_us())
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

    def _put_all(self, found: Sequence[tuple[str, Path, Call | None]]) -> dict[str, Filed]:
        outcomes: dict[str, Filed] = {}
        for key, path, call in found:
            try:
                outcomes[key] = self._put_one(key, path, call)
            except (sound.SoundError, OSError) as error:
                outcomes[key] = error
        return outcomes

    def _put_one(self, uniqueid: str, path: Path, call: Call | None) -> Recording | None:
        ended = path.stat().st_mtime_ns // 1000
        taken = self._measured(path)
        if taken is None:
            return None
        heard, mended = taken
        started = began(call, ended=ended, seconds=heard.seconds)
        mine = call_id(self._profile.site, uniqueid)
        name = shelf_name(local_time(self._profile, started).date(), mine)
        return Recording(
            id=recording_id(mine),
            call_id=mine,
            started_at=started,
            seconds=heard.seconds,
            bytes=heard.bytes,
            mended=mended,
            file=name,
            sha256=self._put(path, self.folder / name),
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


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
