"""The map's tiles, where the city has laid a file of them into the home (``HOME/tiles.pmtiles``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from console.dispatch import USER
from console.parts import PARTS
from console.problem import Problem
from console.security import authenticate
from psap.accounts.model import Permission
from psap.platform.settings import Settings

TILES = "tiles.pmtiles"
STYLE_FILE = "map-style.json"
MAGIC = b"PMTiles\x03"


def tiles_path(settings: Settings) -> Path:
    """Where the tiles lie, if the city has them."""
    return settings.home / TILES


def has_tiles(settings: Settings) -> bool:
    """Whether there is a file of tiles that can be read (PMTiles, version 3)."""
    try:
        with tiles_path(settings).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def add_map(app: web.Application) -> None:
    """Serve ``/map/tiles.pmtiles`` (in pieces, by Range) and ``/map/style.json`` to who is signed in."""
    app.router.add_get("/map/tiles.pmtiles", _tiles)
    app.router.add_get("/map/style.json", _style)


async def _tiles(request: web.Request) -> web.StreamResponse:
    settings = await _allowed(request)
    return web.FileResponse(
        tiles_path(settings),
        headers={"Content-Type": "application/octet-stream", "Cache-Control": "private, max-age=3600"},
    )


async def _style(request: web.Request) -> web.StreamResponse:
    """The city's own style where it laid one beside the tiles, else a plain one of the usual layers."""
    settings = await _allowed(request)
    own = settings.home / STYLE_FILE
    if own.is_file():
        return web.FileResponse(own, headers={"Content-Type": "application/json"})
    return web.json_response(plain_style(f"{request.scheme}://{request.host}"))


async def _allowed(request: web.Request) -> Settings:
    parts = request.app[PARTS]
    user = (await authenticate(request, parts)).user
    request[USER] = user
    if not user.may(Permission.SEE_INCIDENTS):
        raise Problem("forbidden")
    if not has_tiles(parts.settings):
        raise Problem("not_found")
    return parts.settings


def plain_style(origin: str) -> dict[str, Any]:
    """A MapLibre style over the layers of Protomaps' basemap: land, water, roads. Without names: they would
    need fonts from elsewhere, and the page writes its own."""

    def line(name: str, kinds: list[str], colour: str, width: float) -> dict[str, Any]:
        return {
            "id": name,
            "type": "line",
            "source": "city",
            "source-layer": "roads",
            "filter": ["in", ["get", "kind"], ["literal", kinds]],
            "paint": {
                "line-color": colour,
                "line-width": ["interpolate", ["linear"], ["zoom"], 10, width / 4, 17, width * 3],
            },
        }

    def fill(name: str, layer: str, colour: str) -> dict[str, Any]:
        return {
            "id": name,
            "type": "fill",
            "source": "city",
            "source-layer": layer,
            "paint": {"fill-color": colour},
        }

    return {
        "version": 8,
        "sources": {"city": {"type": "vector", "url": f"pmtiles://{origin}/map/{TILES}"}},
        "layers": [
            {"id": "ground", "type": "background", "paint": {"background-color": "#eef0ee"}},
            fill("earth", "earth", "#f7f6f2"),
            fill("landuse", "landuse", "#e9efe3"),
            fill("water", "water", "#b9d4e6"),
            fill("buildings", "buildings", "#dedad3"),
            line("minor", ["minor_road", "path", "other"], "#ffffff", 2.0),
            line("rail", ["rail"], "#a8a8a8", 1.0),
            line("major", ["major_road", "medium_road"], "#f5d990", 3.0),
            line("highway", ["highway"], "#e8a860", 4.0),
        ],
    }
