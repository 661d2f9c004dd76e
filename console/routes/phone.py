"""The browser as a call taker's telephone: what it needs, its way to Asterisk, and its end."""

from __future__ import annotations

from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, Field

from console.phone_sockets import SOCKETS
from console.security import authenticate, own_origin_or_refuse
from console.table import API, Ask, Body, RouteTable, who_may
from psap.accounts.model import Permission

table = RouteTable("phone")

REGISTER_SECONDS = 60
SOCKET = "/phone/socket"

log = structlog.get_logger(part="console")


class Tab(Body):
    """Which open tab: a random word that the page makes for itself. Left out: the sign-in's own."""

    session: str | None = Field(None, pattern=r"^[a-z0-9-]{8,64}$")


class WebPhone(BaseModel):
    """A telephone for one sign-in. ``registered_elsewhere``: another tab was it, and has been told."""

    username: str
    password: str
    domain: str
    uri: str
    path: str
    session: str
    register_seconds: int
    registered_elsewhere: bool
    telephone: str | None = None


@table.add(
    "POST",
    "/agents/me/phone",
    roles=who_may(Permission.TAKE_CALLS),
    body=Tab,
    body_optional=True,
    answer=WebPhone,
    summary=("Jadikan peramban ini telepon saya", "Make this browser my telephone"),
    problems=("no_phone", "asterisk_away", "bridge_away", "database_away"),
)
async def open_phone(ask: Ask[Tab, None]) -> WebPhone:
    sign_in = (await authenticate(ask.request, ask.parts)).identity.session_id
    session = ask.body.session or sign_in
    found: dict[str, Any] = await ask.parts.bridge.command(
        "phone.open", agent=ask.user.username, session=session, sign_in=sign_in
    )
    return WebPhone(
        **found,
        uri=f"sip:{found['username']}@{found['domain']}",
        path=API + SOCKET,
        session=session,
        register_seconds=REGISTER_SECONDS,
    )


@table.add(
    "DELETE",
    "/agents/me/phone",
    roles=who_may(Permission.TAKE_CALLS),
    body=Tab,
    body_optional=True,
    status=204,
    summary=("Peramban ini bukan telepon lagi", "This browser is no telephone any more"),
    problems=("asterisk_away", "bridge_away", "database_away"),
)
async def close_phone(ask: Ask[Tab, None]) -> None:
    sign_in = (await authenticate(ask.request, ask.parts)).identity.session_id
    session = ask.body.session or sign_in
    await ask.parts.bridge.command("phone.close", agent=ask.user.username, session=session)


@table.add(
    "GET",
    SOCKET,
    roles=who_may(Permission.TAKE_CALLS),
    status=101,
    summary=("SIP peramban ke Asterisk (WebSocket)", "The browser's SIP to Asterisk (WebSocket)"),
    problems=("foreign_origin", "bad_request", "asterisk_away"),
)
async def through(ask: Ask[None, None]) -> web.StreamResponse:
    signed_in = await authenticate(ask.request, ask.parts)
    if signed_in.by_cookie:
        own_origin_or_refuse(ask.request)

    async def alive() -> bool:
        try:
            user = await ask.parts.accounts.who(signed_in.secret)
        except Exception as error:
            # a database that is away ends no telephone
            log.warning("sessions cannot be checked now", error=type(error).__name__)
            return True
        return user is not None and user.may(Permission.TAKE_CALLS)

    return await ask.request.app[SOCKETS].serve(ask.request, signed_in.identity.session_id, alive)
