"""Is the console well, and its figures. Both without sign-in: they hold nothing personal."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from console.parts import Parts
from console.problem import Problem
from console.state import PARTS
from console.table import EVERYONE, PUBLIC, Ask, RouteTable
from psap.calls.queries import CallQueries

table = RouteTable("health")

PATIENCE = 1.0  # seconds for the database to answer
FIGURES = {  # metric: (the bridge's own word for it, help)
    "psap_ami_link_up": ("link_up", "1 while the bridge is connected to Asterisk and caught up."),
    "psap_ami_events_total": ("events", "AMI events handled since the bridge started."),
    "psap_ami_events_waiting": ("events_waiting", "AMI events that wait to be handled."),
    "psap_ami_events_waiting_most": ("events_waiting_most", "The most that ever waited."),
    "psap_ami_losses_total": ("losses", "How often the connection to Asterisk was lost."),
    "psap_catch_up_seconds": ("resync_seconds", "How long the last catch-up took."),
    "psap_bridge_calls": ("calls", "Calls that the bridge follows."),
    "psap_spool_bytes": ("spool_bytes", "Bytes of records that wait for the database."),
    "psap_publish_waiting": ("publish_waiting", "Events that wait for Redis."),
}


Word = Literal["up", "degraded", "down"]


class Health(BaseModel):
    """``healthy`` as long as the database answers; the rest is told beside it."""

    healthy: bool
    database: Word
    redis: Word
    bridge: Word
    asterisk: Word


class PartState(BaseModel):
    """One part. ``id`` and ``en``: what it means for call takers; null while it is up."""

    state: Word
    detail: str
    id: str | None
    en: str | None


class StateNow(BaseModel):
    """How every part is, ``since`` when. Known parts are always there, others while unwell."""

    healthy: bool
    since: str
    parts: dict[str, PartState]


async def reachable(calls: CallQueries) -> bool:
    """Whether the database answers in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            await calls.reachable()
    except Exception:  # whatever the driver says, the answer is the same
        return False
    return True


async def health(parts: Parts) -> Health:
    """Ask the database; what else is up is known already."""
    database = await reachable(parts.calls)
    state = parts.state
    bridge: Word = "down" if state.bridge is None else "up" if state.up("ami_bridge") else "degraded"
    return Health(
        healthy=database,
        database="up" if database else "down",
        redis="up" if parts.live.connected else "down",
        bridge=bridge,
        asterisk="up" if state.up("asterisk") and state.up("ami") else "down",
    )


@table.add(
    "GET",
    "/healthz",
    roles=PUBLIC,
    answer=Health,
    summary=("Apakah layanan sehat", "Whether the service is well"),
    problems=("database_away",),
)
async def get_health(ask: Ask[None, None]) -> web.Response:
    found = await health(ask.parts)
    return web.Response(
        text=found.model_dump_json(),
        status=200 if found.healthy else 503,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


@table.add(
    "GET",
    "/state",
    roles=EVERYONE,
    answer=StateNow,
    summary=("Keadaan setiap bagian", "How every part is"),
    problems=("database_away",),
)
async def get_state(ask: Ask[None, None]) -> StateNow:
    return StateNow.model_validate(ask.parts.state.now())


@table.add(
    "GET",
    "/metrics",
    roles=PUBLIC,
    content_type="text/plain",
    summary=("Angka-angka untuk Prometheus", "Figures for Prometheus"),
)
async def get_metrics(ask: Ask[None, None]) -> web.Response:
    parts = ask.parts
    gauges: dict[str, tuple[str, float]] = {
        "psap_live_clients": ("Browsers and scripts on the live channel.", parts.live.clients),
        "psap_live_events": ("Events fanned out since the start.", parts.live.events),
        "psap_live_lag_seconds": ("From the newest event to its fan-out.", parts.live.lag_seconds),
        "psap_redis_up": ("1 while the hot store answers.", parts.live.connected),
    }
    for name, row in parts.state.now()["parts"].items():
        if name in PARTS:
            gauges[f'psap_part_up{{part="{name}"}}'] = ("1 while a part is well.", row["state"] == "up")
    told = (parts.state.bridge or {}).get("figures", {})
    for name, (figure, meaning) in FIGURES.items():
        if isinstance(told.get(figure), int | float):
            gauges[name] = (meaning, told[figure])
    try:
        async with asyncio.timeout(0.5):
            snapshot = await parts.bridge.snapshot()
        gauges["psap_bridge_up"] = ("1 while the AMI bridge answers.", 1)
        gauges["psap_calls_in_progress"] = ("Calls now.", len(snapshot["calls"]))
        gauges["psap_callers_waiting"] = ("Callers in the queue.", len(snapshot["waiting"]))
        for state in ("logged_out", "ready", "paused", "ringing", "talking", "wrapping_up"):
            count = sum(agent["state"] == state for agent in snapshot["agents"])
            gauges[f'psap_agents{{state="{state}"}}'] = ("Call takers by state.", count)
    except (Problem, TimeoutError):
        gauges["psap_bridge_up"] = ("1 while the AMI bridge answers.", 0)
    return web.Response(
        body=parts.metrics.text(gauges).encode(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )
