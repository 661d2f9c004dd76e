"""Recordings of a call: which there are, the sound itself, how loud it was; and how well a browser heard."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import hdrs, web
from pydantic import BaseModel, Field

from console.problem import Problem
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.model import Call, LegQuality, Micros
from psap.platform.audit import Action
from psap.recordings.model import WHY, Hearing, Recording, hearing
from psap.recordings.service import Shelf
from psap.recordings.sound import SoundError

table = RouteTable("recordings")

SEE = who_may(Permission.SEE_CALLS)
EARS = who_may(Permission.HEAR_RECORDINGS) | who_may(Permission.HEAR_OWN)
TAKE = who_may(Permission.TAKE_CALLS)


class Why(BaseModel):
    """A reason in both languages."""

    id: str
    en: str


class RecordingShown(BaseModel):
    """One recording; ``started_at`` is its first sample. ``mended``: its end may be missing."""

    id: str
    call_id: str
    started_at: Micros
    seconds: float
    bytes: int
    mended: bool


class RecordingList(BaseModel):
    """A call's recordings, oldest first, and whether the person who asks may hear them (and why not)."""

    items: list[RecordingShown]
    hearing: Hearing
    why: Why


class Waveform(BaseModel):
    """The loudest sample of each stretch of a recording, 0..1; all stretches are alike long."""

    seconds: float
    peaks: list[float]


class Play(Body):
    """``listening``: a word of the page's own for one listening, so that its pieces count as one."""

    listening: str | None = Field(None, pattern=r"^[0-9a-zA-Z-]{8,64}$")


class Measured(Body):
    """What an agent's browser measured since it last told; what it cannot tell is left out."""

    loss: float | None = Field(None, ge=0, le=1)
    jitter_ms: float | None = Field(None, ge=0, le=10_000)
    level_in: float | None = Field(None, ge=0, le=1)
    level_out: float | None = Field(None, ge=0, le=1)
    round_trip_ms: float | None = Field(None, ge=0, le=60_000)


class QualityNow(BaseModel):
    """The call's quality so far, for each agent."""

    quality: list[LegQuality]


@table.add(
    "GET",
    "/calls/{id}/recordings",
    roles=SEE,
    answer=RecordingList,
    summary=("Rekaman sebuah panggilan", "A call's recordings"),
    problems=("not_found",),
)
async def of_call(ask: Ask[None, None]) -> RecordingList:
    found = await _shelf(ask).of_call(ask.id)
    call = await ask.parts.calls.get(ask.id)
    if call is None and not found:
        raise Problem("not_found")
    may = hearing(ask.user, call, ask.parts.clock.now_us())
    shown = [RecordingShown(**each.model_dump(include=set(RecordingShown.model_fields))) for each in found]
    return RecordingList(items=shown, hearing=may, why=Why(id=WHY[may][0], en=WHY[may][1]))


@table.add(
    "GET",
    "/recordings/{id}",
    roles=EARS,
    query=Play,
    summary=("Suara rekaman (WAV, Range)", "A recording's sound (WAV, Range)"),
    problems=("not_found", "not_to_hear", "recording_gone"),
    headers=("Range",),
    content_type="audio/wav",
    views=Action.RECORDING_PLAYED,
)
async def play(ask: Ask[None, Play]) -> web.StreamResponse:
    found = await _heard(ask)
    path = _shelf(ask).path(found)
    if not await asyncio.to_thread(path.is_file):
        raise Problem("recording_gone")
    return web.FileResponse(
        path,
        headers={
            hdrs.CONTENT_TYPE: "audio/wav",
            hdrs.CONTENT_DISPOSITION: "inline",
            "Cache-Control": "no-store",
        },
    )


@table.add(
    "GET",
    "/recordings/{id}/waveform",
    roles=EARS,
    answer=Waveform,
    summary=("Bentuk gelombang rekaman", "A recording's waveform"),
    problems=("not_found", "not_to_hear", "recording_gone"),
)
async def waveform(ask: Ask[None, None]) -> Waveform:
    found = await _heard(ask)
    try:
        made = await asyncio.to_thread(_shelf(ask).waveform, found)
    except (OSError, SoundError):
        raise Problem("recording_gone") from None
    return Waveform(**made)


@table.add(
    "POST",
    "/calls/{id}/quality",
    roles=TAKE,
    body=Measured,
    answer=QualityNow,
    summary=("Mutu suara menurut peramban petugas", "How well the agent's browser hears"),
    problems=("not_found", "not_your_call", "bridge_away"),
)
async def quality(ask: Ask[Measured, None]) -> QualityNow:
    result = await ask.parts.bridge.command(
        "call.quality",
        call_id=ask.id,
        agent=ask.user.username,
        **ask.body.model_dump(exclude_none=True),
    )
    return QualityNow.model_validate(result)


def _shelf(ask: Ask[Any, Any]) -> Shelf:
    parts = ask.parts
    return Shelf(parts.settings, parts.database, parts.profile, parts.clock)


async def _heard(ask: Ask[Any, Any]) -> Recording:
    """The recording that is asked for, where this person may hear it."""
    found = await _shelf(ask).get(ask.id)
    if found is None:
        raise Problem("not_found")
    call: Call | None = await ask.parts.calls.get(found.call_id)
    may = hearing(ask.user, call, ask.parts.clock.now_us())
    if may is not Hearing.ALLOWED:
        raise Problem("not_to_hear", " / ".join(WHY[may]))
    return found
