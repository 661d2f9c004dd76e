"""What belongs together: reports that may be of one event, what is open nearby, and the link between two.

A link never hides anything: each report stays the incident of its own call, with its own caller to be told;
``linked_to`` names the first one, to which the agencies go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.incidents import store
from psap.incidents.model import Deed, Incident, IncidentEntry, IncidentError, IncidentFields, Status
from psap.incidents.similar import WINDOW_US, Likeness, Report, most_alike, report_of
from psap.places.model import Point, metres, point
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock

MANY = 500  # reports of a day that are compared
MANY_NEARBY = 20


@dataclass(frozen=True, slots=True)
class Alike:
    """A report that may be of the same event."""

    incident: Incident
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Nearby:
    """What goes on near a caller, or was reported from the same number. ``metres`` None: not known."""

    incident: Incident
    metres: float | None
    minutes: float
    same_number: bool


async def similar(
    connection: AsyncConnection,
    site: str,
    clock: Clock,
    *,
    incident_id: str | None,
    fields: IncidentFields | None,
    limit: int = 5,
) -> list[Alike]:
    """Reports that may be of the event of an incident, or of what is typed of one; best first.

    Raises:
        IncidentError: not_found.
    """
    now = clock.now_us()
    own: Incident | None = None
    if incident_id is not None:
        own = await store.by_id(connection, site, incident_id)
        if own is None:
            raise IncidentError("not_found", "kejadian tidak ada", "no such incident")
    asked = _asked(own, fields, now)
    mine = {own.id, own.linked_to} if own is not None else set()
    known = [
        each
        for each in await store.recent(connection, site, asked.at - WINDOW_US, MANY)
        # who belongs to another is offered as that other; what belongs to us is ours already
        if each.linked_to is None and each.id not in mine
    ]
    alike = most_alike(asked, [report_of(each, each.created_at, each.status) for each in known], limit)
    return [Alike(known[index], likeness) for index, likeness in alike]


def _asked(own: Incident | None, fields: IncidentFields | None, now: int) -> Report:
    if own is None:
        return report_of(fields or IncidentFields(), now)
    if fields is not None:
        own = own.model_copy(update={name: getattr(fields, name) for name in fields.model_fields_set})
    # a report that is being taken is as old as its call, not as what it is compared with
    return report_of(own, own.created_at)


async def nearby(
    connection: AsyncConnection,
    site: str,
    clock: Clock,
    *,
    at: Point | None,
    within: float,
    call_id: str | None,
) -> list[Nearby]:
    """What is not closed, of the last day: within ``within`` metres, or from the call's number."""
    now = clock.now_us()
    same = set() if call_id is None else await store.of_number(connection, site, call_id, now - WINDOW_US)
    found: list[Nearby] = []
    for each in await store.recent(connection, site, now - WINDOW_US, MANY):
        if each.status is Status.CLOSED or (call_id is not None and each.call_id == call_id):
            continue
        there = point(each.latitude, each.longitude)
        far = None if at is None or there is None else metres(at, there)
        if each.id in same or (far is not None and far <= within):
            shown = None if far is None else float(round(far))
            minutes = round((now - each.created_at) / 60_000_000, 1)
            found.append(Nearby(each, shown, minutes, each.id in same))
    found.sort(key=lambda one: (not one.same_number, one.metres if one.metres is not None else 1e9))
    return found[:MANY_NEARBY]


async def link(
    connection: AsyncConnection,
    site: str,
    clock: Clock,
    incident_id: str,
    to: str,
    *,
    version: int | None,
    by: str,
) -> list[Incident]:
    """Say that an incident belongs to another: to the first of them, so that there are no chains. Who
    belonged to it comes along. Returns what was changed, the incident itself first.

    Raises:
        IncidentError: not_found; would_loop: the other belongs to this one; stale_version.
    """
    own, other = await _known(connection, site, incident_id), await _known(connection, site, to)
    first = other if other.linked_to is None else await _known(connection, site, other.linked_to)
    if first.id == own.id:
        raise IncidentError(
            "would_loop",
            "laporan itu sudah tergabung ke laporan ini",
            "that report belongs to this one already",
        )
    changed = [await _set(connection, clock, own, first, version=version, by=by)]
    for each in await store.linked_to(connection, site, own.id):
        changed.append(await _set(connection, clock, each, first, version=None, by=by))
    return changed


async def unlink(
    connection: AsyncConnection, site: str, clock: Clock, incident_id: str, *, version: int | None, by: str
) -> Incident:
    """The incident stands for itself again; nothing happens where it does.

    Raises:
        IncidentError: not_found, stale_version.
    """
    own = await _known(connection, site, incident_id)
    if own.linked_to is None:
        return own
    return await _set(connection, clock, own, None, version=version, by=by)


async def _known(connection: AsyncConnection, site: str, incident_id: str) -> Incident:
    incident = await store.by_id(connection, site, incident_id)
    if incident is None:
        raise IncidentError("not_found", "kejadian tidak ada", "no such incident")
    return incident


async def _set(
    connection: AsyncConnection,
    clock: Clock,
    own: Incident,
    first: Incident | None,
    *,
    version: int | None,
    by: str,
) -> Incident:
    """Write the link, with its line in the incident's story and in the audit."""
    if version is not None and version != own.version:
        raise _stale()
    target = None if first is None else first.id
    if own.linked_to == target:
        return own
    now = clock.now_us()
    data: dict[str, Any] = {"incident": str(target or own.linked_to)}
    if first is not None:
        data["number"] = first.number
    entry = IncidentEntry(at=now, by=by, what=Deed.UNLINKED if first is None else Deed.LINKED, data=data)
    changed = own.model_copy(
        update={
            "linked_to": target,
            "timeline": [*own.timeline, entry],
            "version": own.version + 1,
            "updated_at": now,
        }
    )
    if not await store.replace(connection, changed, own.version):
        raise _stale()
    await write_audit(
        connection,
        site=own.site,
        at=now,
        actor=by,
        action=Action.INCIDENT_UNLINKED if first is None else Action.INCIDENT_LINKED,
        subject=own.id,
        detail={"to": data["incident"]},
    )
    return changed


def _stale() -> IncidentError:
    return IncidentError(
        "stale_version", "kejadian ini sudah diubah orang lain", "somebody else changed this incident"
    )
