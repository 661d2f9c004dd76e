"""What an incident is: what the call taker writes down, and what is done about it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from psap.agencies.model import Profile
from psap.calls.model import Latitude, Longitude, Micros, Radius, Record


class Status(StrEnum):
    DRAFT = "draft"  # saved as typed, perhaps not yet a report
    OPEN = "open"
    CLOSED = "closed"


class LocatedBy(StrEnum):
    """Where the coordinates come from; the later words are the better ones."""

    TYPED = "typed"  # coordinates that somebody dictated
    GAZETTEER = "gazetteer"  # picked from the search
    PIN = "pin"  # put on the map by the call taker
    NETWORK = "network"  # came with the call
    SHARED = "shared"  # sent by the caller's own telephone


def _visible(text: str) -> str:
    """Control characters have no business in a report; line breaks have."""
    return "".join(each for each in text if each.isprintable() or each in "\n\t")


Line = Annotated[str, Field(max_length=128), AfterValidator(_visible)]
Long = Annotated[str, Field(max_length=4_000), AfterValidator(_visible)]
# "3" as well as "satu keluarga": what the caller says, and a program's bare figure
Count = Annotated[Line, BeforeValidator(lambda given: str(given) if type(given) is int else given)]
Word = Annotated[str, Field(max_length=64), AfterValidator(_visible)]


class Verified(Record):
    """What was checked with the caller: address, number, details."""

    address: bool = False
    number: bool = False
    details: bool = False


class Disposition(Record):
    """One agency was told. ``caller_told_at``: the caller knows that they come."""

    agency: Annotated[str, Field(min_length=1, max_length=32)]
    at: Micros | None = None
    by: Annotated[str, Field(max_length=64)] | None = None
    note: Long | None = None
    caller_told_at: Micros | None = None


class Closing(Record):
    """How the SOP's last step was taken: was the caller told, what, when. Not told: ``what`` says why.

    ``at`` and ``by`` are filled in here where they are not given.
    """

    told: bool
    what: Long | None = None
    at: Micros | None = None
    by: Annotated[str, Field(max_length=64)] | None = None


class Deed(StrEnum):
    """What an incident's timeline tells."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    CLOSED = "closed"
    REOPENED = "reopened"


class IncidentEntry(Record):
    """One line of an incident's story; ``data`` holds ids and words of ours, nothing about people."""

    at: Micros
    by: str
    what: Deed
    data: dict[str, str | bool] = Field(default_factory=dict)


Question = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_visible)]
Answers = Annotated[dict[Question, Long], Field(max_length=50)]


class IncidentFields(BaseModel):
    """What can be written into an incident. ``latitude`` and ``longitude`` come together (WGS 84)."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    category: Annotated[str, Field(max_length=32)] | None = None
    place: Long | None = None
    landmark: Long | None = None
    district: Word | None = None
    subdistrict: Word | None = None
    description: Long | None = None
    injured: Long | None = None
    danger: Long | None = None
    people: Count | None = None
    caller_name: Line | None = None
    callback_number: Annotated[str, Field(max_length=32), AfterValidator(_visible)] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius_m: Radius | None = None
    located_by: LocatedBy | None = None
    answers: Answers | None = None
    verified: Verified | None = None
    dispositions: Annotated[list[Disposition], Field(max_length=50)] | None = None
    caller_told_at: Micros | None = None
    closing: Closing | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> IncidentFields:
        if (self.latitude is None) != (self.longitude is None) or (
            ("latitude" in self.model_fields_set) != ("longitude" in self.model_fields_set)
        ):
            raise ValueError("latitude and longitude come together")
        return self


class IncidentCreate(IncidentFields):
    """A new incident, as a rule from a call."""

    call_id: Annotated[str, Field(max_length=36)] | None = None


class IncidentPatch(IncidentFields):
    """A change: only the fields that are given; ``null`` empties one."""

    call_id: Annotated[str, Field(max_length=36)] | None = None


class Incident(Record):
    """One incident. ``version`` goes up with every change."""

    id: str
    site: str
    number: str
    version: int
    status: Status
    call_id: str | None = None
    category: str | None = None
    place: str | None = None
    landmark: str | None = None
    district: str | None = None
    subdistrict: str | None = None
    description: str | None = None
    injured: str | None = None
    danger: str | None = None
    people: str | None = None
    caller_name: str | None = None
    callback_number: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    radius_m: float | None = None
    located_by: LocatedBy | None = None
    answers: dict[str, str] = Field(default_factory=dict)
    verified: Verified = Field(default_factory=Verified)
    dispositions: list[Disposition] = Field(default_factory=list)
    caller_told_at: Micros | None = None
    linked_to: str | None = None
    closing: Closing | None = None
    timeline: list[IncidentEntry] = Field(default_factory=list)
    shift_date: str
    shift: str | None = None
    created_by: str
    created_at: Micros
    updated_at: Micros


class IncidentFilter(BaseModel):
    """What to look for. ``since`` (inclusive) and ``until`` (exclusive) are UTC microseconds of creation."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=200)] | None = None
    category: str | None = None
    status: Status | None = None
    call_id: str | None = None
    linked_to: str | None = None
    since: int | None = None
    until: int | None = None


class IncidentError(Exception):
    """An incident cannot be made or changed so; ``key`` for programs, the text for people."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key
        self.id = indonesian
        self.en = english


def incident_number(code: str, year: int, value: int) -> str:
    """``SMG-2026-000413``: per site and year of the city's calendar."""
    return f"{code}-{year}-{value:06}"


def check_words(profile: Profile, fields: IncidentFields) -> None:
    """Categories and agencies must be the city's.

    Raises:
        IncidentError: unknown_category, unknown_agency.
    """
    if fields.category and profile.category(fields.category) is None:
        raise IncidentError(
            "unknown_category", f"kategori '{fields.category}' tidak ada", f"no category '{fields.category}'"
        )
    for each in fields.dispositions or []:
        if profile.agency(each.agency) is None:
            raise IncidentError(
                "unknown_agency", f"instansi '{each.agency}' tidak ada", f"no agency '{each.agency}'"
            )


def closing_of(known: Incident, wanted: Incident, now_us: int, by: str) -> Closing | None:
    """The closing that ``wanted`` shall bear, who stood as ``known`` before.

    The SOP's last step before an incident is closed is to tell the caller. It is asked for where agencies
    were sent and there is somebody to tell; it is also known where a disposition says that the caller
    was told. Reopening empties it, so that the next closing is a new one.

    Raises:
        IncidentError: closing_needed.
    """
    given = wanted.closing
    if wanted.status is not Status.CLOSED:
        # words may be typed before the incident is closed; an old closing does not outlive it
        return None if known.status is Status.CLOSED and given == known.closing else given
    if given is not None and (given == known.closing or given.told or (given.what or "").strip()):
        return given.model_copy(update={"at": now_us if given.at is None else given.at, "by": given.by or by})
    if known.status is Status.CLOSED:
        return given
    told = [each.caller_told_at for each in wanted.dispositions] + [wanted.caller_told_at]
    times = [at for at in told if at is not None]
    if given is None and times:
        return Closing(told=True, at=max(times), by=by)
    nobody = wanted.call_id is None and not wanted.callback_number
    if given is None and (not wanted.dispositions or nobody):
        return None
    raise IncidentError(
        "closing_needed",
        "sebelum ditutup: closing {told, what}: pelapor sudah diberi tahu apa, atau mengapa tidak",
        "before it is closed: closing {told, what}: what the caller was told, or why not",
    )


def stamped(given: list[Disposition], known: list[Disposition], now_us: int, by: str) -> list[Disposition]:
    """Dispositions with time and author: what was recorded stays as it was, new ones are stamped
    here and not by the browser; only a note and the caller's being told may still change."""
    before = {(each.agency, each.at): each for each in known}
    result: list[Disposition] = []
    for each in given:
        old = before.get((each.agency, each.at)) if each.at is not None else None
        if old is not None:
            result.append(each.model_copy(update={"by": old.by}))
        else:
            result.append(each.model_copy(update={"at": now_us, "by": by}))
    return result
