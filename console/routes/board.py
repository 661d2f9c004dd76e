"""The wallboard: who waits, who is there, and how the day goes.

Any part may be away: what cannot be known then is null, the rest is told. The day is counted for all
askers at once, and the rarer the longer counting takes, so that walls cost the database next to nothing.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, Field

from console.parts import Parts
from console.problem import Problem
from console.routes.queue import AgentNow
from console.table import Ask, RouteTable, who_may
from psap.accounts.model import Permission
from psap.board import store
from psap.board.model import AIMS, STEPS, AgentDay, Figures, Today, midnight
from psap.platform.clock import rfc3339, to_us
from psap.staffing.model import duty_at

FRESH = 2.0  # seconds that a counting serves other askers
SHARE = 20  # times as long as it took is waited before the next one
PATIENCE = 2.0  # seconds for the database

table = RouteTable("board")
log = structlog.get_logger(part="console")


class Step(BaseModel):
    """``aim``: the share of the answered that should be within ``seconds`` (NENA); null: none is set."""

    seconds: int
    aim: float | None


class ShiftNow(BaseModel):
    """The shift that runs now."""

    id: str
    name: str
    starts_at: str
    ends_at: str


class BoardNow(BaseModel):
    """The wall at one moment. Unknown is null: ``waiting`` and ``agents`` without the bridge, ``today`` and
    ``by_agent`` without the database; ``longest_wait_seconds`` also when nobody waits."""

    at: str
    waiting: int | None = None
    longest_wait_seconds: float | None = None
    agents: list[AgentNow] | None = None
    steps: list[Step] = Field(default_factory=lambda: [Step(seconds=step, aim=AIMS[step]) for step in STEPS])
    shift: ShiftNow | None = None
    today: Today | None = None
    by_agent: list[AgentDay] | None = None


class Days:
    """Counts the day, once for everybody."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lock = asyncio.Lock()
        self._last: Figures | None = None
        self._since = 0  # the midnight that it was counted from
        self._next = 0.0  # time.monotonic before which the last counting, or failure, holds
        self._count: asyncio.Task[Figures] | None = None

    async def now(self) -> Figures | None:
        """The day's figures; None: the database does not tell them now."""
        async with self._lock:
            since = midnight(self._parts.profile.zone, self._parts.clock.now_us())
            if since == self._since and time.monotonic() < self._next:
                return self._last
            began = time.monotonic()
            try:
                # a counting that goes on is waited for, not begun once more; cancelling it would not end it
                if self._count is None or self._count.done():
                    self._count = asyncio.create_task(self._counted(since), name="count the day")
                    self._count.add_done_callback(_heard)
                async with asyncio.timeout(PATIENCE):
                    self._last = await asyncio.shield(self._count)
            except Exception as error:
                log.warning("the day cannot be counted", error=type(error).__name__)
                self._last = None
            self._since = since
            self._next = time.monotonic() + max(FRESH, SHARE * (time.monotonic() - began))
            return self._last

    async def _counted(self, since: int) -> Figures:
        parts = self._parts
        async with parts.database.read() as connection:
            return await store.figures(connection, parts.site, since, parts.clock.now_us())


def _heard(task: asyncio.Task[Figures]) -> None:
    """Who asked may have given up by now: a failure is nobody's surprise then."""
    if not task.cancelled():
        task.exception()


DAYS: web.AppKey[Days] = web.AppKey("days", Days)


@table.add(
    "GET",
    "/board",
    roles=who_may(Permission.SEE_QUEUE),
    answer=BoardNow,
    summary=("Papan dinding: antrean, petugas, hari ini", "The wallboard: queue, call takers, today"),
)
async def get_board(ask: Ask[None, None]) -> BoardNow:
    parts = ask.parts
    now = parts.clock.now_us()
    snapshot, counted = await asyncio.gather(_snapshot(parts), ask.request.app[DAYS].now())
    told = BoardNow(at=rfc3339(now) or "", shift=_shift(parts, now))
    if snapshot is not None:
        rows = snapshot["waiting"]
        told.waiting = len(rows)
        told.longest_wait_seconds = longest(rows, now)
        told.agents = [AgentNow.model_validate(row) for row in snapshot["agents"]]
    if counted is not None:
        told.today, told.by_agent = counted.today, counted.by_agent
    return told


def longest(waiting: list[dict[str, Any]], now_us: int) -> float | None:
    """How long the one waits who waits longest; None: nobody waits."""
    since = [to_us(datetime.fromisoformat(row["since"])) for row in waiting if row.get("since")]
    return max(0.0, (now_us - min(since)) / 1_000_000) if since else None


async def _snapshot(parts: Parts) -> dict[str, Any] | None:
    try:
        return await parts.bridge.snapshot()
    except Problem:
        return None


def _shift(parts: Parts, now_us: int) -> ShiftNow | None:
    duty = duty_at(parts.profile, now_us)
    if duty.shift is None:
        return None
    starts, ends = rfc3339(duty.starts_at) or "", rfc3339(duty.ends_at) or ""
    return ShiftNow(id=duty.shift.id, name=duty.shift.name, starts_at=starts, ends_at=ends)
