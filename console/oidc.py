"""Signing in through the city's identity provider: OpenID Connect, code flow with PKCE, state and nonce.

The provider proves who somebody is; what they may do is decided here: a claim names an account that
exists already, and nobody is made an account by signing in.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from psap.platform.settings import Settings

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
MINUTES = 10 * 60.0  # seconds to come back from the provider
PENDING = 1_000  # who left for the provider and is not back; the oldest is forgotten
KEPT = 3_600.0  # seconds that the provider's own description is believed
TIMEOUT = aiohttp.ClientTimeout(total=8)
LONGEST_ANSWER = 256 * 1024
CALLBACK = "/api/v1/session/oidc/callback"


class OidcError(Exception):
    """Signing in this way did not work; ``why`` is for the log and names no person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody who left for the provider."""

    nonce: str
    verifier: str
    browser: str
    until: float


class Oidc:
    """One provider. Keeps who is under way in memory: after a restart one signs in again."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = (settings.oidc_issuer or "").rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret_file = settings.oidc_client_secret_file
        self._claim = settings.oidc_claim
        self._redirect = (settings.public_url or "").rstrip("/") + CALLBACK
        self._pending: dict[str, Pending] = {}
        self._described: tuple[float, dict[str, Any]] | None = None
        self._keys: KeySet | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by TLS."""
        return self._redirect.startswith("https:")

    async def begin(self) -> tuple[str, str]:
        """(the provider's address to go to, the secret that ties the way back to this browser).

        Raises:
            OidcError: the provider does not answer or describes itself wrongly.
        """
        described = await self._describe()
        state, browser = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        pending = Pending(
            secrets.token_urlsafe(24), secrets.token_urlsafe(48), browser, time.monotonic() + MINUTES
        )
        while len(self._pending) >= PENDING:
            self._pending.pop(next(iter(self._pending)))
        self._pending[state] = pending
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect,
            "scope": "openid profile email",
            "state": state,
            "nonce": pending.nonce,
            "code_challenge": create_s256_code_challenge(pending.verifier),
            "code_challenge_method": "S256",
        }
        return add_params_to_uri(described["authorization_endpoint"], list(asked.items())), browser

    async def finish(self, state: str, code: str, browser: str) -> str:
        """The username that the provider vouches for, as it stands in the claim.

        Raises:
            OidcError: another browser, a repeated or forged answer, a token that is not for us.
        """
        pending = self._pending.pop(state, None)  # once, also when it fails
        if pending is None or pending.until < time.monotonic():
            raise OidcError("unknown or old state")
        if not hmac.compare_digest(pending.browser.encode(), browser.encode()):
            raise OidcError("another browser came back")
        described = await self._describe()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "client_id": self._client_id,
            "code_verifier": pending.verifier,
        }
        if self._secret_file is not None:
            try:
                form["client_secret"] = self._secret_file.read_text("utf-8").strip()
            except OSError as error:
                raise OidcError(f"PSAP_OIDC_CLIENT_SECRET_FILE: {error.strerror}") from None
        answer = await self._ask(described["token_endpoint"], form)
        claims = await self._verified(str(answer.get("id_token", "")), described, pending.nonce)
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            raise OidcError(f"no claim {self._claim}")
        if self._claim == "email" and claims.get("email_verified") is not True:
            raise OidcError("the address is not verified")
        if not name.isascii() or name != name.strip():
            # str.lower() and strip() make "agent1" of the Kelvin sign's k or a blank: another person there
            raise OidcError(f"{self._claim} is no username of ours")
        return name

    async def _verified(self, token: str, described: dict[str, Any], nonce: str) -> dict[str, Any]:
        for fresh in (False, True):
            keys = await self._key_set(described, fresh=fresh)
            try:
                claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
                break
            except (JoseError, ValueError) as error:
                if fresh:  # the provider's keys may have changed since; not a second time
                    raise OidcError(f"signature: {type(error).__name__}") from None
        rules = jwt.JWTClaimsRegistry(
            now=int(time.time()),
            leeway=60,
            iss={"essential": True, "value": described["issuer"]},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise OidcError(f"claims: {error}"[:200]) from None
        others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if others else self._client_id) != self._client_id:
            raise OidcError("claims: issued to another client")
        return dict(claims)

    async def _describe(self) -> dict[str, Any]:
        if self._described is not None and time.monotonic() - self._described[0] < KEPT:
            return self._described[1]
        found = await self._ask(f"{self.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            raise OidcError("the provider calls itself by another name")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_safe(str(found.get(name, ""))):
                raise OidcError(f"{name} is no https address")
        self._described = time.monotonic(), found
        return found

    async def _key_set(self, described: dict[str, Any], *, fresh: bool) -> KeySet:
        if self._keys is None or fresh:
            try:
                self._keys = KeySet.import_key_set(await self._ask(described["jwks_uri"]))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError) as error:
                raise OidcError(f"keys: {type(error).__name__}") from None
        return self._keys

    async def _ask(self, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        if not _is_safe(url):
            raise OidcError("the provider must be reached by https")
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as http,
                http.request(
                    "GET" if form is None else "POST", url, data=form, allow_redirects=False
                ) as answer,
            ):
                if answer.status != 200:
                    raise OidcError(f"the provider answered {answer.status}")
                raw = await answer.content.read(LONGEST_ANSWER)
            found = json.loads(raw)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise OidcError(f"the provider does not answer: {type(error).__name__}") from None
        if not isinstance(found, dict):
            raise OidcError("the provider answered something else")
        return found


def _is_safe(url: str) -> bool:
    """https, or this machine itself."""
    parsed = urlsplit(url)
    return parsed.scheme == "https" or (parsed.scheme == "http" and parsed.hostname in ("127.0.0.1", "::1"))


OIDC: web.AppKey[Oidc] = web.AppKey("oidc", Oidc)
