"""Is the console well, and its figures. Both without sign-in: they hold nothing personal."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import BaseModel

from console.parts import Parts
from console.problem import Problem
from console.table import PUBLIC, Ask, RouteTable

table = RouteTable("health")

PATIENCE = 1.0  # seconds for the database to answer


class Health(BaseModel):
    """``healthy`` as long as the database answers; the rest is told beside it."""

    healthy: bool
    database: str
    redis: str


async def health(parts: Parts) -> Health:
    """Ask the database; what else is up is known already."""
    try:
        async with asyncio.timeout(PATIENCE):
            await parts.calls.reachable()
        database = "up"
    except Exception:  # whatever the driver says, the answer is the same
        database = "down"
    redis = "up" if parts.live.connected else "down"
    return Health(healthy=database == "up", database=database, redis=redis)


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
