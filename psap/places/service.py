"""The gazetteer in force in a home."""

from __future__ import annotations

import structlog

from psap.agencies.model import Profile
from psap.agencies.profile import ProfileError, find_profile
from psap.places.gazetteer import load_gazetteer, path_beside
from psap.places.model import Place
from psap.places.search import Gazetteer
from psap.platform.settings import Settings

log = structlog.get_logger(part="places")
MOST_SHOWN = 500  # places that the page's map draws without tiles


def gazetteer_of(settings: Settings, profile: Profile) -> Gazetteer:
    """What ``up`` laid beside the profile. With a broken file the city's kecamatan and kelurahan remain:
    a search without streets is better than no console."""
    saved = settings.home / "profile.toml"
    try:
        path = path_beside(saved if saved.exists() else find_profile(settings.profile))
        return Gazetteer(load_gazetteer(path, profile))
    except ProfileError as error:
        log.error("the gazetteer cannot be used", why=str(error).splitlines()[0])
        return Gazetteer(load_gazetteer(settings.home / "no such file", profile))


def drawn(gazetteer: Gazetteer) -> list[Place]:
    """What a map without tiles shows: kecamatan and kelurahan first, then what people know."""
    placed = [place for place in gazetteer.places if place.latitude is not None]
    order = {"district": 0, "subdistrict": 1, "street": 3}
    return sorted(placed, key=lambda place: order.get(place.kind, 2))[:MOST_SHOWN]
