"""Waiting until a home says of itself that every part is well."""

from __future__ import annotations

import asyncio
import time

from psap.platform import probes
from tests.support.home import Home


async def well_again(home: Home, seconds: float) -> None:
    """Return once every part is well; fail after ``seconds``."""
    until = time.monotonic() + seconds
    told = await probes.status(home.settings)
    while not told.healthy and time.monotonic() < until:
        await asyncio.sleep(0.2)
        told = await probes.status(home.settings)
    assert told.healthy, told
