"""``./112 down``: ends exactly what `up` started."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import control, supervise
from psap.platform.settings import Settings, load_settings


def down(home: HomeOption = None) -> None:
    """Hentikan semua bagian / end every part. Panggilan yang berlangsung disebut dulu / names calls first."""
    settings = load_settings(home)
    refuse_outside(settings, "stop")
    if not supervise.survivors(settings):
        print(f"112 tidak berjalan di {settings.home} / 112 is not running in {settings.home}")
        return
    name_calls(settings)
    take_down(settings)


def refuse_outside(settings: Settings, verb: str) -> None:
    """Raises RefusedError for a home whose parts are kept by systemd or containers."""
    if not settings.outside:
        return
    compose = "up -d" if verb == "start" else verb
    raise RefusedError(
        f"{settings.home} dijaga dari luar (PSAP_SUPERVISOR=outside); pakai / is kept from outside; use: "
        f"systemctl {verb} psap112.target, docker compose {compose}"
    )


def name_calls(settings: Settings) -> None:
    """Say which calls will be cut; call ids only, a terminal is a log too."""
    try:
        told = asyncio.run(control.ask(settings.bridge_socket, "snapshot", timeout=2.0))
    except control.ControlError:
        step(
            "Jembatan AMI tidak menjawab, panggilan tidak diketahui",
            "the bridge is away, calls are not known",
        )
        return
    calls: list[dict[str, Any]] = told.get("calls", [])
    if not calls:
        return
    step(f"{len(calls)} panggilan sedang berlangsung dan akan terputus", f"{len(calls)} calls will be cut")
    for call in calls:
        agent = f", {call['agent']}" if call.get("agent") else ""
        print(f"    {call.get('id')}{agent}, {call.get('started_at')}", flush=True)


def take_down(settings: Settings) -> None:
    """End everything of this home and make sure of it.

    Raises:
        RefusedError: something would not go; says which pids.
    """
    began = time.monotonic()
    step("Menghentikan semua bagian", "ending every part")
    left = supervise.stop(settings)
    if left:
        pids = " ".join(str(pid) for pid in left)
        raise RefusedError(f"Proses masih hidup / processes would not end: {pids}")
    step(
        f"Semua berhenti ({time.monotonic() - began:.1f} detik)",
        f"all ended ({time.monotonic() - began:.1f} s)",
    )
