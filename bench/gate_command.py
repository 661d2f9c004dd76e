"""``./112 bench gate``: its options, its home, and what it writes."""

from __future__ import annotations

import asyncio
import statistics
from typing import Annotated

import typer

from bench.gate import (
    DECISION_AIM_MS,
    ENTRY_AIM_MS,
    LATE_MS,
    RATE_AIM,
    RULES,
    Capacity,
    Found,
    Sizes,
    measure,
)
from bench.page import Side, table, write_section
from bench.rig import Rig

ABOUT = (
    "INVITE to 200, and calls a second, through our whole gate, against no gate (`Answer()`) and against one "
    "`DB_EXISTS` in the dialplan; all three on the same Asterisk by the same trunk, call by call in turns, "
    "with the same greeting after the 200. The callers (SIPp) share the two cores with every side alike."
)


DOOR = (
    "The queue's door is what comes after the 200: agi has talked with Asterisk, the step is told, recording "
    "has begun (callers who were cut off a moment before, from whom no key is wanted)."
)


async def run(sizes: Sizes) -> Found:
    """Measure on a home of its own."""
    async with Rig(rules=RULES) as rig:
        return await measure(rig, sizes)


def median_rate(found: Found, name: str) -> float:
    """Clean calls a second, the median of the rounds."""
    return statistics.median(each.rate for each in found.capacity[name])


def verdicts(found: Found) -> list[tuple[str, bool, str]]:
    """(aim, whether it is met, the figure)."""
    entry = found.side("our gate").median - found.side("no gate").median
    blocked = found.side("our gate, blocked number").median - found.side("no gate").median
    decision = max(
        found.side(f"key and our block decision, {word}").median - found.side("key alone").median
        for word in ("clean", "blocked")
    )
    few, many, again = found.counts[0][1], found.counts[-2][1], found.counts[-1][1]
    noise = max(abs(again.median / few.median - 1), 0.03)
    cost = many.median / min(few.median, again.median) - 1
    rate = median_rate(found, "our gate") / median_rate(found, "`DB_EXISTS`")
    return [
        (f"the whole gate's entry within {ENTRY_AIM_MS} ms of no gate", max(entry, blocked) <= ENTRY_AIM_MS,
         f"{entry:+.2f} ms, blocked numbers {blocked:+.2f} ms (p50)"),
        (f"the block decision within {DECISION_AIM_MS} ms", decision <= DECISION_AIM_MS,
         f"{decision:+.2f} ms (p50)"),
        (f"{found.counts[-2][0]:,} blocked numbers cost nothing measurable", cost <= noise,
         f"{cost:+.1%} against {found.counts[0][0]:,}; the same {found.counts[0][0]:,} twice: "
         f"{again.median / few.median - 1:+.1%}"),
        (f"clean calls a second at least {RATE_AIM} of `DB_EXISTS`", rate >= RATE_AIM, f"{rate:.2f}"),
    ]  # fmt: skip


def lines(found: Found) -> list[str]:
    """The section."""
    none = found.side("no gate")
    out = [f"{found.machine}.", ""]
    out += table(
        ("INVITE to 200", "n", "median ms", "p99 ms", "over no gate"),
        [_row(side, side.median - none.median) for side in found.sides]
        + ([_row(found.door, found.door.median - none.median)] if found.door.samples else []),
    )
    out += ["", DOOR, ""]
    out += table(
        ("numbers blocked", "n", "ours: median ms", "p99 ms", "`DB_EXISTS`: median ms", "p99 ms"),
        [
            (
                f"{count:,}",
                ours.n,
                f"{ours.median:.2f}",
                f"{ours.p99:.2f}",
                f"{least.median:.2f}",
                f"{least.p99:.2f}",
            )
            for count, ours, least in found.counts
        ],
    )
    parts = sorted({part for runs in found.capacity.values() for run in runs for part in run.cpu_ms})
    parts = [part for part in parts if any(_cpu(runs, part) >= 0.01 for runs in found.capacity.values())]
    out += ["", f"As fast as places become free, clean is a 200 within {LATE_MS / 1000:.0f} s:", ""]
    out += table(
        (
            "calls a second", "rounds", "median", "each round", "clean", "agi talked with",
            *(f"{part}, CPU ms a call" for part in parts),
        ),
        [
            (
                name, len(runs), f"{median_rate(found, name):.0f}",
                ", ".join(f"{each.rate:.0f}" for each in runs),
                f"{min(each.clean for each in runs):.1%}", f"{min(each.talked for each in runs):.0%}",
                *(f"{_cpu(runs, part):.2f}" for part in parts),
            )
            for name, runs in found.capacity.items()
        ],
    )  # fmt: skip
    out += [
        "",
        *(f"- {'met' if good else '**missed**'}: {aim}: {figure}" for aim, good, figure in verdicts(found)),
    ]
    out += [f"- {dominates(found)}"]
    if found.failed:
        out += [f"- **{found.failed} calls were not answered**"]
    return out


def dominates(found: Found) -> str:
    """Where a call's processor time goes, ours less the least gate's."""
    ours, least = found.capacity["our gate"], found.capacity["`DB_EXISTS`"]
    more = {part: _cpu(ours, part) - _cpu(least, part) for part in ours[0].cpu_ms}
    first = max(more, key=lambda part: more[part])
    total = sum(more.values())
    told = ", ".join(
        f"{part} {ms:+.2f} ms"
        for part, ms in sorted(more.items(), key=lambda each: -each[1])
        if abs(ms) >= 0.02
    )
    return (
        f"what dominates: our gate takes {total:.2f} ms of processor a call more than `DB_EXISTS`, "
        f"most of it {first} ({told})"
    )


def _row(side: Side, over: float) -> tuple[object, ...]:
    return side.name, side.n, f"{side.median:.2f}", f"{side.p99:.2f}", f"{over:+.2f}"


def _cpu(runs: list[Capacity], part: str) -> float:
    return statistics.median(each.cpu_ms.get(part, 0.0) for each in runs)


def command(
    each: Annotated[
        int, typer.Option("--each", min=20, help="Panggilan tiap sisi / calls of each side")
    ] = 300,
    blocked: Annotated[
        str, typer.Option("--blocked", help="Banyaknya nomor diblokir / how many numbers are blocked")
    ] = "10,100000,1000000",
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=9, help="Putaran / rounds")] = 3,
    calls: Annotated[
        int, typer.Option("--calls", min=100, help="Panggilan tiap putaran / calls of a round")
    ] = 3000,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """INVITE sampai 200 melalui gerbang / INVITE to 200 through the gate, against the least possible."""
    sizes = Sizes(
        each=each, blocked=tuple(int(word) for word in blocked.split(",")), rounds=rounds, calls=calls
    )
    found = asyncio.run(run(sizes))
    told = lines(found)
    print("\n".join(told))
    if found.failed > each // 20:
        raise typer.Exit(1)
    if write:
        write_section("gate", "Gate", ABOUT, told)
