"""``./112 bench idle``: its options, its home, and its section."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ami_bridge.nudging import EDGE
from bench.idle import ALONE, OURS, IdleError, Level, measure
from bench.page import machine, table, write_section
from psap.agencies.profile import find_profile
from psap.cli.say import RefusedError, step
from psap.platform.pbx_root import asterisk_rx
from psap.sip.sipp import SippError
from tests.support.home import Home

AIM_MS = 50.0
FEWEST = 5  # samples of one side
# what a city's profile says otherwise: wrap-ups as short as can be, and nobody who waits is sent elsewhere
RULES = {"wrapup_seconds": 1, "longest_wait_seconds": 600, "low_to_normal_seconds": 300}
# and nobody who waits is recorded: five hundred files at once are another measurement's matter
LIMITS = "\n[limits]\ngate_calls = 250\nall_calls = 740\n\n[recording]\nenabled = false\n"
STOP_SECONDS = 180.0


def command(
    waiting: Annotated[
        str, typer.Option("--waiting", help="Penelepon menunggu, dipisah koma / callers waiting")
    ] = "1,50,500",
    seconds: Annotated[
        float, typer.Option("--seconds", min=12, help="Detik tiap tingkat / seconds of each level")
    ] = 48.0,
    seed: Annotated[int, typer.Option("--seed", help="Benih acak / seed of what is random")] = 112,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """Berapa lama petugas yang bebas menganggur / how long a free call taker idles while callers wait."""
    try:
        levels = [int(each) for each in waiting.split(",")]
    except ValueError:
        raise RefusedError(
            f"--waiting {waiting}: angka dipisah koma / figures with commas, as 1,50,500"
        ) from None
    folder = Path(tempfile.mkdtemp(prefix="psap-idle-"))
    folder.chmod(0o755)
    home = Home(folder / "home")
    found: list[Level] = []
    try:
        home.start(profile=str(_profile(folder)))
        version = asterisk_rx(home.settings, "core show version").split(" built")[0].strip()
        for each in levels:
            step(f"{each} penelepon menunggu", f"{each} callers waiting")
            found.append(asyncio.run(measure(home.settings, each, seconds, seed)))
    except (IdleError, SippError) as error:
        raise RefusedError(f"tidak terukur / not measured: {error}") from error
    finally:
        home.cli("down", timeout=STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
    lines = [*report(found), "", machine(version)]
    print("\n".join(lines))
    if write:
        write_section("idle", "Idle call taker", ABOUT, lines)
    if faults(found):
        print("\n".join(faults(found)))
        raise typer.Exit(1)


ABOUT = (
    "a call taker's wrap-up ends (the whole second from which app_queue holds them for free) to the next "
    "waiting caller's INVITE at their telephone, in ms; our nudge on and off in turns within one run."
)


def _profile(folder: Path) -> Path:
    """Semarang's profile with the measurement's own rules."""
    source = find_profile("semarang")
    text = source.read_text("utf-8")
    for name, value in RULES.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
    for beside in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(beside, folder / beside.name)
    own = folder / source.name
    own.write_text(text + LIMITS, "utf-8")
    return own


def faults(levels: list[Level]) -> list[str]:
    """Why a result is none."""
    out = []
    for level in levels:
        for side in level.sides.values():
            if side.n < FEWEST:
                out.append(f"{level.waiting} waiting, {side.name}: only {side.n} samples")
        if level.early:
            out.append(f"{level.waiting} waiting: {level.early} INVITEs before the wrap-up's end")
    return out


def report(levels: list[Level]) -> list[str]:
    """The section's lines."""
    rows = []
    for level in levels:
        for side in level.sides.values():
            cells = ["-"] * 4
            if side.n:
                within = sum(1 for each in side.samples if each <= AIM_MS) / side.n
                cells = [
                    f"{side.median:.0f}", f"{side.p99:.0f}", f"{max(side.samples):.0f}", f"{within:.0%}"
                ]  # fmt: skip
            waited = f"{min(level.waited, default=0)}-{max(level.waited, default=0)}"
            rows.append([level.waiting, waited, level.takers, side.name, side.n, *cells])
    head = ["waiting", "seen", "call takers", "", "n", "median", "p99", "longest", f"within {AIM_MS:.0f} ms"]
    lines = table(head, rows)
    lines.append("")
    for level in levels:
        ours, alone = level.sides[OURS], level.sides[ALONE]
        if ours.n and alone.n:
            met = "met" if ours.median <= AIM_MS else f"missed by {ours.median - AIM_MS:.0f} ms"
            ratio = alone.median / max(0.1, ours.median)
            lines.append(
                f"- {level.waiting} waiting: {ratio:.0f} times shorter (medians); the aim of {AIM_MS:.0f} ms "
                f"is {met} by the median, "
                + ("met" if ours.p99 <= AIM_MS else f"missed by {ours.p99 - AIM_MS:.0f} ms")
                + " by p99."
            )
    lines += [
        "",
        f"What is left of it: {EDGE * 1000:.0f} ms are waited on purpose (Asterisk's clock shows a second up "
        "to a tick late); the rest is one AMI action and app_queue's own way to the INVITE. app_queue alone "
        "looks once a second, so that its figure is a matter of chance between 0 and 1 s. Nobody is recorded "
        "in this measurement.",
    ]
    return lines
