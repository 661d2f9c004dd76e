"""The one client of Asterisk's REST interface: passwords that live in Asterisk's memory.

Asterisk's web server listens on loopback only. Nothing else is asked for here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import aiohttp

from ami_bridge.wire import LinkAwayError

SECONDS = 3.0  # measured: 1 to 3 ms


class Ari:
    """Puts passwords of pjsip. All raise LinkAwayError where Asterisk does not do it."""

    def __init__(self, port: int, secret: Callable[[], str]) -> None:
        """``secret`` is asked at each request: the password may be rotated."""
        self._url = f"http://127.0.0.1:{port}/ari/asterisk/config/dynamic/res_pjsip/auth/"
        self._secret = secret

    async def put_password(self, name: str, password: str) -> None:
        """This telephone has this password, and no other, until Asterisk ends."""
        fields = {"auth_type": "digest", "username": name, "password": password}
        body = {"fields": [{"attribute": key, "value": value} for key, value in fields.items()]}
        await self._ask("PUT", name, body)

    async def lock(self, name: str) -> None:
        """Nobody can be this telephone. Not by deleting: Asterisk answers one without a password with 500
        and a name that there is not with 401, and whoever tries names would know what there is."""
        await self.put_password(name, secrets.token_urlsafe(24))

    async def _ask(self, method: str, name: str, body: object) -> None:
        login = aiohttp.BasicAuth("psap", self._secret())
        limit = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(auth=login, timeout=limit) as http,
                http.request(method, self._url + name, json=body) as answer,
            ):
                if answer.status >= 300:
                    # never the body: Asterisk repeats in it what it was sent
                    raise LinkAwayError(
                        f"Asterisk's REST interface answered {answer.status} to {method} auth"
                    )
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise LinkAwayError(
                f"Asterisk's REST interface does not answer: {type(error).__name__}"
            ) from error
