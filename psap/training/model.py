"""A simulated caller, a trainee's run with it, and its score. Pure.

What counts follows S1's SOP and the elements of quality control: a quick answer, where before what, the
place right, the category right, people and danger asked, name and number back, the right word for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from psap.calls.model import Classification, GateResult, Micros, Record

QUICK_SECONDS = 10.0  # to answer: EENA's first mark
PATIENT_SECONDS = 10.0  # to stay with somebody who says nothing before deciding
REPORTED = (
    "place",
    "category",
    "description",
    "people",
    "injured",
    "danger",
    "caller_name",
    "callback_number",
)


class Kind(StrEnum):
    SPEAKS = "speaks"
    WHISPERS = "whispers"
    SILENT = "silent"
    TEASES = "teases"


class Text(BaseModel):
    """One text in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    en: str


Words = list[Annotated[str, Field(min_length=1, max_length=64)]]


class SimulatedCaller(BaseModel):
    """Who calls in an exercise, what is said, and what a good report of it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,31}$")]
    kind: Kind
    number: Annotated[str, Field(pattern=r"^[0-9]{6,15}$")]
    gate: GateResult
    title: Text
    classification: list[Classification] = Field(min_length=1)
    category: Words
    place: Words
    words: Words
    people: Words
    name: Words
    lines: Annotated[list[Text], Field(max_length=9)]


class What(StrEnum):
    RINGING = "ringing"
    ANSWERED = "answered"
    SPOKE = "spoke"  # the trainee said something
    WROTE = "wrote"  # a field of the report for the first time
    CLASSIFIED = "classified"
    ENDED = "ended"
    FAILED = "failed"  # the telephone could not be rung


class Step(Record):
    """Something the trainee did. ``field``: which one was written."""

    at: Micros
    what: What
    field: str | None = None


class TrainingReport(BaseModel):
    """What the trainee writes down: the report's fields, and one word for the call."""

    model_config = ConfigDict(extra="forbid")
    place: Annotated[str, Field(max_length=4_000)] | None = None
    category: Annotated[str, Field(max_length=32)] | None = None
    description: Annotated[str, Field(max_length=4_000)] | None = None
    people: Annotated[str, Field(max_length=4_000)] | None = None
    injured: Annotated[str, Field(max_length=4_000)] | None = None
    danger: Annotated[str, Field(max_length=4_000)] | None = None
    caller_name: Annotated[str, Field(max_length=128)] | None = None
    callback_number: Annotated[str, Field(max_length=32)] | None = None
    classification: Classification | None = None


class Mark(Record):
    """One element of a score: ``points`` of ``of``, and why in a sentence."""

    key: str
    points: float
    of: float
    id: str
    en: str


class Score(Record):
    """``points`` of 100."""

    points: float
    marks: list[Mark]


class Training(Record):
    """One run."""

    id: str
    site: str
    agent: str
    kind: Kind
    caller: str  # the simulated caller's id
    started_at: Micros
    ended_at: Micros | None = None
    steps: list[Step] = Field(default_factory=list)
    report: TrainingReport = Field(default_factory=TrainingReport)
    score: Score | None = None

    def first(self, what: What, field: str | None = None) -> int | None:
        """When something was done first (UTC microseconds)."""
        found = [s.at for s in self.steps if s.what is what and (field is None or s.field == field)]
        return min(found, default=None)

    @property
    def stage(self) -> Literal["waiting", "ringing", "talking", "ended"]:
        """How far it is."""
        done = {step.what for step in self.steps}
        if done & {What.ENDED, What.FAILED}:
            return "ended"
        if What.ANSWERED in done:
            return "talking"
        return "ringing" if What.RINGING in done else "waiting"


class TrainingError(Exception):
    """An exercise cannot go so; ``key`` for programs, the text for people."""

    def __init__(self, key: str, indonesian: str, english: str) -> None:
        super().__init__(f"{indonesian} / {english}")
        self.key = key


def score(caller: SimulatedCaller, run: Training) -> Score:
    """How good a run was. Elements that this caller gives no occasion for do not count."""
    marks = [_quick(run), _greeted(run)]
    if caller.lines and caller.kind is not Kind.TEASES:
        marks += [_place_first(run), *_written(caller, run)]
    elif caller.kind is Kind.SILENT:
        marks.append(_patient(run))
    marks.append(_word(caller, run))
    most = sum(mark.of for mark in marks)
    return Score(points=round(100 * sum(mark.points for mark in marks) / most, 1), marks=marks)


def _seconds(since: int | None, until: int | None) -> float | None:
    return None if since is None or until is None else max(0, until - since) / 1_000_000


def _mark(key: str, good: bool, of: float, yes: tuple[str, str], no: tuple[str, str]) -> Mark:
    said = yes if good else no
    return Mark(key=key, points=of if good else 0.0, of=of, id=said[0], en=said[1])


def _quick(run: Training) -> Mark:
    seconds = _seconds(run.first(What.RINGING), run.first(What.ANSWERED))
    if seconds is None:
        return _mark("answer", False, 10, ("", ""), ("Telepon tidak diangkat.", "Not answered."))
    id_, en = f"Diangkat setelah {seconds:.0f} detik", f"Answered after {seconds:.0f} seconds"
    return _mark(
        "answer",
        seconds <= QUICK_SECONDS,
        10,
        (f"{id_}.", f"{en}."),
        (f"{id_}; paling lama 10 detik.", f"{en}; 10 at most."),
    )


def _greeted(run: Training) -> Mark:
    seconds = _seconds(run.first(What.ANSWERED), run.first(What.SPOKE))
    return _mark(
        "greeting",
        seconds is not None and seconds <= 5,
        10,
        ("Anda langsung menyapa.", "You greeted at once."),
        (
            "Sapa penelepon dalam lima detik, juga yang diam.",
            "Greet the caller within five seconds, the silent one too.",
        ),
    )


def _place_first(run: Training) -> Mark:
    place = run.first(What.WROTE, "place")
    others = [at for name in REPORTED if name != "place" and (at := run.first(What.WROTE, name)) is not None]
    return _mark(
        "place_first",
        place is not None and all(place <= at for at in others),
        15,
        ("Lokasi ditanyakan lebih dulu.", "Where came first."),
        (
            "Tanyakan lokasi lebih dulu: bila sambungan putus, bantuan tetap tahu ke mana.",
            "Ask where first: if the line drops, help still knows the way.",
        ),
    )


def _written(caller: SimulatedCaller, run: Training) -> list[Mark]:
    report = run.report
    danger = f"{report.people or ''} {report.injured or ''} {report.danger or ''}".strip()
    marks = [
        _mark(
            "place",
            _any(report.place, caller.place),
            20,
            ("Lokasi benar.", "The place is right."),
            (
                "Lokasi yang disebut penelepon tidak tercatat. Ulangi alamatnya kepada penelepon.",
                "The place that was told is not in the report. Repeat the address to the caller.",
            ),
        ),
        _mark(
            "category",
            report.category in caller.category,
            15,
            ("Kategori benar.", "The category is right."),
            ("Kategori tidak sesuai kejadian.", "The category does not fit."),
        ),
        _mark(
            "description",
            _any(report.description, caller.words),
            10,
            ("Kejadian tercatat.", "What happened is written down."),
            ("Kejadian belum tercatat dengan kata penelepon.", "What happened is missing."),
        ),
        _mark(
            "people",
            _any(danger, caller.people) if caller.people else bool(danger),
            10,
            ("Korban dan bahaya ditanyakan.", "People and danger were asked for."),
            (
                "Tanyakan berapa orang, siapa yang terluka, dan bahaya lain.",
                "Ask how many, who is hurt, what danger.",
            ),
        ),
    ]
    if caller.name:
        marks.append(
            _mark(
                "name",
                _any(report.caller_name, caller.name) and bool(report.callback_number),
                5,
                ("Nama dan nomor balik tercatat.", "Name and number back are there."),
                ("Nama atau nomor balik belum tercatat.", "Name or number back is missing."),
            )
        )
    return marks


def _patient(run: Training) -> Mark:
    decided = [at for what in (What.CLASSIFIED, What.ENDED) if (at := run.first(what)) is not None]
    seconds = _seconds(run.first(What.ANSWERED), min(decided, default=None))
    return _mark(
        "patience",
        seconds is not None and seconds >= PATIENT_SECONDS,
        25,
        ("Anda memberi waktu kepada yang diam.", "You gave the silent caller time."),
        (
            "Beri waktu sedikitnya 10 detik: diam bukan bukti aman. Minta penelepon menekan satu tombol.",
            "Wait at least 10 seconds: silence is no proof of no danger. Ask the caller to press a key.",
        ),
    )


def _word(caller: SimulatedCaller, run: Training) -> Mark:
    wanted = " / ".join(caller.classification)
    return _mark(
        "classification",
        run.report.classification in caller.classification,
        25,
        ("Klasifikasi benar.", "The right word for this call."),
        (f"Klasifikasi yang tepat: {wanted}.", f"The right word was: {wanted}."),
    )


def _any(text: str | None, words: Words) -> bool:
    low = (text or "").lower()
    return any(word.lower() in low for word in words)


def first_writes(before: TrainingReport, after: TrainingReport, at: int) -> list[Step]:
    """The steps that a change of the report makes: each field counts when it is first filled."""
    old, new = before.model_dump(), after.model_dump()
    steps = [
        Step(at=at, what=What.WROTE, field=name) for name in REPORTED if new.get(name) and not old.get(name)
    ]
    if after.classification is not None and before.classification is None:
        steps.append(Step(at=at, what=What.CLASSIFIED))
    return steps


def shown(run: Training, caller: SimulatedCaller) -> dict[str, Any]:
    """A run as the page sees it: what was said is told when it is over."""
    over = run.stage == "ended"
    return run.model_dump(mode="json") | {
        "stage": run.stage,
        "number": caller.number,
        "gate": str(caller.gate),
        "title": caller.title.model_dump() if over else None,
        "lines": [line.model_dump() for line in caller.lines] if over else [],
    }
