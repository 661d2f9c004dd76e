"""From a backup to a home again. What was there before is laid aside, never deleted."""

from __future__ import annotations

import contextlib
import fcntl
import json
import sqlite3
import tempfile
from collections.abc import Iterator
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


def restore(settings: Settings, archive: Path) -> Restored:
    """Put a backup in place of a home's database, profile and secrets. The home must not run.

    The machine's own ``config.json`` (ports, addresses) is kept where there is one. Raises BackupError.
    """
    path = backup.database_path(settings)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o750)
    with _nobody_else(settings), tempfile.TemporaryDirectory(dir=settings.home, prefix=".restore-") as work:
        manifest = backup.unpack(archive, Path(work))
        _check_version(archive, manifest)
        _check_site(settings, archive, manifest)
        aside = settings.home / f"before-restore-{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}"
        moved = _move_aside(settings.home, path, aside, manifest)
        sqlite.put_in_place(Path(work) / backup.DATABASE, path)
        for name in ("secrets.json", "profile.toml", "profile.gazetteer.csv"):
            if name in manifest.files:
                (Path(work) / name).replace(settings.home / name)
        if "spool/calls.jsonl" in manifest.files and not (settings.spool / "calls.jsonl").exists():
            settings.spool.mkdir(parents=True, exist_ok=True)
            (Path(work) / "spool/calls.jsonl").replace(settings.spool / "calls.jsonl")
        if "config.json" in manifest.files and not (settings.home / "config.json").exists():
            _config(settings, Path(work) / "config.json")
        sqlite.sync(settings.home)
    return Restored(manifest, aside if moved else None)


def put_database_back(settings: Settings) -> tuple[Path, Manifest] | None:
    """The newest sound backup's database in place of one that is gone; None where there is no backup.

    For a file that was deleted: nothing but the database is touched.
    """
    path = backup.database_path(settings)
    for archive in reversed(backup.listed(settings)):
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".restore-") as work:
            try:
                manifest = backup.unpack(archive, Path(work))
                _check_version(archive, manifest)
            except BackupError:
                continue  # an older one may be sound
            sqlite.put_in_place(Path(work) / backup.DATABASE, path)
            return archive, manifest
    return None


@contextlib.contextmanager
def _nobody_else(settings: Settings) -> Iterator[None]:
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
    path = backup.database_path(settings)
    if not path.exists() or manifest.site is None:
        return
    try:
        with contextlib.closing(sqlite.connect(path)) as database:
            row = database.execute("SELECT site FROM users LIMIT 1").fetchone()
    except sqlite3.Error:  # damaged, or without tables: that is why it is restored
        return
    if row is not None and row[0] != manifest.site:
        raise BackupError(
            f"{archive}: milik '{manifest.site}', sedangkan {settings.home} milik '{row[0]}'; "
            f"pilih --home lain / it is of '{manifest.site}', {settings.home} is of '{row[0]}'; "
            "choose another --home"
        )


def _move_aside(home: Path, database: Path, aside: Path, manifest: Manifest) -> bool:
    names = [database, *sqlite.side_files(database)]
    # what the backup has nothing for stays: without its secrets a home forgets who was erased
    names += [
        home / name
        for name in ("secrets.json", "profile.toml", "profile.gazetteer.csv")
        if name in manifest.files
    ]
    there = [name for name in names if name.exists()]
    if there:
        aside.mkdir(mode=0o700)
    for name in there:
        name.replace(aside / name.name)
    return bool(there)


def _config(settings: Settings, saved: Path) -> None:
    """The backup's settings with this machine's places."""
    words: dict[str, Any] = json.loads(saved.read_text("utf-8"))
    words |= {"home": str(settings.home), "cache": str(settings.cache), "pbx_root": None}
    if str(words.get("profile", "")).endswith(".toml") and not Path(words["profile"]).exists():
        # the city's own file was on the other machine: go on with the one that was in force
        own = settings.home / "profile-restored.toml"
        own.write_bytes((settings.home / "profile.toml").read_bytes())
        places = settings.home / "profile.gazetteer.csv"
        if places.is_file():
            (settings.home / "profile-restored.gazetteer.csv").write_bytes(places.read_bytes())
        words["profile"] = str(own)
    write_private(settings.home / "config.json", json.dumps(words, indent=2))
