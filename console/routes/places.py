"""Places: the city's gazetteer, searched while the call taker types, and drawn where there are no tiles."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field

from console.parts import Parts
from console.routes.map import has_tiles
from console.table import Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.model import Latitude, Longitude
from psap.places.gazetteer import middle_of
from psap.places.model import Kind, Place, Point
from psap.places.search import Gazetteer
from psap.places.service import drawn, gazetteer_of
from psap.places.words import LONGEST, Relation, Said

table = RouteTable("places")
PLACES: web.AppKey[Gazetteer] = web.AppKey("places", Gazetteer)

SEE = who_may(Permission.SEE_INCIDENTS)


class LatLon(Body):
    """WGS 84, degrees."""

    latitude: Latitude
    longitude: Longitude


class PlaceQuestion(Body):
    """``text``: what the caller says, as typed. ``near``: of two equal names the nearer comes first."""

    text: str = Field(max_length=LONGEST)
    near: LatLon | None = None
    limit: int = Field(8, ge=1, le=50)


class PlaceShown(BaseModel):
    """One place; coordinates are null where only its name is known."""

    name: str
    kind: Kind
    district: str | None
    subdistrict: str | None
    latitude: float | None
    longitude: float | None


class PlaceFound(PlaceShown):
    """One place and how well it fits, 0 to 1."""

    score: float


class Understood(BaseModel):
    """What else the words said; null where nothing."""

    house: str | None
    alley: str | None
    rt: int | None
    rw: int | None
    relation: Relation | None


class PlacesFound(BaseModel):
    """Best first."""

    items: list[PlaceFound]
    understood: Understood


class City(BaseModel):
    """What a map without tiles draws. ``tiles``: whether there are tiles to ask for."""

    center: LatLon
    tiles: bool
    items: list[PlaceShown]


def prepare(app: web.Application, parts: Parts) -> None:
    """Put the gazetteer in force into memory."""
    app[PLACES] = gazetteer_of(parts.settings, parts.profile)


@table.add(
    "POST",
    "/places/search",
    roles=SEE,
    body=PlaceQuestion,
    answer=PlacesFound,
    summary=("Cari tempat: jalan, patokan, kelurahan", "Find a place: street, landmark, kelurahan"),
)
async def search_places(ask: Ask[PlaceQuestion, None]) -> PlacesFound:
    body = ask.body
    near = None if body.near is None else Point(body.near.latitude, body.near.longitude)
    found, said = ask.request.app[PLACES].search(body.text, near, body.limit)
    items = [PlaceFound(**_fields(each.place), score=each.score) for each in found]
    return PlacesFound(items=items, understood=_understood(said))


@table.add(
    "GET",
    "/places",
    roles=SEE,
    answer=City,
    summary=("Tempat kota untuk peta tanpa ubin", "The city's places, for a map without tiles"),
)
async def get_places(ask: Ask[None, None]) -> City:
    gazetteer = ask.request.app[PLACES]
    middle = middle_of(gazetteer.places)
    return City(
        center=LatLon(latitude=middle.latitude, longitude=middle.longitude),
        tiles=has_tiles(ask.parts.settings),
        items=[PlaceShown(**_fields(place)) for place in drawn(gazetteer)],
    )


def _fields(place: Place) -> dict[str, object]:
    return {name: getattr(place, name) for name in PlaceShown.model_fields}


def _understood(said: Said) -> Understood:
    return Understood(**{name: getattr(said, name) for name in Understood.model_fields})
