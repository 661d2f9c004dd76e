"""Killing a part, and waiting until a home says of itself that every part is well."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import aiohttp

from psap.platform import probes, supervise
from tests.support.api import Api, ApiError
from tests.support.home import Home


async def well_again(home: Home, seconds: float) -> None:
    """Return once every part is well; fail after ``seconds``."""
    until = time.monotonic() + seconds
    told = await probes.status(home.settings)
    while not told.healthy and time.monotonic() < until:
        await asyncio.sleep(0.2)
        told = await probes.status(home.settings)
    assert told.healthy, told


async def killed_and_back(home: Home, part: str, api: Api, seconds: float = 90) -> None:
    """Kill a part without a warning; return once another process does its work and every part is well."""
    before = await asyncio.to_thread(lambda: supervise.info(home.settings)[part].pid)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(seconds):
        while not await _does_its_work(home, part, before, api):  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.2)


async def _does_its_work(home: Home, part: str, before: int, api: Api) -> bool:
    told = await probes.status(home.settings)
    if not told.healthy or told.parts[part].pid in (None, before):
        return False
    try:  # a heartbeat may be the dead one's last: only an answer through all parts proves life
        return bool((await api.get("/queue"))["agents"])
    except (ApiError, aiohttp.ClientError, TimeoutError):
        return False
