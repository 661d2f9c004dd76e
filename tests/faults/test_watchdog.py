"""A part that hangs is ended and comes back by itself, and nobody else is touched."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from psap.platform import supervise
from psap.platform.heartbeat import read_beat
from tests.faults.breaking import recovered
from tests.support.home import Home

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

PARTS = ("agi", "ami_bridge", "console", "redis", "asterisk")
NOT_BEFORE = {"asterisk": 30.0}  # seconds
PATIENCE = 20.0


def pids(home: Home) -> dict[str, int | None]:
    return {name: info.pid for name, info in supervise.info(home.settings).items()}


def seen(home: Home) -> dict[str, int]:
    """Whom the watchdog saw alive."""
    return dict((read_beat(home.settings.run, "watchdog") or {}).get("seen", {}))


@pytest.mark.parametrize("stopped", [PARTS, ("console",)])
async def test_what_is_stopped_for_good_comes_back(home: Home, stopped: tuple[str, ...]) -> None:
    await recovered(home)
    before = pids(home)
    async with asyncio.timeout(60):  # a process that never gave a sign of life is given longer
        while any(seen(home).get(part) != before[part] for part in stopped):  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.2)
    began = time.monotonic()
    for part in stopped:
        pid = before[part]
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    back: dict[str, float] = {}
    async with asyncio.timeout(90):
        while len(back) < len(stopped):
            now = await asyncio.to_thread(pids, home)
            for part in stopped:
                if part not in back and now[part] not in (None, before[part]):
                    back[part] = time.monotonic() - began
            await asyncio.sleep(0.2)
    print({part: round(seconds, 1) for part, seconds in back.items()})
    for part, seconds in back.items():
        assert seconds >= NOT_BEFORE.get(part, PATIENCE), back
    await recovered(home, timeout=60)
    after = pids(home)
    assert {part for part in before if after[part] != before[part]} == set(stopped)


async def test_a_short_stop_costs_nothing(home: Home) -> None:
    """Ten seconds are noticed by everybody who waits for an answer, and end nobody."""
    await recovered(home)
    before = pids(home)
    pid = before["agi"]
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(10)
    finally:
        os.kill(pid, signal.SIGCONT)
    await recovered(home)
    assert pids(home) == before
