"""``./112 backup``: everything that a home can be made from again, in one file, while calls go on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import sqlite
from psap.platform.settings import Settings, load_settings
from psap.recordings.model import FOLDER

NICE = 19  # an automatic backup yields to calls


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", help="Berkas .tar.gz atau folder / a .tar.gz file or a folder")
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            "--recordings", help="Salin rekaman yang belum ada ke folder ini / copy recordings there"
        ),
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", hidden=True)] = False,
    home: HomeOption = None,
) -> None:
    """Cadangkan semua data sambil berjalan / back everything up while it runs."""
    from psap.platform.backup import BackupError, make, thin_out

    settings = load_settings(home)
    if recordings is not None:
        _copy_recordings(settings, recordings)
        return
    if auto:
        os.nice(NICE)
    began = time.monotonic()
    try:
        with shown("Menyalin basis data / copying the database") as progress:
            path, manifest = make(settings, to, kind="auto" if auto else "manual", progress=progress)
    except BackupError as error:
        raise RefusedError(str(error)) from None
    if auto:
        thin_out(settings)
    size = path.stat().st_size
    print(f"{path}")
    step(
        f"Cadangan {manifest.at}: {_counts(manifest.counts)}; {size / 2**20:.1f} MB, "
        f"{time.monotonic() - began:.1f} detik",
        "backup is complete",
    )
    step(
        "Berisi data pribadi dan rahasia (0600): simpan juga di luar mesin ini, terkunci",
        "it holds personal data and secrets (0600): keep a copy off this machine, locked away",
    )
    if (settings.home / FOLDER).is_dir():
        step(
            "Rekaman suara tidak ikut: ./112 backup --recordings FOLDER",
            "voice recordings are not in it: ./112 backup --recordings FOLDER",
        )


def _copy_recordings(settings: Settings, target: Path) -> None:
    from psap.recordings.copying import CopyError, copy_to

    try:
        done = copy_to(settings, target)
    except CopyError as error:
        raise RefusedError(str(error)) from None
    step(
        f"{target}: {done.copied} rekaman baru, {done.bytes / 2**20:.1f} MB; {done.there} sudah ada",
        f"{done.copied} new recordings, {done.there} were there; keep them as safe as the home itself",
    )


def _counts(counts: dict[str, int]) -> str:
    from psap.cli.restore import told_counts

    return told_counts(counts)


@contextmanager
def shown(words: str) -> Iterator[sqlite.Progress]:
    """A bar for what takes longer than two seconds, on a terminal only."""
    from rich.progress import Progress

    began = time.monotonic()
    with Progress(transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task(words, total=None, visible=False)

        def progress(done: int, whole: int) -> None:
            if time.monotonic() - began > 2.0:
                bar.update(task, completed=done, total=whole, visible=True)

        yield progress
