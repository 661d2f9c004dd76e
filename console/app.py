"""The console put together: parts, routes, middleware, the built page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from console import runbook
from console.bridge import Bridge
from console.dispatch import CALL, USER, make_handler
from console.limits import CONNECTIONS
from console.live import Live
from console.looks import LOOKS, Looks
from console.metrics import Metrics
from console.oidc import OIDC, Oidc
from console.openapi import document
from console.page import add_page
from console.parts import PARTS, Parts
from console.phone_sockets import SOCKETS, PhoneSockets
from console.problem import Problem, is_database, of_http
from console.routes import (
    accounts,
    audit,
    belonging,
    blocklist,
    board,
    calls,
    docs,
    events,
    health,
    incidents,
    locations,
    missed,
    oidc,
    phone,
    places,
    profile,
    queue,
    recordings,
    rosters,
    session,
    supervising,
    talking,
    training,
)
from console.routes import map as tiles
from console.security import BODY_LIMIT, HEADERS, HSTS, session_limits
from console.state import StateWatch
from console.table import API, RouteTable
from console.viewing import VIEWS, Views
from psap.accounts.service import Accounts
from psap.agencies.profile import find_profile, load_profile
from psap.calls.queries import CallQueries
from psap.platform.clock import SystemClock
from psap.platform.database import Database
from psap.platform.heartbeat import beat_forever
from psap.platform.hot import Hot
from psap.platform.settings import Settings, load_secrets

TABLES: tuple[RouteTable, ...] = (
    session.table,
    calls.table,
    talking.table,
    supervising.table,
    queue.table,
    phone.table,
    blocklist.table,
    belonging.table,
    incidents.table,
    missed.table,
    recordings.table,
    profile.table,
    places.table,
    locations.table,
    events.table,
    health.table,
    docs.table,
    accounts.table,
    audit.table,
    oidc.table,
    board.table,
    rosters.table,
    training.table,
)
RECHECK = 15.0  # seconds until a disabled account loses its live channel
QUIET = {f"{API}/healthz", "/healthz", f"{API}/metrics", "/metrics", f"{API}/queue"}  # not worth a log line

log = structlog.get_logger(part="console")
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_parts(settings: Settings) -> Parts:
    """Everything a handler can ask, from the settings of one home."""
    saved = settings.home / "profile.toml"
    city = load_profile(saved if saved.exists() else find_profile(settings.profile))
    database = Database(settings.effective_database_url)
    hot = Hot(settings.effective_redis_url)
    clock = SystemClock()
    live = Live(hot, clock)
    queries = CallQueries(database, city.site)
    return Parts(
        settings=settings,
        profile=city,
        clock=clock,
        database=database,
        hot=hot,
        bridge=Bridge(settings.bridge_socket),
        live=live,
        metrics=Metrics(),
        accounts=Accounts(database, city.site, clock, session_limits(settings)),
        calls=queries,
        state=StateWatch(
            settings,
            clock,
            database=lambda: health.reachable(queries),
            redis=lambda: live.connected,
            tell=live.tell,
        ),
        audit_key=load_secrets(settings.home).audit,
    )


def make_app(parts: Parts) -> web.Application:
    """The application, ready to be served."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[guard])
    app[PARTS] = parts
    app[VIEWS] = Views(parts)
    app[CONNECTIONS] = []
    app[OIDC] = Oidc(parts.settings)
    app[SOCKETS] = PhoneSockets(parts.settings.pbx_http_port)
    app[board.DAYS] = board.Days(parts)
    app[LOOKS] = Looks(parts)
    app[docs.OPENAPI] = document(TABLES)
    for table in TABLES:
        for route in table.routes:
            handler = make_handler(route)
            app.router.add_route(route.method, API + route.path, handler)
            if route.path in ("/healthz", "/metrics"):  # where monitoring looks first
                app.router.add_get(route.path, handler)  # HEAD too
    app.router.add_get("/api/docs", docs.page)
    app.router.add_get(runbook.PATH, runbook.page)
    app.router.add_get("/api/docs.css", docs.style)
    places.prepare(app, parts)
    tiles.add_map(app)
    locations.add_locations(app, parts)
    add_page(app, Path(__file__).parent / "static")
    app.cleanup_ctx.append(_background)
    app.on_shutdown.append(_say_goodbye)
    return app


@web.middleware
async def guard(request: web.Request, handler: Next) -> web.StreamResponse:
    """Outermost: every refusal becomes a problem, every answer carries the headers and a log line."""
    for connections in request.app[CONNECTIONS]:
        handler = partial(connections.watched, handler=handler)
    started = time.monotonic()
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem.response()
    except web.HTTPException as error:
        response = of_http(error).response()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        # what a column cannot hold (NUL, a number far too large) is the asker's matter
        refused = type(error).__name__ == "DataError"
        key = "bad_request" if refused else "database_away" if is_database(error) else "internal"
        # the type only: a driver's message may repeat a row
        log.error(
            "request failed", route=_template(request), error=type(error).__name__, exc_info=key == "internal"
        )
        response = Problem(key).response()
    _finish(request, response, time.monotonic() - started)
    return response


def _finish(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    template = _template(request)
    request.app[PARTS].metrics.request(_method(request), template, response.status, seconds)
    if not response.prepared:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.secure:
            response.headers.setdefault("Strict-Transport-Security", HSTS)
        if template.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
    if template not in QUIET and template.startswith(API):
        # templates, never paths: no query string and no number can reach the log
        user, about = request.get(USER), request.get(CALL)
        log.info(
            "answered",
            **({} if about is None else {"call_id": about}),
            method=_method(request),
            route=template,
            status=response.status,
            ms=round(seconds * 1000, 1),
            user=user.username if user else None,
        )


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def _method(request: web.Request) -> str:
    known = request.method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return request.method if known else "OTHER"


async def _background(app: web.Application) -> AsyncIterator[None]:
    parts = app[PARTS]
    parts.live.state = parts.state.message
    tasks = [
        asyncio.create_task(parts.live.run(), name="live"),
        asyncio.create_task(_recheck(parts), name="recheck sessions"),
        asyncio.create_task(parts.bridge.link_for_ever(), name="link incidents"),
        asyncio.create_task(parts.state.run(), name="state"),
        asyncio.create_task(app[LOOKS].run_files(), name="look at files"),
        asyncio.create_task(app[LOOKS].run_records(), name="count records"),
        asyncio.create_task(
            beat_forever(parts.settings.run, "console", lambda: _heartbeat(parts)), name="heartbeat"
        ),
    ]
    yield
    pending = set(tasks)
    while pending:
        # more than once: a database driver may swallow a cancellation that comes while it connects
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
    await parts.hot.close()
    await parts.database.close()


def _heartbeat(parts: Parts) -> tuple[str, str]:
    if not parts.state.database_up:
        return "degraded", "basis data tidak menjawab / the database does not answer"
    if not parts.live.connected:
        return "degraded", "Redis tidak menjawab, halaman bertanya berkala / Redis is away, pages poll"
    return "up", f"{parts.live.clients} langsung / live"


async def _recheck(parts: Parts) -> None:
    """A session that ended elsewhere loses its live channel too."""
    while True:
        await asyncio.sleep(RECHECK)
        for client in parts.live.connected_clients():
            try:
                user = await parts.accounts.who(client.secret)  # an open page is a session in use
            except Exception as error:
                log.warning("sessions cannot be checked now", error=type(error).__name__)
                break
            if user is None or user.role != client.user.role:
                secret = client.secret
                parts.live.expel(lambda one, secret=secret: one.secret == secret)  # type: ignore[misc]


async def _say_goodbye(app: web.Application) -> None:
    app[PARTS].live.close()
    app[SOCKETS].close()
