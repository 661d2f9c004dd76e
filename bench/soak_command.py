"""``./112 bench soak``: its options, its home, and what becomes of them."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from bench.soak import Plan, soak
from psap.cli.say import step
from tests.support.home import Home


def command(
    calls: Annotated[
        int, typer.Option("--calls", min=1, help="Banyaknya panggilan / how many calls")
    ] = 10_000,
    rate: Annotated[
        float, typer.Option("--rate", min=0.1, help="Panggilan per detik / calls a second")
    ] = 10.0,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.1, help="Paling lama / at most so many minutes")
    ] = None,
    phones: Annotated[int, typer.Option("--phones", min=1, max=200, help="Petugas / call takers")] = 40,
    every: Annotated[
        float, typer.Option("--faults-every", min=0, help="Detik antargangguan, 0 tanpa / seconds, 0: none")
    ] = 4.0,
    calm: Annotated[
        int, typer.Option("--calm", min=0, help="Panggilan sesudahnya tanpa gangguan / calls after, unbroken")
    ] = 3_000,
    seed: Annotated[int | None, typer.Option("--seed", help="Benih acak / seed of what is random")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Simpan foldernya / keep the home")] = False,
) -> None:
    """Panggilan campuran di tengah gangguan acak / mixed calls amid random faults; Ctrl-C: summary."""
    plan = Plan(calls, rate, phones, every, secrets.randbelow(10**6) if seed is None else seed, minutes, calm)
    folder = Path(tempfile.mkdtemp(prefix="psap-soak-"))
    folder.chmod(0o755)
    home = Home(folder, env={"PSAP_TIMER_SCALE": "0.1"})
    step(f"Benih {plan.seed}, rumah di {folder}", f"seed {plan.seed}, home in {folder}")
    try:
        home.start()
        summary = asyncio.run(soak(home.settings, plan))
    finally:
        home.stop()
    print()
    print("\n".join(summary.lines()))
    if write:
        summary.write()
    if keep or not summary.good:
        step(f"Rumah disimpan di {folder}", f"the home is kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if not summary.good:
        raise typer.Exit(1)
