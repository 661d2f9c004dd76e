"""The city, as the page needs it: names, categories, agencies, districts, shifts."""

from __future__ import annotations

from pydantic import BaseModel

from console.table import EVERYONE, Ask, RouteTable
from psap.agencies.model import Agency, Category, District, Shift

table = RouteTable("profile")


class Centre(BaseModel):
    """A neighbouring centre; its id is its number."""

    id: str
    name: str


class City(BaseModel):
    """What of the city's profile is for every signed-in person."""

    site: str
    name: str
    code: str
    timezone: str
    languages: list[str]
    categories: list[Category]
    agencies: list[Agency]
    centres: list[Centre]
    shifts: list[Shift]
    districts: list[District]


@table.add(
    "GET",
    "/profile",
    roles=EVERYONE,
    answer=City,
    summary=("Profil kota", "The city's profile"),
)
async def get_profile(ask: Ask[None, None]) -> City:
    profile = ask.parts.profile
    centres = [Centre(id=each.number, name=each.name) for each in profile.neighbours]
    fields = {name: getattr(profile, name) for name in City.model_fields if name != "centres"}
    return City(**fields, centres=centres)
