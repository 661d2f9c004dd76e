"""Who waits and who can answer, and a call taker's own readiness."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from console.table import Ask, Body, RouteTable, who_may
from console.visibility import SEES_ALL, masked
from psap.accounts.model import Permission
from psap.calls.model import Caller, Flag
from psap.queue.model import Kind

table = RouteTable("queue")


class Waiting(BaseModel):
    """One waiting caller."""

    call_id: str
    caller: Caller | None = None
    since: str
    priority: str | None = None
    flags: list[Flag] = Field(default_factory=list)
    position: int | None = None


class AgentNow(BaseModel):
    """One call taker: logged_out, ready, paused, ringing, talking or wrapping_up."""

    agent: str
    name: str | None = None
    state: str
    since: str | None = None
    reason: str | None = None
    call_id: str | None = None
    telephone: str | None = None  # desk or browser: the one in the queue, or the one that is there
    phone_registered: bool | None = None


class QueueNow(BaseModel):
    """Who waits, first come first; every call taker; and what the bridge says of itself."""

    waiting: list[Waiting]
    agents: list[AgentNow]
    health: dict[str, Any] = Field(default_factory=dict)


class Ready(Body):
    """By which telephone; left out: the browser where it is one now, else the desk phone."""

    telephone: Kind | None = None


class Pause(Body):
    """Why a call taker takes no calls."""

    reason: str = Field("", max_length=64)  # left out: just a pause


@table.add(
    "GET",
    "/queue",
    roles=who_may(Permission.SEE_QUEUE),
    answer=QueueNow,
    summary=("Antrean dan petugas saat ini", "The queue and the call takers now"),
    problems=("bridge_away",),
)
async def get_queue(ask: Ask[None, None]) -> QueueNow:
    snapshot = await ask.parts.bridge.snapshot()
    waiting: list[dict[str, Any]] = snapshot["waiting"]
    if ask.user.role not in SEES_ALL:
        waiting = [masked(row) for row in waiting]
    return QueueNow.model_validate(
        {"waiting": waiting, "agents": snapshot["agents"], "health": snapshot.get("health") or {}}
    )


@table.add(
    "POST",
    "/agents/me/login",
    roles=who_may(Permission.TAKE_CALLS),
    body=Ready,
    body_optional=True,
    answer=AgentNow,
    summary=("Siap menerima panggilan", "Ready to take calls"),
    problems=("no_phone", "asterisk_away", "bridge_away"),
)
async def agent_login(ask: Ask[Ready, None]) -> AgentNow:
    wanted = {} if ask.body.telephone is None else {"telephone": str(ask.body.telephone)}
    return await _agent(ask, "agent.login", **wanted)


@table.add(
    "POST",
    "/agents/me/logout",
    roles=who_may(Permission.TAKE_CALLS),
    answer=AgentNow,
    summary=("Keluar dari antrean", "Leave the queue"),
    problems=("no_phone", "asterisk_away", "bridge_away"),
)
async def agent_logout(ask: Ask[None, None]) -> AgentNow:
    return await _agent(ask, "agent.logout")


@table.add(
    "POST",
    "/agents/me/pause",
    roles=who_may(Permission.TAKE_CALLS),
    body=Pause,
    body_optional=True,
    answer=AgentNow,
    summary=("Jeda, dengan alasan", "Pause, with a reason"),
    problems=("no_phone", "asterisk_away", "bridge_away"),
)
async def agent_pause(ask: Ask[Pause, None]) -> AgentNow:
    return await _agent(ask, "agent.pause", reason=ask.body.reason or "istirahat")


@table.add(
    "POST",
    "/agents/me/unpause",
    roles=who_may(Permission.TAKE_CALLS),
    answer=AgentNow,
    summary=("Selesai jeda", "End the pause"),
    problems=("no_phone", "asterisk_away", "bridge_away"),
)
async def agent_unpause(ask: Ask[None, None]) -> AgentNow:
    return await _agent(ask, "agent.unpause")


async def _agent(ask: Ask[Any, Any], method: str, **params: str) -> AgentNow:
    result = await ask.parts.bridge.command(method, agent=ask.user.username, **params)
    return AgentNow.model_validate(result)
