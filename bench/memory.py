"""``./112 bench memory``: what a thousand waiting callers take, and whether it grows while they wait."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from bench.load import Load, strangers
from bench.page import machine, table, write_section
from bench.rig import Rig, versions
from psap.cli.say import step
from psap.platform import supervise

RULES = "[limits]\ngate_calls = 2000\nall_calls = 2000\n\n[recording]\nenabled = {recording}\n"
PRESS_AFTER = 0.5
GROWTH_KB = 4096  # below this a part does not grow: a heap's arenas come in such pieces
GROWTH_SHARE = 0.05
ABOUT = (
    "own memory (PSS of what was written, anonymous or shared) of every process with nobody on the line, "
    "with more and more callers in the queue (no call taker is there, everybody hears music), while they "
    "wait, and after they are gone. Files that are mapped, programs and libraries, are left out: "
    "the kernel divides them among all who map them, so that a process seems to grow when a stranger ends. "
    "Memory over thousands of calls amid faults: [soak](#soak)."
)


@dataclass(slots=True)
class Found:
    """kB of each part: at rest, at each number of callers, at times of waiting, and afterwards."""

    rest: dict[str, float] = field(default_factory=dict)
    at: dict[int, dict[str, float]] = field(default_factory=dict)
    waiting: list[tuple[float, dict[str, float]]] = field(default_factory=list)  # seconds since all wait
    after: dict[str, float] = field(default_factory=dict)
    recording: bool = True
    machine: str = ""

    def per_thousand(self, part: str) -> float:
        """kB for a thousand callers: the slope through all sizes."""
        points = [
            (0, self.rest.get(part, 0.0)),
            *((count, kb.get(part, 0.0)) for count, kb in self.at.items()),
        ]
        return 1000 * slope(points)

    def grown(self, part: str) -> float:
        """kB from the first third of the waiting to the last (medians)."""
        third = max(1, len(self.waiting) // 3)
        kb = [sample.get(part, 0.0) for _, sample in self.waiting]
        return statistics.median(kb[-third:]) - statistics.median(kb[:third])

    def flat(self, part: str) -> bool:
        return self.grown(part) <= max(GROWTH_KB, GROWTH_SHARE * self.waiting[0][1].get(part, 0.0))


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares through (x, y)."""
    x0 = statistics.fmean(x for x, _ in points)
    y0 = statistics.fmean(y for _, y in points)
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


def own(smaps: str) -> float:
    """kB that a process wrote itself, of the text of its ``smaps_rollup``."""
    rows = (line.split() for line in smaps.splitlines())
    return sum(float(row[1]) for row in rows if row[0] in ("Pss_Anon:", "Pss_Shmem:"))


def taken(rig: Rig) -> dict[str, float]:
    """kB of each part of the home, its wrappers and children included."""
    kb: defaultdict[str, float] = defaultdict(float)
    for pid, part in supervise.survivors(rig.settings).items():
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
        except OSError:
            continue  # it ended meanwhile
        kb[part] += own(text)
    return dict(kb)


async def measure(rig: Rig, sizes: Sequence[int], seconds: float, recording: bool) -> Found:
    """Callers join in steps to each of ``sizes``, and all wait for ``seconds``."""
    found = Found(recording=recording)
    async with Load(rig.target, strangers(3), rate=3, hold=1, press_after=PRESS_AFTER) as first:
        await first.done()  # what the first call makes anew once for all is no caller's
    await rig.idle()
    found.rest = await _settled(rig)
    loads: list[Load] = []
    try:
        for place, size in enumerate(sizes):
            step(f"{size} penelepon menunggu", f"{size} callers wait")
            joins = size - (sizes[place - 1] if place else 0)
            # nobody leaves before everything is measured
            load = Load(rig.target, strangers(joins), rate=40, hold=3600, press_after=PRESS_AFTER)
            loads.append(await load.__aenter__())
            await load.answered(joins)
            await rig.waiting(size)
            found.at[size] = await _settled(rig)
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            found.waiting.append((time.monotonic() - began, await asyncio.to_thread(taken, rig)))
            await asyncio.sleep(max(1.0, seconds / 30))
        await rig.waiting(sizes[-1])
    finally:
        for load in loads:
            await load.__aexit__()
    await asyncio.to_thread(rig.cli, "channel request hangup all")
    await rig.idle(120)
    found.after = await _settled(rig)
    found.machine = machine(await asyncio.to_thread(versions, rig.settings))
    return found


async def _settled(rig: Rig) -> dict[str, float]:
    """The median of a few looks, a moment after the last change."""
    await asyncio.sleep(2)
    looks = []
    for _ in range(3):
        looks.append(await asyncio.to_thread(taken, rig))
        await asyncio.sleep(0.5)
    return {part: statistics.median(look.get(part, 0.0) for look in looks) for part in looks[0]}


def lines(found: Found) -> list[str]:
    """The section."""
    parts = sorted(found.rest)
    sizes = list(found.at)
    rows = [
        (
            part, _mb(found.rest[part]), *(_mb(found.at[size].get(part, 0.0)) for size in sizes),
            f"{found.per_thousand(part) / 1024:+.1f}", f"{found.grown(part) / 1024:+.1f}",
            "flat" if found.flat(part) else "**grows**", _mb(found.after.get(part, 0.0)),
        )
        for part in parts
    ]  # fmt: skip
    total = sum(found.per_thousand(part) for part in parts)
    ours = sum(found.per_thousand(part) for part in parts if part != "asterisk")
    most = max(parts, key=found.per_thousand)
    return [
        f"{found.machine}. Recording {'on' if found.recording else 'off'}.",
        "",
        *table(
            (
                "MB", "at rest", *(f"{size} wait" for size in sizes), "per thousand callers",
                f"grown in {found.waiting[-1][0]:.0f} s of waiting", "", "after they are gone",
            ),
            rows,
        ),
        "",
        f"- a thousand waiting callers take {total / 1024:.1f} MB: Asterisk {(total - ours) / 1024:.1f}, "
        f"ours {ours / 1024:.1f} ({ours * 1024 / 1000:,.0f} bytes for each caller)",
        f"- what dominates: {most}, {found.per_thousand(most) / 1024:.1f} MB of it",
    ]  # fmt: skip


def _mb(kb: float) -> str:
    return f"{kb / 1024:.1f}"


async def run(sizes: Sequence[int], seconds: float, recording: bool) -> Found:
    """Measure on a home of its own."""
    rules = RULES.format(recording=str(recording).lower())
    async with Rig(rules=rules, longest_wait=3600) as rig:
        return await measure(rig, sizes, seconds, recording)


def command(
    callers: Annotated[
        str, typer.Option("--callers", help="Banyaknya yang menunggu / how many wait, in steps")
    ] = "100,200,400",
    seconds: Annotated[
        float, typer.Option("--seconds", min=2, help="Lama menunggu / how long they wait")
    ] = 60.0,
    recording: Annotated[bool, typer.Option("--recording/--no-recording", help="Rekam / record")] = True,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """Memori per seribu penelepon menunggu / memory per thousand waiting callers."""
    sizes = sorted(int(word) for word in callers.split(","))
    found = asyncio.run(run(sizes, seconds, recording))
    told = lines(found)
    print("\n".join(told))
    if write:
        write_section("memory", "Memory", ABOUT, told)
    if not all(found.flat(part) for part in found.rest):
        raise typer.Exit(1)
