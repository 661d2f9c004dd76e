"""The hours replayed: every caller a real SIP call, every call taker a desk phone, through a real home."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from bench.bogor_day import LEAVES, SILENT, Arrival, breaks, pick_up, talk_of
from bench.bogor_model import ABANDONED, ANSWERED, LEFT_GATE, NO_RESPONSE, OPEN, Outcome
from bench.callers import AGENT_TONE, hears_person
from bench.desks import staff
from psap.accounts.model import PhoneRow
from psap.platform import probes
from psap.platform.control import ControlError, ask
from psap.platform.settings import Settings
from psap.sip import audio
from psap.sip.caller import Caller
from psap.sip.phone import DeskPhone, PhoneCall
from psap.sip.sipp import Lines, SippError

CARRIER = "127.0.0.2"
LOOK = 0.04  # seconds between two looks whether a person is heard
FRAMES = 6  # of the tone, 20 ms each, are a person
GATE_LONGEST = 60.0  # seconds of the run: whoever says nothing is sent away before
BETWEEN_KEYS = 0.25  # seconds: nobody's fingers are faster, at any speed of the replay
FAREWELL = 3.0  # seconds of the run: a caller who does not hang up is hung up on
TALK_LONGEST = 120.0  # seconds of the run
DRAIN = 180.0  # seconds of the run for the last callers to end
SETTLE = 60.0  # seconds for the last records


@dataclass(slots=True)
class Told:
    """One call as its caller and the call taker's telephone saw it. Moments: time.monotonic."""

    arrival: Arrival
    dialled: str
    again: bool
    at: float = field(default_factory=time.monotonic)
    answered: bool = False
    joined: float | None = None  # pressed the last key, or was let through without
    person: float | None = None  # heard a call taker
    left: float | None = None  # hung up by own wish
    over: float | None = None
    by: str = ""  # who ended it: caller, callee, refused, lost
    status: int | None = None
    taker: str | None = None  # whose telephone was lifted for it
    taken: float | None = None
    talk: float | None = None  # seconds of the day that the conversation was to last


class Taker(DeskPhone):
    """A call taker: lifts one receiver at a time, talks, marks what was no emergency, and ends it."""

    def __init__(self, *arguments: Any, shift: Shift, name: str, **options: Any) -> None:
        super().__init__(*arguments, answer_after=0.0, **options)
        self.name, self.away = name, False
        self._shift = shift
        self._busy = False

    async def _handle(self, call: PhoneCall) -> None:
        if self._busy or self.away:  # it rings on until somebody else lifts, or the ring runs out
            return
        self._busy = True
        try:
            wait = pick_up(self._shift.draw) / self._shift.speed
            done, _ = await asyncio.wait({call.over}, timeout=wait)
            if not done and not self.away:
                await self._serve(call)
        finally:
            self._busy = False
            self.calls.remove(call)

    async def _serve(self, call: PhoneCall) -> None:
        try:
            lifted = await call.answer()
        except (TimeoutError, asyncio.CancelledError):  # the caller was faster
            return
        told = self._shift.calls.get(call.caller)
        if told is None:
            call.hang_up()
            return
        kind = told.arrival.kind
        told.taker, told.taken = self.name, lifted
        told.talk = talk_of(kind, self._shift.draw)
        done, _ = await asyncio.wait({call.over}, timeout=told.talk / self._shift.speed)
        if not done and kind.classification:
            await self._shift.mark(told, end=kind.ended_by == "agent")
        if kind.ended_by == "caller":
            self._shift.goodbye(told)
        elif not done:
            call.hang_up()
        try:
            await call.ended(FAREWELL)
        except TimeoutError:
            call.hang_up()
            with contextlib.suppress(TimeoutError):
                await call.ended(FAREWELL)


class Shift:
    """The run: who calls, who serves, what was seen."""

    def __init__(self, settings: Settings, speed: float, seed: int) -> None:
        self.settings, self.speed = settings, speed
        self.draw = random.Random(seed)  # noqa: S311 - what call takers do, no secret
        self.placed: list[Told] = []
        self.calls: dict[str, Told] = {}  # by the caller's number
        self.unmarked = 0
        self._ends: dict[str, asyncio.Event] = {}

    async def mark(self, told: Told, *, end: bool) -> None:
        """The call taker says what it was; ``end`` hangs up with the same click."""
        try:
            snapshot = await ask(self.settings.bridge_socket, "snapshot", timeout=5)
            for each in snapshot["calls"]:
                if each["caller"]["number"] == told.arrival.number:
                    words = {
                        "call_id": each["id"], "by": told.taker, "end": end,
                        "classification": told.arrival.kind.classification,
                    }  # fmt: skip
                    await ask(self.settings.bridge_socket, "call.classify", words, timeout=5)
                    return
        except ControlError:
            pass
        self.unmarked += 1

    def goodbye(self, told: Told) -> None:
        """All is said: the caller hangs up."""
        self._ends[told.dialled].set()

    async def person(self, lines: Lines, arrival: Arrival) -> None:
        """One person's calls: one, or two of whoever gave up and tries again."""
        first = await self._call(lines, arrival, again=False)
        gave_up = first.joined is not None and first.person is None and first.left is not None
        if gave_up and arrival.redial_after is not None:
            await asyncio.sleep(arrival.redial_after / self.speed)
            await self._call(lines, arrival, again=True)

    async def _call(self, lines: Lines, arrival: Arrival, *, again: bool) -> Told:
        told = Told(arrival, f"112{len(self.placed) + 1:09d}", again)
        self.placed.append(told)
        self.calls[arrival.number] = told
        self._ends[told.dialled] = asyncio.Event()
        # only silence needs packets: a line without any is taken for a fault of the line
        sound = audio.pause(audio.PACE) if arrival.kind.name == SILENT else None
        caller = Caller(lines, arrival.number, dialled=told.dialled, sound=sound, events=False)
        with contextlib.suppress(SippError, TimeoutError, OSError):  # told by the call's own fields
            async with caller:
                await caller.answered(30)
                told.answered = True
                await self._behave(told, caller)
        with contextlib.suppress(SippError, TimeoutError):
            ended = await caller.ended(0.1)
            told.over, told.by, told.status = ended.at, ended.by, ended.status
        caller.media.heard.clear()
        lines.forget(caller.call_id)
        return told

    async def _behave(self, told: Told, caller: Caller) -> None:
        kind, arrival = told.arrival.kind, told.arrival
        if kind.name == LEAVES:
            await self._stay(told, caller, arrival.acts_after / self.speed)
            return
        if kind.name == SILENT:
            await self._stay(told, caller, GATE_LONGEST)
            return
        if not told.again:  # who was cut off a moment ago is let through without a key
            await asyncio.sleep(arrival.acts_after / self.speed)
            for place, key in enumerate(kind.keys):
                await asyncio.sleep(BETWEEN_KEYS if place else 0.0)
                await caller.press(key, how="info")
        told.joined = time.monotonic()
        until = told.joined + arrival.patience / self.speed
        while not caller.is_over and told.person is None:
            if hears_person(caller):
                told.person = caller.media.heard[-FRAMES][0]
            elif time.monotonic() >= until:
                await self._leave(told, caller)
                return
            else:
                await asyncio.sleep(LOOK)
        ends = asyncio.create_task(self._ends[told.dialled].wait())
        over = asyncio.create_task(caller.ended(TALK_LONGEST))
        await asyncio.wait({ends, over}, return_when=asyncio.FIRST_COMPLETED)
        ends.cancel()
        if not over.done():
            await self._leave(told, caller)
        await asyncio.gather(over, return_exceptions=True)

    async def _stay(self, told: Told, caller: Caller, seconds: float) -> None:
        try:
            await caller.ended(seconds)
        except TimeoutError:
            await self._leave(told, caller)

    @staticmethod
    async def _leave(told: Told, caller: Caller) -> None:
        told.left = caller.hang_up()
        await caller.ended(10)

    def outcomes(self, began: float) -> list[Outcome]:
        """What the simulation is compared with, by the callers' own side. ``began``: time.monotonic."""
        out = []
        for each in self.placed:
            outcome = Outcome((each.at - began) * self.speed, each.arrival.kind.name, OPEN, again=each.again)
            out.append(outcome)
            if each.joined is not None and each.person is not None:
                outcome.end, outcome.wait = ANSWERED, max(0.0, each.person - each.joined) * self.speed
            elif each.joined is not None and each.left is not None:
                outcome.end, outcome.wait = ABANDONED, (each.left - each.joined) * self.speed
            elif each.arrival.kind.name == SILENT and each.by == "callee":
                outcome.end = NO_RESPONSE
            elif each.arrival.kind.name == LEAVES and each.left is not None:
                outcome.end = LEFT_GATE
        return out


async def replay(
    settings: Settings, people: Sequence[Arrival], *, speed: float, hours: float, takers: int, seed: int
) -> tuple[Shift, float, bool]:
    """The whole run: (what was seen, when it began by time.monotonic, whether all is well at the end)."""
    shift = Shift(settings, speed, seed)
    async with AsyncExitStack() as stack:
        names = [f"bogor{index}" for index in range(1, takers + 1)]
        coming = iter(names)  # telephones are made one after the other, in this order

        def desk(lines: Lines, phone: PhoneRow, domain: str) -> Taker:
            return Taker(
                lines, phone.username, phone.password, domain=domain, shift=shift, name=next(coming),
                sound=audio.tone((AGENT_TONE,), 0.5),
            )  # fmt: skip

        desks = await staff(settings, names, desk, stack)
        target = (settings.sip_bind, settings.sip_port)
        lines = [await stack.enter_async_context(Lines(target, CARRIER)) for _ in range(2)]
        began = time.monotonic()
        rests = [
            asyncio.create_task(_rest(settings, each, began, begin / speed, end / speed))
            for each, (begin, end) in zip(desks, breaks(hours), strict=False)
        ]
        talk = asyncio.create_task(_progress(shift, len(people), began))
        tasks: set[asyncio.Task[None]] = set()
        for number, arrival in enumerate(people):
            await asyncio.sleep(max(0.0, began + arrival.at / speed - time.monotonic()))
            task = asyncio.create_task(shift.person(lines[number % len(lines)], arrival))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN)
        for task in [*tasks, *rests, talk]:
            task.cancel()
        await asyncio.gather(*tasks, *rests, talk, return_exceptions=True)
        healthy = await _healthy(settings)
    return shift, began, healthy


async def _rest(settings: Settings, desk: Taker, began: float, begin: float, end: float) -> None:
    """One call taker's break."""
    await asyncio.sleep(max(0.0, began + begin - time.monotonic()))
    desk.away = True
    await ask(settings.bridge_socket, "agent.pause", {"agent": desk.name, "reason": "istirahat"}, timeout=10)
    await asyncio.sleep(max(0.0, began + end - time.monotonic()))
    desk.away = False
    await ask(settings.bridge_socket, "agent.unpause", {"agent": desk.name}, timeout=10)


async def _progress(shift: Shift, wanted: int, began: float) -> None:
    while True:
        await asyncio.sleep(30)
        gone = (time.monotonic() - began) * shift.speed / 60
        print(f"· {gone:4.0f} menit / minutes, {len(shift.placed)} panggilan / calls ({wanted})", flush=True)


async def _healthy(settings: Settings) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE):
            while True:
                if (await probes.status(settings)).healthy:
                    return True
                await asyncio.sleep(0.5)
    return False
