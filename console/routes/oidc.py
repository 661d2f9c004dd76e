"""To the city's identity provider and back."""

from __future__ import annotations

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console.oidc import CALLBACK, OIDC, Oidc, OidcError
from console.problem import PROBLEMS, Problem
from console.security import client_address, set_cookie
from console.table import PUBLIC, Ask, RouteTable
from psap.accounts.model import AccountError
from psap.accounts.sessions import Origin

table = RouteTable("session")
log = structlog.get_logger(part="console")

BROWSER = "psap_oidc"
PAGE = """<!doctype html><html lang="id"><head><meta charset="utf-8"><title>112</title>{head}
</head><body><p>{words}</p><p><a href="/">112</a></p></body></html>"""


class Ways(BaseModel):
    """How one can sign in here."""

    password: bool = True
    oidc: bool


class Returned(BaseModel):
    """What the provider sends back; it may say more than we read."""

    model_config = ConfigDict(extra="ignore")

    # visible ASCII (RFC 6749, appendix A), and in all shorter than the longest line that HTTP may have here
    state: str = Field("", max_length=256, pattern=r"^[ -~]*$")
    code: str = Field("", max_length=2_048, pattern=r"^[ -~]*$")


@table.add("GET", "/session/ways", roles=PUBLIC, answer=Ways, summary=("Cara masuk", "Ways to sign in"))
async def ways(ask: Ask[None, None]) -> Ways:
    return Ways(oidc=bool(ask.request.app[OIDC].issuer))


@table.add(
    "GET",
    "/session/oidc",
    roles=PUBLIC,
    status=302,
    content_type="text/html",
    summary=("Masuk lewat penyedia identitas", "Sign in through the identity provider"),
    problems=("not_found", "oidc_failed"),
)
async def leave(ask: Ask[None, None]) -> web.Response:
    oidc = _configured(ask)
    try:
        where, browser = await oidc.begin()
    except OidcError as error:
        log.warning("sign-in by oidc cannot begin", detail=error.why)
        raise Problem("oidc_failed") from None
    response = web.Response(status=302, headers={"Location": where})
    # Lax: the way back from the provider is a navigation that another site begins
    response.set_cookie(
        BROWSER, browser, max_age=600, path=CALLBACK, httponly=True, samesite="Lax", secure=oidc.secure
    )
    return response


@table.add(
    "GET",
    "/session/oidc/callback",
    roles=PUBLIC,
    query=Returned,
    content_type="text/html",
    summary=("Kembali dari penyedia identitas", "Back from the identity provider"),
    problems=("not_found", "too_many_attempts"),
)
async def come_back(ask: Ask[None, Returned]) -> web.Response:
    oidc, accounts = _configured(ask), ask.parts.accounts
    address = client_address(ask.request)
    # anybody may send forged answers, and each costs an entry or a question to the provider
    if (wait := await accounts.lockout.attempt(None, address)) > 0:
        raise Problem("too_many_attempts", headers={"Retry-After": str(wait)})
    try:
        name = await oidc.finish(ask.query.state, ask.query.code, ask.request.cookies.get(BROWSER, ""))
        user = await accounts.existing(name)
        if user.disabled_at is not None:
            raise OidcError("the account is closed")
    except (OidcError, AccountError) as error:
        # the name that the provider vouched for is not for the log
        why = error.why if isinstance(error, OidcError) else error.key
        log.warning("sign-in by oidc refused", detail=why)
        ask.parts.metrics.sign_in_failures += 1
        await accounts.note_failure(None, "oidc")
        _, indonesian, english = PROBLEMS["oidc_failed"]
        return _page(401, f"{indonesian} / {english}")
    await accounts.lockout.succeeded(None, address)
    origin = Origin(address, ask.request.headers.get("User-Agent", ""), "oidc")
    signed_in = await accounts.open_session(user, origin)
    # a page of our own goes on: a redirect from the provider would not carry a SameSite=Strict cookie
    response = _page(200, "Masuk… / Signing in…", '<meta http-equiv="refresh" content="0;url=/">')
    set_cookie(ask.request, response, signed_in.secret, signed_in.seconds, secure=oidc.secure)
    response.del_cookie(BROWSER, path=CALLBACK)
    return response


def _configured(ask: Ask[None, None] | Ask[None, Returned]) -> Oidc:
    oidc = ask.request.app[OIDC]
    if not oidc.issuer:
        raise Problem("not_found")
    return oidc


def _page(status: int, words: str, head: str = "") -> web.Response:
    return web.Response(
        status=status, text=PAGE.format(head=head, words=words), content_type="text/html", charset="utf-8"
    )
