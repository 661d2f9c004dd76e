"""From a backup to a home again. What was there before is laid aside, never deleted."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psap.platform import backup, sqlite
from psap.platform.backup import BackupError, Manifest
from psap.platform.revisions import known_revisions
from psap.platform.settings import Settings, write_private


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place, and where the earlier state lies (None: there was none)."""

    manifest: Manifest
    aside: Path | None
    fitted: int = 0  # texts that PostgreSQL could not hold as they were: cut


def restore(settings: Settings, archive: Path) -> Restored:
    """Put a backup in place of a home's database, profile and secrets. The home must not run.

    Into SQLite as a file; into PostgreSQL in one transaction, after a backup of what is there. The
    machine's own ``config.json`` (ports, addresses) is kept where there is one. Raises BackupError.
    """
    path = sqlite.path_of(settings.effective_database_url)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o750)
    with nobody_else(settings), tempfile.TemporaryDirectory(dir=settings.home, prefix=".restore-") as made:
        work = Path(made)
        manifest = backup.unpack(archive, work)
        _check_version(archive, manifest)
        _check_site(settings, archive, manifest)
        aside = settings.home / f"before-restore-{datetime.now(tz=UTC):%Y%m%dT%H%M%S.%fZ}"
        fitted = 0
        if path is None:
            fitted = _into_other_engine(settings, work, aside)
            _move_aside(settings.home, [], aside, manifest)
        else:
            _move_aside(settings.home, [path, *sqlite.side_files(path)], aside, manifest)
            sqlite.put_in_place(work / backup.DATABASE, path)
        for name in ("secrets.json", "profile.toml", "profile.gazetteer.csv"):
            if name in manifest.files:
                (work / name).replace(settings.home / name)
        if "spool/calls.jsonl" in manifest.files and not (settings.spool / "calls.jsonl").exists():
            settings.spool.mkdir(parents=True, exist_ok=True)
            (work / "spool/calls.jsonl").replace(settings.spool / "calls.jsonl")
        if "config.json" in manifest.files and not (settings.home / "config.json").exists():
            _config(settings, work / "config.json")
        sqlite.sync(settings.home)
    return Restored(manifest, aside if aside.exists() else None, fitted)


def put_database_back(settings: Settings) -> tuple[Path, Manifest] | None:
    """The newest sound backup's database in place of a file that is gone; None where there is no backup.

    For a file that was deleted: nothing but the database is touched. Who was erased since that backup is
    erased in it again before it gets its name.
    """
    path = sqlite.path_of(settings.effective_database_url)
    if path is None:
        return None
    for archive in reversed(backup.listed(settings)):
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".restore-") as work:
            try:
                manifest = backup.unpack(archive, Path(work))
                _check_version(archive, manifest)
            except BackupError:
                continue  # an older one may be sound
            try:
                _erase_again(settings, Path(work) / backup.DATABASE)
            except Exception as error:  # a centre without a database helps nobody: it goes in, and it is told
                logging.getLogger(__name__).error(
                    "cadangan dipasang, tetapi orang yang sudah dihapus mungkin kembali bersamanya / "
                    "the backup is in place, but who was erased may be back with it: %s",
                    type(error).__name__,
                )
            sqlite.put_in_place(Path(work) / backup.DATABASE, path)
            return archive, manifest
    return None


def _erase_again(settings: Settings, made: Path) -> None:
    """Who was erased since the backup comes back with it, and goes again."""
    from psap.keeping.persons import ERASED, Persons

    if not (settings.home / ERASED).exists():
        return
    from psap.agencies.profile import find_profile, load_profile
    from psap.platform.clock import SystemClock
    from psap.platform.database import Database
    from psap.platform.migrate import migrate

    url = f"sqlite+aiosqlite:///{made}"
    migrate(Settings(home=made.parent, database_url=url))  # the backup may be of an earlier version
    in_force = settings.home / "profile.toml"
    profile = load_profile(in_force if in_force.exists() else find_profile(settings.profile))

    async def again() -> None:
        database = Database(url)
        try:
            unpacked = settings.model_copy(update={"database_url": url})
            await Persons(unpacked, database, profile, SystemClock()).erase_again(actor="system:restore")
        finally:
            await database.close()

    # a loop of its own: whoever mends a missing file may be running one
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, again()).result()
    sqlite.scrub(made)  # one file, nothing beside it


def _into_other_engine(settings: Settings, work: Path, aside: Path) -> int:
    """All at once or not at all; what is there goes into a backup below ``aside`` first.

    How many texts were cut to fit: a city that needs its backup is not refused for the length of a name.
    """
    from psap.platform import moving_data
    from psap.platform.migrate import MigrationError, migrate

    url = settings.effective_database_url
    unpacked = Settings(home=work, database_url=f"sqlite+aiosqlite:///{work / backup.DATABASE}")
    try:
        found = moving_data.look(url)
        if found.revision is None and found.counts:
            raise BackupError(
                f"{found.name} berisi tabel yang bukan milik 112; pilih basis data lain / "
                "holds tables that are not ours; choose another database"
            )
        if found.rows:
            aside.mkdir(mode=0o700)
            backup.make(settings, aside)
        migrate(unpacked)  # the backup may be of an earlier version
        migrate(settings)
        return moving_data.copy(unpacked.effective_database_url, url, replace=True, fit=True).fitted
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)  # nothing was changed: there is nothing to go back from
        if isinstance(error, moving_data.MovingError | MigrationError):
            raise BackupError(str(error)) from error
        raise


@contextlib.contextmanager
def nobody_else(settings: Settings) -> Iterator[None]:
    """No `up` at work on this home meanwhile."""
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "up.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(
                "perintah up sedang bekerja; tunggu, lalu ./112 down / "
                "an up is at work; wait, then ./112 down"
            ) from None
        yield


def _check_version(archive: Path, manifest: Manifest) -> None:
    if manifest.database is not None and manifest.database not in known_revisions():
        raise BackupError(
            f"{archive}: basis data versi {manifest.database} lebih baru daripada perangkat lunak ini; "
            f"perbarui dulu / its database (version {manifest.database}) is newer than this software; "
            "update it first"
        )


def _check_site(settings: Settings, archive: Path, manifest: Manifest) -> None:
    """Another city's records in this home would be invisible, and look like a loss."""
    site = _site_of(settings)
    if site is not None and manifest.site is not None and site != manifest.site:
        raise BackupError(
            f"{archive}: milik '{manifest.site}', sedangkan {settings.home} milik '{site}'; "
            f"pilih --home lain / it is of '{manifest.site}', {settings.home} is of '{site}'; "
            "choose another --home"
        )


def _site_of(settings: Settings) -> str | None:
    """Whose records are there; None where there are none, or none can be read."""
    path = sqlite.path_of(settings.effective_database_url)
    if path is None:
        from psap.platform import moving_data

        try:
            return moving_data.look(settings.effective_database_url).site
        except moving_data.MovingError as error:
            raise BackupError(str(error)) from error
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite.connect(path)) as database:
            row = database.execute("SELECT site FROM users LIMIT 1").fetchone()
    except sqlite3.Error:  # damaged, or without tables: that is why it is restored
        return None
    return None if row is None else str(row[0])


def _move_aside(home: Path, database: list[Path], aside: Path, manifest: Manifest) -> None:
    # what the backup has nothing for stays: without its secrets a home forgets who was erased
    names = database + [
        home / name
        for name in ("secrets.json", "profile.toml", "profile.gazetteer.csv")
        if name in manifest.files
    ]
    there = [name for name in names if name.exists()]
    if there:
        aside.mkdir(mode=0o700, exist_ok=not database)
    for name in there:
        name.replace(aside / name.name)


def _config(settings: Settings, saved: Path) -> None:
    """The backup's settings with this machine's places."""
    words: dict[str, Any] = json.loads(saved.read_text("utf-8"))
    words |= {"home": str(settings.home), "cache": str(settings.cache), "pbx_root": None}
    # the database that it was restored into, not the one that it came from
    words |= settings.model_dump(mode="json", include={"database_url", "database_password_file"})
    if str(words.get("profile", "")).endswith(".toml") and not Path(words["profile"]).exists():
        # the city's own file was on the other machine: go on with the one that was in force
        own = settings.home / "profile-restored.toml"
        own.write_bytes((settings.home / "profile.toml").read_bytes())
        places = settings.home / "profile.gazetteer.csv"
        if places.is_file():
            (settings.home / "profile-restored.gazetteer.csv").write_bytes(places.read_bytes())
        words["profile"] = str(own)
    write_private(settings.home / "config.json", json.dumps(words, indent=2))
