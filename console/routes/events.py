"""The WebSocket: events as they happen."""

from __future__ import annotations

from aiohttp import web

from console.live import Client
from console.problem import Problem
from console.security import authenticate, own_origin_or_refuse
from console.table import EVERYONE, Ask, Body, RouteTable

table = RouteTable("events")

PING = 20.0  # seconds; a browser that is gone is noticed


class After(Body):
    """``after``: the last ``seq`` that was seen; what was missed is replayed. Anything else: reset."""

    after: str | None = None


@table.add(
    "GET",
    "/events",
    roles=EVERYONE,
    query=After,
    status=101,
    summary=("Kejadian langsung (WebSocket)", "Live events (WebSocket)"),
    problems=("foreign_origin", "bad_request"),
)
async def follow_events(ask: Ask[None, After]) -> web.StreamResponse:
    request = ask.request
    signed_in = await authenticate(request, ask.parts)
    if signed_in.by_cookie:
        own_origin_or_refuse(request)
    # small messages and many of them: compressing costs more than it saves
    socket = web.WebSocketResponse(heartbeat=PING, compress=False, max_msg_size=4_096, timeout=1.0)
    if not socket.can_prepare(request):
        raise Problem("bad_request", "WebSocket")
    await socket.prepare(request)
    client = Client(
        signed_in.user,
        signed_in.secret,
        socket,
        request.transport,
        session_id=signed_in.identity.session_id,
    )
    await ask.parts.live.serve(client, ask.query.after)
    return socket
