"""``./112 upgrade``: new software under a running home, part by part, while people talk."""

# ruff: noqa: E501 - sentences

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Annotated

import typer

from psap.cli import page
from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import migrate, parts, probes, supervise
from psap.platform.settings import ROOT, Settings, load_settings

WELL_SECONDS = 60.0
STOP_SECONDS = 20.0
UNTOUCHED = ("asterisk", "redis")  # calls live in the one, pages follow the other
# the bridge before agi: it tells the dialplan whether agi is there
FIRST = ("console", "ami_bridge", "agi")
TRIAL = "import agi.server, ami_bridge.bridge, console.app"


def upgrade(
    back_to: Annotated[
        str | None,
        typer.Option(
            "--back-to", help="Basis data ke versi ini; 112 harus berhenti / take the database back"
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Pakai perangkat lunak baru tanpa memutus panggilan / use new software without cutting a call."""
    settings = load_settings(home)
    running = bool(supervise.survivors(settings))
    if back_to is not None:
        _back(settings, back_to, running)
        return
    if not running:
        raise RefusedError(
            f"112 tidak berjalan di {settings.home}; ./112 up langsung memakai perangkat lunak baru / "
            "it is not running; ./112 up uses the new software at once"
        )
    began = time.monotonic()
    _rehearse(settings)
    page.build_if_stale(settings.cache)
    _prepare_data(settings)
    names = [part.name for part in parts.processes(settings) if part.name not in UNTOUCHED]
    for name in sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        restart(settings, name)
    step(
        f"Diperbarui dalam {time.monotonic() - began:.1f} detik; panggilan tidak disentuh",
        "upgraded; no call was touched",
    )
    step(
        "Berkas Asterisk sendiri (dialplan, modul) dan profil baru berlaku pada ./112 down dan ./112 up berikutnya",
        "Asterisk's own files and a changed profile count from the next ./112 down and ./112 up",
    )


def restart(settings: Settings, name: str) -> None:
    """One part anew. Raises RefusedError when it does not come back; the others are as they were."""
    began = time.monotonic()
    step(f"Memulai ulang {name}", f"restarting {name}")
    try:
        if name in supervise.info(settings):
            supervise.ask(settings, "supervisor.stopProcess", name, True, timeout=STOP_SECONDS)
            supervise.ask(settings, "supervisor.startProcess", name, False, timeout=STOP_SECONDS)
        else:
            return  # a part that the running supervisor does not know yet: from the next up
    except supervise.SuperviseError as error:
        raise RefusedError(f"{name}: {error}") from None
    if name not in probes.PROBES:
        return
    detail = "?"
    while time.monotonic() - began < WELL_SECONDS:
        told = asyncio.run(probes.status(settings)).parts[name]
        if told.state == "up" and told.pid is not None:
            return
        detail = told.detail
        time.sleep(0.2)
    raise RefusedError(
        f"{name} belum sehat: {detail}; panggilan tetap jalan. Kembali: pasang versi lama, lalu ./112 upgrade / "
        f"{name} is not well; calls go on. To go back: put the old version in place, then ./112 upgrade "
        f"(log: {settings.logs / name}.log)"
    )


def _rehearse(settings: Settings) -> None:
    """Would the new software start at all? Found out before anything is touched."""
    from psap.agencies.profile import ProfileError, load_profile

    step("Memeriksa perangkat lunak baru", "trying the new software")
    tried = subprocess.run(
        [sys.executable, "-c", TRIAL], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if tried.returncode != 0:
        last = (tried.stderr.strip().splitlines() or ["?"])[-1]
        raise RefusedError(
            f"perangkat lunak baru tidak dapat dimuat / the new software does not load: {last}"
        )
    try:
        load_profile(settings.home / "profile.toml")
    except ProfileError as error:
        raise RefusedError(str(error).splitlines()[0]) from None


def _prepare_data(settings: Settings) -> None:
    """A backup, always; then the tables, which the parts that still run go on using: only additions."""
    from psap.platform import backup

    step("Mencadangkan, lalu memperbarui basis data", "backing up, then bringing the database up to date")
    try:
        if settings.database_url is None and migrate.current_ok(settings)[0]:
            backup.make(settings, kind="upgrade")  # migrate() makes its own where it changes something
        migrate.migrate(settings)
    except (backup.BackupError, migrate.MigrationError) as error:
        raise RefusedError(str(error)) from None


def _back(settings: Settings, revision: str, running: bool) -> None:
    if running:
        raise RefusedError(
            "basis data hanya dapat mundur saat berhenti; ./112 down dulu / the database goes back only "
            "while nothing runs; ./112 down first"
        )
    try:
        migrate.downgrade(settings, revision)
    except migrate.MigrationError as error:
        raise RefusedError(str(error)) from None
    step(f"Basis data kembali di versi {revision}", f"the database is back at version {revision}")
