"""What a place is, and how far one is from another. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

EARTH_M = 6_371_008.8  # mean radius, metres


class Kind(StrEnum):
    """What a place is; the words of the gazetteer's column ``kind``."""

    DISTRICT = "district"  # kecamatan
    SUBDISTRICT = "subdistrict"  # kelurahan, desa, negeri
    STREET = "street"
    JUNCTION = "junction"  # simpang, bundaran
    MARKET = "market"
    STATION = "station"
    TERMINAL = "terminal"
    AIRPORT = "airport"
    HARBOUR = "harbour"
    HOSPITAL = "hospital"
    CLINIC = "clinic"  # puskesmas
    SCHOOL = "school"  # universities too
    WORSHIP = "worship"
    OFFICE = "office"
    POLICE = "police"
    FIRE = "fire"
    MALL = "mall"
    HOTEL = "hotel"
    PARK = "park"
    SQUARE = "square"  # alun-alun
    BRIDGE = "bridge"
    RIVER = "river"
    BEACH = "beach"
    AREA = "area"  # a housing estate, an old quarter
    INDUSTRY = "industry"
    LANDMARK = "landmark"


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a gazetteer. Without coordinates only its name is known.

    ``aliases``: what else people call it.
    """

    name: str
    kind: Kind
    district: str | None = None
    subdistrict: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """WGS 84, degrees."""

    latitude: float
    longitude: float


def metres(one: Point, other: Point) -> float:
    """The way between two points as the crow flies (haversine)."""
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    d = math.radians(other.longitude - one.longitude)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(d / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(h)))


def point(latitude: float | None, longitude: float | None) -> Point | None:
    """A point where both are known."""
    return None if latitude is None or longitude is None else Point(latitude, longitude)
