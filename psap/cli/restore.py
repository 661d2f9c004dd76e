"""``./112 restore``: a home as a backup remembers it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import supervise
from psap.platform.settings import Settings

SHOWN = ("calls", "incidents", "blocks", "users")


def restore(
    file: Annotated[Path, typer.Argument(help="Berkas dari ./112 backup / a file of ./112 backup")],
    home: HomeOption = None,
) -> None:
    """Pulihkan dari cadangan; yang ada disisihkan / restore a backup; what is there is laid aside."""
    from psap.cli.prepare import settings_for_up
    from psap.platform.backup import BackupError
    from psap.platform.restore import restore as put_back

    settings = settings_for_up(home, None, demo=False)
    if supervise.runs(settings):
        raise RefusedError(
            f"112 sedang berjalan di {settings.home}; ./112 down dulu (tidak ada yang diubah) / "
            f"112 is running in {settings.home}; run ./112 down first (nothing was changed)"
        )
    if not file.is_file():
        raise RefusedError(f"tidak ada berkas {file} / no such file")
    began = time.monotonic()
    step("Memeriksa dan memulihkan", "checking and restoring")
    try:
        done = put_back(settings, file)
    except BackupError as error:
        raise RefusedError(str(error)) from None
    manifest = done.manifest
    _erase_again(settings)
    step(
        f"Dipulihkan seperti pada {manifest.at}: {told_counts(manifest.counts)} "
        f"({time.monotonic() - began:.1f} detik)",
        "restored as of then",
    )
    if done.fitted:
        step(
            f"{done.fitted} teks terlalu panjang untuk PostgreSQL, dipotong",
            f"{done.fitted} texts were too long for PostgreSQL and were cut; the backup still has them whole",
        )
    if done.aside is not None:
        step(f"Keadaan sebelumnya di {done.aside}", "what was here before lies there")
    step(
        "./112 up melengkapi sisanya dari buku besar Asterisk, bila berkasnya masih ada",
        "./112 up makes up the rest from Asterisk's ledger where its files are still here",
    )


def _erase_again(settings: Settings) -> None:
    """Who was erased since the backup comes back with it, and goes again."""
    from psap.cli.ground import Ground, on_ground
    from psap.keeping.persons import ERASED, Persons

    if not (settings.home / ERASED).exists():
        return

    async def work(ground: Ground) -> None:
        persons = Persons(ground.settings, ground.database, ground.profile, ground.clock)
        if count := await persons.erase_again(actor=ground.actor):
            step(f"{count} orang yang sudah dihapus, dihapus lagi", "erased again who had been erased before")

    on_ground(settings.home, work)


def told_counts(counts: dict[str, int]) -> str:
    """``12 calls, 3 incidents ...``: what people look for first."""
    return ", ".join(f"{counts.get(name, 0)} {name}" for name in SHOWN)
