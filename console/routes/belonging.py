"""What belongs together: possible duplicates while typing, what is open nearby, linking two reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from console.routes.incidents import answer_with, if_match, refusal, tell
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.model import Latitude, Longitude, Micros
from psap.incidents import belonging
from psap.incidents.model import Incident, IncidentError, IncidentFields, LocatedBy, Status
from psap.places.model import Point, point

table = RouteTable("incidents")

SEE = who_may(Permission.SEE_INCIDENTS)
WRITE = who_may(Permission.WRITE_INCIDENTS)
Id = Annotated[str, Field(max_length=36)]
COMPARED = (
    *("place", "landmark", "district", "subdistrict", "category"),
    *("latitude", "longitude", "radius_m", "located_by"),
)


class Short(BaseModel):
    """An incident without anything about people: enough to see whether it is the same event."""

    id: str
    number: str
    status: Status
    category: str | None
    place: str | None
    landmark: str | None
    district: str | None
    subdistrict: str | None
    latitude: float | None
    longitude: float | None
    radius_m: float | None
    located_by: LocatedBy | None
    linked_to: str | None
    created_at: Micros
    agencies: list[str]

    @classmethod
    def of(cls, incident: Incident) -> Short:
        own = {name: getattr(incident, name) for name in cls.model_fields if name != "agencies"}
        return cls(**own, agencies=list(dict.fromkeys(each.agency for each in incident.dispositions)))


class SimilarQuestion(IncidentFields):
    """An incident, or what is typed of one, or both (then what is typed counts). Fields that say nothing of
    place and category are taken and not looked at."""

    incident_id: Id | None = None
    fields: IncidentFields | None = None

    @property
    def typed(self) -> IncidentFields | None:
        """The fields that are compared, wherever they stand."""
        known: dict[str, object] = {}
        for source in filter(None, (self.fields, self)):
            known |= {name: getattr(source, name) for name in source.model_fields_set if name in COMPARED}
        return IncidentFields.model_validate(known) if known else None


class Why(BaseModel):
    """One sentence in two languages."""

    id: str
    en: str


class Similar(BaseModel):
    """One report that may be of the same event. ``score`` 0.5 to 1."""

    incident: Short
    metres: float | None
    minutes: float
    score: float
    why: Why


class SimilarList(BaseModel):
    """Best first."""

    items: list[Similar]


class NearbyQuestion(Body):
    """Near the call's own location, or near a place that is given; ``metres``: how far."""

    call_id: Id | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    metres: float = Field(1_000, ge=1, le=20_000)

    @model_validator(mode="after")
    def _something(self) -> NearbyQuestion:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude come together")
        if self.latitude is None and self.call_id is None:
            raise ValueError("call_id or a place is needed")
        return self


class NearbyShown(BaseModel):
    """One incident that is not closed. ``same_number``: reported from the call's number."""

    incident: Short
    metres: float | None
    minutes: float
    same_number: bool


class NearbyList(BaseModel):
    """The same number first, then nearest first."""

    items: list[NearbyShown]


class Link(Body):
    """The incident to which this one belongs."""

    to: Id


@table.add(
    "POST",
    "/incidents/similar",
    roles=SEE,
    body=SimilarQuestion,
    answer=SimilarList,
    summary=("Mungkin kejadian yang sama", "Reports that may be of the same event"),
    problems=("not_found",),
)
async def similar(ask: Ask[SimilarQuestion, None]) -> SimilarList:
    parts, body = ask.parts, ask.body
    try:
        async with parts.database.read() as connection:
            found = await belonging.similar(
                connection, parts.site, parts.clock, incident_id=body.incident_id, fields=body.typed
            )
    except IncidentError as error:
        raise refusal(error) from None
    return SimilarList(
        items=[
            Similar(
                incident=Short.of(each.incident),
                metres=each.likeness.metres,
                minutes=each.likeness.minutes,
                score=each.likeness.score,
                why=Why(id=each.likeness.id, en=each.likeness.en),
            )
            for each in found
        ]
    )


@table.add(
    "POST",
    "/incidents/nearby",
    roles=SEE,
    body=NearbyQuestion,
    answer=NearbyList,
    summary=(
        "Kejadian terbuka di sekitar atau dari nomor yang sama",
        "Open incidents nearby or of this number",
    ),
)
async def nearby(ask: Ask[NearbyQuestion, None]) -> NearbyList:
    parts, body = ask.parts, ask.body
    at = point(body.latitude, body.longitude)
    if at is None and body.call_id is not None:
        at = await _place_of(ask, body.call_id)
    async with parts.database.read() as connection:
        found = await belonging.nearby(
            connection, parts.site, parts.clock, at=at, within=body.metres, call_id=body.call_id
        )
    return NearbyList(
        items=[
            NearbyShown(
                incident=Short.of(each.incident),
                metres=each.metres,
                minutes=each.minutes,
                same_number=each.same_number,
            )
            for each in found
        ]
    )


async def _place_of(ask: Ask[NearbyQuestion, None], call_id: str) -> Point | None:
    """Where a call's caller is; the bridge's own memory is not asked: the page knows what is newer."""
    call = await ask.parts.calls.get(call_id)
    if call is None or call.location is None:
        return None
    return Point(call.location.latitude, call.location.longitude)


@table.add(
    "POST",
    "/incidents/{id}/link",
    roles=WRITE,
    body=Link,
    answer=Incident,
    summary=("Gabungkan ke kejadian yang sama", "Link it to the same event"),
    problems=("not_found", "stale_version", "would_loop"),
    headers=("If-Match",),
)
async def link(ask: Ask[Link, None]) -> object:
    parts, version, incident_id = ask.parts, if_match(ask.request), ask.id
    try:
        async with parts.database.write() as connection:
            changed = await belonging.link(
                connection,
                parts.site,
                parts.clock,
                incident_id,
                ask.body.to,
                version=version,
                by=ask.user.username,
            )
    except IncidentError as error:
        raise refusal(error) from None
    for each in changed:
        await tell(ask, each)
    return answer_with(changed[0])


@table.add(
    "DELETE",
    "/incidents/{id}/link",
    roles=WRITE,
    answer=Incident,
    summary=("Lepaskan dari kejadian lain", "It stands for itself again"),
    problems=("not_found", "stale_version"),
    headers=("If-Match",),
)
async def unlink(ask: Ask[None, None]) -> object:
    parts, version, incident_id = ask.parts, if_match(ask.request), ask.id
    try:
        async with parts.database.write() as connection:
            changed = await belonging.unlink(
                connection, parts.site, parts.clock, incident_id, version=version, by=ask.user.username
            )
    except IncidentError as error:
        raise refusal(error) from None
    await tell(ask, changed)
    return answer_with(changed)
