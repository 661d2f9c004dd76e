"""How long a free call taker idles while callers wait: free, by the queue's own rule, to the next INVITE.

A wrap-up ends on a whole second of the machine's clock, as app_queue counts it: the second in which the last
call ended, plus ``wrapuptime``. What passes from then to the INVITE at the telephone is the idling.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from bench.crowd import Crowd
from bench.desks import staff
from bench.page import Side
from psap.platform.control import ask
from psap.platform.pbx_root import PbxRootError, asterisk_rx
from psap.platform.settings import Settings
from psap.sip.phone import DeskPhone, PhoneCall

BLOCK = 8.0  # seconds of one side, in turns
SWITCHED = 2.5  # seconds after a change that count for neither side: whom we nudged before are served by then
COMING = 1  # callers more than wanted: whoever was served is followed by somebody who is only on the way
END_BETWEEN = (0.35, 0.55)  # of a second: nobody ends a call so near a whole one that it is not clear which
SHORTEST_TALK = 0.15
FILL = 120.0  # seconds to get everybody into the queue
FULL = 0.95  # of the callers wanted: some are just on their way in
OURS, ALONE = "with the nudge", "app_queue alone"


@dataclass(frozen=True, slots=True)
class Freed:
    """One time that a call taker was free. ``ready`` and ``rung`` in epoch seconds."""

    ready: float
    rung: float

    @property
    def idle_ms(self) -> float:
        return (self.rung - self.ready) * 1000


class Server(DeskPhone):
    """Answers at once, and ends each call in the middle of a second; notes how long it was left idle."""

    wrapup: int
    freed: list[Freed]

    def __init__(self, *arguments: Any, wrapup: int, draw: random.Random, **options: Any) -> None:
        super().__init__(*arguments, answer_after=0.0, **options)
        self.wrapup, self.freed = wrapup, []
        self._draw = draw
        self._ended: float | None = None

    async def _handle(self, call: PhoneCall) -> None:
        rung = call.invited_at + time.time() - time.monotonic()
        if self._ended is not None:
            self.freed.append(Freed(math.floor(self._ended) + self.wrapup, rung))
            self._ended = None
        try:
            await call.answer()
        except (TimeoutError, asyncio.CancelledError):
            self.calls.remove(call)
            return
        now = time.time()
        end = math.floor(now) + self._draw.uniform(*END_BETWEEN)
        if end - now < SHORTEST_TALK:
            end += 1
        await asyncio.wait({call.over}, timeout=end - now)
        self._ended = time.time()
        call.hang_up()
        with contextlib.suppress(TimeoutError):
            await call.ended(5)
        self.calls.remove(call)


@dataclass(slots=True)
class Level:
    """What was measured with so many callers waiting."""

    waiting: int
    takers: int
    waited: list[int] = field(default_factory=list)  # how many really waited, looked at now and then
    sides: dict[str, Side] = field(default_factory=lambda: {name: Side(name) for name in (OURS, ALONE)})
    early: int = 0  # INVITEs before the wrap-up's end: the queue's rule is not what we take it for


class IdleError(Exception):
    """The measurement could not be made; the text says why."""


async def measure(settings: Settings, waiting: int, seconds: float, seed: int) -> Level:
    """One level: ``seconds`` in all, both sides in turns.

    Raises:
        IdleError: the callers did not get into the queue.
        SippError: SIPp ended.
    """
    takers = min(4, waiting)
    level = Level(waiting, takers)
    draw = random.Random(seed)  # noqa: S311 - repeatable, no secret
    async with AsyncExitStack() as stack:
        crowd = await stack.enter_async_context(
            Crowd((settings.sip_bind, settings.sip_port), waiting + takers + COMING)
        )
        stack.push_async_callback(crowd.leave, lambda: asyncio.to_thread(_hang_up_all, settings))
        await _filled(settings, crowd, waiting)
        wrapup = _wrapup(settings)
        desks = await staff(
            settings,
            [f"idle{index}" for index in range(1, takers + 1)],
            lambda lines, phone, domain: Server(
                lines, phone.username, phone.password, domain=domain, wrapup=wrapup, draw=draw
            ),
            stack,
        )
        until = time.time() + seconds
        blocks: list[tuple[str, float, float]] = []
        while time.time() < until:
            side = (OURS, ALONE)[len(blocks) % 2]
            await ask(settings.bridge_socket, "queue.nudge", {"on": side == OURS})
            began = time.time()
            await asyncio.sleep(BLOCK)
            blocks.append((side, began + SWITCHED, time.time()))
            level.waited.append(await _waiting(settings))
            crowd.check()
        await ask(settings.bridge_socket, "queue.nudge", {"on": True})
        for name in [f"idle{index}" for index in range(1, takers + 1)]:
            await ask(settings.bridge_socket, "agent.logout", {"agent": name}, timeout=10)
    for each in (freed for desk in desks for freed in desk.freed):
        for side, began, ended in blocks:
            if began <= each.ready and each.rung <= ended:
                level.sides[side].samples.append(each.idle_ms)
                level.early += each.idle_ms < 0
    return level


def _wrapup(settings: Settings) -> int:
    """The queue's wrap-up as Asterisk has it."""
    for line in (settings.pbx / "etc" / "queues.conf").read_text("utf-8").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "wrapuptime":
            return int(value)
    raise IdleError("queues.conf has no wrapuptime")


def _hang_up_all(settings: Settings) -> None:
    """A home that is ended anyway need not hear it."""
    with contextlib.suppress(PbxRootError):
        asterisk_rx(settings, "channel request hangup all")


async def _waiting(settings: Settings) -> int:
    return len((await ask(settings.bridge_socket, "snapshot", timeout=20))["waiting"])


async def _filled(settings: Settings, crowd: Crowd, waiting: int) -> None:
    """Until they stand in the queue; nobody serves them yet."""
    count = 0
    try:
        async with asyncio.timeout(FILL):
            while count < waiting * FULL:
                crowd.check()
                await asyncio.sleep(0.5)
                count = await _waiting(settings)
    except TimeoutError:
        raise IdleError(f"only {count} of {waiting} callers reached the queue in {FILL:.0f} s") from None
