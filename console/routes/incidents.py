"""Incidents: saved as typed, changed without overwriting anybody, sent to agencies, found again."""

from __future__ import annotations

import contextlib
import re
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field, model_validator

from console.problem import FieldError, Problem
from console.table import Ask, Body, Moment, Paging, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.queries import BadCursorError
from psap.incidents.model import (
    Disposition,
    Incident,
    IncidentCreate,
    IncidentError,
    IncidentFilter,
    IncidentPatch,
    Status,
)
from psap.incidents.service import create_incident, find_incidents, get_incident, patch_incident
from psap.platform.audit import Action
from psap.platform.clock import to_us
from psap.platform.events import Event, EventType
from psap.platform.hot import HotAwayError

table = RouteTable("incidents")

SEE = who_may(Permission.SEE_INCIDENTS)
WRITE = who_may(Permission.WRITE_INCIDENTS)
OUR_NUMBER = re.compile(r"[A-Z]{2,5}-\d{4}-\d{1,6}", re.IGNORECASE)
TELEPHONE = re.compile(r"\d(?:[\s.\-]?\d){5,}")


class IncidentList(BaseModel):
    """Incidents newest first."""

    items: list[Incident]
    next: str | None


class IncidentQuery(Paging):
    """A search in the address: words, never telephone numbers."""

    q: str | None = Field(None, max_length=200)
    category: str | None = Field(None, max_length=32)
    status: Status | None = None


class IncidentSearch(IncidentQuery):
    """A search in the body, where telephone numbers may stand. ``from`` inclusive, ``to`` exclusive."""

    call_id: str | None = Field(None, max_length=36)
    linked_to: str | None = Field(None, max_length=36)
    since: Moment | None = Field(None, alias="from")
    until: Moment | None = Field(None, alias="to")


Agency = Annotated[str, Field(min_length=1, max_length=32)]


class NewDisposition(Body):
    """One agency or several, told at once; ``caller_told``: the caller knows that they come."""

    agency: Agency | None = None
    agencies: list[Agency] = Field([], max_length=20)
    note: str | None = Field(None, max_length=4_000)
    caller_told: bool = False

    @model_validator(mode="after")
    def _somebody(self) -> NewDisposition:
        if self.agency is None and not self.agencies:
            raise ValueError("agency or agencies is needed")
        return self

    @property
    def told(self) -> list[str]:
        """Every agency, once."""
        return list(dict.fromkeys([*([self.agency] if self.agency else []), *self.agencies]))


class DispositionChange(Body):
    """What may still change of a disposition."""

    caller_told: bool | None = None
    note: str | None = Field(None, max_length=4_000)


@table.add(
    "GET",
    "/incidents",
    roles=SEE,
    query=IncidentQuery,
    answer=IncidentList,
    summary=("Kejadian, terbaru dahulu", "Incidents, newest first"),
    problems=("bad_cursor",),
    views=Action.NUMBERS_VIEWED,
)
async def list_incidents(ask: Ask[None, IncidentQuery]) -> IncidentList:
    if ask.query.q and TELEPHONE.search(OUR_NUMBER.sub("", ask.query.q)):
        why = "nomor telepon lewat POST /incidents/search / search telephone numbers by POST"
        raise Problem("invalid", why, errors=[FieldError(where="q", why=why)])
    return await _page(ask, ask.query, IncidentFilter())


@table.add(
    "POST",
    "/incidents/search",
    roles=SEE,
    body=IncidentSearch,
    answer=IncidentList,
    summary=("Cari kejadian; nomor hanya di isi permintaan", "Search incidents; numbers only in the body"),
    problems=("bad_cursor",),
    views=Action.NUMBER_SEARCHED,
)
async def search_incidents(ask: Ask[IncidentSearch, None]) -> IncidentList:
    body = ask.body
    wanted = IncidentFilter(
        call_id=body.call_id,
        linked_to=body.linked_to,
        since=None if body.since is None else to_us(body.since),
        until=None if body.until is None else to_us(body.until),
    )
    return await _page(ask, body, wanted)


@table.add(
    "POST",
    "/incidents",
    roles=WRITE,
    body=IncidentCreate,
    answer=Incident,
    status=201,
    summary=("Buat kejadian", "Make an incident"),
    problems=("other_request", "closing_needed"),
    headers=("Idempotency-Key",),
)
async def create(ask: Ask[IncidentCreate, None]) -> web.Response:
    parts = ask.parts
    key = ask.request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(r"[\x21-\x7e]{1,64}", key):
        raise Problem(
            "invalid", errors=[FieldError(where="Idempotency-Key", why="1 to 64 visible characters")]
        )
    try:
        async with parts.database.write() as connection:
            incident, new = await create_incident(
                connection,
                parts.site,
                parts.profile,
                parts.clock,
                ask.body,
                by=ask.user.username,
                idempotency_key=key,
            )
    except IncidentError as error:
        raise refusal(error) from None
    if incident.call_id is not None:
        await parts.bridge.link_incident(incident.call_id, incident.id)
    if new:
        await tell(ask, incident)
    return answer_with(incident, 201 if new else 200)


@table.add(
    "GET",
    "/incidents/{id}",
    roles=SEE,
    answer=Incident,
    summary=("Satu kejadian", "One incident"),
    problems=("not_found",),
    views=Action.INCIDENT_VIEWED,
)
async def get_one(ask: Ask[None, None]) -> web.Response:
    incident_id = ask.id
    try:
        async with ask.parts.database.read() as connection:
            return answer_with(await get_incident(connection, ask.parts.site, incident_id))
    except IncidentError as error:
        raise refusal(error) from None


@table.add(
    "PATCH",
    "/incidents/{id}",
    roles=WRITE,
    body=IncidentPatch,
    answer=Incident,
    summary=("Ubah kejadian", "Change an incident"),
    problems=("not_found", "stale_version", "version_required", "closing_needed"),
    headers=("If-Match",),
)
async def change(ask: Ask[IncidentPatch, None]) -> web.Response:
    if "If-Match" not in ask.request.headers:
        raise Problem("version_required")
    return await _patch(ask, ask.body)


@table.add(
    "POST",
    "/incidents/{id}/dispositions",
    roles=WRITE,
    body=NewDisposition,
    answer=Incident,
    status=201,
    summary=("Disposisi ke instansi", "Send it to agencies"),
    problems=("not_found", "stale_version"),
    headers=("If-Match",),
)
async def dispatch(ask: Ask[NewDisposition, None]) -> web.Response:
    body = ask.body
    at = ask.parts.clock.now_us() if body.caller_told else None
    new = [Disposition(agency=agency, note=body.note, caller_told_at=at) for agency in body.told]

    def add(known: Incident) -> IncidentPatch:
        # what goes to an agency is a report, no draft any more
        status = Status.OPEN if known.status == Status.DRAFT else known.status
        return IncidentPatch(dispositions=[*known.dispositions, *new], status=status)

    return await _patch(ask, add, status=201)


@table.add(
    "PATCH",
    "/incidents/{id}/dispositions/{place}",
    roles=WRITE,
    body=DispositionChange,
    answer=Incident,
    summary=("Pelapor sudah diberi tahu; catatan disposisi", "The caller was told; a disposition's note"),
    problems=("not_found", "stale_version"),
    headers=("If-Match",),
)
async def change_disposition(ask: Ask[DispositionChange, None]) -> web.Response:
    place = ask.request.match_info["place"]
    now = ask.parts.clock.now_us()

    def alter(known: Incident) -> IncidentPatch:
        if not (
            place.isascii() and place.isdigit() and len(place) < 4 and int(place) < len(known.dispositions)
        ):
            raise Problem("not_found")
        changed = list(known.dispositions)
        update: dict[str, Any] = {}
        if "note" in ask.body.model_fields_set:
            update["note"] = ask.body.note
        if ask.body.caller_told is not None:
            update["caller_told_at"] = now if ask.body.caller_told else None
        changed[int(place)] = changed[int(place)].model_copy(update=update)
        return IncidentPatch(dispositions=changed)

    return await _patch(ask, alter)


async def _patch(ask: Ask[Any, Any], wanted: Any, *, status: int = 200) -> web.Response:
    """Change an incident; ``wanted`` is a patch, or makes one from the incident as it stands."""
    parts, version, incident_id = ask.parts, if_match(ask.request), ask.id
    try:
        async with parts.database.write() as connection:
            patch = wanted
            if callable(wanted):
                patch = wanted(await get_incident(connection, parts.site, incident_id))
            incident = await patch_incident(
                connection,
                parts.site,
                parts.profile,
                parts.clock,
                incident_id,
                patch,
                version=version,
                by=ask.user.username,
            )
    except IncidentError as error:
        raise refusal(error) from None
    if patch.call_id is not None:
        await parts.bridge.link_incident(patch.call_id, incident.id)
    await tell(ask, incident)
    return answer_with(incident, status)


def if_match(request: web.Request) -> int | None:
    """The version that the writer saw; None: any (``*``, or no header).

    Raises:
        Problem: stale_version: not a version of ours.
    """
    given = request.headers.get("If-Match", "*").strip()
    if given == "*":
        return None
    found = re.fullmatch(r'(?:W/)?"?([0-9]{1,9})"?', given, re.ASCII)
    if found is None:
        raise Problem("stale_version")
    return int(found[1])


async def _page(ask: Ask[Any, Any], query: IncidentQuery, wanted: IncidentFilter) -> IncidentList:
    wanted.text, wanted.category, wanted.status = query.q, query.category, query.status
    try:
        async with ask.parts.database.read() as connection:
            page = await find_incidents(
                connection, ask.parts.site, wanted, limit=query.limit, cursor=query.cursor
            )
    except BadCursorError:
        raise Problem("bad_cursor") from None
    return IncidentList(items=page.items, next=page.next)


def refusal(error: IncidentError) -> Problem:
    """What a use case refused, as HTTP."""
    return Problem(error.key, str(error))


def answer_with(incident: Incident, status: int = 200) -> web.Response:
    """An incident with its version as the ETag."""
    return web.Response(
        text=incident.model_dump_json(),
        status=status,
        content_type="application/json",
        headers={"ETag": f'"{incident.version}"'},
    )


async def tell(ask: Ask[Any, Any], incident: Incident) -> None:
    """Let other pages know; without Redis they poll."""
    data = {
        "id": incident.id,
        "number": incident.number,
        "version": incident.version,
        "status": str(incident.status),
    }
    with contextlib.suppress(HotAwayError):
        await ask.parts.hot.publish(Event(EventType.INCIDENT_CHANGED, ask.parts.clock.now_us(), data))
