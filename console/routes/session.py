"""Signing in and out, and who I am."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console.phone_sockets import SOCKETS
from console.problem import Problem
from console.security import COOKIE, authenticate, clear_cookie, client_address, is_own_origin, set_cookie
from console.table import EVERYONE, PUBLIC, Ask, Body, RouteTable
from psap.accounts.model import AccountError, Role, User
from psap.accounts.sessions import Origin

table = RouteTable("session")

PHONE_PATIENCE = 1.0  # seconds that a sign-out waits for the telephone's end


class Me(BaseModel):
    """The signed-in person."""

    username: str
    name: str
    role: Role
    agency: str | None = None
    site: str


class Credentials(Body):
    """Username and password; ``code`` from the telephone (or a recovery code) where one is set up."""

    # a password is taken as typed: blanks at its ends are part of it
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False, hide_input_in_errors=True)

    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)
    code: str | None = Field(None, min_length=1, max_length=32)


@table.add(
    "POST",
    "/session",
    roles=PUBLIC,
    body=Credentials,
    answer=Me,
    summary=("Masuk", "Sign in"),
    problems=("wrong_credentials", "code_needed", "wrong_code", "foreign_origin", "too_many_attempts"),
)
async def sign_in(ask: Ask[Credentials, None]) -> web.Response:
    request, parts = ask.request, ask.parts
    if is_own_origin(request) is False:
        raise Problem("foreign_origin")  # another site must not sign our browser in as somebody
    accounts = parts.accounts
    username = ask.body.username.strip().lower()
    address = client_address(request)
    if (wait := await accounts.lockout.attempt(username, address)) > 0:
        raise Problem("too_many_attempts", headers={"Retry-After": str(wait)})
    try:
        signed_in = await accounts.sign_in(
            username,
            ask.body.password,
            code=ask.body.code,
            origin=Origin(address, request.headers.get("User-Agent", "")),
        )
    except AccountError as error:
        if error.key == "wrong_code":
            await _failed(ask, username, address)
        raise Problem(error.key) from None
    if signed_in is None:
        await _failed(ask, username, address)
        raise Problem("wrong_credentials")
    await accounts.lockout.succeeded(username, address)
    response = web.Response(text=me_of(signed_in.user, parts.site), content_type="application/json")
    set_cookie(request, response, signed_in.secret, signed_in.seconds)
    return response


async def _failed(ask: Ask[Credentials, None], username: str, address: str) -> None:
    ask.parts.metrics.sign_in_failures += 1
    await ask.parts.accounts.lockout.failed(username, address)


@table.add("DELETE", "/session", roles=EVERYONE, status=204, summary=("Keluar", "Sign out"), unenrolled=True)
async def sign_out(ask: Ask[None, None]) -> web.Response:
    signed_in = await authenticate(ask.request, ask.parts)
    secret, sign_in = signed_in.secret, signed_in.identity.session_id
    await ask.parts.accounts.sign_out(secret)
    ask.parts.live.expel(lambda client: client.secret == secret)
    with contextlib.suppress(Problem, TimeoutError):  # the bridge looks for itself, too, some seconds later
        async with asyncio.timeout(PHONE_PATIENCE):
            await ask.parts.bridge.command("phone.close", agent=signed_in.user.username, sign_in=sign_in)
    ask.request.app[SOCKETS].end(sign_in)
    response = web.Response(status=204)
    if COOKIE in ask.request.cookies:
        clear_cookie(response)
    return response


@table.add("GET", "/me", roles=EVERYONE, answer=Me, summary=("Siapa saya", "Who I am"), unenrolled=True)
async def get_me(ask: Ask[None, None]) -> web.Response:
    response = web.Response(text=me_of(ask.user, ask.parts.site), content_type="application/json")
    signed_in = await authenticate(ask.request, ask.parts)
    if signed_in.by_cookie:
        # use renews the session on our side; the browser's copy must not run out before it
        set_cookie(ask.request, response, signed_in.secret, signed_in.identity.seconds_left or 1)
    return response


def me_of(user: User, site: str) -> str:
    """A user as ``Me`` shows it."""
    me = Me(username=user.username, name=user.name, role=user.role, agency=user.agency, site=site)
    return me.model_dump_json()
