"""Are two reports about one event? Place, time and category, weighed and explained. Pure.

A wrong "the same" costs more than a missed one: two fires that are taken for one send too little help. So
different places, different house numbers far apart, or categories that do not belong together speak
against it, and nothing is ever linked by itself: it is offered.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

from psap.incidents.model import Incident, IncidentFields, LocatedBy, Status
from psap.places.model import Point, metres, point
from psap.places.spelling import distance
from psap.places.words import read, words_of

LEAST = 0.5  # from here on it is offered
WINDOW_US = 24 * 3_600_000_000  # older reports are not looked at
FADES_US = 2 * 3_600_000_000  # after so long a report is half as likely the same
CLOSED = 0.8  # what is over is less likely what is reported now
SURE_M, NEVER_M = 120.0, 600.0  # up to here the same place; from here on another one
FAR_HOUSES = 40  # house numbers that differ by more lie in different blocks
EXACT_M, VAGUEST_M = 300.0, 2_000.0  # two radii together: pins; wider than this is no wider
STREET_ONLY = 0.62  # a street is long: alone it is little
LONG_WORD = 5  # letters from which on a slip is forgiven
SAME, RELATED, UNKNOWN, OTHER = 1.0, 0.85, 0.9, 0.35
# how far a place off the gazetteer may be wrong, metres
GAZETTEER_M = 400.0

# what one event is called by different callers
FAMILIES: tuple[frozenset[str], ...] = (
    frozenset({"fire", "disaster", "utility"}),  # smoke, a burning transformer, a gas leak
    frozenset({"accident", "health", "ambulance"}),
    frozenset({"crime", "order", "riot", "violence"}),
    frozenset({"disaster", "utility", "accident"}),  # a fallen tree, a broken line, a flooded road
    frozenset({"fire", "accident"}),  # a car that burns
)

# sides of a street or a quarter: "ujung utara" is not "ujung selatan"
SIDES = ({"utara", "selatan"}, {"barat", "timur"})
_ALL_SIDES = frozenset(side for pair in SIDES for side in pair)

# words that many places share: a market is not the other market
_MANY = (
    "pasar rs masjid musala gereja stasiun terminal puskesmas sd smp sma smk universitas kampung perumahan "
)
_MANY += "gang kantor hotel mall toko warung jembatan simpang lapangan alun taman pabrik raya baru lama besar"
_COMMON_NAMES = frozenset(word for each in _MANY.split() for word in words_of(each))


@dataclass(frozen=True, slots=True)
class Report:
    """What is compared. ``at``: UTC microseconds of its making."""

    place: str | None = None
    landmark: str | None = None
    district: str | None = None
    subdistrict: str | None = None
    category: str | None = None
    spot: Point | None = None
    radius_m: float = 0.0
    at: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Likeness:
    """How likely it is one event (0 to 1), how far and how long apart, and why in both languages."""

    score: float
    metres: float | None
    minutes: float
    id: str
    en: str


def report_of(fields: IncidentFields | Incident, at: int, status: Status | None = None) -> Report:
    """An incident, or what is typed of one, as what is compared."""
    return Report(
        place=fields.place,
        landmark=fields.landmark,
        district=fields.district,
        subdistrict=fields.subdistrict,
        category=fields.category,
        spot=point(fields.latitude, fields.longitude),
        radius_m=fields.radius_m or (GAZETTEER_M if fields.located_by is LocatedBy.GAZETTEER else 0.0),
        at=at,
        closed=status is Status.CLOSED,
    )


def likeness(one: Report, other: Report) -> Likeness:
    """Compare two reports; the order does not matter."""
    where, far, why_id, why_en = _where(one, other)
    apart = abs(one.at - other.at)
    when = 0.5 ** (apart / FADES_US) if apart <= WINDOW_US else 0.0
    what, what_id, what_en = _what(one.category, other.category)
    open_or_not = CLOSED if one.closed or other.closed else 1.0
    # place decides; time and category only take away from it
    score = where * (0.55 + 0.45 * when) * what * open_or_not if when else 0.0
    minutes = apart / 60_000_000
    ago_id, ago_en = _ago(minutes)
    return Likeness(
        score=round(min(1.0, score), 3),
        metres=None if far is None else round(far),
        minutes=round(minutes, 1),
        id="; ".join(filter(None, (why_id, what_id, ago_id))),
        en="; ".join(filter(None, (why_en, what_en, ago_en))),
    )


def most_alike(asked: Report, known: Iterable[Report], limit: int = 5) -> list[tuple[int, Likeness]]:
    """(index of the known report, likeness) of those that may be the same event, best first."""
    found = [(index, likeness(asked, each)) for index, each in enumerate(known)]
    found = [pair for pair in found if pair[1].score >= LEAST]
    found.sort(key=lambda pair: (-pair[1].score, pair[0]))
    return found[:limit]


# -- where


def _where(one: Report, other: Report) -> tuple[float, float | None, str, str]:
    """(likeness of the places, metres where both are known, why in Indonesian, in English)."""
    words, named = _said(one, other)
    why_id = f"sama-sama menyebut {named}" if named else ""
    why_en = f"both name {named}" if named else ""
    if one.spot is None or other.spot is None:
        return max(0.0, words), None, why_id, why_en
    far = metres(one.spot, other.spot)
    vague = one.radius_m + other.radius_m
    near = _fading(far - min(vague, VAGUEST_M), SURE_M, NEVER_M)
    if vague <= EXACT_M:
        # two pins: words only help where they lie close by
        score = max(near, min(words, near + 0.25)) if near else 0.0
        return score, far, f"berjarak {_metres(far)}", f"{_metres(far)} apart"
    # the middle of a street, a cell of the network: near proves little, far still disproves
    score = near * (min(1.0, words + 0.1) if words > 0 else 0.0 if words < 0 else 0.4)
    return score, far, why_id or f"berjarak {_metres(far)}", why_en or f"{_metres(far)} apart"


def _fading(value: float, full: float, none: float) -> float:
    if value <= full:
        return 1.0
    return 0.0 if value >= none else 0.5 * (1 + math.cos(math.pi * (value - full) / (none - full)))


def _said(one: Report, other: Report) -> tuple[float, str]:
    """(how much two places told in words are one, the words that both name); -1 where they cannot be one."""
    a, b = _Told.of(one), _Told.of(other)
    if a.sides and b.sides and any((a.sides | b.sides) >= side and a.sides != b.sides for side in SIDES):
        return -1.0, ""
    if a.house is not None and b.house is not None and abs(a.house - b.house) > FAR_HOUSES:
        return -1.0, ""
    mine, theirs = _apart(a.words, b.pairs), _apart(b.words, a.pairs)
    shared = _common(mine, theirs)
    if not shared:
        return 0.0, ""
    marks = _weight(_common(_apart(a.landmark, b.pairs), _apart(b.landmark, a.pairs)))
    # the shorter telling decides: "pasar johar" says less than "Jl. Gajah Mada depan Pasar Johar", not else
    part = min(1.0, _weight(shared) / max(0.5, min(_weight(mine), _weight(theirs))))
    area = _common(a.area, b.area)
    if a.area and b.area and not area and marks < 1:
        part *= 0.5  # streets of one name there are in many quarters
    firm = marks >= 1 or (a.house is not None and b.house is not None)
    if not firm and shared <= _apart(a.street, b.pairs) | _apart(b.street, a.pairs):
        part *= STREET_ONLY
        if a.exact and b.exact:
            part *= 0.8  # each names a spot in the street, and not the same one
    return part * (1.0 if firm or area else 0.92), ", ".join(sorted(shared))


@dataclass(frozen=True, slots=True)
class _Told:
    """A place in words: all names, those of streets and of landmarks, the kelurahan, house and side."""

    words: frozenset[str]
    pairs: dict[str, tuple[str, str]]  # neighbours written as one: gajahmada
    street: frozenset[str]
    landmark: frozenset[str]
    area: frozenset[str]
    sides: frozenset[str]
    house: int | None

    @property
    def exact(self) -> bool:
        """Whether more than a street was named."""
        return bool(self.landmark or self.sides or self.house is not None)

    @classmethod
    def of(cls, report: Report) -> _Told:
        place, landmark = read(report.place or ""), read(report.landmark or "")
        phrases = (*place.phrases, *landmark.phrases)
        said = frozenset(word for each in phrases for word in each if len(word) > 1)
        sides = _ALL_SIDES & said
        first = place.phrases[0] if place.street and place.phrases else ()
        marks = {word for each in landmark.phrases for word in each} | set(place.where)
        if not place.street and not place.where:
            marks |= {word for each in place.phrases for word in each}
        digits = "".join(char for char in place.house or landmark.house or "" if char.isdecimal())
        return cls(
            words=said - sides,
            pairs={x + y: (x, y) for each in phrases for x, y in itertools.pairwise(each)},
            street=frozenset(first) - sides,
            landmark=frozenset(marks) - sides,
            area=frozenset(place.subdistrict) | frozenset(words_of(report.subdistrict or "")),
            sides=sides,
            house=int(digits[:6]) if digits else None,
        )


def _apart(words: frozenset[str], pairs: dict[str, tuple[str, str]]) -> frozenset[str]:
    """What one wrote as one word and the other as two, as two."""
    return frozenset(part for word in words for part in pairs.get(word, (word,)))


def _common(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    """Words that both say, a slip of the ear forgiven."""
    found = set(a & b)
    alike = sorted(
        (min(x, y), max(x, y))
        for x in a - b
        for y in b - a
        if len(x) >= LONG_WORD and len(y) >= LONG_WORD and distance(x, y, 1) <= 1
    )
    used: set[str] = set()
    for pair in alike:
        if used.isdisjoint(pair):
            used.update(pair)
            found.add(pair[0])
    return frozenset(found)


def _weight(words: Iterable[str]) -> float:
    return sum(0.25 if word in _COMMON_NAMES else 1.0 for word in words)


# -- what


def _what(one: str | None, other: str | None) -> tuple[float, str, str]:
    if not one or not other or "other" in (one, other):
        return UNKNOWN, "", ""
    if one == other:
        return SAME, "kategori sama", "the same category"
    if any(one in family and other in family for family in FAMILIES):
        return RELATED, "kategori berkaitan", "related categories"
    return OTHER, "kategori lain", "another category"


# -- in words


def _metres(far: float) -> str:
    return f"{far / 1000:.1f} km" if far >= 1000 else f"{round(far, -1):.0f} m"


def _ago(minutes: float) -> tuple[str, str]:
    if minutes < 1:
        return "baru saja", "just now"
    if minutes < 90:
        return f"selisih {minutes:.0f} menit", f"{minutes:.0f} minutes apart"
    return f"selisih {minutes / 60:.0f} jam", f"{minutes / 60:.0f} hours apart"
