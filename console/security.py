"""Who is asking, from where, and what a browser may do with our pages.

A browser carries the cookie ``psap_session`` and must prove its own Origin for everything that
changes something; a script carries a Bearer token and needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from console.parts import Parts
from console.problem import Problem
from psap.accounts.model import Role, User
from psap.accounts.sessions import Identity, SessionLimits
from psap.platform.settings import Settings

COOKIE = "psap_session"
BODY_LIMIT = 256 * 1024  # bytes

CSP = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HSTS = "max-age=31536000"  # a year; only said over TLS
HEADERS = {
    "Content-Security-Policy": CSP,
    "Server": "psap112",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


def session_limits(settings: Settings) -> SessionLimits:
    """How long sessions last here, and which roles need a second factor.

    Raises:
        ValueError: PSAP_TOTP_ROLES names a role that there is not.
    """
    return SessionLimits(
        idle_seconds=settings.session_idle_minutes * 60,
        longest_seconds=settings.session_max_hours * 3_600,
        totp_roles=frozenset(Role(word.strip()) for word in settings.totp_roles.split(",") if word.strip()),
    )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A proven identity. ``secret`` is the cookie's or token's value: never log it."""

    identity: Identity
    secret: str
    by_cookie: bool

    @property
    def user(self) -> User:
        return self.identity.user


async def authenticate(request: web.Request, parts: Parts) -> SignedIn:
    """Who asks; a Bearer token goes before a cookie.

    Raises:
        Problem: signed_out.
    """
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    by_cookie = scheme.lower() != "bearer"
    secret = request.cookies.get(COOKIE, "") if by_cookie else token.strip()
    # a secret of ours is short ASCII: anything else is not worth a hash
    if not secret or len(secret) > 200 or not secret.isascii():
        raise Problem("signed_out", headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
    identity = await parts.accounts.sessions.identify(secret)
    if identity is None:
        raise Problem("signed_out", headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
    return SignedIn(identity, secret, by_cookie)


def is_own_origin(request: web.Request) -> bool | None:
    """Whether Origin is this site's; None when there is no Origin at all.

    The Host header is what the browser dialled. A proxy that ends TLS keeps Host, so the scheme
    is not compared; SameSite=Strict keeps the cookie of one scheme from the other.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return None
    try:
        parsed = urlsplit(origin)
    except ValueError:
        return False
    return parsed.scheme in ("http", "https") and parsed.netloc.lower() == request.host.lower()


def own_origin_or_refuse(request: web.Request) -> None:
    """With the cookie, an absent Origin is as bad as a foreign one.

    Raises:
        Problem: foreign_origin.
    """
    if not is_own_origin(request):
        raise Problem("foreign_origin")


def client_address(request: web.Request) -> str:
    """The browser's address; empty where nobody knows.

    On the local socket of a TLS front (PSAP_HTTP_SOCKET) the front tells it: nobody else reaches that socket.
    On TCP such a header is anybody's word and is not heard.
    """
    transport = request.transport
    name = transport.get_extra_info("sockname") if transport is not None else None
    if isinstance(name, str):
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()[:45]
    return request.remote or ""


def is_tls(request: web.Request) -> bool:
    """Whether the browser speaks TLS, also when a proxy in front of us ends it."""
    return request.secure or (
        bool(is_own_origin(request)) and request.headers.get(hdrs.ORIGIN, "").startswith("https:")
    )


def set_cookie(
    request: web.Request,
    response: web.StreamResponse,
    secret: str,
    seconds: int,
    *,
    secure: bool = False,
) -> None:
    """Hand the session to the browser, out of reach of scripts and other sites."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=secure or is_tls(request),
    )


def clear_cookie(response: web.StreamResponse) -> None:
    """Take the session away from the browser."""
    response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
