"""What a city is: its profile as data, and the shift a moment belongs to. Pure.

The words are those of ``profiles/*.toml``; ``docs/profiles.md`` explains each.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from psap.platform.clock import from_us

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]  # an id: safe in URLs, dialplan and SQL
Dialable = Annotated[str, Field(pattern=r"^\+?[0-9]{2,15}$")]
Short = Annotated[str, Field(min_length=1, max_length=128)]


def fault(indonesian: str, english: str) -> PydanticCustomError:
    """A fault of a profile in both languages."""
    return PydanticCustomError("profile", "{id} / {en}", {"id": indonesian, "en": english})


def _clock_time(value: object) -> object:
    """``07.30`` is how Indonesian rosters write 07:30; TOML's own times pass as they are."""
    return value.replace(".", ":") if isinstance(value, str) else value


def _local_only(value: time) -> time:
    """A roster's time is the city's own: one with a zone cannot be compared with it."""
    if value.tzinfo is not None:
        raise fault("jam dinas tanpa zona waktu", "a shift's time bears no time zone")
    return value


# JSON Schema's own "time" bears an offset, a roster's does not
_LOCAL_TIME = WithJsonSchema({"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]+)?$"})
DayTime = Annotated[time, BeforeValidator(_clock_time), AfterValidator(_local_only), _LOCAL_TIME]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Part):
    """One text in Indonesian and in English."""

    id: Short
    en: Short


class AgencyKind(StrEnum):
    OPD = "opd"  # the city's own agency
    PARTNER = "partner"  # instansi vertikal, utilities, hospitals
    VOLUNTEER = "volunteer"


class Agency(Part):
    """Who receives dispositions. ``numbers`` are never blocked by themselves."""

    id: Word
    name: Short
    kind: AgencyKind
    numbers: list[Dialable] = Field(default_factory=list)
    categories: list[Word] = Field(default_factory=list)
    source: str | None = None  # the document that names it, e.g. "S1"


class Neighbour(Part):
    """A neighbouring centre that a caller can be put through to."""

    name: Short
    number: Dialable


class Category(Part):
    """A kind of emergency. ``key`` is the keyboard key that picks it on the intake form."""

    id: Word
    name: Text
    key: Annotated[str, Field(pattern=r"^[0-9a-z]$")]
    default_agencies: list[Word] = Field(default_factory=list)
    questions: list[Text] = Field(default_factory=list)


class Shift(Part):
    """From ``start`` to ``end`` in the city's time; an end before the start lies on the next day."""

    id: Word
    name: Short
    start: DayTime
    end: DayTime


class GateRules(Part):
    """What else than a pressed 0 leads to an operator. ``seconds`` bounds the whole gate."""

    speaking: bool = True
    cannot_speak: bool = True
    recent_drop: bool = True
    no_response: Literal["end", "queue"] = "end"
    seconds: int = Field(25, ge=5, le=25)


class OverflowKind(StrEnum):
    """Where a caller goes whom nobody answered in the longest wait."""

    ALL_PHONES = "all_phones"  # every registered telephone that is not in a conversation, paused ones too
    DUTY = "duty"  # a telephone outside, through the trunk
    QUEUE = "queue"  # a second queue with members of its own, e.g. the supervisors
    CENTRE = "centre"  # a neighbouring centre, through the trunk


class Overflow(Part):
    """One destination, rung for ``seconds``. ``number``: of ``duty`` (else the queue's ``duty_number``) and
    ``centre``. ``members``: account names of the second queue; at most one destination is a ``queue``."""

    kind: OverflowKind
    seconds: int = Field(20, ge=5, le=120)
    number: Dialable | None = None
    members: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Overflow:
        if self.kind is OverflowKind.CENTRE and self.number is None:
            raise fault("centre memerlukan number", "centre needs a number")
        if self.kind is OverflowKind.QUEUE and not self.members:
            raise fault(
                "queue memerlukan members, nama akun petugas cadangan",
                "queue needs members, the account names of the backup agents",
            )
        if self.members and self.kind is not OverflowKind.QUEUE:
            raise fault('members hanya untuk kind = "queue"', 'members belong to kind = "queue" only')
        if self.number and self.kind not in (OverflowKind.DUTY, OverflowKind.CENTRE):
            raise fault(
                "number hanya untuk kind duty atau centre", "number belongs to kind duty or centre only"
            )
        return self


class QueueRules(Part):
    """Seconds throughout. ``ringall`` is refused: it drains a queue 35 times slower.

    ``overflow``: where a caller goes, one after the other, whom nobody answered in ``longest_wait_seconds``;
    then back to the front of the queue.
    """

    strategy: Literal["leastrecent", "fewestcalls", "rrmemory", "random", "linear"] = "leastrecent"
    wrapup_seconds: int = Field(10, ge=0, le=300)
    ring_seconds: int = Field(15, ge=5, le=60)
    longest_wait_seconds: int = Field(60, ge=10, le=600)
    low_to_normal_seconds: int = Field(60, ge=0, le=300)
    duty_number: Dialable | None = None
    overflow: list[Overflow] = Field(
        default_factory=lambda: [Overflow(kind=OverflowKind.ALL_PHONES), Overflow(kind=OverflowKind.DUTY)],
        max_length=8,
    )

    @model_validator(mode="after")
    def _one_second_queue(self) -> QueueRules:
        if sum(each.kind is OverflowKind.QUEUE for each in self.overflow) > 1:
            raise fault(
                "overflow memuat lebih dari satu antrean kedua", "overflow has more than one second queue"
            )
        return self


class LimitRules(Part):
    """How many callers at once, so that a flood cannot take every place. Beyond: refused before an answer.

    ``gate_calls`` in the gate; ``all_calls`` in gate, queue and conversations together.
    ``shared_numbers`` are exchanges behind which many people telephone: not held to ``per_number_calls``.
    """

    per_number_calls: int = Field(2, ge=1, le=100)
    gate_calls: int = Field(100, ge=10, le=2000)
    all_calls: int = Field(300, ge=10, le=2000)
    shared_numbers: list[Dialable] = Field(default_factory=list)

    @model_validator(mode="after")
    def _gate_fits(self) -> LimitRules:
        if self.gate_calls > self.all_calls:
            raise fault(
                f"gate_calls ({self.gate_calls}) lebih besar dari all_calls ({self.all_calls})",
                f"gate_calls ({self.gate_calls}) is more than all_calls ({self.all_calls})",
            )
        return self


class RecordingRules(Part):
    """Whether conversations are recorded, and whether callers are told so before they enter the queue."""

    enabled: bool = True
    announce: bool = False


class Rung(StrEnum):
    WARNING = "warning"
    CHALLENGE = "challenge"
    BLOCK = "block"
    PERMANENT = "permanent"


class BlockingRules(Part):
    """Repeat offenders. ``hours`` is the length of each ``block`` rung, in the ladder's order."""

    treatment: Literal["challenge", "announce"] = "challenge"
    window_days: int = Field(30, ge=1, le=365)
    ladder: list[Rung] = Field(
        default_factory=lambda: [Rung.WARNING, Rung.CHALLENGE, Rung.BLOCK, Rung.BLOCK, Rung.PERMANENT],
        min_length=1,
        max_length=5,
    )
    hours: list[Annotated[int, Field(ge=1, le=24 * 90)]] = Field(default_factory=lambda: [24, 72])

    @model_validator(mode="after")
    def _hours_fit(self) -> BlockingRules:
        blocks = self.ladder.count(Rung.BLOCK)
        if blocks != len(self.hours):
            raise fault(
                f"hours memuat {len(self.hours)} angka, padahal ladder memuat {blocks} 'block'",
                f"hours has {len(self.hours)} figures but ladder has {blocks} 'block'",
            )
        order = list(Rung)
        if [order.index(rung) for rung in self.ladder] != sorted(order.index(rung) for rung in self.ladder):
            raise fault(
                "urutan ladder harus dari ringan ke berat: warning, challenge, block, permanent",
                "ladder must go from mild to severe: warning, challenge, block, permanent",
            )
        return self


Days = Annotated[int, Field(ge=7, le=36_500)]
Months = Annotated[int, Field(ge=30, le=36_500)]  # longer than Asterisk's ledger, which would bring them back


class RetentionRules(Part):
    """Days that each kind of data is kept after it ended. A legal hold on a row outlives them all.

    The backups of the last ``backups`` days still hold what was deleted since.
    """

    calls: Months = 5 * 365
    missed: Months = 365
    incidents: Days = 10 * 365
    reputation: Days = 2 * 365  # marks, and blocks that ended
    sessions: Days = 90
    audit: Annotated[int, Field(ge=365, le=36_500)] = 5 * 365
    logs: Days = 30
    recordings: Days = 365
    rosters: Days = 2 * 365
    trainings: Days = 2 * 365
    backups: Days = 30


class SupervisionRules(Part):
    """``tell_agents``: a call taker sees that somebody listens. Whoever speaks is seen in any case."""

    tell_agents: bool = True


class District(Part):
    """A kecamatan with its kelurahan (or negeri, desa)."""

    name: Short
    subdistricts: list[Short] = Field(default_factory=list)


class Profile(Part):
    """A city as data. ``assumed`` lists the keys that the source documents do not tell."""

    site: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,23}$")]
    code: Annotated[str, Field(pattern=r"^[A-Z]{2,5}$")]
    name: Short
    timezone: Short
    languages: list[Literal["id", "en"]] = Field(default=["id", "en"], min_length=1)
    area_code: Annotated[str, Field(pattern=r"^0[1-9][0-9]{1,3}$")]
    numbers: list[Dialable] = Field(min_length=1)
    agencies: list[Agency] = Field(min_length=1)
    categories: list[Category] = Field(min_length=1)
    shifts: list[Shift] = Field(min_length=1)
    gate: GateRules = Field(default_factory=GateRules)
    queue: QueueRules = Field(default_factory=QueueRules)
    limits: LimitRules = Field(default_factory=LimitRules)
    blocking: BlockingRules = Field(default_factory=BlockingRules)
    recording: RecordingRules = Field(default_factory=RecordingRules)
    retention: RetentionRules = Field(default_factory=RetentionRules)
    districts: list[District] = Field(default_factory=list)
    neighbours: list[Neighbour] = Field(default_factory=list, max_length=50)
    supervision: SupervisionRules = Field(default_factory=SupervisionRules)
    assumed: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _neighbours_differ(self) -> Profile:
        numbers = [each.number for each in self.neighbours]
        for number in numbers:
            if numbers.count(number) > 1:
                raise fault(
                    f"neighbours memuat nomor {number} lebih dari sekali",
                    f"neighbours has the number {number} more than once",
                )
        return self

    @model_validator(mode="after")
    def _marks_outlive_their_window(self) -> Profile:
        if self.retention.reputation < self.blocking.window_days:
            raise fault(
                f"retention.reputation {self.retention.reputation} hari lebih pendek daripada "
                f"blocking.window_days {self.blocking.window_days}",
                f"retention.reputation of {self.retention.reputation} days is shorter than "
                f"blocking.window_days {self.blocking.window_days}",
            )
        return self

    def agency(self, agency_id: str) -> Agency | None:
        """The agency with this id."""
        return next((each for each in self.agencies if each.id == agency_id), None)

    def neighbour(self, number: str) -> Neighbour | None:
        """The neighbouring centre with this number."""
        return next((each for each in self.neighbours if each.number == number), None)

    def category(self, category_id: str) -> Category | None:
        """The category with this id."""
        return next((each for each in self.categories if each.id == category_id), None)

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)


def local_time(profile: Profile, us: int) -> datetime:
    """A moment (UTC microseconds) as the city's wall clock shows it."""
    return from_us(us).astimezone(profile.zone)


def shift_of(profile: Profile, us: int) -> tuple[date, str | None]:
    """(shift date, shift id) of a moment; a night shift belongs to the date on which it began.

    The id is None in a gap that no shift covers; the date is then the calendar's.
    """
    local = local_time(profile, us)
    now = local.time().replace(tzinfo=None)
    for shift in profile.shifts:
        if shift.start < shift.end:
            if shift.start <= now < shift.end:
                return local.date(), shift.id
        elif now >= shift.start:  # over midnight, or a whole day: start == end
            return local.date(), shift.id
        elif now < shift.end:
            return local.date() - timedelta(days=1), shift.id
    return local.date(), None
