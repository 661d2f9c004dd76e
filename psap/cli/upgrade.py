"""``./112 upgrade``: new software under a running home, part by part, while people talk."""

# ruff: noqa: E501 - sentences

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from typing import Annotated

import typer

from psap.cli.drain import LONGEST, empty
from psap.cli.keepers import Keeper, Ours, Units
from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import draining, migrate, pbx_console, probes, supervise
from psap.platform.heartbeat import read_beat
from psap.platform.pbx_console import PbxConsoleError
from psap.platform.settings import ROOT, Settings, load_settings

WELL_SECONDS = 150.0  # as `up` waits: a machine that does much else takes its time
TRIAL_SECONDS = 180.0
# the bridge before agi: it tells the dialplan whether agi is there
FIRST = ("console", "ami_bridge", "agi")
TRIAL = "import agi.server, ami_bridge.bridge, console.app"


def upgrade(
    asterisk: Annotated[
        bool,
        typer.Option(
            "--asterisk",
            help="Juga Asterisk: kosongkan, lalu mulai ulang / Asterisk too: drain, then restart",
        ),
    ] = False,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, help="Paling lama mengosongkan / drain at most")
    ] = LONGEST,
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
    running = supervise.runs(settings)
    if back_to is not None:
        _back(settings, back_to, running)
        return
    keeper: Keeper = Units(settings) if settings.outside else Ours(settings)
    if not running:
        raise RefusedError(
            f"112 tidak berjalan di {settings.home}; {keeper.start} langsung memakai perangkat lunak baru / "
            f"it is not running; {keeper.start} uses the new software at once"
        )
    began = time.monotonic()
    _rehearse(settings)
    keeper.ready()
    for name in sorted(keeper.names(), key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
        restart(settings, keeper, name)
    step(
        f"Diperbarui dalam {time.monotonic() - began:.1f} detik; panggilan tidak disentuh",
        "upgraded; no call was touched",
    )
    if asterisk:
        _renew_asterisk(settings, keeper, seconds)
        return
    step(
        "Berkas Asterisk sendiri (dialplan, modul) dan profil baru berlaku setelah ./112 upgrade --asterisk",
        "Asterisk's own files and a changed profile count after ./112 upgrade --asterisk",
    )


def _renew_asterisk(settings: Settings, keeper: Keeper, seconds: int) -> None:
    """Give Asterisk the new configuration, drain it, start it anew; says how long each took."""
    keeper.render()  # before the door closes: it takes a while, and counts only from the next start
    shut = time.monotonic()
    try:
        took = empty(settings, seconds)
        draining.stand(settings, draining.FURTHEST)
    except BaseException as error:
        with suppress(PbxConsoleError):  # the old one goes on, and takes calls
            draining.open_again(settings)
        if not isinstance(error, PbxConsoleError):
            raise
        raise RefusedError(
            f"Asterisk tidak dimulai ulang / Asterisk was not restarted, it does not answer: {error}"
        ) from None
    away = time.monotonic()
    restart(settings, keeper, "asterisk")
    now = time.monotonic()
    draining.forget(settings)
    step(
        f"Asterisk dikosongkan dalam {took:.1f} detik, tidak menjawab {now - away:.1f} detik; "
        f"panggilan baru ditolak selama {now - shut:.1f} detik",
        f"drained in {took:.1f} s, away for {now - away:.1f} s; new calls were refused for {now - shut:.1f} s",
    )


def restart(settings: Settings, keeper: Keeper, name: str) -> None:
    """One part anew. Raises RefusedError when it does not come back; the others are as they were."""
    began = time.monotonic()
    step(f"Memulai ulang {name}", f"restarting {name}")
    keeper.restart(name)
    if name not in probes.PROBES:
        return
    detail = "?"
    while time.monotonic() - began < WELL_SECONDS:
        told = asyncio.run(probes.status(settings)).parts[name]
        if _is_back(settings, name, told):
            return
        detail = told.detail
        time.sleep(0.2)
    still = (
        ("panggilan baru TIDAK masuk", "NO new call comes in")
        if name == "asterisk"
        else ("panggilan tetap jalan", "calls go on")
    )
    raise RefusedError(
        f"{name} belum sehat: {detail}; {still[0]}. Kembali: pasang versi lama, lalu ./112 upgrade / "
        f"{name} is not well; {still[1]}. To go back: put the old version in place, then ./112 upgrade "
        f"(log: {keeper.log(name)})"
    )


def _is_back(settings: Settings, name: str, told: probes.PartStatus) -> bool:
    """Is it the new one that answers, and all of it?"""
    if name == "asterisk":
        return told.state != "down" and _booted(settings)
    if told.state != "up":
        return False
    # not the last heartbeat of the one that ended
    beat = read_beat(settings.run, name) if name in supervise.BEATING else None
    return beat is None or beat["pid"] == told.pid


def _booted(settings: Settings) -> bool:
    """Asterisk's manager answers before its telephones and its trunk do."""
    try:
        return "fully booted" in pbx_console.run(
            settings, "core waitfullybooted", timeout=draining.RX_SECONDS
        )
    except PbxConsoleError:
        return False


def _rehearse(settings: Settings) -> None:
    """Would the new software start at all? Found out before anything is touched."""
    from psap.agencies.profile import ProfileError, load_profile

    step("Memeriksa perangkat lunak baru", "trying the new software")
    try:
        tried = subprocess.run(
            [sys.executable, "-c", TRIAL],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=TRIAL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(
            f"perangkat lunak baru belum termuat dalam {TRIAL_SECONDS:.0f} detik: mesin terlalu sibuk? / "
            f"the new software did not load within {TRIAL_SECONDS:.0f} s: is the machine too busy?"
        ) from None
    if tried.returncode != 0:
        last = (tried.stderr.strip().splitlines() or ["?"])[-1]
        raise RefusedError(
            f"perangkat lunak baru tidak dapat dimuat / the new software does not load: {last}"
        )
    try:
        load_profile(settings.home / "profile.toml")
    except ProfileError as error:
        raise RefusedError(str(error).splitlines()[0]) from None


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
