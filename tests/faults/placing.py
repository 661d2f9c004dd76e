"""Places the calls of a cell: real callers, a real call taker, and the fault at its moment."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from psap.sip.caller import Caller
from psap.sip.sipp import SippError
from tests.faults.cells import BEFORE, GATE, QUEUE, RINGING, TALKING, Cell, Moment
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, Seat, fresh_number, hum

PRESS_AFTER = 0.5  # a person needs a moment
TALK = 1.0  # seconds of conversation
REACH = 90.0  # seconds after which a caller has not reached a person
NEXT_REACH = 120.0  # the same for whoever calls, and calls again, after Asterisk died
PATIENCE = 40.0  # seconds of silence after which a citizen hangs up and dials again


@dataclass
class Placed:
    """One caller of a cell, and what the record must tell. Seconds."""

    number: str
    talked: float | None = None  # None: no conversation, or one that the fault ended
    stage: Moment | None = None  # where the call was when Asterisk died with it


@dataclass
class Story:
    """What a cell's callers went through."""

    calls: list[Placed] = field(default_factory=list)
    seconds: float | None = None  # waiting, or the longest silence, or until the next call works
    reached: bool = False  # the caller reached or kept a person
    words: str = ""  # what a caller experienced whose call could not be kept
    trouble: str = ""  # why it was not reached


async def _while_on_the_line(caller: Caller, waiting: Coroutine[Any, Any, float]) -> float:
    """What ``waiting`` gives. Raises SippError as soon as the caller is disconnected: nobody who hears that
    goes on listening."""
    hoping = asyncio.ensure_future(waiting)
    ending = asyncio.ensure_future(caller.ended(REACH))
    try:
        await asyncio.wait((hoping, ending), return_when=asyncio.FIRST_COMPLETED)
        if not hoping.done():
            raise SippError(f"the caller was disconnected: {await ending}")
        return await hoping
    finally:
        for task in (hoping, ending):
            task.cancel()
        await asyncio.gather(hoping, ending, return_exceptions=True)


class Play:
    """One cell's calls. ``fault`` is entered at the cell's moment and left after the calls."""

    def __init__(
        self, centre: Centre, seat: Seat, cell: Cell, fault: AbstractAsyncContextManager[None], listen: float
    ) -> None:
        self.centre = centre
        self.seat = seat
        self.cell = cell
        self.story = Story()
        self._fault = fault
        self._listen = listen  # seconds of conversation in which a fault while talking is endured
        self._stack = AsyncExitStack()
        self._broken = 0.0

    async def run(self) -> Story:
        """Play the cell to its end; what goes wrong stands in the story."""
        scenes: dict[Moment, Callable[[], Awaitable[None]]] = {
            BEFORE: self._before, GATE: self._gate, QUEUE: self._queue, RINGING: self._ringing,
            TALKING: self._talking,
        }  # fmt: skip
        try:
            async with self._stack:
                await scenes.get(self.cell.moment, self._wrapping)()
        except (TimeoutError, SippError, AssertionError) as error:
            self.story.reached = False
            self.story.trouble = f"{type(error).__name__}: {error}"[:400]
        return self.story

    @property
    def begun(self) -> bool:
        """Whether the fault has begun."""
        return self._broken > 0

    async def _break(self) -> None:
        self._broken = time.monotonic()
        await self._stack.enter_async_context(self._fault)

    # -- pieces of a call

    def _new(self) -> Placed:
        placed = Placed(fresh_number())
        self.story.calls.append(placed)
        return placed

    async def _press(self, caller: Caller) -> None:
        answered = await caller.answered(REACH)
        await asyncio.sleep(max(0.0, answered + PRESS_AFTER - time.monotonic()))
        await caller.press("0")

    async def _voices(self, caller: Caller) -> float:
        """Both hear each other; the moment the caller heard the call taker."""
        await caller.media.hears(AGENT_TONE, timeout=REACH)
        heard = time.monotonic()
        caller.media.background = list(hum(CALLER_TONE))
        await self.seat.phone.media.hears(CALLER_TONE, timeout=REACH)
        return heard

    async def _through(self, caller: Caller) -> float:
        """Through the gate to the call taker's voice; its moment."""
        await self._press(caller)
        return await self._voices(caller)

    async def _hang_up(self, caller: Caller, placed: Placed) -> float:
        over = caller.hang_up()
        call = self.seat.phone.calls[-1]
        assert await call.ended(REACH) == "caller"
        assert call.talked_from is not None
        placed.talked = over - call.talked_from
        return over

    async def _whole(self, since: float | None = None) -> float:
        """A whole call; seconds from dialling to the call taker's voice."""
        placed = self._new()
        since = time.monotonic() if since is None else since
        async with self.centre.caller(placed.number) as caller:
            try:
                seconds = await _while_on_the_line(caller, self._through(caller)) - since
            except SippError:
                if "answered" in caller.times:
                    placed.stage = GATE  # cut off: it leaves a record as well
                raise
            await asyncio.sleep(TALK)
            await self._hang_up(caller, placed)
        return seconds

    def _done(self, seconds: float) -> None:
        self.story.seconds = round(max(0.0, seconds), 3)
        self.story.reached = True

    # -- the moments

    async def _before(self) -> None:
        await self._break()
        self._done(await self._next())

    async def _wrapping(self) -> None:
        await self._whole()
        await self._break()
        self._done(await self._next())

    async def _next(self) -> float:
        """Seconds to the call taker's voice for who calls now."""
        if self.cell.ends_asterisk:
            return await self._redialled(time.monotonic())
        return await self._whole()

    async def _gate(self) -> None:
        placed = self._new()
        dialled = time.monotonic()
        async with self.centre.caller(placed.number) as caller:
            await caller.answered(REACH)
            await self._break()
            if self.cell.loses:
                await self._lost([(caller, placed)])
                return
            if not self.cell.waits_longer:
                await self._press(caller)
            seconds = await self._voices(caller) - dialled
            await asyncio.sleep(TALK)
            await self._hang_up(caller, placed)
        self._done(seconds)

    async def _queue(self) -> None:
        first, second = self._new(), self._new()
        async with self.centre.caller(first.number) as talking:
            await self._press(talking)
            await self._voices(talking)
            async with self.centre.caller(second.number) as waiting:
                await self._press(waiting)
                await self._is_waiting(second.number)
                await self._break()
                if self.cell.loses:
                    await self._lost([(talking, first), (waiting, second)])
                    return
                await asyncio.sleep(TALK)
                free = await self._hang_up(talking, first)
                seconds = await self._voices(waiting) - free
                await asyncio.sleep(TALK)
                await self._hang_up(waiting, second)
        self._done(seconds)

    async def _ringing(self) -> None:
        placed, phone = self._new(), self.seat.phone
        phone.answer_after = None
        async with self.centre.caller(placed.number) as caller:
            await self._press(caller)
            ringing = await phone.ringing(REACH)
            await self._break()
            phone.answer_after = 0.0  # should it ring anew
            if self.cell.loses:
                await self._lost([(caller, placed)])
                return
            lifted = time.monotonic()
            if not ringing.over.done():
                with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                    await ringing.answer(REACH)
            seconds = await self._voices(caller) - lifted
            await asyncio.sleep(TALK)
            await self._hang_up(caller, placed)
        self._done(seconds)

    async def _talking(self) -> None:
        placed = self._new()
        async with self.centre.caller(placed.number) as caller:
            await self._press(caller)
            await self._voices(caller)
            began = time.monotonic()
            await self._break()
            if self.cell.loses:
                await asyncio.sleep(TALK)
                await self._lost([(caller, placed)])
                return
            await asyncio.sleep(self._listen)
            # still a voice each way, and never a longer silence than a jittery network's
            now = time.monotonic()
            times = [began, *(when for when, _ in caller.media.heard if when >= began), now]
            gap = max(later - earlier for earlier, later in itertools.pairwise(times))
            await caller.media.hears(AGENT_TONE, timeout=10)
            await self.seat.phone.media.hears(CALLER_TONE, timeout=10)
            await self._hang_up(caller, placed)
        self._done(gap)

    async def _is_waiting(self, number: str) -> None:
        async with asyncio.timeout(REACH):
            while True:
                rows = (await self.centre.supervisor.get("/queue"))["waiting"]
                if any((row["caller"] or {}).get("number") == number for row in rows):
                    return
                await asyncio.sleep(0.05)

    # -- Asterisk died with the calls

    async def _lost(self, calls: list[tuple[Caller, Placed]]) -> None:
        """What they experience, and how soon the next call works: dialled at once, again when refused."""
        for number, (_, placed) in enumerate(calls):
            placed.stage = TALKING if self.cell.moment == QUEUE and number == 0 else self.cell.moment
        self.seat.phone.answer_after = 0.0
        caller = calls[-1][0]
        begun = self._broken
        self._done(await self._redialled(begun))
        silent = (caller.media.last_received or begun) - begun
        if caller.is_over:
            ended = await caller.ended(0.1)
            self.story.words = f"is disconnected after {max(0.0, ended.at - begun):.1f} s"
        else:
            self.story.words = f"hears nothing more after {max(0.0, silent):.1f} s"

    async def _redialled(self, begun: float) -> float:
        """Seconds from the fault to the next caller's hearing a call taker."""
        async with asyncio.timeout(NEXT_REACH):
            while True:
                count = len(self.story.calls)
                try:
                    async with asyncio.timeout(PATIENCE):
                        return await self._whole(since=begun)
                except (SippError, TimeoutError):  # refused, or taken by an Asterisk that then ended
                    if self.story.calls[count].stage is None:
                        del self.story.calls[count:]
                    await asyncio.sleep(0.5)
