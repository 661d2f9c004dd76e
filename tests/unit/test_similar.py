"""Which reports are offered as one event: callers about one fire are, two fires in one street are not."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psap.incidents.model import IncidentFields, LocatedBy
from psap.incidents.similar import LEAST, Report, likeness, most_alike, report_of
from psap.places.model import Point

MINUTE = 60_000_000
NORTH, SOUTH = Point(-6.9780, 110.4217), Point(-6.9843, 110.4217)  # 700 m of one street


def report(place: str | None = None, landmark: str | None = None, at: float = 0, **more: object) -> Report:
    return Report(place=place, landmark=landmark, at=int(at * MINUTE), **{"category": "fire", **more})  # type: ignore[arg-type]


ONE_FIRE = [
    report("Jl. Gajah Mada depan Pasar Johar"),
    report("pasar johar kebakaran", at=2),
    report("jln gajahmada", "psr. Johar", at=4),
    report("JALAN GAJAH MADA NO 12", "seberang pasar jhoar", at=7),
    report("dekat pasar johar kel. kauman", subdistrict="Kauman", at=9),
    report(None, "Pasar Johar", at=12),
]


@pytest.mark.parametrize("pair", list(combinations(range(len(ONE_FIRE)), 2)))
def test_callers_about_one_fire_are_offered(pair: tuple[int, int]) -> None:
    one, other = (ONE_FIRE[at] for at in pair)
    assert likeness(one, other).score >= LEAST


def test_with_pins_other_words_do_not_matter() -> None:
    one = report("Jl. Gajah Mada 20", spot=NORTH)
    other = report(
        "gudang kain", "belakang hotel", at=3, spot=Point(NORTH.latitude + 0.0005, NORTH.longitude)
    )
    found = likeness(one, other)
    assert found.score > 0.9
    assert found.metres == pytest.approx(56, abs=2)
    assert "60 m" in found.id
    assert "60 m apart" in found.en


TWO_FIRES = [
    (report("Jl. Gajah Mada", spot=NORTH), report("Jl. Gajah Mada", at=3, spot=SOUTH)),  # 700 m
    (report("Jl. Gajah Mada 12"), report("Jl. Gajah Mada No. 160", at=3)),
    (report("Jl. Gajah Mada ujung utara"), report("jalan gajahmada ujung selatan", at=1)),
    (report("Jl. Gajah Mada depan Hotel Gumaya"), report("Jl. Gajah Mada depan Pasar Johar", at=1)),
    (report("Jl. Gajah Mada ujung utara", spot=NORTH), report("Jl. Gajah Mada", at=3, spot=SOUTH)),
    (report("Jl. Gajah Mada ujung utara"), report("Jl. Gajah Mada", "Pasar Johar", at=2)),
    (report("Jl. Melati kel. Kauman"), report("Jl. Melati kel. Tandang", at=2)),
    (report("pasar johar"), report("pasar bulu", at=1)),
    (report("RS Kariadi"), report("RS Elisabeth", at=1)),
    (report("Pasar Johar"), report("Pasar Johar", at=5, category="animal")),  # not a fire
    (report("Pasar Johar"), report("Pasar Johar", at=60 * 25)),  # yesterday's
    (report("Jl. Gajah Mada"), report("Jl. Gajah Mada", at=180)),  # a street alone, three hours later
    (report(None), report(None, at=1)),  # nothing is known yet
    (report("kebakaran rumah"), report("kebakaran rumah", at=1)),
]


@pytest.mark.parametrize("pair", range(len(TWO_FIRES)))
def test_different_events_are_not_offered(pair: int) -> None:
    one, other = TWO_FIRES[pair]
    assert likeness(one, other).score < LEAST


def test_the_middle_of_a_street_off_the_gazetteer_proves_nothing() -> None:
    """Both were picked from the search: the same coordinates, and still two ends of one street."""
    middle = {"latitude": -6.983, "longitude": 110.4217, "located_by": LocatedBy.GAZETTEER}
    reports = [
        report_of(IncidentFields(place=place, category="fire", **middle), at * MINUTE)
        for at, place in enumerate(("Jl. Gajah Mada 5", "Jl. Gajah Mada 150", "Jl. Gajah Mada 9"))
    ]
    assert likeness(reports[0], reports[1]).score < LEAST
    assert likeness(reports[0], reports[2]).score >= LEAST


def test_a_related_category_is_offered_an_open_report_before_a_closed_one() -> None:
    asked = report("Pasar Johar", at=10)
    known = [
        report("Pasar Johar", closed=True),
        report("Pasar Johar", category="disaster"),
        report("Pasar Johar"),
        report("Stasiun Poncol"),
    ]
    assert [index for index, _ in most_alike(asked, known)] == [2, 1, 0]


def test_the_reason_is_a_sentence_in_both_languages() -> None:
    found = likeness(report("Pasar Johar"), report("depan pasar johar", at=5))
    assert found.id == "sama-sama menyebut johar, pasar; kategori sama; selisih 5 menit"
    assert found.en == "both name johar, pasar; the same category; 5 minutes apart"


_SAID = "jl. gajah mada gajahmada pasar johar jhoar depan utara selatan no 12 kel. kauman kauma , 200 rt 2/3"
_WORDS = st.lists(
    st.sampled_from([*_SAID.split(), "\u00e9", "2\u00b2", "\u0664"]),
    max_size=8,
).map(" ".join)
_SPOTS = (
    st.none() | st.builds(Point, st.floats(-90, 90), st.floats(-180, 180)) | st.sampled_from([NORTH, SOUTH])
)
_REPORTS = st.builds(
    Report,
    place=st.none() | _WORDS | st.text(max_size=30),
    landmark=st.none() | _WORDS,
    subdistrict=st.none() | st.sampled_from(["Kauman", "Tandang"]),
    category=st.none() | st.sampled_from(["fire", "disaster", "crime", "other", "unheard"]),
    spot=_SPOTS,
    radius_m=st.floats(0, 1e6),
    at=st.integers(0, 3 * 86_400_000_000),
    closed=st.booleans(),
)


@given(_REPORTS, _REPORTS)
@settings(max_examples=120, deadline=None)
def test_likeness_is_symmetric_and_bounded(one: Report, other: Report) -> None:
    found = likeness(one, other)
    assert found == likeness(other, one)
    assert 0 <= found.score <= 1
    assert found.minutes >= 0
    assert found.metres is None or found.metres >= 0


@given(_REPORTS, st.integers(0, 86_400_000_000))
@settings(max_examples=40, deadline=None)
def test_time_only_takes_away(one: Report, later: int) -> None:
    scores = [likeness(one, replace(one, at=one.at + apart)).score for apart in (0, later // 2, later)]
    assert scores == sorted(scores, reverse=True)
