"""What the bridge does beside handling events: again and again, or once, soon. Never in its way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from ami_bridge.wire import LinkError
from psap.platform.control import ControlError


@dataclass(frozen=True, slots=True)
class Duty:
    """Work that comes back every so many seconds."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[None]]


class Errands:
    """Runs duties and single errands. A failure of one is said, and costs no other."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._open: set[asyncio.Task[None]] = set()

    def every(self, duties: Iterable[Duty]) -> list[asyncio.Task[None]]:
        """One task for each duty, until cancelled."""
        return [asyncio.create_task(self._repeat(duty), name=duty.name) for duty in duties]

    async def _repeat(self, duty: Duty) -> None:
        while True:
            began = time.monotonic()
            try:
                await duty.work()
            except (LinkError, ControlError):
                pass  # whoever was away is named by the heartbeat
            except Exception as error:
                self._log.error("a regular task failed", task=duty.name, error=repr(error), exc_info=True)
            await asyncio.sleep(max(0.0, duty.seconds - (time.monotonic() - began)))

    def soon(self, work: Coroutine[Any, Any, None]) -> None:
        """An errand beside event handling."""
        task = asyncio.create_task(self._once(work))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    @staticmethod
    def later(seconds: float, work: Callable[[], None]) -> None:
        """Call ``work`` after so many seconds."""
        asyncio.get_running_loop().call_later(seconds, work)

    async def _once(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (LinkError, ControlError) as error:
            self._log.warning("errand not done", error=str(error))
        except Exception as error:
            self._log.error("errand failed", error=repr(error), exc_info=True)

    async def end(self) -> None:
        """Cancel what is still under way."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
