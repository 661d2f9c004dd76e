"""``./112 db``: which database a home has, and moving it to another engine."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import sqlite, supervise
from psap.platform.revisions import HEAD
from psap.platform.settings import Settings, load_settings
from psap.recordings.model import FOLDER

if TYPE_CHECKING:
    from psap.platform.moving_data import Copied, Looked

OWN = "sqlite"  # the home's own file
SHOWN = ("calls", "incidents", "blocks", "audit", "users")

app = typer.Typer(no_args_is_help=True, help="Basis data / the database")


@app.command()
def show(home: HomeOption = None) -> None:
    """Basis data yang dipakai, isinya / which database is used, and what is in it."""
    settings = load_settings(home)
    found = _look(settings)
    print(f"{found.engine}: {_shown(settings)}")
    print(f"  versi / version {found.revision}, {found.size / 2**20:.1f} MB")
    for name, rows in found.counts.items():
        print(f"  {name:<20} {rows:>12,}")


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="postgresql://PEMAKAI@/NAMA?host=/run/postgresql; atau / or 'sqlite' (HOME/psap.db)",
        ),
    ],
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", help="Berkas berisi kata sandi / a file with the password"),
    ] = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Potong teks yang terlalu panjang / cut texts that are too long")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Pindahkan semua data ke mesin lain, bandingkan / move everything to another engine, and compare.

    112 must be down. Where anything fails, everything is as it was.
    """
    from psap.platform.backup import BackupError
    from psap.platform.restore import nobody_else

    settings = load_settings(home)
    if not settings.home.is_dir():
        raise RefusedError(f"{settings.home} tidak ada: periksa --home / is not there: check --home")
    if supervise.runs(settings):
        raise RefusedError(
            f"112 sedang berjalan di {settings.home}; ./112 down dulu (tidak ada yang diubah) / "
            f"112 is running in {settings.home}; run ./112 down first (nothing was changed)"
        )
    moved = _target(settings, to, password_file)
    try:
        with nobody_else(settings):
            _move(settings, moved, fit)
    except BackupError as error:
        raise RefusedError(str(error)) from None


def _target(settings: Settings, to: str, password_file: Path | None) -> Settings:
    """The home's settings with the other database."""
    words = settings.model_dump() | {
        "database_url": None if to == OWN else to,
        "database_password_file": None if password_file is None else password_file.resolve(),
    }
    try:
        moved = Settings(**words)
    except ValidationError as error:
        raise RefusedError(f"--to: {error.errors()[0]['msg']}") from None
    if moved.effective_database_url == settings.effective_database_url:
        raise RefusedError("basis data itu sudah dipakai / that database is the one in use")
    if password_file is not None and not password_file.is_file():
        raise RefusedError(f"--password-file {password_file}: tidak ada / not there")
    return moved


def _move(settings: Settings, moved: Settings, fit: bool) -> None:
    from psap.cli.backup import shown
    from psap.platform import moving_data

    began = time.monotonic()
    source = _look(settings)
    if source.revision != HEAD:
        raise RefusedError(
            f"{source.name} versi {source.revision}, perangkat lunak ini {HEAD}; ./112 up lalu ./112 down "
            "dahulu / it is not of this version; ./112 up, then ./112 down, first"
        )
    file = sqlite.path_of(moved.effective_database_url)
    fresh = file is not None and not file.exists()
    try:
        _prepare(settings, moved, source)
        with shown("Menyalin dan membandingkan / copying and comparing") as progress:
            source_url, target_url = settings.effective_database_url, moved.effective_database_url
            copied = moving_data.copy(source_url, target_url, lock=True, fit=fit, progress=progress)
    except BaseException as error:
        if fresh and file is not None:
            for name in (file, *sqlite.side_files(file)):
                name.unlink(missing_ok=True)
        if isinstance(error, moving_data.MovingError):
            raise RefusedError(f"tidak dipindahkan, tidak ada yang diubah / not moved: {error}") from None
        raise
    _tell(copied)
    _check_audit(moved)
    _switch(settings, moved)
    step(
        f"Dipindahkan: {source.engine} -> {_look(moved).engine}, {time.monotonic() - began:.1f} detik",
        "moved; every table is equal",
    )
    _remind(moved)


def _prepare(settings: Settings, moved: Settings, source: Looked) -> None:
    """The same tables over there; nothing is changed where something is there already."""
    from psap.platform import moving_data
    from psap.platform.migrate import MigrationError, migrate

    path = sqlite.path_of(moved.effective_database_url)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _room(path.parent, source.size)
        if path.exists() and path.stat().st_size:
            raise moving_data.MovingError(f"{path} sudah ada; sisihkan dulu / is there already; lay it aside")
        path.unlink(missing_ok=True)
        moving_data.new_sqlite(path, HEAD)
        return
    found = moving_data.look(moved.effective_database_url)
    if found.rows or (found.revision is None and found.counts):
        full = ", ".join(name for name, rows in found.counts.items() if rows) or ", ".join(found.counts)
        raise moving_data.MovingError(f"{found.name} tidak kosong ({full}) / is not empty")
    try:
        migrate(moved)
    except MigrationError as error:
        raise moving_data.MovingError(str(error)) from error


def _room(folder: Path, size: int) -> None:
    from psap.platform.moving_data import MovingError

    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise MovingError(
            f"ruang di {folder} kurang: perlu {2 * size // 2**20} MB, ada {free // 2**20} MB / "
            "too little room there"
        )


def _tell(copied: Copied) -> None:
    for each in copied.tables:
        if each.rows:
            print(f"    {each.table:<20} {each.rows:>12,} = {each.digest}")
    empty = sum(1 for each in copied.tables if not each.rows)
    rows = sum(each.rows for each in copied.tables)
    step(
        f"{rows:,} baris dalam {len(copied.tables)} tabel sama, kolom demi kolom ({empty} tabel kosong)",
        "rows are equal, column by column",
    )
    if copied.fitted:
        step(f"{copied.fitted} teks dipotong (--fit)", f"{copied.fitted} texts were cut to fit")
    if copied.left:
        step(
            f"Tabel lain dibiarkan: {', '.join(copied.left)}", "tables that are not ours stay where they are"
        )


def _check_audit(moved: Settings) -> None:
    """The chain of the audit in its new place. It equals the old one's: a fault was there before."""
    from psap.platform.moving_data import audit_chain

    entries, fault = audit_chain(moved.effective_database_url)
    if fault is None:
        step(f"Audit: {entries} catatan, rantai utuh", f"audit: {entries} entries, the chain is whole")
    else:
        step(
            f"Audit: rantai rusak, sejak sebelum dipindahkan ({fault})", "its chain was broken before already"
        )


def _switch(settings: Settings, moved: Settings) -> None:
    """From here on the other one counts. What it came from stays, under another name if it is a file."""
    moved.save()
    path = sqlite.path_of(settings.effective_database_url)
    if path is None:
        step(f"{_shown(settings)} dibiarkan apa adanya", "the old database stays as it is")
        return
    with contextlib.suppress(sqlite3.Error):  # one file is easier to carry about than three
        sqlite.scrub(path)
    aside = sqlite.lay_aside(path, f"moved-{datetime.now(tz=UTC):%Y%m%dT%H%M%SZ}")
    step(f"Yang lama disimpan: {aside}", "the old file is kept under that name")


def _remind(moved: Settings) -> None:
    environment = Settings()
    for name in sorted(environment.model_fields_set & {"database_url", "database_password_file"}):
        if getattr(environment, name) != getattr(moved, name):
            step(
                f"Ubah atau hapus PSAP_{name.upper()} di lingkungan: itu yang dipakai ./112 up",
                "change or remove it in the environment: ./112 up goes by it",
            )
    if (moved.home / FOLDER).is_dir():
        step("Rekaman tetap di tempatnya", "recordings stay where they are")


def _look(settings: Settings) -> Looked:
    from psap.platform import moving_data

    path = sqlite.path_of(settings.effective_database_url)
    if path is not None and not path.exists():
        raise RefusedError(f"belum ada basis data di {path} / there is no database at {path} yet")
    try:
        return moving_data.look(settings.effective_database_url)
    except moving_data.MovingError as error:
        raise RefusedError(str(error)) from None


def _shown(settings: Settings) -> str:
    path = sqlite.path_of(settings.effective_database_url)
    if path is not None:
        return str(path)
    from psap.platform.postgres import shown

    return shown(settings.effective_database_url)
