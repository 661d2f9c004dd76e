"""Where the network says that a caller is: shapes of RFC 5491 as figures. Pure.

What a carrier, or somebody who writes like one, sends is a stranger's text: figures that are no place on
Earth, or are too many or too few for their shape, are no location.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from psap.places.model import Point, metres

LONGEST = 200  # characters of figures that the dialplan tells: the last of so many may be cut
LARGEST_M = 100_000.0  # a circle wider than this says nothing
_FIGURE = re.compile(r"-?[0-9]{1,6}(?:\.[0-9]{1,20})?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A point and how far it may be off, metres (None: not told)."""

    at: Point
    radius_m: float | None


def spot_of(shape: str, figures: str) -> Spot | None:
    """The spot of a shape (``Circle``) whose figures are joined by ``_`` as the dialplan tells them: the
    number of dimensions (2 or 3), then the shape's own, in its order. None where that is no place."""
    read = [each for each in figures.split("_") if each]
    cut = len(figures) >= LONGEST
    if cut:
        read.pop()
    if len(figures) > LONGEST or not all(_FIGURE.fullmatch(each) for each in read):
        return None
    numbers = [float(each) for each in read]
    if not numbers or numbers[0] not in (2.0, 3.0):
        return None
    size, rest = int(numbers[0]), numbers[1:]
    if shape == "Polygon":
        return _polygon(size, rest[: len(rest) // size * size] if cut else rest, whole=not cut)
    at = _point(rest[:size]) if len(rest) >= size else None
    more = rest[size:]
    if at is None:
        return None
    if shape == "Point":
        return Spot(at, None)
    if shape in ("Circle", "Sphere") and more:
        return _round(at, more[0])
    if shape in ("Ellipse", "Ellipsoid") and more:
        return _round(at, more[0])  # semiMajorAxis
    if shape == "ArcBand" and len(more) >= 2:
        return _round(at, more[1])  # outerRadius, around the antenna
    return None


def _point(values: list[float]) -> Point | None:
    latitude, longitude = values[0], values[1]
    # 0, 0 lies in the sea off Africa and is what a device sends that does not know
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180) or latitude == longitude == 0:
        return None
    return Point(latitude, longitude)


def _round(at: Point, radius: float) -> Spot:
    known = math.isfinite(radius) and 0 < radius <= LARGEST_M
    return Spot(at, round(radius, 1) if known else None)


def _polygon(size: int, rest: list[float], *, whole: bool) -> Spot | None:
    """The middle of the corners, and the farthest as the radius; twice that where corners are missing."""
    if len(rest) % size or len(rest) < 3 * size:
        return None
    corners = [_point(rest[start : start + size]) for start in range(0, len(rest), size)]
    known = [each for each in corners if each is not None]
    if len(known) != len(corners):
        return None
    if known[0] == known[-1]:
        known.pop()
    middle = Point(
        sum(each.latitude for each in known) / len(known), sum(each.longitude for each in known) / len(known)
    )
    return _round(middle, max(metres(middle, each) for each in known) * (1 if whole else 2))
