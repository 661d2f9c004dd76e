"""A location that the network, or somebody who writes like it, sends: shapes, and what is no place."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.translate import user_fact
from psap.calls import facts as f
from psap.calls.model import Location, LocationSource
from psap.calls.tracking import Tracker
from psap.pbx.render import DIALPLAN
from psap.places.model import Point, metres
from psap.places.network import LONGEST, spot_of
from tests.unit.test_ledger import GATE, TRUNK, hangup, told, user


@pytest.mark.parametrize(
    ("shape", "figures", "wanted"),
    [  # the figures as dialplan/place.conf tells them, recorded from calls
        ("Circle", "___2__-6.98_110.42__850.24_", (-6.98, 110.42, 850.2)),
        ("Point", "___2__-6.9903_110.4229_", (-6.9903, 110.4229, None)),
        ("Point", "___3__-6.9903_110.4229_12_", (-6.9903, 110.4229, None)),
        ("Ellipse", "___2__-6.99_110.42__77.5__30__20__", (-6.99, 110.42, 77.5)),
        ("Sphere", "3_-6.98_110.42_31_850", (-6.98, 110.42, 850.0)),
        ("ArcBand", "2_-6.98_110.42_500_1000_20_120", (-6.98, 110.42, 1000.0)),
        (
            "Polygon",
            "___2__-6.99_110.42__-6.98_110.42__-6.98_110.43__-6.99_110.42_",
            (-6.98333, 110.42333, 827.6),
        ),
        ("Polygon", "2_-6.99_110.42_-6.98_110.42_-6.98_110.43_-6.99_110.42", (-6.98333, 110.42333, 827.6)),
        ("Circle", "2_-6.98_110.42_0", (-6.98, 110.42, None)),
        ("Circle", "2_-6.98_110.42_999999", (-6.98, 110.42, None)),
    ],
)
def test_shapes_become_a_spot(shape: str, figures: str, wanted: tuple[float, float, float | None]) -> None:
    spot = spot_of(shape, figures)
    assert spot is not None
    assert spot.at.latitude == pytest.approx(wanted[0], abs=1e-4)
    assert spot.at.longitude == pytest.approx(wanted[1], abs=1e-4)
    assert spot.radius_m == (None if wanted[2] is None else pytest.approx(wanted[2], abs=1))


@pytest.mark.parametrize(
    ("shape", "figures"),
    [
        ("Point", ""),
        ("Point", "___2_"),
        ("Point", "___2____"),
        ("Point", "2_91_110"),
        ("Point", "2_-6.98_181"),
        ("Point", "2_0_0"),
        ("Point", "2_110"),
        ("Point", "7_-6.98_110.42"),
        ("Point", "2_--6.98_110.42"),
        ("Point", "2_6..98_110.42"),
        ("Point", "2_-6.98_110." + "4" * 300),
        ("Point", "2_" + "9" * 400 + "_110"),
        ("Circle", "___2__110__850.24_"),
        ("Circle", "2_-6.98_110.42"),
        ("Polygon", "2_-6.99_110.42_-6.98"),
        ("Polygon", "2_-6.99_110.42_-6.98_110.42"),
        ("Polygon", "2_" + "_".join(["-6.99_110.42"] * 100)),
        ("Polygon", "2_-6.99_110.42_-96.98_110.42_-6.98_110.43"),
        ("civicAddress", "2_-6.98_110.42"),
        ("", "2_-6.98_110.42"),
    ],
)
def test_what_is_no_place_is_none(shape: str, figures: str) -> None:
    assert spot_of(shape, figures) is None
    assert user_fact("PsapPlace", 1, "c", {"Shape": shape, "Figures": figures}) is None


@given(
    st.sampled_from(["Circle", "Point", "Polygon", "Ellipse", "ArcBand", "Prism"]),
    st.text("0123456789.-_", max_size=400) | st.text(max_size=50),
)
@settings(max_examples=150, deadline=None)
def test_no_figures_break_it(shape: str, figures: str) -> None:
    spot = spot_of(shape, figures)
    if spot is not None:
        assert -90 <= spot.at.latitude <= 90
        assert -180 <= spot.at.longitude <= 180
        assert spot.radius_m is None or 0 < spot.radius_m <= 100_000


def test_a_polygon_with_more_corners_than_a_line_holds_is_less_sure() -> None:
    corners = [(-6.98 + 0.01 * math.sin(n / 3), 110.42 + 0.01 * math.cos(n / 3)) for n in range(19)]
    told = ("2_" + "_".join(f"{lat:.6f}_{lon:.6f}" for lat, lon in corners))[:LONGEST]
    spot = spot_of("Polygon", told)
    assert spot is not None
    assert spot.radius_m is not None
    # the true middle lies within
    assert metres(spot.at, Point(-6.98, 110.42)) < spot.radius_m
    assert spot.radius_m > 1_100


def test_the_ledger_knows_it_too() -> None:
    lines = [GATE[0], GATE[1], user("PsapPlace", 100.2, "Shape=Circle;Figures=__2_-6.98_110.42_850")]
    tracker = told([*lines, *GATE[2:], hangup(110.0, TRUNK)])
    assert tracker is not None
    assert tracker.call.location is not None
    assert tracker.call.location.model_dump() == {
        "latitude": -6.98, "longitude": 110.42, "radius_m": 850.0, "source": "network", "at": 100_200_000,
    }  # fmt: skip


def test_the_dialplan_tells_no_more_than_is_read() -> None:
    text = (DIALPLAN / "place.conf").read_text("utf-8")
    assert set(re.findall(r"figures:0:(\d+)", text)) == {str(LONGEST)}
    assert 2 * LONGEST + 500 < 1_024  # a line of CEL


def test_the_telephone_s_own_word_is_not_undone_by_the_network() -> None:
    tracker = Tracker.begin("semarang", f.Started(1_000_000, "semarang-1.1", "PJSIP/trunk-00000001"))
    assert tracker.apply(f.Located(2_000_000, "semarang-1.1", -6.98, 110.42, 850.0))
    assert tracker.call.location is not None
    assert tracker.call.location.source is LocationSource.NETWORK
    shared = Location(
        latitude=-6.97, longitude=110.41, radius_m=12, source=LocationSource.SHARED, at=3_000_000
    )
    assert tracker.locate(shared)
    assert not tracker.apply(f.Located(4_000_000, "semarang-1.1", -6.98, 110.42, 850.0))
    assert tracker.call.location == shared
    # the caller moves: the place is newer, the story tells once that there is one, and never where
    moved = shared.model_copy(update={"latitude": -6.96, "at": 9_000_000})
    assert tracker.locate(moved)
    assert tracker.call.location == moved
    told = [entry for entry in tracker.call.timeline if entry.what == "located"]
    assert [entry.data for entry in told] == [{"source": "network"}, {"source": "shared"}]
