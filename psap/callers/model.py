"""What a number's past means for its next call. Pure: true with the power off.

A *mark* is a call that a call taker confirmed as prank or ghost. The marks within the window give
the rung; protections hold a number at the warning whatever its marks; a person's word outranks both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import IntEnum, StrEnum

from pydantic import Field

from psap.agencies.model import BlockingRules, Rung
from psap.calls.model import Micros, Record
from psap.platform.clock import local

HOUR_US = 3_600 * 1_000_000
DAY_US = 24 * HOUR_US
EMERGENCY_DAYS = 30  # a real emergency protects a number that long
SOFT_MARKS_FOR_WARNING = 3  # silent calls in the gate before a number is warned at all
SYSTEM = "system:"  # removed_by of what no person removed


class MarkKind(StrEnum):
    PRANK = "prank"
    GHOST = "ghost"
    NO_RESPONSE = "no_response"  # soft: nobody confirmed it


class RungNumber(IntEnum):
    """How hard a number is held off, as it stands in AstDB and in the call's policy."""

    NONE = 0
    WARNING = 1
    CHALLENGE = 2
    BLOCK = 3
    LONG_BLOCK = 4
    PERMANENT = 5


class Protection(StrEnum):
    """Why a number is never blocked without a person's decision."""

    EMERGENCY = "emergency"
    AGENCY = "agency"


class Origin(StrEnum):
    LADDER = "ladder"
    PERSON = "person"
    IMPORT = "import"


class Mark(Record):
    """One marked call of a number."""

    call_id: str
    kind: MarkKind
    author: str
    at: Micros


class Block(Record):
    """One entry of the blocklist, warnings and challenges of the ladder included."""

    id: str
    number: str
    number_key: str
    rung: int
    treatment: str
    reason: str
    evidence: list[str] = Field(default_factory=list)
    author: str
    origin: Origin
    started_at: Micros
    expires_at: Micros | None = None
    awaits_confirmation: bool = False
    removed_at: Micros | None = None
    removed_by: str | None = None

    def active(self, now_us: int) -> bool:
        """Whether it counts at this moment."""
        return self.removed_at is None and (self.expires_at is None or self.expires_at > now_us)

    def pushed(self) -> str:
        """Its value in Asterisk's own database; 0 is permanent, seconds are rounded up."""
        expiry = 0 if self.expires_at is None else -(-self.expires_at // 1_000_000)
        return f"{expiry}|{self.rung}|{self.treatment}|{self.id}"


class Words(Record):
    """A sentence in Indonesian and in English."""

    id: str
    en: str


class Explanation(Record):
    """Why a number is treated as it is, with the evidence."""

    number_key: str
    state: str  # open, warned, challenged, blocked
    words: Words
    active: list[Block]
    past: list[Block]
    marks: list[Mark]
    protections: list[Protection]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ladder says about a number. ``expires_at`` in UTC microseconds."""

    rung: RungNumber
    treatment: str
    started_at: int
    expires_at: int
    evidence: tuple[str, ...]
    awaits_confirmation: bool = False


@dataclass(frozen=True, slots=True)
class BlockChange:
    """The ladder moved: push this key anew."""

    key: str
    before: int
    after: int
    block_id: str | None
    awaits_confirmation: bool = False


def standing(
    marks: Iterable[Mark], rules: BlockingRules, protections: Sequence[Protection], now_us: int
) -> Standing | None:
    """The ladder's answer at ``now_us``; None: nothing is held against the number.

    Marks outside the window do not count. Soft marks alone reach the warning, and only together.
    """
    window = rules.window_days * DAY_US
    recent = sorted((each for each in marks if each.at > now_us - window), key=lambda each: each.at)
    hard = [each for each in recent if each.kind is not MarkKind.NO_RESPONSE]
    if hard:
        step = min(len(hard), len(rules.ladder)) - 1
        counted = hard
    elif len(recent) >= SOFT_MARKS_FOR_WARNING:
        step, counted = 0, recent
    else:
        return None
    word = rules.ladder[step]
    if word is not Rung.WARNING and (protections or not hard):
        step, word = 0, Rung.WARNING
    last = counted[-1].at
    evidence = tuple(each.call_id for each in counted)
    if word is Rung.WARNING:
        found = Standing(RungNumber.WARNING, "warn", last, last + window, evidence)
    elif word is Rung.CHALLENGE:
        found = Standing(RungNumber.CHALLENGE, "challenge", last, last + window, evidence)
    elif word is Rung.BLOCK:
        nth = rules.ladder[:step].count(Rung.BLOCK)
        rung = RungNumber.BLOCK if nth == 0 else RungNumber.LONG_BLOCK
        found = Standing(rung, rules.treatment, last, last + rules.hours[nth] * HOUR_US, evidence)
    else:
        # not for ever yet: the longest block, renewed, until a supervisor confirms
        hours = rules.hours[-1] if rules.hours else 72
        end = last + hours * HOUR_US
        found = Standing(RungNumber.PERMANENT, rules.treatment, last, end, evidence, True)
    return found if found.expires_at > now_us else None


def strongest(blocks: Iterable[Block], now_us: int) -> Block | None:
    """The entry that decides now: blocks before challenges before warnings, then the longest."""

    def weight(block: Block) -> tuple[int, float, int]:
        until = float("inf") if block.expires_at is None else float(block.expires_at)
        return min(block.rung, RungNumber.BLOCK), until, block.rung

    return max((each for each in blocks if each.active(now_us)), key=weight, default=None)


_RUNG_WORDS = {
    RungNumber.WARNING: ("diberi peringatan", "is warned"),
    RungNumber.CHALLENGE: ("harus menekan dua angka yang didengar", "must press two digits heard"),
}
_TREATED = {
    "challenge": (
        "diblokir: masuk dengan prioritas rendah setelah menekan dua angka yang didengar",
        "is blocked: enters at low priority after pressing two digits heard",
    ),
    "announce": (
        "diblokir: diberi tahu lalu panggilan diakhiri",
        "is blocked: is told so and the call ends",
    ),
}
_ORIGINS = {
    Origin.LADDER: ("tangga otomatis", "the ladder"),
    Origin.PERSON: ("keputusan petugas", "a person's decision"),
    Origin.IMPORT: ("impor", "an import"),
}
_PROTECTED = {
    Protection.EMERGENCY: (
        "Ada laporan darurat nyata dalam 30 hari: tidak pernah diblokir otomatis.",
        "A real emergency within 30 days: never blocked by itself.",
    ),
    Protection.AGENCY: (
        "Nomor instansi: tidak pernah diblokir otomatis.",
        "An agency's number: never blocked by itself.",
    ),
}


def state_of(block: Block | None) -> str:
    """One word for what a number meets: open, warned, challenged, blocked."""
    if block is None:
        return "open"
    if block.rung >= RungNumber.BLOCK:
        return "blocked"
    return "challenged" if block.rung == RungNumber.CHALLENGE else "warned"


def why(
    block: Block | None,
    marks: Sequence[Mark],
    protections: Sequence[Protection],
    zone: tzinfo = UTC,
) -> Words:
    """The reason in words, for the call taker and for whoever asks about a number."""
    indonesian: list[str] = []
    english: list[str] = []
    if block is None:
        indonesian.append("Tidak ada pembatasan.")
        english.append("Nothing is held against it.")
    else:
        pair = _RUNG_WORDS.get(RungNumber(block.rung)) or _TREATED[block.treatment]
        until_id, until_en = _until(block, zone)
        origin_id, origin_en = _ORIGINS[block.origin]
        indonesian.append(f"Nomor ini {pair[0]}, {until_id} ({origin_id}, {block.author}: {block.reason}).")
        english.append(f"This number {pair[1]}, {until_en} ({origin_en}, {block.author}: {block.reason}).")
        if block.awaits_confirmation:
            indonesian.append("Menunggu persetujuan supervisor untuk blokir tetap.")
            english.append("Awaits a supervisor's word to become permanent.")
    counts = {kind: sum(each.kind is kind for each in marks) for kind in MarkKind}
    if marks:
        last = _moment(max(each.at for each in marks), zone)
        indonesian.append(
            f"Tanda: {counts[MarkKind.PRANK]} iseng, {counts[MarkKind.GHOST]} hantu, "
            f"{counts[MarkKind.NO_RESPONSE]} tanpa respons; terakhir {last}."
        )
        english.append(
            f"Marks: {counts[MarkKind.PRANK]} prank, {counts[MarkKind.GHOST]} ghost, "
            f"{counts[MarkKind.NO_RESPONSE]} no response; last {last}."
        )
    for protection in protections:
        indonesian.append(_PROTECTED[protection][0])
        english.append(_PROTECTED[protection][1])
    return Words(id=" ".join(indonesian), en=" ".join(english))


def ladder_reason(found: Standing, window_days: int) -> str:
    """The reason that a ladder's entry carries; the page shows it as it stands."""
    count = len(found.evidence)
    return f"{count} panggilan bertanda dalam {window_days} hari / {count} marked calls in {window_days} days"


def _until(block: Block, zone: tzinfo) -> tuple[str, str]:
    if block.expires_at is None:
        return "tetap", "permanently"
    moment = _moment(block.expires_at, zone)
    return f"hingga {moment}", f"until {moment}"


def _moment(us: int, zone: tzinfo) -> str:
    there = local(us, zone)
    return f"{there:%d-%m-%Y %H.%M} {there.tzname()}"
