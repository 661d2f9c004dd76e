"""``./112 bench bridge``: processor time per AMI event, ours against the least that it could be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Annotated, Any

import typer

from bench.bridge_place import Place, until
from bench.bridge_side import SIDES
from bench.bridge_stream import END, lap, recorded
from bench.page import Side, machine, table, write_section
from psap.cli.say import step
from tests.support.fake_ami import FakeAmi

AIM = 1.5  # times panoramisk with one pattern
WITHIN = 120.0  # seconds for one side's turn
PIECE, SMALL_PIECE = 32_768, 2_048  # bytes in one write, at once and at a real pace
TOLD = {
    "split": "raw split of the bytes into events",
    "panoramisk": "**limit**: panoramisk with one pattern that does nothing",
    "parse": "our link: made safe, read, in order",
    "translate": "+ facts (translate.py)",
    "track": "+ calls followed (tracking.py, service.py)",
    "publish": "+ told to a real Redis",
    "bridge": "**the whole bridge**: + records and look-ups in a real SQLite, everything that listens",
}
PACE = 50  # calls a second
# whoever is woken for a few events at a time pays for waking, too: both sides at a real pace
PACED = {
    "panoramisk": f"limit at {PACE} calls a second instead of at once",
    "bridge": f"the whole bridge at {PACE} calls a second",
}
ABOUT = (
    "processor time (all threads) per AMI event of a recorded stream of real calls, each side a process "
    "of its own on the same bytes from a socket, in turns. "
    f"Aim: the whole bridge at most {AIM} times panoramisk with one pattern."
)


@dataclass(slots=True)
class Figures:
    """Microseconds of processor per event, a sample for each round; ``profile``: what takes most."""

    events: int = 0
    calls: int = 0
    sides: dict[str, Side] = field(default_factory=dict)
    paced: dict[str, Side] = field(default_factory=dict)
    profile: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The whole bridge against the named limit (medians)."""
        return self.sides["bridge"].median / self.sides["panoramisk"].median

    @property
    def met(self) -> bool:
        return self.ratio <= AIM

    def lines(self) -> list[str]:
        """The section for docs/benchmarks.md."""
        rows = [
            (
                words[name],
                side.n,
                side.n * self.events,
                f"{side.median:.1f}",
                f"{side.p99:.1f}",
                f"{side.median / sides['panoramisk'].median:.2f}",
            )
            for words, sides in ((TOLD, self.sides), (PACED, self.paced))
            for name, side in sides.items()
        ]
        head = ("side", "rounds", "events", "us per event, median", "p99 of the rounds", "against the limit")
        verdict = "met" if self.met else f"**missed** by {self.ratio / AIM:.2f} times"
        told = [f"- {share:.0%} {module}: {name}" for share, module, name in self.profile]
        return [
            machine(f"panoramisk {version('panoramisk')}", f"redis-py {version('redis')}"),
            "",
            f"{self.events} events of {self.calls} calls in each round, as fast as they are taken.",
            "",
            *table(head, rows),
            "",
            f"The whole bridge: {self.ratio:.2f} times the limit, aim {AIM}: {verdict}.",
            "",
            "What dominates the whole bridge (its event loop's own time, one more round under a profiler):",
            *told,
        ]


class Turns:
    """The sides, each connected to an AMI server of its own, fed one after another."""

    def __init__(self, place: Place, stack: AsyncExitStack) -> None:
        self._place, self._stack = place, stack
        self._fakes: dict[str, FakeAmi] = {}
        self._children: dict[str, Any] = {}
        self._laps = 0

    async def open(self, names: Sequence[str]) -> None:
        """Start a process for each side and wait until it is connected."""
        for name in names:
            fake = FakeAmi(self._place.secret)
            await fake.start()
            self._stack.push_async_callback(fake.stop)
            child = await self._place.python("bench.bridge_side", name, str(fake.port), talks=True)
            self._fakes[name], self._children[name] = fake, child
        for name in names:
            await self._place.said(self._children[name], WITHIN)
            async with asyncio.timeout(WITHIN):
                await self._fakes[name].logged_in.wait()

    async def take(
        self, name: str, laps: int, *, profile: bool = False, calls_a_second: float | None = None
    ) -> tuple[float, list[Any]]:
        """Feed one side; (us of processor per event, profile)."""
        data = [lap(self._laps + number) for number in range(laps)]
        self._laps += laps
        fake, child = self._fakes[name], self._children[name]
        events = laps * len(recorded())
        self._place.tell(child, f"{events} profile" if profile else str(events))
        answer = asyncio.create_task(self._place.said(child, WITHIN))
        began = time.monotonic()
        sent, whole = 0, sum(map(len, data))
        seconds = laps * calls_of_lap() / calls_a_second if calls_a_second else 0.0
        for text in data:
            for piece in pieces(text, PIECE if not seconds else SMALL_PIECE):
                await until(began + seconds * sent / whole)
                await fake.emit(piece)
                sent += len(piece)
        told = json.loads(await answer)
        return told["cpu"] / events * 1e6, told["profile"]


def pieces(text: bytes, size: int) -> Iterator[bytes]:
    """Whole events, about so many bytes together: between two writes the server may answer an action."""
    start = 0
    while start < len(text):
        end = text.find(END, start + size)
        end = len(text) if end < 0 else end + len(END)
        yield text[start:end]
        start = end


def calls_of_lap() -> int:
    """Calls in one lap of the recordings."""
    return sum(b"Event: Newchannel" in b and b"\r\nChannel: PJSIP/trunk-" in b for b in recorded())


async def measure(laps: int, rounds: int, *, paced: int, sides: Sequence[str] = SIDES) -> Figures:
    """Every side in turns; the first turn of each warms it up and is not counted."""
    figures = Figures(laps * len(recorded()), laps * calls_of_lap(), {name: Side(name) for name in sides})
    async with Place() as place, AsyncExitStack() as stack:
        turns = Turns(place, stack)
        await turns.open(sides)
        for name in sides:
            await turns.take(name, max(1, laps // 4))
        for number in range(rounds):
            # the order turns too: nobody always comes after the same neighbour
            turn = number % len(sides)
            for name in (*sides[turn:], *sides[:turn]):
                figures.sides[name].samples.append((await turns.take(name, laps))[0])
            step(
                f"putaran {number + 1} dari {rounds}: {figures.ratio:.2f} kali batas",
                f"round {number + 1} of {rounds}: {figures.ratio:.2f} times the limit",
            )
        if paced:
            figures.paced = {name: Side(name) for name in PACED}
            for _ in range(paced):
                for name, side in figures.paced.items():
                    side.samples.append((await turns.take(name, laps, calls_a_second=PACE))[0])
        figures.profile = [tuple(row) for row in (await turns.take("bridge", laps, profile=True))[1]]
    return figures


def command(
    laps: Annotated[
        int, typer.Option("--laps", min=1, help="Ulangan rekaman per putaran / laps of the recording a round")
    ] = 20,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Putaran / rounds")] = 7,
    paced: Annotated[
        int, typer.Option("--paced", min=0, help="Putaran dengan laju nyata / rounds at a real pace")
    ] = 2,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """Waktu prosesor per kejadian AMI / processor time per AMI event, beside panoramisk and a raw split."""
    figures = asyncio.run(measure(laps, rounds, paced=paced))
    lines = figures.lines()
    print()
    print("\n".join(lines))
    if write:
        write_section("bridge", "Bridge: processor time per AMI event", ABOUT, lines)
