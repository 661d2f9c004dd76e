"""Is the console well, and its figures. Both without sign-in: they hold nothing personal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from console import metric_catalogue as catalogue
from console import runbook
from console.looks import LOOKS, WELL, started, told_by
from console.metrics import CONTENT_TYPE, number, told
from console.parts import Parts
from console.table import EVERYONE, PUBLIC, Ask, RouteTable, who_may
from psap.accounts.model import Permission
from psap.board.model import Hour
from psap.calls.queries import CallQueries
from psap.platform import mending
from psap.platform.clock import rfc3339

table = RouteTable("health")

PATIENCE = 1.0  # seconds for the database to answer

SHOWN = {  # in the detail of the state: the page's word, the catalogue's
    "waiting": "waiting",
    "longest_wait_seconds": "longest_wait_seconds",
    "unsaved": "unsaved",
    "spool_bytes": "spool_bytes",
    "rejected_bytes": "rejected_bytes",
    "disk_free_bytes": "disk_free_bytes",
    "disk_total_bytes": "disk_total_bytes",
    "backup_at": "backup_at",
    "certificate_until": "certificate_until",
    "live_lag_seconds": "live_lag_seconds",
    "live_clients": "live_clients",
    "events_waiting": "events_waiting",
    "catch_up_seconds": "resync_seconds",
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


class Part(BaseModel):
    """One part in words. ``since``: as it is now since then, ``started_at``: its process; null: not known.

    ``said``: what is wrong now, null while it is up. ``means``: what callers notice while it is away; ``do``:
    how to mend it; each as [Indonesian, English].
    """

    part: str
    state: Word
    since: str | None
    started_at: str | None
    said: tuple[str, str] | None
    means: tuple[str, str]
    do: tuple[str, str]
    runbook: str


class Detail(BaseModel):
    """Every part in words, the last hours, and figures that tell of trouble to come. Unknown is null."""

    at: str
    healthy: bool
    parts: list[Part]
    hours: list[Hour] | None = Field(description="oldest first; null without the database")
    figures: dict[str, float | None]


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
    "/state/detail",
    roles=who_may(Permission.SEE_SYSTEM),
    answer=Detail,
    summary=("Keadaan dalam kata-kata, dan jam-jam terakhir", "The state in words, and the last hours"),
)
async def get_detail(ask: Ask[None, None]) -> Detail:
    parts, looks = ask.parts, ask.request.app[LOOKS]
    state, began = parts.state.now(), started(parts.settings)
    known = {**looks.figures(), **((parts.state.bridge or {}).get("figures") or {})}
    return Detail(
        at=rfc3339(parts.clock.now_us()),
        healthy=state["healthy"],
        parts=[
            _part(parts, name, row, began.get(name))
            for name, row in ({"watchdog": WELL} | state["parts"]).items()
        ],
        hours=looks.hours,
        figures={name: number(known.get(word)) for name, word in SHOWN.items()},
    )


def _part(parts: Parts, name: str, row: Mapping[str, Any], began: float | None) -> Part:
    words, since = mending.WORDS.get(name), parts.state.since(name)
    mend = mending.mend(name, outside=parts.settings.outside, detail=parts.state.detail(name))
    indonesian, _, english = (mend or "").partition(" / ")
    said = (row["id"], row["en"]) if row.get("id") and row.get("en") else None
    return Part(
        part=name,
        state=row["state"],
        since=None if since is None else rfc3339(since),
        started_at=None if began is None else rfc3339(int(began * 1_000_000)),
        said=said,
        # the table's words are for what is away; a part that is there says itself what it lacks
        means=said if said and row["state"] == "degraded" else words.calm if words else ("", ""),
        do=(indonesian, english),
        runbook=runbook.section(name),
    )


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
