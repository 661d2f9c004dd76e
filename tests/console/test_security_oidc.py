"""Signing in through an identity provider: a small real one that signs real tokens, honest and not."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from console.app import make_app, make_parts
from psap.accounts.lockout import ADDRESS
from psap.accounts.model import Role
from psap.platform.audit import Action, read_audit
from tests.console.conftest import PASSWORD, Console

CLIENT = "psap112"


@dataclass
class Issuer:
    """An identity provider; ``claims`` and ``key`` are bent by the tests."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signs_with: Any = None
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    name: str = "agent1"
    url: str = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        return app

    async def _describe(self, _request: web.Request) -> web.Response:
        places = {"authorization_endpoint": "/go", "token_endpoint": "/token", "jwks_uri": "/keys"}
        return web.json_response(
            {"issuer": self.url, **{name: self.url + path for name, path in places.items()}}
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, where: str) -> dict[str, str]:
        """What the person's browser does at the provider: the parameters of the way back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"state": asked["state"], "code": code, "session_state": "more than we read"}

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.codes.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        assert form["redirect_uri"] == asked["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "42",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": self.name,
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "k1"}
        token = jwt.encode(header, claims, self.signs_with or self.key, algorithms=["RS256", "HS256"])
        return web.json_response({"id_token": token, "access_token": "x", "token_type": "Bearer"})


@asynccontextmanager
async def together(console: Console) -> AsyncIterator[tuple[Issuer, aiohttp.ClientSession]]:
    """An issuer, a console that trusts it, and a browser at the console's address."""
    issuer = Issuer()
    async with TestServer(issuer.app()) as provider:
        issuer.url = str(provider.make_url("")).rstrip("/")
        settings = console.parts.settings.model_copy(
            update={"oidc_issuer": issuer.url, "public_url": "http://127.0.0.1"}
        )
        server = TestServer(make_app(make_parts(settings)))
        async with (
            server,
            aiohttp.ClientSession(server.make_url("/"), cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
        ):
            yield issuer, browser


async def leave(browser: aiohttp.ClientSession) -> str:
    async with browser.get("/api/v1/session/oidc", allow_redirects=False) as answer:
        assert answer.status == 302
        cookie = answer.cookies["psap_oidc"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        return answer.headers["Location"]


async def come_back(browser: aiohttp.ClientSession, back: dict[str, str]) -> int:
    async with browser.get("/api/v1/session/oidc/callback", params=back) as answer:
        assert "Content-Security-Policy" in answer.headers
        assert (answer.status == 200) == ("psap_session" in answer.cookies)
        return answer.status


async def me(browser: aiohttp.ClientSession) -> Any:
    async with browser.get("/api/v1/me") as answer:
        return (await answer.json(content_type=None)).get("username")


async def test_somebody_with_an_account_comes_in(console: Console) -> None:
    async with together(console) as (issuer, browser):
        async with browser.get("/api/v1/session/ways") as answer:
            assert await answer.json() == {"password": True, "oidc": True}
        back = issuer.authorize(await leave(browser))
        assert await come_back(browser, back) == 200
        assert await me(browser) == "agent1"
        browser.cookie_jar.clear()
        assert await come_back(browser, back) == 401  # an answer counts once
    async with console.parts.database.read() as connection:
        (entry,) = await read_audit(connection, console.parts.site, action=str(Action.SIGN_IN))
    assert (entry.actor, entry.detail["method"]) == ("agent1", "oidc")


BENT: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "for another client": {"aud": "another"},
    "issued to another client": {"aud": [CLIENT, "another"], "azp": "another"},
    "for many, issued to nobody": {"aud": [CLIENT, "another"]},
    "from another issuer": {"iss": "https://evil.example"},
    "expired": {"exp": int(time.time()) - 3_600},
    "without an end": {"exp": None},
    "nobody's": {"sub": None},
    "without the claim": {"preferred_username": None},
    "an unknown person": {"preferred_username": "stranger"},
    "another person's, with a blank": {"preferred_username": "agent1\N{NO-BREAK SPACE}"},
    "another person's, whose small letters are ours": {"preferred_username": "\N{KELVIN SIGN}artini"},
    "no text": {"preferred_username": ["agent1"]},
}


async def test_bent_tokens_are_refused(console: Console) -> None:
    await console.parts.accounts.add("kartini", "Kartini", Role.AGENT, PASSWORD, actor="test")
    async with together(console) as (issuer, browser):
        for name, claims in BENT.items():
            issuer.claims = claims
            assert await come_back(browser, issuer.authorize(await leave(browser))) == 401, name
            assert await me(browser) is None, name
        issuer.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 200


async def test_another_signature_is_refused_and_a_new_key_is_learnt(console: Console) -> None:
    async with together(console) as (issuer, browser):
        issuer.signs_with = RSAKey.generate_key(2048, {"kid": "k1"})
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 401
        # a shared secret in place of a signature: another algorithm is not even tried
        issuer.algorithm, issuer.signs_with = "HS256", OctKey.import_key("x" * 64)
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 401
        issuer.algorithm, issuer.signs_with = "RS256", None
        issuer.key = RSAKey.generate_key(2048, {"kid": "k2"})
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 401  # says kid k1
        issuer.key = RSAKey.generate_key(2048, {"kid": "k1"})  # renewed under our feet
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 200


async def test_the_way_back_belongs_to_the_browser_that_left(console: Console) -> None:
    async with together(console) as (issuer, browser):
        back = issuer.authorize(await leave(browser))
        browser.cookie_jar.clear()  # somebody else is sent the link
        assert await come_back(browser, back) == 401
        await leave(browser)
        assert await come_back(browser, {"state": "forged", "code": "x"}) == 401
        assert await come_back(browser, {"error": "access_denied"}) == 401


async def test_forged_ways_back_do_not_fill_the_audit(console: Console) -> None:
    async with together(console) as (_issuer, browser):
        answers = [
            await come_back(browser, {"state": "forged", "code": "x"}) for _ in range(ADDRESS.free + 5)
        ]
    assert set(answers[: ADDRESS.free]) == {401}
    assert set(answers[ADDRESS.free :]) == {429}
    async with console.parts.database.read() as connection:
        told = await read_audit(connection, console.parts.site, action=str(Action.SIGN_IN_FAILED), limit=500)
    assert len(told) == ADDRESS.free
    # whose password is right comes in at once, from a place of their own
    assert await console.parts.accounts.lockout.attempt("agent1", "10.0.0.7") == 0


async def test_a_closed_account_and_a_provider_that_is_away(console: Console) -> None:
    async with together(console) as (issuer, browser):
        await console.parts.accounts.disable("agent1", actor="test")
        assert await come_back(browser, issuer.authorize(await leave(browser))) == 401
    settings = console.parts.settings.model_copy(
        update={"oidc_issuer": issuer.url, "public_url": "http://127.0.0.1"}
    )
    async with TestServer(make_app(make_parts(settings))) as server:
        url = server.make_url("/api/v1/session/oidc")
        async with aiohttp.request("GET", url, allow_redirects=False) as answer:
            assert (answer.status, (await answer.json(content_type=None))["key"]) == (401, "oidc_failed")


async def test_without_a_provider_there_is_no_such_way(console: Console) -> None:
    assert await console.ask("GET", "/session/ways") == (200, {"password": True, "oidc": False})
    for path in ("/session/oidc", "/session/oidc/callback?state=x&code=y"):
        assert (await console.ask("GET", path))[0] == 404


def test_a_provider_without_our_own_address_is_refused() -> None:
    from psap.platform.settings import Settings

    with pytest.raises(ValueError, match="PSAP_PUBLIC_URL"):
        Settings(oidc_issuer="https://id.example")
