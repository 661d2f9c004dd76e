"""Signing in, Origin, limits, and sessions that outlive a restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from console.app import make_app, make_parts
from psap.platform.settings import ROOT
from tests.console.conftest import PASSWORD, Console
from tests.support.home import free_ports


async def sign_in(
    console: Console, username: str = "agent1", password: str = PASSWORD, **headers: str
) -> aiohttp.ClientResponse:
    body = {"username": username, "password": password}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.post(console.url("/session"), json=body, headers=headers) as answer,
    ):
        await answer.read()
        return answer


async def test_the_cookie_is_out_of_reach(console: Console) -> None:
    answer = await sign_in(console)
    assert answer.status == 200
    assert await answer.json() == {
        "username": "agent1", "name": "Agent1", "role": "agent", "agency": None, "site": "semarang"
    }  # fmt: skip
    cookie = answer.cookies["psap_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert not cookie["secure"]


async def test_the_cookie_is_secure_when_a_proxy_ends_tls(console: Console) -> None:
    answer = await sign_in(console, Origin=console.origin.replace("http:", "https:"))
    assert answer.cookies["psap_session"]["secure"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[", "https://127.0.0.1.evil.example"]
)
async def test_another_site_cannot_sign_us_in(console: Console, origin: str) -> None:
    assert (await sign_in(console, Origin=origin)).status == 403


async def test_with_the_cookie_writes_need_the_own_origin_and_reads_do_not(console: Console) -> None:
    cookie = (await sign_in(console)).cookies["psap_session"].value
    async with aiohttp.ClientSession(headers={"Cookie": f"psap_session={cookie}"}) as http:
        async with http.get(console.url("/me")) as answer:
            assert answer.status == 200
        for origin, status in ((None, 403), ("http://evil.example", 403), (console.origin, 200)):
            headers = {} if origin is None else {"Origin": origin}
            async with http.post(console.url("/agents/me/login"), headers=headers) as answer:
                assert answer.status == status
        async with http.delete(console.url("/session"), headers={"Origin": console.origin}) as answer:
            assert answer.status == 204
        async with http.get(console.url("/me")) as answer:
            assert answer.status == 401


async def test_failures_count_and_only_for_that_account(console: Console) -> None:
    for _ in range(5):
        answer = await sign_in(console, password="salah")
        assert (answer.status, (await answer.json())["key"]) == (401, "wrong_credentials")
    answer = await sign_in(console)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert (await sign_in(console, "agent2")).status == 200


async def test_a_success_forgives_earlier_failures(console: Console) -> None:
    for _ in range(3):
        for _ in range(3):
            assert (await sign_in(console, password="salah")).status == 401
        assert (await sign_in(console)).status == 200


async def test_an_unknown_name_looks_like_a_wrong_password(console: Console) -> None:
    wrong = await (await sign_in(console, password="salah")).json()
    unknown = await (await sign_in(console, "siapa-ini")).json()
    assert wrong == unknown


async def test_a_session_survives_a_restart_of_console_and_redis(console: Console) -> None:
    cookie = (await sign_in(console)).cookies["psap_session"].value
    console.redis.kill()
    parts = make_parts(console.parts.settings)
    async with TestServer(make_app(parts)) as second, aiohttp.ClientSession() as http:
        headers = {"Cookie": f"psap_session={cookie}"}
        async with http.get(second.make_url("/api/v1/me"), headers=headers) as answer:
            assert answer.status == 200


async def test_the_process_serves_writes_its_heartbeat_and_ends_within_three_seconds(
    console: Console,
) -> None:
    await console.server.close()  # one home, one console
    (port,) = free_ports(1)
    config = console.parts.settings.model_copy(update={"http_port": port})
    config.save()
    environment = {**os.environ, "PSAP_HOME": str(console.home)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "console", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        line = json.loads(await process.stderr.readline())
    assert line["event"] == "console listens"
    headers = {"Authorization": f"Bearer {console.tokens['agent1']}"}
    url = f"http://127.0.0.1:{port}"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/api/v1/events", headers=headers) as socket,
    ):
        async with http.get(f"{url}/healthz") as answer:
            assert (await answer.json())["healthy"] is True
        # a query string never reaches the log
        async with http.get(f"{url}/api/v1/calls?081234567890=1", headers=headers) as answer:
            assert answer.status == 422
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(3):
            assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
        async with asyncio.timeout(3):
            rest = await process.stderr.read()
            assert await process.wait() == 0
        assert time.monotonic() - started < 3
    beat = json.loads((console.home / "run" / "console.json").read_text())
    assert beat["pid"] == process.pid
    assert b"081234567890" not in rest
    assert b"answered" in rest
