"""Incidents at work: made once, changed without overwriting anybody, found again."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from psap.agencies.model import Profile, local_time, shift_of
from psap.calls.queries import BadCursorError
from psap.incidents import store
from psap.incidents.model import (
    Deed,
    Incident,
    IncidentCreate,
    IncidentEntry,
    IncidentError,
    IncidentFilter,
    IncidentPatch,
    Status,
    Verified,
    check_words,
    closing_of,
    incident_number,
    stamped,
)
from psap.platform.audit import Action, write_audit
from psap.platform.clock import Clock


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One page, newest first; ``next`` continues it."""

    items: list[Incident]
    next: str | None


async def create_incident(
    connection: AsyncConnection,
    site: str,
    profile: Profile,
    clock: Clock,
    wanted: IncidentCreate,
    *,
    by: str,
    idempotency_key: str | None = None,
) -> tuple[Incident, bool]:
    """(incident, whether it is new). The same Idempotency-Key and body give the same incident again.

    Needs a write connection: its number is taken in the same transaction.

    Raises:
        IncidentError: unknown_category, unknown_agency; closing_needed; other_request: the key came with
            another body.
    """
    fingerprint = hashlib.sha256(wanted.model_dump_json(exclude_unset=True).encode()).hexdigest()
    if idempotency_key is not None:
        # one person's key never answers with another's incident
        idempotency_key = f"{by}:{idempotency_key}"[:128]
        known = await store.by_idempotency_key(connection, site, idempotency_key)
        if known is not None:
            if known[1] not in (None, fingerprint):
                raise IncidentError(
                    "other_request",
                    "Idempotency-Key ini sudah dipakai untuk isi lain",
                    "this Idempotency-Key was used with another body",
                )
            return known[0], False
    check_words(profile, wanted)
    now = clock.now_us()
    day, shift = shift_of(profile, now)
    year = local_time(profile, now).year
    value = await store.next_number(connection, site, "incident", year)
    named = {"verified", "dispositions", "status", "closing"}
    fields = wanted.model_dump(exclude_none=True, exclude=named)
    incident = Incident(
        **fields,
        id=str(uuid.uuid4()),
        site=site,
        number=incident_number(profile.code, year, value),
        version=1,
        status=wanted.status or Status.DRAFT,
        verified=wanted.verified or Verified(),
        dispositions=stamped(wanted.dispositions or [], [], now, by),
        shift_date=day.isoformat(),
        shift=shift,
        created_by=by,
        created_at=now,
        updated_at=now,
        closing=wanted.closing,
    )
    incident = _closed(incident.model_copy(update={"status": Status.DRAFT}), incident, now, by)
    await store.insert(connection, incident, idempotency_key, fingerprint)
    await write_audit(
        connection,
        site=site,
        at=now,
        actor=by,
        action=Action.INCIDENT_CREATED,
        subject=incident.id,
        detail={"call": incident.call_id},
    )
    return incident, True


async def patch_incident(
    connection: AsyncConnection,
    site: str,
    profile: Profile,
    clock: Clock,
    incident_id: str,
    change: IncidentPatch,
    *,
    version: int | None,
    by: str,
) -> Incident:
    """Change the given fields. ``version`` is what the writer saw (If-Match); None: whatever it is.

    Raises:
        IncidentError: not_found; stale_version: somebody else changed it meanwhile;
            unknown_category, unknown_agency; closing_needed: closed without the caller being told.
    """
    known = await store.by_id(connection, site, incident_id)
    if known is None:
        raise IncidentError("not_found", "kejadian tidak ada", "no such incident")
    if version is not None and version != known.version:
        raise _stale()
    check_words(profile, change)
    now = clock.now_us()
    # fields as objects, not as a dump: nested models keep their types
    update = {name: getattr(change, name) for name in change.model_fields_set}
    if change.dispositions is not None:
        update["dispositions"] = stamped(change.dispositions, known.dispositions, now, by)
    for name, empty in (
        *(("verified", Verified()), ("dispositions", []), ("answers", {})),
        ("status", known.status),
    ):
        if name in update and update[name] is None:
            update[name] = empty
    changed = known.model_copy(update=update | {"version": known.version + 1, "updated_at": now})
    changed = _closed(known, changed, now, by)
    if not await store.replace(connection, changed, known.version):
        raise _stale()
    await write_audit(
        connection,
        site=site,
        at=now,
        actor=by,
        action=Action.INCIDENT_CHANGED,
        subject=incident_id,
        detail={"version": changed.version, "fields": sorted(change.model_fields_set)},
    )
    return changed


def _closed(known: Incident, wanted: Incident, now: int, by: str) -> Incident:
    """The incident with its closing, and a line in its story where it was closed or reopened."""
    closing = closing_of(known, wanted, now, by)
    before, after = known.status is Status.CLOSED, wanted.status is Status.CLOSED
    timeline = wanted.timeline
    if before != after:
        data: dict[str, str | bool] = {} if closing is None or not after else {"told": closing.told}
        deed = Deed.CLOSED if after else Deed.REOPENED
        timeline = [*timeline, IncidentEntry(at=now, by=by, what=deed, data=data)]
    return wanted.model_copy(update={"closing": closing, "timeline": timeline})


def _stale() -> IncidentError:
    return IncidentError(
        "stale_version", "kejadian ini sudah diubah orang lain", "somebody else changed this incident"
    )


async def get_incident(connection: AsyncConnection, site: str, incident_id: str) -> Incident:
    """One incident.

    Raises:
        IncidentError: not_found.
    """
    incident = await store.by_id(connection, site, incident_id)
    if incident is None:
        raise IncidentError("not_found", "kejadian tidak ada", "no such incident")
    return incident


async def find_incidents(
    connection: AsyncConnection,
    site: str,
    wanted: IncidentFilter,
    *,
    limit: int = 100,
    cursor: str | None = None,
) -> IncidentPage:
    """Incidents that match, newest first; every word of the text must occur somewhere.

    Raises:
        BadCursorError: the cursor is not one of ours.
    """
    after: tuple[int, str] | None = None
    if cursor is not None:
        at, _, incident_id = cursor.partition(".")
        if not (at.isascii() and at.isdigit() and len(at) <= 18 and incident_id):
            raise BadCursorError("not a cursor of ours")
        after = int(at), incident_id
    found = await store.find(connection, site, wanted, limit=limit + 1, after=after)
    items = found[:limit]
    more = len(found) > limit
    return IncidentPage(items, f"{items[-1].created_at}.{items[-1].id}" if more and items else None)
