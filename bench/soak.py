"""``./112 bench soak``: thousands of calls of mixed behaviour while everything of ours keeps failing."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.callers import AGENT_TONE, People, draw_kind
from bench.faults import Faults
from bench.summary import Summary
from bench.watching import Watch
from psap.accounts.model import AccountError, Role
from psap.accounts.phones import ensure_phone, list_phones
from psap.accounts.service import Accounts
from psap.agencies.profile import load_profile
from psap.callers.transfer import import_blocks
from psap.platform import probes
from psap.platform.clock import SystemClock
from psap.platform.control import ControlError, ask
from psap.platform.database import Database
from psap.platform.settings import Settings
from psap.sip import audio
from psap.sip.phone import DeskPhone, PhoneCall
from psap.sip.sipp import Lines

TALK = 1.5  # seconds that a call taker speaks: longer than a starved Asterisk needs to put two together
LONGEST_TALK = 30.0
PICK_UP = 0.1
CROWD = 160  # callers at once; who would be more waits at home, so that a slow machine is not drowned
BLOCKED = 40  # numbers that are blocked from the start
DRAIN = 150.0  # seconds for the last callers to end
SETTLE = 90.0  # seconds for the last records to be written
PROGRESS = 5.0
CARRIER, DESKS = "127.0.0.2", "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wished for. ``rate`` calls a second; a fault about each ``every`` seconds (0: none)."""

    calls: int
    rate: float
    phones: int
    every: float
    seed: int
    minutes: float | None = None
    calm: int = 0  # calls afterwards, with nothing broken: what leaks grows on


class Taker(DeskPhone):
    """A call taker who answers, talks a moment, and ends who is only playing."""

    async def _handle(self, call: PhoneCall) -> None:
        await super()._handle(call)
        if not call.over.done():
            # a machine that is out of breath sends late: nobody hangs up before having said something
            said = self.media.sent + round(TALK / audio.PACE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_TALK):
                    while self.media.sent < said and not call.over.done():  # noqa: ASYNC110 - nobody tells it
                        await asyncio.sleep(0.1)
            call.hang_up()
        self.calls.remove(call)


async def soak(settings: Settings, plan: Plan) -> Summary:
    """The whole soak against a running home.

    Ctrl-C (SIGINT) stops placing calls; the summary then tells what there is.
    """
    draw = random.Random(plan.seed)  # noqa: S311 - a repeatable choice, not a secret
    async with AsyncExitStack() as stack:
        await _staff(settings, plan.phones, stack)
        blocked = await _block(settings, draw)
        target = (settings.sip_bind, settings.sip_port)
        lines = [await stack.enter_async_context(Lines(target, CARRIER)) for _ in range(2)]
        people = People(lines, draw, blocked)
        faults, watch = Faults(settings, random.Random(plan.seed + 1)), Watch(settings)  # noqa: S311
        interrupted = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, interrupted.set)
        stack.callback(loop.remove_signal_handler, signal.SIGINT)
        background = [asyncio.create_task(watch.run())]
        if plan.every > 0:
            background.append(asyncio.create_task(faults.run(plan.every), name="faults"))
        began = time.monotonic()
        background.append(asyncio.create_task(_progress(people, faults, plan, began)))
        background.append(asyncio.create_task(_classify(settings, people)))
        try:
            await _place(people, plan, draw, interrupted)
        finally:
            for task in background[1:]:
                if task.get_name() == "faults":
                    task.cancel()
            await faults.end()
        seconds = time.monotonic() - began
        healthy = await _settled(settings, people)
        watch.rest()
        if plan.calm and not interrupted.is_set():
            started = time.monotonic()
            await _place(people, replace(plan, calls=plan.calls + plan.calm, minutes=None), draw, interrupted)
            watch.calm(started, time.monotonic())
            healthy = await _settled(settings, people)
            watch.rest()
        for task in background[1:]:
            task.cancel()
        watch.look()
        background[0].cancel()
        summary = Summary(
            plan.seed, seconds, people.placed, faults.counts, watch.growth(), interrupted.is_set(), healthy,
            plan.calm,
        )  # fmt: skip
        summary.read(settings)
        return summary


async def _place(people: People, plan: Plan, draw: random.Random, interrupted: asyncio.Event) -> None:
    """All calls, evenly; returns when the last caller is gone."""
    tasks: set[asyncio.Task[None]] = set()
    due = time.monotonic()
    until = due + plan.minutes * 60 if plan.minutes else float("inf")
    while len(people.placed) < plan.calls and time.monotonic() < until and not interrupted.is_set():
        if people.active < CROWD:
            task = asyncio.create_task(people.call(draw_kind(draw)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        due = max(due + 1 / plan.rate, time.monotonic() - 1)
        await asyncio.sleep(max(0.005, due - time.monotonic()))
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN)
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _settled(settings: Settings, people: People) -> bool:
    """Wait until everything is well and every call has its record, or patience ends; whether it is well."""
    wanted = {call.dialled for call in people.placed if call.answered}
    healthy = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE):
            while True:
                healthy = (await probes.status(settings)).healthy
                found = Summary(0, 0, [], Faults(settings, random.Random()).counts, [], False, healthy)  # noqa: S311
                with contextlib.suppress(Exception):
                    found.read(settings)
                if healthy and wanted <= found.recorded.keys():
                    return True
                await asyncio.sleep(1)
    return healthy


async def _progress(people: People, faults: Faults, plan: Plan, began: float) -> None:
    while True:
        await asyncio.sleep(PROGRESS)
        gone = time.monotonic() - began
        wished = plan.calls + plan.calm
        print(
            f"· {gone:4.0f} s  {len(people.placed)}/{wished} panggilan / calls, {people.active} "
            f"berlangsung / in progress, {faults.counts.total()} gangguan / faults",
            flush=True,
        )


async def _classify(settings: Settings, people: People) -> None:
    """A call taker marks what was a prank as one and ends it, where the bridge is there to do so."""
    heard: set[str] = set()  # in a conversation at the last look: long enough to know
    done: set[str] = set()
    while True:
        await asyncio.sleep(0.4)
        with contextlib.suppress(ControlError):
            for each in (await ask(settings.bridge_socket, "snapshot", timeout=2))["calls"]:
                number = each["caller"]["number"]
                if number not in people.prank_numbers or not each["answered_at"] or number in done:
                    continue
                if number not in heard:
                    heard.add(number)
                else:
                    done.add(number)
                    words = {"call_id": each["id"], "classification": "prank", "by": "soak", "end": True}
                    await ask(settings.bridge_socket, "call.classify", words, timeout=2)


async def _staff(settings: Settings, count: int, stack: AsyncExitStack) -> None:
    """Call takers with registered telephones, logged in."""
    profile = load_profile(settings.home / "profile.toml")
    database = Database(settings.effective_database_url)
    accounts = Accounts(database, profile.site, SystemClock())
    names = [f"soak{index}" for index in range(1, count + 1)]
    for name in names:
        with contextlib.suppress(AccountError):  # there from an earlier soak
            await accounts.add(name, name.title(), Role.AGENT, "soak-Kata-Sandi-112", actor="soak")
    async with database.write() as connection:
        for name in names:
            await ensure_phone(connection, profile.site, name, actor="soak")
        phones = {each.agent: each for each in await list_phones(connection, profile.site)}
    await database.close()
    await ask(settings.bridge_socket, "phones.sync", timeout=30)
    lines = await stack.enter_async_context(Lines((settings.sip_bind, settings.sip_port), DESKS))
    sound = audio.tone((AGENT_TONE,), 0.5)
    for name in names:
        phone = phones[name]
        desk = Taker(
            lines, phone.username, phone.password, domain=settings.external_address or settings.sip_bind,
            answer_after=PICK_UP, sound=sound,
        )  # fmt: skip
        await stack.enter_async_context(desk)
        await ask(settings.bridge_socket, "agent.login", {"agent": name}, timeout=10)


async def _block(settings: Settings, draw: random.Random) -> list[str]:
    """Numbers on the blocklist, as an import would put them there."""
    numbers = [f"0813{draw.randrange(10**8):08d}" for _ in range(BLOCKED)]
    profile = load_profile(settings.home / "profile.toml")
    database = Database(settings.effective_database_url)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{number},soak\n" for number in numbers))
        file.flush()
        await import_blocks(database, profile.site, profile, SystemClock(), Path(file.name), author="soak")
    await database.close()
    await ask(settings.bridge_socket, "blocks.sync", {"keys": None}, timeout=30)
    return numbers
