"""The people of a soak: who calls, how they behave, and what each of them found out."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field

from psap.sip import audio
from psap.sip.caller import Caller
from psap.sip.sipp import Lines, SippError

AGENT_TONE = 880.0  # what a call taker's telephone sends: a caller who hears it has reached a person
PATIENCE = 120.0  # seconds that somebody who wants a person stays on the line
NOBODY = 60.0  # seconds that somebody stays who says nothing

# kind: (share of the calls, whether this caller stays until a person answers)
KINDS: dict[str, tuple[int, bool]] = {
    "talks": (38, True),
    "withheld": (8, True),
    "hides (55)": (6, True),
    "prank": (8, True),
    "drops and redials": (6, True),
    "leaves the gate": (13, False),
    "leaves the queue": (10, False),
    "blocked": (5, False),
    "silent": (6, False),
}


@dataclass(slots=True)
class Placed:
    """One INVITE and what became of it, as the caller saw it. Seconds; ``dialled`` is its name."""

    kind: str
    dialled: str
    number: str | None
    wants_person: bool
    at: float = field(default_factory=time.monotonic)
    answered: bool = False
    person_after: float | None = None
    left: bool = False  # hung up by own wish
    status: int | None = None
    over: bool = False


def draw_kind(draw: random.Random) -> str:
    """A kind by its share."""
    return draw.choices(list(KINDS), [share for share, _ in KINDS.values()])[0]


class People:
    """Everybody who calls in one soak."""

    def __init__(self, lines: list[Lines], draw: random.Random, blocked: list[str]) -> None:
        self._lines = lines
        self._draw = draw
        self._blocked = blocked
        self.placed: list[Placed] = []
        self.prank_numbers: set[str] = set()
        self.active = 0
        self._busy: set[str | None] = set()

    async def call(self, kind: str) -> None:
        """One person's whole story: one call, or two for who redials."""
        self.active += 1
        number = self._number(kind)
        self._busy.add(number)
        try:
            if kind == "drops and redials":
                await self._one(kind, number, wants_person=False, leave_after=0.6)
                await asyncio.sleep(0.5)
                await self._one(kind, number, wants_person=True)
            else:
                await self._one(kind, number, wants_person=KINDS[kind][1])
        finally:
            self._busy.discard(number)
            self.active -= 1

    def _number(self, kind: str) -> str | None:
        if kind == "withheld":
            return None
        if kind == "blocked":
            # a number holds two calls at most; each of these telephones once at a time
            free = [number for number in self._blocked if number not in self._busy] or self._blocked
            return self._draw.choice(free)
        number = f"0812{self._draw.randrange(10**8):08d}"
        if kind == "prank":
            self.prank_numbers.add(number)
        return number

    async def _one(
        self, kind: str, number: str | None, *, wants_person: bool, leave_after: float | None = None
    ) -> None:
        call = Placed(kind, f"112{len(self.placed) + 1:09d}", number, wants_person)
        self.placed.append(call)
        lines = self._lines[len(self.placed) % len(self._lines)]
        # only silence needs packets: a line without any is taken for a fault of the line
        sound = audio.pause(audio.PACE) if kind == "silent" else None
        caller = Caller(lines, number, dialled=call.dialled, sound=sound, events=False)
        try:
            async with caller:
                await self._behave(call, caller, leave_after)
        except (SippError, TimeoutError, OSError):
            pass  # told by the call's own fields
        finally:
            call.over = True
            caller.media.heard.clear()
            lines.forget(caller.call_id)

    async def _behave(self, call: Placed, caller: Caller, leave_after: float | None) -> None:
        watch = asyncio.create_task(self._watch_end(call, caller))
        try:
            await caller.answered(30)
            call.answered = True
            if leave_after is not None:
                await self._press(caller, "0")
                await self._leave(call, caller, leave_after)
            elif call.kind == "leaves the gate":
                await self._leave(call, caller, 0.5)
            elif call.kind == "leaves the queue":
                await self._press(caller, "0")
                await self._leave(call, caller, 0.3)
            elif call.kind in ("silent", "blocked"):
                if call.kind == "blocked":
                    await self._press(caller, "99")
                await self._leave(call, caller, NOBODY)
            else:
                await self._press(caller, "55" if call.kind == "hides (55)" else "0")
                await self._stay(call, caller)
        finally:
            watch.cancel()

    async def _press(self, caller: Caller, keys: str) -> None:
        with contextlib.suppress(TimeoutError):
            await caller.press(keys, how="info")

    async def _leave(self, call: Placed, caller: Caller, after: float) -> None:
        """Stay for so long at most, then hang up."""
        try:
            await caller.ended(after)
        except TimeoutError:
            call.left = True
            caller.hang_up()
            await caller.ended(10)

    async def _stay(self, call: Placed, caller: Caller) -> None:
        """Stay until a call taker has been heard and has hung up."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not caller.is_over:
            if call.person_after is None and hears_person(caller):
                call.person_after = time.monotonic() - call.at
            await asyncio.sleep(0.25)
        if not caller.is_over:
            caller.hang_up()
            await caller.ended(10)
        if call.person_after is None:
            seconds = time.monotonic() - call.at
            await asyncio.sleep(0.3)  # what was said last may still wait to be read
            if heard_person(caller):
                call.person_after = seconds

    async def _watch_end(self, call: Placed, caller: Caller) -> None:
        ended = await caller.ended(PATIENCE + 60)
        call.status = ended.status


def heard_person(caller: Caller) -> bool:
    """Whether a call taker was heard at any time: 120 ms of the tone within the last seconds."""
    frames = [frame for _, frame in list(caller.media.heard)[-150:]]
    parts = (frames[start : start + 6] for start in range(0, len(frames) - 5, 6))
    return any(audio.tone_share(part, AGENT_TONE) > 0.5 for part in parts)


def hears_person(caller: Caller) -> bool:
    """Whether the last thing heard is a call taker."""
    frames = [frame for _, frame in list(caller.media.heard)[-6:]]
    return len(frames) == 6 and audio.tone_share(frames, AGENT_TONE) > 0.5
