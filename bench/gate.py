"""``./112 bench gate``: INVITE to 200 through our gate, against no gate and the least that a gate can be."""

from __future__ import annotations

import asyncio
import csv
import random
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Dial, Outcome, entries, place, strangers
from bench.page import Side, machine
from bench.rig import Ami, Rig, RigError, versions
from psap.agencies.profile import load_profile
from psap.callers.transfer import import_blocks
from psap.cli.say import step
from psap.platform.clock import SystemClock
from psap.platform.control import ask
from psap.platform.database import Database
from psap.platform.heartbeat import read_beat
from psap.platform.pbx_names import DB_BLOCK, DB_DROP

OURS, NONE, LEAST, KEYED, DECIDES = "112", "900001", "900002", "900003", "900004"
HOLD = 0.25  # seconds that a caller listens
SHORT_HOLD = 0.1
LATE_MS = 1000.0  # a call whose 200 comes later is not a clean one
ENTRY_AIM_MS, DECISION_AIM_MS, RATE_AIM = 1.5, 0.2, 0.85
RULES = "[limits]\ngate_calls = 2000\nall_calls = 2000\n"
BLOCKED = "0|3|challenge|bench"  # EXPIRY|RUNG|TREATMENT|BLOCKID


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. ``rate`` calls a second where delays count; ``crowd`` callers at once at most."""

    each: int = 300
    rate: float = 50.0
    door: int = 100
    blocked: tuple[int, ...] = (10, 100_000, 1_000_000)
    rounds: int = 3
    calls: int = 3000
    crowd: int = 250


@dataclass(slots=True)
class Capacity:
    """One run in which callers come as fast as places become free."""

    rate: float  # clean calls a second
    clean: float  # share of the calls
    talked: float  # share with which agi talked
    cpu_ms: dict[str, float]  # per call, of each part


@dataclass(slots=True)
class Found:
    """Everything that was measured; delays in ms."""

    sides: list[Side] = field(default_factory=list)
    door: Side = field(default_factory=lambda: Side("to the queue's door, through agi"))
    counts: list[tuple[int, Side, Side]] = field(default_factory=list)  # numbers blocked: ours, least
    capacity: dict[str, list[Capacity]] = field(default_factory=dict)
    failed: int = 0
    machine: str = ""

    def side(self, name: str) -> Side:
        return next(each for each in self.sides if each.name == name)


SIDES = {
    "no gate": NONE,
    "`DB_EXISTS` in the dialplan": LEAST,
    "our gate": OURS,
    "our gate, blocked number": OURS,
    "key alone": KEYED,
    "key and our block decision, clean": DECIDES,
    "key and our block decision, blocked": DECIDES,
}
LISTED = {name for name in SIDES if "blocked" in name}


async def measure(rig: Rig, sizes: Sizes) -> Found:
    """All of it against a healthy home with ``RULES``."""
    found = Found()
    step("INVITE sampai 200", "INVITE to 200, the sides call by call in turns")
    await _entries(rig, sizes, found)
    step("Sampai pintu antrean", "to the queue's door")
    await _door(rig, sizes, found)
    await asyncio.to_thread(rig.stop_parts, "ami_bridge")  # it would take strange numbers out again
    step("Banyaknya nomor diblokir", "how many numbers are blocked")
    await _counts(rig, sizes, found)
    step("Panggilan per detik", "calls a second")
    await _capacities(rig, sizes, found)
    found.machine = machine(await asyncio.to_thread(versions, rig.settings))
    return found


async def _entries(rig: Rig, sizes: Sizes, found: Found) -> None:
    blocked = [f"0813{index:08d}" for index in range(len(LISTED) * sizes.each)]
    await _block(rig, blocked)
    draw = random.Random(112)  # noqa: S311 - a repeatable order, not a secret
    # no number twice: who hung up in the gate is somebody else at the next call
    listed = iter(draw.sample(blocked, len(blocked)))
    dials: list[Dial] = []
    of_side: dict[str, str] = {}  # number -> side
    for _ in range(sizes.each):
        turn = list(SIDES.items())
        draw.shuffle(turn)  # whoever comes behind a costly one is not always the same
        for name, dialled in turn:
            who = Dial(next(listed), dialled) if name in LISTED else strangers(1, dialled)[0]
            dials.append(who)
            of_side[who.number] = name
    outcomes, _ = await place(rig.target, dials, rate=sizes.rate, hold=HOLD)
    found.sides = [Side(name) for name in SIDES]
    for each in outcomes[len(SIDES) * 5 :]:  # the first ones find everything cold
        if each.entry_ms is None:
            found.failed += 1
        else:
            found.side(of_side[each.dial.number]).samples.append(each.entry_ms)
    await rig.idle()


async def _block(rig: Rig, numbers: Sequence[str]) -> None:
    """On the block list as an import puts them there, and in AstDB."""
    settings = rig.settings
    profile = load_profile(settings.home / "profile.toml")
    database = Database(settings.effective_database_url)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{number},bench\n" for number in numbers))
        file.flush()
        await import_blocks(database, profile.site, profile, SystemClock(), Path(file.name), author="bench")
    await database.close()
    await ask(settings.bridge_socket, "blocks.sync", {"keys": None}, timeout=30)


async def _door(rig: Rig, sizes: Sizes, found: Found) -> None:
    """Who was cut off a moment ago needs no key: agi decides at once, and the caller stands in the queue."""
    dials = strangers(sizes.door)
    async with Ami(rig.settings) as ami:
        await ami.put(DB_DROP, {dial.key: str(int(time.time())) for dial in dials})
    outcomes, _ = await place(rig.target, dials, rate=20, hold=3.0)
    await rig.idle()
    queued = _queued_at(rig)
    for each in outcomes:
        at = queued.get(each.dial.number)
        if at is None:
            found.failed += 1
        else:
            found.door.samples.append((at - each.sent) * 1000)


def _queued_at(rig: Rig) -> dict[str, float]:
    """Number -> when Asterisk wrote that the caller enters the queue, epoch seconds."""
    path = rig.settings.pbx / "log" / "cel-custom" / "psap.csv"
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return {row[5]: float(row[1]) for row in csv.reader(file) if row[0] == "PsapQueue"}


async def _counts(rig: Rig, sizes: Sizes, found: Found) -> None:
    """With few, many and very many blocked numbers, and with few once more: that is the noise."""
    async with Ami(rig.settings) as ami:
        for count in (*sizes.blocked, sizes.blocked[0]):
            await ami.all([{"Action": "DBDelTree", "Family": DB_BLOCK}], may_fail=True)
            await ami.put(DB_BLOCK, {f"62814{index:08d}": BLOCKED for index in range(count)})
            dials: list[Dial] = []
            for turn in range(sizes.each // 2):
                listed = turn * 7919 % count  # from all over the list, one after the other
                dials += [Dial(f"0814{listed:08d}"), *strangers(1), *strangers(2, LEAST)]
            outcomes, _ = await place(rig.target, dials, rate=sizes.rate, hold=HOLD)
            found.failed += sum(each.answered is None for each in outcomes)
            found.counts.append(
                (count, Side("ours", entries(outcomes, OURS)), Side("least", entries(outcomes, LEAST)))
            )
            await rig.idle()
        await ami.all([{"Action": "DBDelTree", "Family": DB_BLOCK}], may_fail=True)


async def _capacities(rig: Rig, sizes: Sizes, found: Found) -> None:
    for _ in range(sizes.rounds):
        for name, dialled in (("`DB_EXISTS`", LEAST), ("our gate", OURS)):
            found.capacity.setdefault(name, []).append(await _capacity(rig, sizes, dialled))
        await asyncio.to_thread(rig.start_parts, "ami_bridge")
        all_on = await _capacity(rig, sizes, OURS)
        found.capacity.setdefault("our gate, bridge and console too", []).append(all_on)
        await asyncio.to_thread(rig.stop_parts, "ami_bridge")


async def _capacity(rig: Rig, sizes: Sizes, dialled: str) -> Capacity:
    await asyncio.sleep(1.2)  # agi's heartbeat tells all of its calls
    before, talked = await asyncio.to_thread(rig.cpu), _agi_calls(rig)
    dials = strangers(sizes.calls, dialled)
    outcomes, sipp = await place(rig.target, dials, rate=4000, hold=SHORT_HOLD, at_once=sizes.crowd)
    await rig.idle(120)
    await asyncio.sleep(1.2)
    after = await asyncio.to_thread(rig.cpu)
    spent = {part: after[part] - before.get(part, 0.0) for part in after} | {"SIPp": sipp}
    clean = [each for each in outcomes if each.entry_ms is not None and each.entry_ms <= LATE_MS]
    return Capacity(
        rate=_rate(clean),
        clean=len(clean) / len(dials),
        talked=(_agi_calls(rig) - talked) / len(dials),
        cpu_ms={part: seconds / len(dials) * 1000 for part, seconds in spent.items()},
    )


def _rate(clean: Sequence[Outcome]) -> float:
    """Clean calls a second, without the first and the last tenth: there the crowd grows or goes."""
    moments = sorted(each.answered for each in clean if each.answered is not None)
    if len(moments) < 20:
        return 0.0
    begin, end = len(moments) // 10, len(moments) * 9 // 10
    return (end - begin) / (moments[end] - moments[begin])


def _agi_calls(rig: Rig) -> int:
    """With how many callers agi has talked since its start, by its own heartbeat."""
    told = re.search(r"[0-9]+", str((read_beat(rig.settings.run, "agi") or {}).get("detail", "")))
    if told is None:
        raise RigError("agi's heartbeat does not tell its calls")
    return int(told[0])
