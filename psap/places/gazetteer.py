"""Reading a city's gazetteer: a CSV beside the profile, checked, with every fault named by its line.

Columns: ``name, kind, district, subdistrict, latitude, longitude, aliases`` (aliases joined by ``|``).
Lines that begin with ``#`` are remarks. Districts and subdistricts are those of the profile.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from psap.agencies.model import Profile
from psap.agencies.profile import Fault, ProfileError
from psap.places.model import Kind, Place, Point, metres

SUFFIX = ".gazetteer.csv"
COLUMNS = ("name", "kind", "district", "subdistrict", "latitude", "longitude", "aliases")
LONGEST_NAME = 120  # characters
MANY = 100_000  # entries
FARTHEST = 100_000.0  # metres from the middle of the city: farther is a slip of the pen
INDONESIA = ((-11.5, 6.5), (94.5, 141.5))
MANY_FAULTS = 50


def path_beside(profile: Path) -> Path:
    """Where the gazetteer of a profile lies: ``semarang.toml`` -> ``semarang.gazetteer.csv``."""
    return profile.with_suffix(SUFFIX)


def load_gazetteer(path: Path, profile: Profile) -> list[Place]:
    """The places of a city; the profile's own kecamatan and kelurahan are among them, if need be by name
    alone. A city without a file has just those.

    Raises:
        ProfileError: with every fault, each with its line.
    """
    if not path.is_file():
        return list(_of_profile(profile, ()))
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ProfileError(path, [Fault(line, "", "bukan teks UTF-8", "not UTF-8 text")]) from None
    except OSError as error:
        why = str(error.strerror)
        raise ProfileError(path, [Fault(1, "", f"tidak terbaca: {why}", f"cannot be read: {why}")]) from error
    faults: list[Fault] = []
    found: list[tuple[int, Place]] = []
    for line, row in _rows(text, faults):
        place = _place(line, row, profile, faults)
        if place is not None:
            found.append((line, place))
    faults += _doubles(found)
    faults += _strays(found)
    if len(found) > MANY:
        faults.append(Fault(1, "", f"lebih dari {MANY} tempat", f"more than {MANY} places"))
    if faults:
        raise ProfileError(path, sorted(faults, key=lambda each: each.line)[:MANY_FAULTS])
    places = [place for _, place in found]
    return [*places, *_of_profile(profile, places)]


def _rows(text: str, faults: list[Fault]) -> Iterator[tuple[int, dict[str, str]]]:
    header: list[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            values = next(csv.reader((line,), strict=True))
        except csv.Error as error:
            faults.append(Fault(number, "", "bukan baris CSV yang benar", f"not a line of CSV: {error}"))
            continue
        values = [value.strip() for value in values]
        if header is None:
            header = values
            if tuple(header) != COLUMNS:
                wanted = ",".join(COLUMNS)
                faults.append(
                    Fault(number, "", f"baris judul harus {wanted}", f"the heading must be {wanted}")
                )
                return
            continue
        if len(values) != len(COLUMNS):
            faults.append(
                Fault(
                    number,
                    "",
                    f"ada {len(values)} kolom, seharusnya {len(COLUMNS)}",
                    f"{len(values)} columns instead of {len(COLUMNS)}",
                )
            )
            continue
        yield number, dict(zip(COLUMNS, values, strict=True))


def _place(line: int, row: dict[str, str], profile: Profile, faults: list[Fault]) -> Place | None:
    before = len(faults)

    def fault(where: str, indonesian: str, english: str) -> None:
        faults.append(Fault(line, where, indonesian, english))

    names = [row["name"], *(each.strip() for each in row["aliases"].split("|") if each.strip())]
    for name in names:
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            fault("name", "nama kosong, terlalu panjang, atau tak tercetak", "empty, too long or unprintable")
    if row["kind"] not in set(Kind):
        fault("kind", f"jenis tidak dikenal; pilihannya {', '.join(Kind)}", f"one of {', '.join(Kind)}")
    districts = {each.name: each for each in profile.districts}
    district = row["district"] or None
    if district is not None and district not in districts:
        fault("district", "kecamatan ini tidak ada di profil", "the profile has no such district")
    elif row["subdistrict"]:
        known = districts[district].subdistricts if district else ()
        if row["subdistrict"] not in known:
            fault(
                "subdistrict",
                "kelurahan ini tidak ada di kecamatan itu",
                "not a subdistrict of that district",
            )
    latitude, longitude = _degrees(row["latitude"]), _degrees(row["longitude"])
    for name, value, (least, most) in zip(
        ("latitude", "longitude"), (latitude, longitude), INDONESIA, strict=True
    ):
        if value is not None and not least <= value <= most:  # NaN too
            fault(name, "bukan koordinat di Indonesia", "not a coordinate in Indonesia")
    if (latitude is None) != (longitude is None):
        fault("latitude", "latitude dan longitude selalu berdua", "latitude and longitude come together")
    if len(faults) > before:
        return None
    return Place(
        names[0],
        Kind(row["kind"]),
        district,
        row["subdistrict"] or None,
        latitude,
        longitude,
        tuple(names[1:]),
    )


def _degrees(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return math.nan


def _doubles(found: Sequence[tuple[int, Place]]) -> Iterator[Fault]:
    seen: dict[tuple[str, str, str | None, str | None], int] = {}
    for line, place in found:
        key = place.name.casefold(), str(place.kind), place.district, place.subdistrict
        if key in seen:
            yield Fault(line, "name", f"sudah ada di baris {seen[key]}", f"is on line {seen[key]} already")
        seen.setdefault(key, line)


def _strays(found: Sequence[tuple[int, Place]]) -> Iterator[Fault]:
    placed = [(line, p) for line, p in found if p.latitude is not None and p.longitude is not None]
    if not placed:
        return
    middle = middle_of([place for _, place in placed])
    for line, place in placed:
        far = metres(middle, Point(place.latitude or 0.0, place.longitude or 0.0))
        if far > FARTHEST:
            km = round(far / 1000)
            yield Fault(
                line,
                "latitude",
                f"{km} km dari tengah kota: tertukar atau salah ketik?",
                f"{km} km from the middle of the city: swapped, or mistyped?",
            )


def middle_of(places: Sequence[Place]) -> Point:
    """The middle of a city: the medians, which one far place does not move. (0, 0) where nothing is known."""
    latitudes = [each.latitude for each in places if each.latitude is not None]
    longitudes = [each.longitude for each in places if each.longitude is not None]
    if not latitudes:
        return Point(0.0, 0.0)
    return Point(round(median(latitudes), 5), round(median(longitudes), 5))


def _of_profile(profile: Profile, places: Sequence[Place]) -> Iterator[Place]:
    """Kecamatan and kelurahan that the file does not have."""
    known = {(p.kind, p.name, p.district if p.kind is Kind.SUBDISTRICT else None) for p in places}
    for district in profile.districts:
        if (Kind.DISTRICT, district.name, None) not in known:
            yield Place(district.name, Kind.DISTRICT, district.name)
        for name in district.subdistricts:
            if (Kind.SUBDISTRICT, name, district.name) not in known:
                yield Place(name, Kind.SUBDISTRICT, district.name, name)
