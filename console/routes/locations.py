"""The caller's own telephone tells where it is: a link for one call, its small public page, what it sends.

The page is for anybody who has the link, so it shows nothing of the call. Its token stands in no log: the
console logs templates of paths, never paths.
"""

from __future__ import annotations

import contextlib
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from pydantic import BaseModel, Field

from console.parts import Parts
from console.problem import Problem
from console.routes.calls import own_call
from console.security import HEADERS, client_address
from console.table import PUBLIC, Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission
from psap.calls.model import Latitude, Longitude, Micros, Radius
from psap.places.links import LocationLinks

table = RouteTable("locations")

FOLDER = Path(__file__).parent.parent / "location_page"
TAKE = who_may(Permission.CLASSIFY_OWN)
WRONG = RateLimitItemPerMinute(60)  # wrong tokens of one address; a right one is never refused for them
SENT = RateLimitItemPerMinute(30)  # locations of one link
FILES = {"page.css": "text/css", "page.js": "text/javascript"}
# geolocation for this page alone; everywhere else it stays forbidden (console/security.py)
PERMISSIONS = "camera=(), geolocation=(self), microphone=()"


class Links:
    """What the routes of this file share."""

    def __init__(self, parts: Parts) -> None:
        self.links = LocationLinks(parts.database, parts.site, parts.clock)
        self.limits = FixedWindowRateLimiter(MemoryStorage())
        city = escape(parts.profile.name)
        self.page = (FOLDER / "page.html").read_text("utf-8").replace("@CITY@", city)
        self.over = (FOLDER / "over.html").read_text("utf-8")

    async def call_of(self, request: web.Request, token: str) -> str:
        """The call of a token.

        Raises:
            Problem: link_over; too_many_attempts: this address has tried too many wrong ones.
        """
        found = await self.links.call_of(token)
        if found is not None:
            return found
        if not self.limits.hit(WRONG, "wrong", client_address(request)):
            raise Problem("too_many_attempts", headers={"Retry-After": "60"})
        raise Problem("link_over")


LINKS: web.AppKey[Links] = web.AppKey("location links", Links)


class LocationLink(BaseModel):
    """Where the caller sends their location. ``secure`` False: browsers give no location there (no TLS)."""

    url: str
    path: str
    secure: bool
    expires_at: Micros


class SharedLocation(Body):
    """Where a caller's telephone is; ``radius_m``: how far that may be wrong."""

    token: str = Field(min_length=1, max_length=64)
    latitude: Latitude
    longitude: Longitude
    radius_m: Radius | None = None


class Received(BaseModel):
    """The location is with the call taker."""

    received_at: Micros


def add_locations(app: web.Application, parts: Parts) -> None:
    """The public page and its two files."""
    app[LINKS] = Links(parts)
    app.router.add_get("/l/{token}", _page)
    app.router.add_get("/l-page/{name}", _file)


@table.add(
    "POST",
    "/calls/{id}/location-link",
    roles=TAKE,
    answer=LocationLink,
    status=201,
    summary=("Tautan agar pelapor mengirim lokasinya", "A link for the caller to send where they are"),
    problems=("not_found", "not_your_call"),
)
async def make_link(ask: Ask[None, None]) -> LocationLink:
    call = await own_call(ask)
    made = await ask.request.app[LINKS].links.make(call.id, ask.user.username)
    path = f"/l/{made.token}"
    origin = ask.parts.settings.public_url or f"{ask.request.scheme}://{ask.request.host}"
    url = origin.rstrip("/") + path
    parsed = urlsplit(url)
    secure = parsed.scheme == "https" or parsed.hostname in ("localhost", "127.0.0.1", "::1")
    return LocationLink(url=url, path=path, secure=secure, expires_at=made.expires_at)


@table.add(
    "POST",
    "/shared-location",
    roles=PUBLIC,
    body=SharedLocation,
    answer=Received,
    summary=("Lokasi dari telepon pelapor", "Where a caller's telephone is"),
    problems=("link_over", "too_many_attempts", "bridge_away", "database_away"),
)
async def receive(ask: Ask[SharedLocation, None]) -> Received:
    body, links = ask.body, ask.request.app[LINKS]
    call_id = await links.call_of(ask.request, body.token)
    if not links.limits.hit(SENT, "sent", call_id):
        raise Problem("too_many_attempts", headers={"Retry-After": "10"})
    await ask.parts.bridge.command(
        "call.locate",
        call_id=call_id,
        latitude=body.latitude,
        longitude=body.longitude,
        radius_m=body.radius_m,
    )
    with contextlib.suppress(Exception):  # the location is where it belongs: a count that fails is no matter
        await links.links.used(body.token)
    return Received(received_at=ask.parts.clock.now_us())


async def _page(request: web.Request) -> web.StreamResponse:
    links = request.app[LINKS]
    try:
        await links.call_of(request, request.match_info["token"])
        text, status = links.page, 200
    except Problem as problem:
        if problem.key not in ("link_over", "too_many_attempts"):
            raise
        text, status = links.over, problem.status
    except Exception:
        # the database is away: who presses the button is told then; a page that is not there helps nobody
        text, status = links.page, 200
    headers = {**HEADERS, "Permissions-Policy": PERMISSIONS, "Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)


async def _file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    if name not in FILES:
        raise Problem("not_found")
    return web.FileResponse(
        FOLDER / name, headers={"Content-Type": f"{FILES[name]}; charset=utf-8", "Cache-Control": "no-cache"}
    )
