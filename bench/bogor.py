"""``./112 bench bogor``: the busiest hours of Bogor's busiest day, replayed, and a simulation beside it."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.bogor_check import Checked, check, settled
from bench.bogor_compare import METRICS, Verdict, compare, counted, percentile
from bench.bogor_day import ASSUMPTIONS, HOUR, TAKERS, Arrival, arrivals
from bench.bogor_model import Outcome, Rules, simulate
from bench.bogor_picture import picture
from bench.bogor_replay import Shift, replay
from bench.page import DOCUMENT, machine, table, write_section
from psap.agencies.profile import load_profile
from psap.cli.say import RefusedError, step
from psap.platform.pbx_root import asterisk_rx
from psap.platform.settings import Settings
from tests.support.home import Home

PICTURE = Path("images") / "bogor-replay.svg"  # beside docs/benchmarks.md
TITLE = "Bogor, jam tersibuk: waktu tunggu / the busiest hours: waits"
ABOUT = (
    "the busiest hours of Bogor's busiest day with real SIP calls through a real home, against a "
    "discrete-event simulation of the same rules that was fed the same callers."
)


@dataclass(slots=True)
class Result:
    """Everything that the section tells."""

    speed: float
    hours: float
    seed: int
    people: Sequence[Arrival]
    shift: Shift
    real: list[Outcome]
    runs: list[list[Outcome]]
    checked: Checked
    verdicts: list[Verdict]
    rules: Rules
    seconds: float
    healthy: bool

    @property
    def good(self) -> bool:
        """Nothing lost and every record right. Chance alone puts one figure in twenty outside its band."""
        return self.checked.good and self.healthy and not self.shift.unmarked


def command(
    speed: Annotated[
        float, typer.Option("--speed", min=1, max=10, help="Berapa kali lebih cepat / times faster")
    ] = 10.0,
    hours: Annotated[
        float, typer.Option("--hours", min=0.05, max=2, help="Jam yang diputar ulang / hours replayed")
    ] = 2.0,
    runs: Annotated[
        int, typer.Option("--runs", min=40, help="Banyaknya simulasi / how many simulated runs")
    ] = 400,
    seed: Annotated[int, typer.Option("--seed", help="Benih acak / seed of what is random")] = 112,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Simpan foldernya / keep the home")] = False,
) -> None:
    """Dua jam tersibuk Kota Bogor diputar ulang / Bogor's two busiest hours, replayed and simulated."""
    folder = Path(tempfile.mkdtemp(prefix="psap-bogor-"))
    folder.chmod(0o755)
    home = Home(folder / "home", profile="bogor", env={"PSAP_TIMER_SCALE": f"{1 / speed:g}"})
    minutes = hours * 60 / speed
    step(f"{hours:g} jam dalam {minutes:.0f} menit", f"{hours:g} hours in {minutes:.0f} minutes")
    try:
        home.start()
        version = asterisk_rx(home.settings, "core show version").split(" built")[0].strip()
        result = asyncio.run(_run(home.settings, speed, hours, runs, seed))
    except ValueError as error:
        raise RefusedError(f"tidak dapat disimulasikan / cannot be simulated: {error}") from error
    finally:
        home.stop()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    lines = [*report(result), "", machine(version)]
    print("\n".join(lines))
    if write:
        picture(result.real, result.runs, hours * HOUR, DOCUMENT.parent / PICTURE, TITLE)
        shown = f"![{TITLE}]({PICTURE.as_posix()})"
        write_section("bogor", "Bogor's busiest hours", ABOUT, [shown, "", *lines])
    if not result.good:
        raise typer.Exit(1)


async def _run(settings: Settings, speed: float, hours: float, runs: int, seed: int) -> Result:
    rules = Rules.of(settings, load_profile(settings.home / "profile.toml"), speed, hours)
    people = arrivals(seed, hours)
    started = time.monotonic()
    shift, began, healthy = await replay(
        settings, people, speed=speed, hours=hours, takers=TAKERS, seed=seed + 1
    )
    checked = check(shift.placed, await settled(settings, shift.placed))
    seconds = time.monotonic() - started
    step("Simulasi", "simulating")
    simulated = [simulate(people, rules, seed + 2 + number, TAKERS) for number in range(runs)]
    real = shift.outcomes(began)
    return Result(
        speed, hours, seed, people, shift, real, simulated, checked, compare(real, simulated), rules, seconds,
        healthy,
    )  # fmt: skip


def report(result: Result) -> list[str]:
    """The section's lines."""
    checked, kinds = result.checked, Counter(each.kind for each in result.real)
    noise = sum(1 for each in result.people if each.kind.noise)
    off = [abs(each) for each in checked.off]
    known = f"{statistics.median(off):.2f}, {percentile(off, 0.99):.2f} s" if off else "-"
    rows: list[list[object]] = [
        ["calls placed", f"{len(result.real)}: " + ", ".join(f"{n} {k}" for k, n in kinds.most_common())],
        ["noise among the first calls", f"{noise / max(1, len(result.people)):.0%}"],
        ["they ended", ", ".join(f"{n} {end}" for end, n in counted(result.real).items() if n)],
        ["**lost** (no record, refused, or stayed and reached nobody)", f"**{len(checked.lost)}**"],
        ["**records that are wrong** (ending, by whom, call taker, kind, wait)", f"**{len(checked.wrong)}**"],
        ["records", checked.records],
        ["gave up after the key, before the gate had taken it", checked.late],
        ["silent callers whom the gate took to a person (it had been held up)", checked.through],
        ["record's wait against the caller's own: median, 99 %", known],
        ["healthy at the end", "yes" if result.healthy else "NO"],
    ]  # fmt: skip
    outside = [each.name for each in result.verdicts if not each.inside]
    rules = result.rules
    lines = [
        f"{result.hours:g} hours at {result.speed:g} times the speed, in {result.seconds:.0f} s, seed "
        f"{result.seed}; {TAKERS} call takers. Waits in seconds of the day as it would have been.",
        "",
        *table(["", ""], rows),
        "",
        f"Against {len(result.runs)} simulated runs (same callers with the same patience; talks and lifting "
        "of the receiver drawn anew in each, as they are in the replay):",
        "",
        *table(
            ["", "replayed", "simulated: median", "95 % of the runs", ""],
            [
                [each.name, f"{each.real:.1f}", f"{each.middle:.1f}", f"{each.low:.1f} to {each.high:.1f}",
                 "inside" if each.inside else "**OUTSIDE**"]
                for each in result.verdicts
            ],
        ),
        "",
        f"{len(METRICS) - len(outside)} of {len(METRICS)} figures lie within the simulation's band"
        + (f"; outside: {', '.join(outside)}." if outside else "."),
        "",
        f"What does not scale, in both: a wrap-up of {rules.wrapup} whole second(s), a ring of "
        f"{rules.ring:g} s, a longest wait of {rules.longest_wait:g} s (then all telephones for "
        f"{rules.overflow_ring:g} s, or {rules.back:g} s where all talk, then in front), the greeting. The "
        f"simulation also has the machine's own delays: {rules.key:g} s from a key to the queue, "
        f"{rules.pace:g} s from free to ringing, {rules.connect:g} s from the receiver to a voice, times "
        f"{result.speed:g}.",
        "",
        *ASSUMPTIONS.splitlines(),
    ]  # fmt: skip
    shown = [*checked.lost, *checked.wrong]
    if result.shift.unmarked:
        shown.append(f"{result.shift.unmarked} calls could not be classified")
    return lines + ([""] + [f"- FAULT: {each}" for each in shown[:30]] if shown else [])
