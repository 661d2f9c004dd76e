"""A supervisor's hand: other call takers' readiness, a waiting caller's place, an ear in a conversation."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from console.routes.queue import AgentNow, Waiting
from console.routes.talking import under_way
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.platform.audit import Action, write_audit

table = RouteTable("supervising")
MANAGE = who_may(Permission.MANAGE_AGENTS)
AWAY = ("asterisk_away", "bridge_away")


class WhichAgent(Body):
    """A call taker, and why (for pausing)."""

    agent: str = Field(max_length=64)
    reason: str = Field("", max_length=64)


class Listening(Body):
    """Listen: nobody hears. Whisper: the call taker hears. Join: everybody hears."""

    mode: Literal["listen", "whisper", "join"] = "listen"


class Mode(BaseModel):
    """What the supervisor's telephone does."""

    mode: str


class Move(Body):
    """A waiting caller gets a priority, or goes to one call taker, whose telephone rings first."""

    call_id: str = Field(pattern=r"^[0-9a-f-]{36}$")
    priority: Literal["high", "normal"] | None = None
    agent: str | None = Field(None, max_length=64)


@table.add(
    "POST",
    "/agents/pause",
    roles=MANAGE,
    body=WhichAgent,
    answer=AgentNow,
    summary=("Jedakan seorang petugas", "Pause a call taker"),
    problems=("no_phone", "bad_request", *AWAY),
)
async def pause_agent(ask: Ask[WhichAgent, None]) -> AgentNow:
    reason = ask.body.reason or "supervisor"
    return await _agent(ask, "agent.pause", Action.AGENT_PAUSED, reason=reason)


@table.add(
    "POST",
    "/agents/unpause",
    roles=MANAGE,
    body=WhichAgent,
    answer=AgentNow,
    summary=("Siapkan seorang petugas", "Make a call taker ready"),
    problems=("no_phone", "bad_request", *AWAY),
)
async def unpause_agent(ask: Ask[WhichAgent, None]) -> AgentNow:
    return await _agent(ask, "agent.unpause", Action.AGENT_UNPAUSED)


@table.add(
    "POST",
    "/agents/logout",
    roles=MANAGE,
    body=WhichAgent,
    answer=AgentNow,
    summary=("Keluarkan seorang petugas dari antrean", "Log a call taker out of the queue"),
    problems=("no_phone", *AWAY),
)
async def logout_agent(ask: Ask[WhichAgent, None]) -> AgentNow:
    return await _agent(ask, "agent.logout", Action.AGENT_LOGGED_OUT)


@table.add(
    "POST",
    "/queue/move",
    roles=who_may(Permission.MOVE_WAITING),
    body=Move,
    answer=Waiting,
    summary=("Pindahkan pelapor yang menunggu", "Move a waiting caller"),
    problems=("not_waiting_call", "unknown_target", "target_busy", "target_away", "bad_request", *AWAY),
)
async def move_waiting(ask: Ask[Move, None]) -> Waiting:
    body = ask.body
    to = {"agent": body.agent} if body.agent is not None else {"priority": body.priority}
    row = await ask.parts.bridge.command("waiting.move", call_id=body.call_id, by=ask.user.username, **to)
    await _audited(ask, Action.CALL_MOVED, body.call_id, **to)
    return Waiting.model_validate(row)


@table.add(
    "POST",
    "/calls/{id}/listen",
    roles=who_may(Permission.LISTEN),
    body=Listening,
    body_optional=True,
    answer=Mode,
    summary=("Dengarkan, bisiki atau ikut bicara", "Listen, whisper or join, on one's own telephone"),
    problems=("not_found", "not_talking", "no_phone", "phone_away", "agent_busy", "already_there", *AWAY),
)
async def listen(ask: Ask[Listening, None]) -> Mode:
    await under_way(ask)
    mode = ask.body.mode
    result = await ask.parts.bridge.command("spy.start", call_id=ask.id, by=ask.user.username, mode=mode)
    return Mode.model_validate(result)


@table.add(
    "POST",
    "/calls/{id}/listen/stop",
    roles=who_may(Permission.LISTEN),
    answer=Mode,
    summary=("Berhenti mendengarkan", "Stop listening"),
    problems=("not_found", "last_one", *AWAY),
)
async def stop_listening(ask: Ask[None, None]) -> Mode:
    await under_way(ask)
    result = await ask.parts.bridge.command("spy.stop", call_id=ask.id, by=ask.user.username)
    return Mode.model_validate(result)


async def _agent(ask: Ask[WhichAgent, None], method: str, action: Action, **params: str) -> AgentNow:
    result = await ask.parts.bridge.command(method, agent=ask.body.agent, **params)
    await _audited(ask, action, ask.body.agent, reason=ask.body.reason or None)
    return AgentNow.model_validate(result)


async def _audited(ask: Ask[Any, Any], action: Action, subject: str, **detail: Any) -> None:
    """Who did it, after it was done: the deed is Asterisk's and cannot be undone for want of a line."""
    async with ask.parts.database.write() as connection:
        await write_audit(
            connection,
            site=ask.parts.site,
            at=ask.parts.clock.now_us(),
            actor=ask.user.username,
            action=action,
            subject=subject,
            detail={key: value for key, value in detail.items() if value is not None},
        )
