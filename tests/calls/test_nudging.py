"""A call taker who becomes free is rung at once for who waits, in the queue's own order; nobody hears why.

Wrap-ups end on a whole second of the machine's clock (app_queue counts them so): what follows it is ours.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from psap.platform.control import ask
from psap.sip.caller import Caller
from psap.sip.phone import PhoneCall
from tests.support.centre import Centre, Seat, fresh_number

pytestmark = pytest.mark.calls

PROMPT = 0.4  # seconds after a wrap-up's end: app_queue alone needs up to 1.0
PATIENCE = 25.0


def past_the_second(moment: float) -> float:
    """Seconds between the last whole second of the machine's clock and a moment of time.monotonic."""
    return (moment + time.time() - time.monotonic()) % 1


async def waiting_caller(centre: Centre, stack: AsyncExitStack, keys: str) -> Caller:
    """One caller more in the queue."""
    number = fresh_number()
    caller = await stack.enter_async_context(centre.caller(number))
    await caller.answered(PATIENCE)
    await caller.press(keys)
    await centre.live.wait("call.queued", number=number, timeout=PATIENCE)
    return caller


@asynccontextmanager
async def in_conversation(centre: Centre, *agents: str) -> AsyncIterator[list[tuple[Seat, PhoneCall]]]:
    """Call takers who all talk, until the test hangs up."""
    async with AsyncExitStack() as stack:
        talks = []
        for agent in agents:
            seat = await stack.enter_async_context(centre.seat(agent))
            caller = await stack.enter_async_context(centre.caller(fresh_number()))
            await caller.answered(PATIENCE)
            await caller.press("0")
            call = await seat.phone.ringing(PATIENCE)
            await call.answer()
            talks.append((seat, call))
        yield talks


async def serve(seat: Seat, count: int, rung: list[PhoneCall]) -> None:
    """Answer so many calls, each for a moment."""
    while len(rung) < count:
        try:
            call = await seat.phone.ringing(0.2)
        except TimeoutError:
            continue
        rung.append(call)
        await call.answer()
        call.hang_up()
        await call.ended(PATIENCE)


async def test_who_waits_is_rung_for_at_once_and_in_order(centre: Centre) -> None:
    async with in_conversation(centre, "agent1", "agent2", "agent3") as talks, AsyncExitStack() as stack:
        callers: list[Caller] = []
        for keys in ("0", "0", "0", "0", "55"):
            callers.append(await waiting_caller(centre, stack, keys))
        first = callers.pop()  # who cannot speak comes before all others
        callers.insert(0, first)
        await callers[4].press("DDD")  # the key that we use, from a caller: as any other key in the queue
        before = (await ask(centre.home.settings.bridge_socket, "queue.nudge", {"on": True}))["sent"]
        await asyncio.sleep(1 - time.time() % 1)  # all wrap-ups of one wave end in the same second
        for _, call in talks:
            call.hang_up()
        rung: list[PhoneCall] = []
        async with asyncio.timeout(2 * PATIENCE):
            await asyncio.gather(*(serve(seat, len(callers), rung) for seat, _ in talks))
        sent = (await ask(centre.home.settings.bridge_socket, "queue.nudge", {"on": True}))["sent"]
        at = {call.caller: call.invited_at for call in rung}
        order = [at[str(caller.identity)] for caller in callers]
        for place, moment in enumerate(order):
            assert all(moment <= later + 0.5 for later in order[place + 1 :]), order
        late = [past_the_second(moment) for moment in order]
        assert statistics.median(late) < PROMPT, late
        assert sent - before >= len(callers)
        # nobody heard a key: neither those who waited nor those who answered
        assert [key for caller in callers for key in caller.media.keys_heard] == []
        assert [key for seat, _ in talks for key in seat.phone.media.keys_heard] == []
    for caller in callers:
        record = await centre.record(str(caller.identity))
        assert record["ending"] == "answered"
        assert record["gate"]["keys"] == ("55" if caller is first else "0")


async def test_without_the_bridge_the_queue_goes_on_at_its_own_pace(centre: Centre) -> None:
    async with in_conversation(centre, "agent1") as [(seat, call)], AsyncExitStack() as stack:
        caller = await waiting_caller(centre, stack, "0")
        bridge = await asyncio.to_thread(centre.home.pid, "ami_bridge")
        os.kill(bridge, signal.SIGSTOP)
        try:
            call.hang_up()
            rung = await seat.phone.ringing(PATIENCE)
        finally:
            os.kill(bridge, signal.SIGCONT)
        assert rung.caller == caller.identity
        await rung.answer()
        await centre.live.wait("call.answered", number=str(caller.identity), timeout=PATIENCE)
