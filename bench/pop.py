"""``./112 bench pop``: from an AMI event's bytes at the bridge's socket to the message at a browser's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Annotated, Any

import typer

from bench.bridge_place import Place, cpu_seconds
from bench.page import Side, machine, table, write_section
from bench.pop_feed import AT_ONCE, Feed, Told
from console.app import make_parts
from psap.accounts.model import Role
from psap.cli.say import RefusedError, step
from psap.platform.control import ControlError, ask
from tests.support.fake_ami import FakeAmi

AIM = 2.0  # times the limit's p99, with 100 browsers
RATES = (1, 50, 200)  # call events a second
BROWSERS = (1, 100)
WITHIN = 60.0  # seconds
SETTLES = 0.5  # seconds after the last event, for what follows from it
ARRIVES = 20.0  # seconds until everything must have arrived everywhere
PEOPLE = {
    "agent1": Role.AGENT,  # whose calls these are
    "agent2": Role.AGENT,
    "supervisor1": Role.SUPERVISOR,
    "dispatcher1": Role.DISPATCHER,
}
ABOUT = (
    "from the bytes of an AMI event at the bridge's socket to the message at a browser's, through the real "
    "ami_bridge, Redis and console, against one process that reads the same socket, encodes once and writes "
    f"the same bytes to every browser. Recorded real calls, {AT_ONCE} in progress at once; started, "
    "identified, gate, queued, ringing and answered are measured at every browser. Browsers are bare "
    f"WebSockets in one process. Aim: p99 at most {AIM:.0f} times the limit's with 100 browsers."
)


@dataclass(slots=True)
class Cell:
    """One rate with so many browsers: ms from event to browser, and ms of processor per event by part."""

    rate: int
    browsers: int
    ours: Side = field(default_factory=lambda: Side("ours"))
    limit: Side = field(default_factory=lambda: Side("limit"))
    pops: Side = field(default_factory=lambda: Side("ringing"))
    events: int = 0
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Of the 99th percentiles."""
        return self.ours.p99 / self.limit.p99

    def cost(self, part: str) -> float:
        """ms of processor per call event."""
        return self.cpu.get(part, 0.0) / max(1, self.events) * 1000


@dataclass(slots=True)
class Figures:
    cells: list[Cell] = field(default_factory=list)

    @property
    def missed(self) -> list[Cell]:
        """Where the aim is not met; only what is measured with many browsers counts."""
        most = max(cell.browsers for cell in self.cells)
        return [cell for cell in self.cells if cell.browsers == most and cell.ratio > AIM]

    def lines(self) -> list[str]:
        """The section for docs/benchmarks.md."""
        head = (
            *("call events a second", "browsers", "n", "ours: median ms", "p99", "of these ringing: p99"),
            *("limit: median ms", "p99", "p99 against the limit"),
        )
        rows = [
            (
                *(cell.rate, cell.browsers, cell.ours.n),
                *(f"{cell.ours.median:.2f}", f"{cell.ours.p99:.2f}"),
                f"{cell.pops.p99:.2f}" if cell.pops.samples else "-",
                *(f"{cell.limit.median:.2f}", f"{cell.limit.p99:.2f}", f"{cell.ratio:.2f}"),
            )
            for cell in self.cells
        ]
        parts = ("ami_bridge", "redis", "console", "limit")
        costs = [
            (cell.rate, cell.browsers, *(f"{cell.cost(part):.2f}" for part in parts)) for cell in self.cells
        ]
        busy = max(self.cells, key=lambda cell: cell.browsers * cell.rate)
        first = max(parts[:-1], key=busy.cost)
        verdict = (
            "met"
            if not self.missed
            else "**missed** at "
            + ", ".join(f"{cell.rate} a second ({cell.ratio:.2f} times)" for cell in self.missed)
        )
        return [
            machine(f"aiohttp {version('aiohttp')}", f"redis-py {version('redis')}"),
            "",
            *table(head, rows),
            "",
            f"p99 with {busy.browsers} browsers at most {AIM:.0f} times the limit: {verdict}.",
            "",
            "Processor time per call event, ms:",
            "",
            *table(("call events a second", "browsers", *parts), costs),
            "",
            f"What dominates with {busy.browsers} browsers at {busy.rate} a second: {first}, "
            f"{busy.cost(first) / max(1e-9, sum(map(busy.cost, parts[:-1]))):.0%} of our processor time.",
        ]


class Ground:
    """Both sides, running: ours (bridge, Redis, console) and the limit; each with its own AMI server."""

    def __init__(self, place: Place, stack: AsyncExitStack) -> None:
        self._place, self._stack = place, stack
        self._parts: dict[str, subprocess.Popen[bytes]] = {"redis": place.redis}
        self._ports: dict[str, tuple[int, str]] = {}
        self._tokens: list[str] = []
        self.fakes: dict[str, FakeAmi] = {}

    async def open(self) -> None:
        """Start everything; returns when both are connected to their AMI server."""
        place, settings = self._place, self._place.settings
        for side in ("ours", "limit"):
            fake = self.fakes[side] = FakeAmi(place.secret)
            fake.port = settings.ami_link_port or 0 if side == "ours" else 0
            await fake.start()
            self._stack.push_async_callback(fake.stop)
        await self._accounts()
        self._parts["ami_bridge"] = await place.python("ami_bridge")
        self._parts["console"] = await place.python("console")
        self._parts["limit"] = await place.python(
            "bench.pop_limit", str(self.fakes["limit"].port), talks=True
        )
        self._ports["limit"] = int(await place.said(self._parts["limit"], WITHIN)), "/"
        self._ports["ours"] = settings.http_port, "/api/v1/events"
        async with asyncio.timeout(WITHIN):
            for fake in self.fakes.values():
                await fake.logged_in.wait()
            while not await self._up():  # noqa: ASYNC110 - processes of their own
                await asyncio.sleep(0.1)

    async def _accounts(self) -> None:
        parts = make_parts(self._place.settings)
        for name, role in PEOPLE.items():
            await parts.accounts.add(name, name.title(), role, "kata-Sandi-112-bench", actor="bench")
            self._tokens.append(await parts.accounts.make_token(name, "bench", actor="bench"))
        await parts.hot.close()
        await parts.database.close()

    async def _up(self) -> bool:
        settings = self._place.settings
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", settings.http_port)
            writer.close()
            health = await ask(settings.bridge_socket, "health", timeout=5)
        except (OSError, ControlError):
            return False
        return bool(health["figures"]["link_up"])

    async def browsers(self, side: str, count: int) -> subprocess.Popen[bytes]:
        """A process with so many browsers of one side; a quarter of them each role's."""
        child = await self._place.python("bench.pop_browsers", talks=True)
        await self._place.said(child, WITHIN)
        port, path = self._ports[side]
        tokens = [self._tokens[number % len(self._tokens)] for number in range(count)]
        await self.ask(child, "open", port, path, tokens)
        return child

    async def ask(self, child: subprocess.Popen[bytes], *words: Any) -> Any:
        """One question to the browsers."""
        self._place.tell(child, json.dumps(words))
        return json.loads(await self._place.said(child, WITHIN))

    async def arrived(self, child: subprocess.Popen[bytes], keys: Iterable[str]) -> dict[str, list[int]]:
        """When these (and others) came to the browsers, once they have; or without those that never do."""
        await asyncio.sleep(SETTLES)
        wanted = list(keys)
        until = time.monotonic() + ARRIVES
        while await self.ask(child, "lack", wanted) and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(SETTLES)
        came: dict[str, list[int]] = await self.ask(child, "take")
        return came

    def cpu(self) -> dict[str, float]:
        """Processor seconds of every part so far."""
        return {name: cpu_seconds(child.pid) for name, child in self._parts.items()}


async def measure(
    seconds: float, rounds: int, rates: Sequence[int] = RATES, browsers: Sequence[int] = BROWSERS
) -> Figures:
    """Every rate with every number of browsers, both sides in turns of ``seconds``."""
    figures = Figures()
    async with Place() as place, AsyncExitStack() as stack:
        ground = Ground(place, stack)
        await ground.open()
        feeds = {side: Feed() for side in ground.fakes}
        for count in browsers:
            crowds = {side: await ground.browsers(side, count) for side in feeds}
            for side, crowd in crowds.items():  # warm, and not counted
                told = await feeds[side].tell(ground.fakes[side], max(rates), min(1.0, seconds))
                await ground.arrived(crowd, told.of(side))
            for rate in rates:
                cell = Cell(rate, count)
                for _ in range(rounds):
                    for side, crowd in crowds.items():
                        before = ground.cpu()
                        # of one event a second it takes longer to see enough
                        told = await feeds[side].tell(
                            ground.fakes[side], rate, seconds * 2 if rate == 1 else seconds
                        )
                        _note(cell, side, told, await ground.arrived(crowd, told.of(side)))
                        _spent(cell, side, before, ground.cpu())
                    cell.events += len(told.ours)
                figures.cells.append(cell)
                step(
                    f"{rate} per detik, {count} peramban: {cell.ratio:.2f} kali batas",
                    f"{rate} a second, {count} browsers: {cell.ratio:.2f} times the limit",
                )
            for crowd in crowds.values():
                crowd.kill()
                await asyncio.to_thread(crowd.wait)
    return figures


def _note(cell: Cell, side: str, told: Told, came: dict[str, list[int]]) -> None:
    """Every event's way to every browser, in ms.

    Raises:
        RefusedError: something did not arrive everywhere; a mean over the others would be no figure.
    """
    into = cell.ours if side == "ours" else cell.limit
    for key, sent in told.of(side).items():
        moments = came.get(key, [])
        if len(moments) < cell.browsers:
            raise RefusedError(
                f"{key} sampai di {len(moments)} dari {cell.browsers} peramban / reached {len(moments)} of "
                f"{cell.browsers} browsers ({side}, {cell.rate} a second)"
            )
        taken = [(moment - sent) / 1e6 for moment in moments]
        into.samples += taken
        if side == "ours" and key.startswith("call.ringing "):
            cell.pops.samples += taken


def _spent(cell: Cell, side: str, before: dict[str, float], after: dict[str, float]) -> None:
    for part in after:
        if (part == "limit") == (side == "limit"):
            cell.cpu[part] = cell.cpu.get(part, 0.0) + after[part] - before[part]


def command(
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.2, help="Lama satu giliran / length of one turn")
    ] = 4.0,
    rounds: Annotated[
        int, typer.Option("--rounds", min=1, help="Giliran tiap sisi / turns of each side")
    ] = 3,
    write: Annotated[
        bool, typer.Option("--write", help="Tulis ke docs/benchmarks.md / write it there")
    ] = False,
) -> None:
    """Dari kejadian AMI ke peramban / from an AMI event to the browser, beside one that only sends."""
    figures = asyncio.run(measure(seconds, rounds))
    lines = figures.lines()
    print()
    print("\n".join(lines))
    if write:
        write_section("pop", "Pop: AMI event to browser", ABOUT, lines)
