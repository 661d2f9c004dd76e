"""`./112 drain`: nobody new comes in, nobody who is in is touched, and the door opens again by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from psap.platform import draining, pbx_console, probes, supervise
from psap.platform.settings import ROOT
from psap.sip.caller import Caller
from psap.sip.sipp import SippError
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.health import well_again
from tests.support.home import Home
from tests.support.telling import Telling, telling

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

UNAVAILABLE = 503
FAR = 86_400  # seconds


@asynccontextmanager
async def drain(home: Home, *words: str) -> AsyncIterator[Telling]:
    """The command at work; whatever comes of it, the door is open again afterwards."""
    command = [sys.executable, "-m", "psap.cli", "drain", "--home", str(home.folder), *words]
    try:
        async with telling(command, cwd=ROOT) as process:
            yield process
    finally:
        await asyncio.to_thread(draining.open_again, home.settings)


async def in_conversation(caller: Caller, seat: Seat) -> None:
    await caller.answered(20)
    await caller.press("0")
    call = await seat.phone.ringing(30)
    await call.answer()
    await caller.media.hears(AGENT_TONE, timeout=30)


async def on_the_page(centre: Centre) -> None:
    """What every page's banner says, within the time in which it is told."""
    async with asyncio.timeout(30):
        while True:
            part = (await centre.supervisor.get("/state"))["parts"]["asterisk"]
            if part["state"] == "degraded" and part["en"].startswith("Being drained"):
                return
            await asyncio.sleep(0.2)


async def test_who_is_in_stays_and_nobody_new_comes_in(home: Home, centre: Centre) -> None:
    """One talks, one waits, one is turned away; the one who waits is answered all the same."""
    await well_again(home, 60)
    talks, waits, late, after = (fresh_number() for _ in range(4))
    async with centre.seat("agent1") as seat:
        async with centre.caller(talks) as first:
            await in_conversation(first, seat)
            async with centre.caller(waits) as second:
                await second.answered(20)
                await second.press("0")
                await centre.live.wait("call.queued", number=waits, timeout=30)
                async with drain(home, "--seconds", "120") as command:
                    await command.says("channels")
                    async with centre.caller(late) as third:
                        assert (await third.ended(20)).status == UNAVAILABLE
                    told = await asyncio.to_thread(home.status)
                    assert told["parts"]["asterisk"]["state"] == "degraded"
                    assert "Being drained" in told["parts"]["asterisk"]["detail"]
                    await on_the_page(centre)
                    detail = (await centre.supervisor.get("/state/detail"))["parts"]
                    (part,) = [row for row in detail if row["part"] == "asterisk"]
                    # what is advised elsewhere, `down` and `up`, would cut who talks
                    for advice in (told["parts"]["asterisk"]["mend"], " ".join(part["do"])):
                        assert "drain --cancel" in advice
                        assert "./112 down" not in advice
                    await first.media.hears(AGENT_TONE, timeout=20)
                    first.hang_up()
                    call = await seat.phone.ringing(30)  # after the wrap-up
                    await call.answer()
                    await second.media.hears(AGENT_TONE, timeout=30)
                    assert command.process.returncode is None
                    second.hang_up()
                    assert await command.ends() == 0
                    assert "drained in " in command.said
                    # still closed, for whoever stops Asterisk now
                    async with centre.caller(fresh_number()) as nobody:
                        assert (await nobody.ended(20)).status == UNAVAILABLE
                cancelled = await asyncio.to_thread(home.cli, "drain", "--cancel")
                assert "taken again" in cancelled.stdout
        await centre.agent_is("agent1", "ready", timeout=30)
        async with centre.caller(after) as fourth:
            await in_conversation(fourth, seat)
            fourth.hang_up()
    for number in (talks, waits, after):
        record = await centre.record(number, timeout=30)
        assert (record["ending"], record["agent"]) == ("answered", "agent1")
    refused = await centre.record(late, timeout=30)
    assert (refused["ending"], refused["ended_by"]) == ("failed", "system")
    assert refused["policy"]["decision"] == "draining"
    await well_again(home, 60)


@pytest.mark.parametrize("word", ["0", "{now}-1", "9" * 25, "{far}", "x{now}y-", "''"])
async def test_a_word_that_is_not_fresh_refuses_nobody(home: Home, centre: Centre, word: str) -> None:
    now = int(time.time())
    told = word.format(now=now, far=now + FAR)
    await asyncio.to_thread(
        pbx_console.run, home.settings, f"dialplan set global PSAP_DRAIN {told}", timeout=10
    )
    try:
        async with centre.caller(fresh_number()) as caller:
            await caller.answered(20)
            caller.hang_up()
    finally:
        await asyncio.to_thread(draining.open_again, home.settings)


@pytest.mark.long
async def test_a_drain_that_dies_opens_the_door_by_itself(home: Home, centre: Centre) -> None:
    """And it needs none of our processes: the bridge and agi hang meanwhile."""
    await well_again(home, 60)
    ours = await asyncio.to_thread(supervise.info, home.settings)
    stopped = [pid for name in ("ami_bridge", "agi") if (pid := ours[name].pid) is not None]
    async with centre.caller(fresh_number()) as holds:
        await holds.answered(20)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            async with drain(home) as command:
                await command.says("channels")
                async with centre.caller(fresh_number()) as refused:
                    assert (await refused.ended(20)).status == UNAVAILABLE
                command.process.kill()
                await command.process.wait()
                async with asyncio.timeout(3 * draining.STANDS):
                    while await _status(centre) == UNAVAILABLE:  # noqa: ASYNC110 - it opens unasked
                        await asyncio.sleep(0.5)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        holds.hang_up()
    await well_again(home, 60)


async def _status(centre: Centre) -> int | None:
    """How a new call is received: None when it is taken."""
    async with centre.caller(fresh_number()) as caller:
        try:
            await caller.answered(20)
        except SippError:
            return (await caller.ended(5)).status
        return None


@pytest.mark.parametrize("sign", [signal.SIGINT, None])
async def test_interrupted_or_too_slow_it_opens_and_says_so(
    home: Home, centre: Centre, sign: signal.Signals | None
) -> None:
    async with centre.caller(fresh_number()) as caller:
        await caller.answered(20)
        async with drain(home, "--seconds", "60" if sign else "1") as command:
            await command.says("channels")
            if sign is not None:
                command.process.send_signal(sign)
            assert await command.ends() != 0
            assert ("cancelled" if sign else "not drained within 1 s") in command.said
            assert "new calls are taken again" in command.said
            assert await _status(centre) is None
        caller.hang_up()
    await well_again(home, 60)


async def test_a_dialplan_of_before_is_taught_to_close(home: Home, centre: Centre) -> None:
    """What runs may be older than the software that is to replace it."""
    settings = home.settings
    old = Path(ROOT / "dialplan" / "limits.conf").read_text("utf-8")
    assert draining.GLOBAL_DRAIN in old
    steps = await asyncio.to_thread(pbx_console.run, settings, "dialplan show s@psap-limits", timeout=10)
    number = next(line.split(".")[0].strip() for line in steps.splitlines() if "?draining" in line)
    remember = 'dialplan add extension "s,{},{}" into psap-limits replace'
    try:
        # the step that asks, and the one that reads the word, as they were before there was a drain
        for place, words in ((int(number), "NoOp()"), (int(number) - 1, "Set(PSAP_LEVEL=0)")):
            await asyncio.to_thread(pbx_console.run, settings, remember.format(place, words), timeout=10)
        await asyncio.to_thread(draining.stand, settings)
        assert await _status(centre) is None
        assert await asyncio.to_thread(draining.teach, settings)
        assert await _status(centre) == UNAVAILABLE
        await asyncio.to_thread(draining.open_again, settings)
        assert await _status(centre) is None
    finally:
        await asyncio.to_thread(pbx_console.run, settings, "dialplan reload", timeout=20)
    assert not await asyncio.to_thread(draining.teach, settings)
    assert (await probes.status(settings)).parts["asterisk"].state == "up"
