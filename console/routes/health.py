"""Is the console well, and its figures. Both without sign-in: they hold nothing personal."""

from __future__ import annotations

import asyncio
from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from console import metric_catalogue as catalogue
from console.looks import LOOKS, told_by
from console.metrics import CONTENT_TYPE, told
from console.parts import Parts
from console.table import EVERYONE, PUBLIC, Ask, RouteTable
from psap.calls.queries import CallQueries

table = RouteTable("health")

PATIENCE = 1.0  # seconds for the database to answer

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
    # nobody is asked anything: what bridge, gate and records told last is in memory or in a heartbeat
    parts, run = ask.parts, ask.parts.settings.run
    bridge = (parts.state.bridge or {}).get("figures")
    metrics = [
        *told(catalogue.LOOKS, ask.request.app[LOOKS].figures()),
        *told(catalogue.BRIDGE, bridge if isinstance(bridge, dict) else {}),
        *told(catalogue.AGI, told_by(run, "agi")),
        *told(catalogue.WATCHDOG, told_by(run, "watchdog")),
    ]
    return web.Response(body=parts.metrics.text(metrics), headers={"Content-Type": CONTENT_TYPE})
