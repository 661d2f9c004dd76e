"""``./112 bench call``: its options, its home, and what it writes."""

from __future__ import annotations

import asyncio
import statistics
from typing import Annotated

import typer

from bench.call import (
    AIM,
    BROWSERS,
    FULL,
    NOTHING,
    RULES,
    TALK,
    Found,
    Run,
    Sizes,
    measure,
)
from bench.page import table, write_section
from bench.rig import Rig

ABOUT = (
    "answered calls a second with everything on (gate, agi, bridge, records, events, recording, console with "
    f"{BROWSERS} live browsers), against plain Asterisk (`Answer()`, `Queue()`, no CEL, nothing of ours "
    "running) with the same trunk, telephones and queue settings (no wrap-up), on one Asterisk, in turns. "
    "New callers come as fast as places become free; each presses 0, a call taker answers at once and ends "
    f"after {TALK} s. "
    "Both sides of the calls are SIPp on the same two cores."
)


async def run(sizes: Sizes) -> Found:
    """Measure on a home of its own."""
    async with Rig(rules=RULES, wrapup=0) as rig:
        return await measure(rig, sizes)


def lines(found: Found) -> list[str]:
    """The section."""
    parts = sorted({part for runs in found.runs.values() for each in runs for part in each.cpu_ms})
    parts = [part for part in parts if max(_cpu(runs, part) for runs in found.runs.values()) >= 0.01]
    out = [f"{found.machine}.", ""]
    out += table(
        (
            "", "rounds", "answered a second: median", "each round", "of plain", "callers answered",
            "processors busy", "last record after",
        ),
        [
            (
                side, len(runs), f"{found.rate(side):.0f}", ", ".join(f"{each.rate:.0f}" for each in runs),
                f"{found.rate(side) / found.rate(NOTHING):.2f}", f"{min(each.answered for each in runs):.1%}",
                f"{statistics.median(each.busy for each in runs):.0%}",
                f"{max(each.records_after for each in runs):.1f} s" if side != NOTHING else "no records",
            )
            for side, runs in found.runs.items()
        ],
    )  # fmt: skip
    out += ["", "Processor time of one call, ms (median of the rounds):", ""]
    out += table(
        ("", *parts, "all"),
        [
            (
                side,
                *(f"{_cpu(runs, part):.2f}" for part in parts),
                f"{sum(_cpu(runs, part) for part in parts):.2f}",
            )
            for side, runs in found.runs.items()
        ],
    )
    word = "met" if found.ratio >= AIM else "**missed**"
    ours, plain = found.runs[FULL], found.runs[NOTHING]
    more = {part: _cpu(ours, part) - _cpu(plain, part) for part in parts}
    told = ", ".join(f"{part} {ms:+.2f} ms" for part, ms in sorted(more.items(), key=lambda each: -each[1]))
    out += [
        "",
        f"- {word}: at least {AIM} of plain Asterisk: {found.ratio:.2f}",
        f"- what dominates, over plain Asterisk: {told}",
        f"- the browsers got {found.heard} messages",
    ]
    return out


def _cpu(runs: list[Run], part: str) -> float:
    return statistics.median(each.cpu_ms.get(part, 0.0) for each in runs)


def command(
    calls: Annotated[
        int, typer.Option("--calls", min=20, help="Panggilan tiap giliran / calls of a turn")
    ] = 1000,
    crowd: Annotated[
        int, typer.Option("--crowd", min=1, max=1000, help="Penelepon sekaligus / callers at once")
    ] = 100,
    desks: Annotated[int, typer.Option("--desks", min=1, max=400, help="Petugas / call takers")] = 110,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=9, help="Putaran / rounds")] = 3,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """Panggilan terjawab per detik / answered calls a second, against plain Asterisk."""
    found = asyncio.run(run(Sizes(calls=calls, crowd=crowd, desks=desks, rounds=rounds)))
    told = lines(found)
    print("\n".join(told))
    lost = [run for runs in found.runs.values() for run in runs if run.answered < 0.99]
    if lost:
        print(f"{len(lost)} giliran kehilangan penelepon / turns lost callers")
        raise typer.Exit(1)
    if write:
        write_section("call", "Call", ABOUT, told)
