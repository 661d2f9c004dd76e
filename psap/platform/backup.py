"""Backups: one file that a home can be made from again, taken while everything goes on.

``psap-KIND-YYYYMMDDTHHMMSS.mmmZ.tar.gz`` (0600) holds ``manifest.json`` first, then the files that it
names with their SHA-256: the database as it was at one moment (a SQLite file, whatever the engine),
``config.json``, ``profile.toml``, ``secrets.json`` (accounts could not be checked on another machine
without them) and what waits in the spool. AstDB, Redis and Asterisk's configuration are made from
these and are left out.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from psap.platform import sqlite
from psap.platform.clock import rfc3339
from psap.platform.settings import Settings

FORMAT = 1
Kind = Literal["manual", "auto", "upgrade"]
DATABASE = "psap.db"
MANIFEST = "manifest.json"
BESIDE = ("config.json", "profile.toml", "profile.gazetteer.csv", "secrets.json")  # taken along if there
SPOOL = "spool/calls.jsonl"  # taken along if there: what waits for the database
BLOCK = 1024 * 1024
SPARE = 32 * 1024 * 1024  # bytes that a backup leaves free on the disk
KEEP_HOURLY, KEEP_DAILY = 24, 14


class BackupError(Exception):
    """No backup, or not from this file: what, where and how to mend, in both languages."""


class Manifest(BaseModel):
    """What a backup is. ``instant``: UTC microseconds; the database is as it was then."""

    format: int = FORMAT
    kind: Kind
    software: str
    database: str | None  # the version of its tables
    engine: str
    site: str | None
    instant: int
    at: str  # the instant, RFC 3339
    counts: dict[str, int]
    ledger: Any = None  # how far Asterisk's ledger had been read
    files: dict[str, str]  # name -> SHA-256


def folder(settings: Settings) -> Path:
    """Where automatic backups lie."""
    return settings.home / "backups"


def make(
    settings: Settings,
    target: Path | None = None,
    *,
    kind: Kind = "manual",
    progress: sqlite.Progress | None = None,
) -> tuple[Path, Manifest]:
    """Take a backup while everything runs. ``target``: a folder, or the file to write.

    It holds a SQLite file whatever engine the home uses, so that it can be restored into any.

    Raises:
        BackupError: no database, no room, or the target cannot be written.
    """
    now = datetime.now(tz=UTC)
    name = f"psap-{kind}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z.tar.gz"
    where = (target or folder(settings)).resolve()
    if target is None or where.is_dir() or not where.name.endswith((".tar.gz", ".tgz")):
        where = where / name
    try:
        where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _room(settings, where.parent)
        with tempfile.TemporaryDirectory(dir=where.parent, prefix=".backup-") as work:
            manifest = _collect(settings, Path(work), kind, progress)
            part = Path(work) / "archive"
            _pack(Path(work), manifest, part)
            part.replace(where)
        sqlite.sync(where.parent)
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise BackupError(
            f"cadangan tidak dapat dibuat di {where} / cannot back up to {where}: {error}"
        ) from error
    return where, manifest


def _room(settings: Settings, where: Path) -> None:
    source = sqlite.path_of(settings.effective_database_url)
    if source is None:
        size = _size_elsewhere(settings)
    elif not source.exists():
        raise BackupError(f"belum ada basis data di {source} / there is no database at {source} yet")
    else:
        wal = source.with_name(source.name + "-wal")
        size = source.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    needed, free = int(size * 1.5) + SPARE, shutil.disk_usage(where).free
    if free < needed:
        raise BackupError(
            f"ruang di {where} kurang: perlu {needed // 2**20} MB, ada {free // 2**20} MB / "
            f"too little room in {where}: {needed // 2**20} MB needed, {free // 2**20} MB left; use --to"
        )


def _size_elsewhere(settings: Settings) -> int:
    from psap.platform import moving_data  # PostgreSQL's driver takes a while to load

    try:
        found = moving_data.look(settings.effective_database_url)
    except moving_data.MovingError as error:
        raise BackupError(str(error)) from error
    if found.revision is None:
        raise BackupError(f"belum ada basis data di {found.name} / there is no database in {found.name} yet")
    return found.size


def _collect(settings: Settings, work: Path, kind: Kind, progress: sqlite.Progress | None) -> Manifest:
    """Everything into ``work``; the manifest of it."""
    source = sqlite.path_of(settings.effective_database_url)
    engine = f"SQLite {sqlite3.sqlite_version}"
    # what is written from the spool into the database just then must be in one of the two; both do no harm
    waited = _bytes(settings.home / SPOOL)
    if source is None:
        instant, engine = _copy_elsewhere(settings, work / DATABASE, kind, progress)
        waiting = _bytes(settings.home / SPOOL)
        with contextlib.closing(sqlite.connect(work / DATABASE)) as database:
            revision, counts = sqlite.revision_of(database), sqlite.counts_of(database)
            ledger, site = _remembered(database)
    else:
        with contextlib.closing(sqlite.connect(source)) as database, sqlite.snapshot(database):
            instant = time.time_ns() // 1000
            revision, counts = sqlite.revision_of(database), sqlite.counts_of(database)
            waiting = _bytes(settings.home / SPOOL)
            ledger, site = _remembered(database)
            sqlite.copy(database, work / DATABASE, progress)
    files = {DATABASE: _sha256(work / DATABASE)}
    for name in BESIDE:
        found = settings.home / name
        if not found.is_file():
            continue
        copied = work / name
        shutil.copyfile(found, copied)
        files[name] = _sha256(copied)
    # as a rule one goes on where the other ended
    if spooled := waiting if waiting.startswith(waited) else waited + b"\n" + waiting:
        (work / SPOOL).parent.mkdir()
        (work / SPOOL).write_bytes(spooled)
        files[SPOOL] = _sha256(work / SPOOL)
    return Manifest(
        kind=kind,
        software=_software(),
        database=revision,
        engine=engine,
        site=site,
        instant=instant,
        at=rfc3339(instant),
        counts=counts,
        ledger=ledger,
        files=files,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _copy_elsewhere(
    settings: Settings, target: Path, kind: Kind, progress: sqlite.Progress | None
) -> tuple[int, str]:
    """A database of another engine as a SQLite file, so that it can be restored anywhere."""
    from psap.platform import moving_data

    url = settings.effective_database_url
    try:
        made = moving_data.new_sqlite(target, str(moving_data.look(url).revision))
        # each hour nobody is there to wait for the comparison; rows are counted all the same
        copied = moving_data.copy(url, made, compare=kind != "auto", progress=progress)
    except moving_data.MovingError as error:
        raise BackupError(str(error)) from error
    return copied.instant, copied.engine


def _remembered(database: sqlite3.Connection) -> tuple[Any, str | None]:
    try:
        row = database.execute("SELECT site, value FROM state WHERE name = 'ledger'").fetchone()
        if row is None:
            site = database.execute("SELECT site FROM users LIMIT 1").fetchone()
            return None, None if site is None else site[0]
        return json.loads(row["value"]), row["site"]
    except sqlite3.OperationalError:  # tables of another version
        return None, None


def _software() -> str:
    from importlib import metadata

    try:
        return metadata.version("psap112")
    except metadata.PackageNotFoundError:
        return "unknown"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(work: Path, manifest: Manifest, target: Path) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        words = manifest.model_dump_json(indent=2).encode()
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode, head.mtime = len(words), 0o600, manifest.instant // 1_000_000
        archive.addfile(head, io.BytesIO(words))
        for name in manifest.files:
            member = archive.gettarinfo(work / name, arcname=name)
            member.mode, member.uid, member.gid, member.uname, member.gname = 0o600, 0, 0, "", ""
            with (work / name).open("rb") as file:
                archive.addfile(member, file)
    sqlite.sync(target)


# -- reading one


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, Manifest]]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            head = archive.next()
            if head is None or head.name != MANIFEST or head.size > 16 * BLOCK:
                raise BackupError(f"{path} bukan cadangan 112 / is no backup of 112")
            file = archive.extractfile(head)
            manifest = Manifest.model_validate_json(file.read() if file else b"")
            if manifest.format != FORMAT:
                raise BackupError(
                    f"{path}: format {manifest.format} dari versi lain / from another version, "
                    f"format {FORMAT} is known"
                )
            yield archive, manifest
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValidationError) as error:
        why = "manifest" if isinstance(error, ValidationError) else str(error) or type(error).__name__
        raise BackupError(f"cadangan {path} rusak / the backup is damaged: {why}") from error


def manifest_of(path: Path) -> Manifest:
    """What a backup says of itself. Raises BackupError where it is none."""
    with _opened(path) as (_, manifest):
        return manifest


def unpack(path: Path, target: Path) -> Manifest:
    """Take a backup apart into an empty folder, each file checked against its sum.

    Raises BackupError for a damaged, incomplete or foreign file. Only names that a backup may
    hold are written, whatever else the archive says.
    """
    wanted = {DATABASE, SPOOL, *BESIDE}
    with _opened(path) as (archive, manifest):
        left = dict(manifest.files)
        while (member := archive.next()) is not None:
            if member.name not in left or member.name not in wanted or not member.isfile():
                raise BackupError(f"{path}: isi asing / foreign content: {member.name[:80]!r}")
            file = archive.extractfile(member)
            out = target / member.name
            out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(out, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as to:
                shutil.copyfileobj(file or io.BytesIO(), to, BLOCK)
            if _sha256(out) != left.pop(member.name):
                raise BackupError(f"{path}: jumlah periksa {member.name} berbeda / its checksum differs")
    if left:
        raise BackupError(f"{path}: kurang / missing: {', '.join(sorted(left))}")
    if (fault := sqlite.fault_of(target / DATABASE)) is not None:
        raise BackupError(f"{path}: basis data di dalamnya rusak / the database in it is damaged: {fault}")
    return manifest


# -- keeping some


def listed(settings: Settings) -> list[Path]:
    """Finished backups in the home's own folder, oldest first."""
    found = folder(settings).glob("psap-*-*.tar.gz")
    return sorted(found, key=lambda path: path.name.rpartition("-")[2])


def thin_out(settings: Settings, *, hourly: int = KEEP_HOURLY, daily: int = KEEP_DAILY) -> list[Path]:
    """Remove automatic backups beyond the newest ``hourly`` and the last of each of ``daily`` days."""
    automatic = [path for path in listed(settings) if path.name.startswith("psap-auto-")]
    days: dict[str, Path] = {}
    for path in automatic:  # oldest first: the last of a day stays
        days[path.name.split("-")[2][:8]] = path
    keep = {*automatic[-hourly:], *[days[day] for day in sorted(days)[-daily:]]} if automatic else set()
    gone = [path for path in automatic if path not in keep]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone
