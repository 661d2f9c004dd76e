"""The browser as a telephone, as the console hands it through: who may, what passes, when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from console.phone_sockets import LONGEST, SOCKETS
from psap.platform.events import Event, EventType
from tests.console.conftest import PASSWORD, Console

OPENED = {
    "username": "abcd1234w",
    "password": "rahasia-sekali-112",
    "domain": "psap112.invalid",
    "registered_elsewhere": False,
    "telephone": None,
}


@dataclass
class FarEnd:
    """Where Asterisk would be: says back what it hears, and remembers it."""

    heard: list[str] = field(default_factory=list)
    protocol: str | None = None
    sockets: list[web.WebSocketResponse] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        self.protocol = socket.ws_protocol
        self.sockets.append(socket)
        async for said in socket:
            self.heard.append(said.data)
            await socket.send_str(f"SIP/2.0 200 {said.data}")
        return socket


@asynccontextmanager
async def far_end(console: Console) -> AsyncIterator[FarEnd]:
    made, app = FarEnd(), web.Application()
    app.router.add_get("/ws", made.serve)
    server = TestServer(app)
    await server.start_server()
    console.server.app[SOCKETS].url = str(server.make_url("/ws"))  # type: ignore[union-attr]
    try:
        yield made
    finally:
        await server.close()


def dial(console: Console, who: str | None = "agent1", **headers: str) -> Any:
    sent = dict(headers)
    if who is not None:
        sent["Authorization"] = f"Bearer {console.tokens[who]}"
    return console.http.ws_connect(console.url("/phone/socket"), protocols=("sip",), headers=sent)


@asynccontextmanager
async def signed_in(console: Console) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(headers={"Origin": console.origin}, cookie_jar=jar) as http:
        body = {"username": "agent1", "password": PASSWORD}
        async with http.post(console.url("/session"), json=body) as answer:
            assert answer.status == 200
        yield http


async def ended(socket: Any) -> int | None:
    """The code with which it was closed."""
    async with asyncio.timeout(10):
        said = await socket.receive()
    assert said.type in (WSMsgType.CLOSE, WSMsgType.CLOSED), said
    code: int | None = socket.close_code
    return code


async def test_only_who_takes_calls_from_our_own_page(console: Console) -> None:
    async with far_end(console) as asterisk:
        for who, status in ((None, 401), ("dispatcher1", 403), ("qc1", 403), ("admin1", 403)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await dial(console, who)
            assert refused.value.status == status
        async with signed_in(console) as http:
            for origin in ("https://jahat.example", ""):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await http.ws_connect(
                        console.url("/phone/socket"), protocols=("sip",), headers={"Origin": origin}
                    )
                assert refused.value.status == 403
        # no SIP, no telephone
        status, problem = await console.ask("GET", "/phone/socket", "agent1")
        assert (status, problem["key"]) == (400, "bad_request")
        assert asterisk.sockets == []


async def test_bytes_pass_both_ways_until_the_sign_out(console: Console) -> None:
    console.bridge.answers |= {"phone.open": OPENED, "phone.close": {"closed": True}}
    async with far_end(console) as asterisk, signed_in(console) as http:
        async with http.ws_connect(console.url("/phone/socket"), protocols=("sip",)) as socket:
            assert socket.protocol == asterisk.protocol == "sip"
            await socket.send_str("REGISTER sip:x")
            assert (await socket.receive_str(timeout=10)) == "SIP/2.0 200 REGISTER sip:x"
            async with http.delete(console.url("/session")) as answer:
                assert answer.status == 204
            assert await ended(socket) == aiohttp.WSCloseCode.POLICY_VIOLATION
        (closed,) = console.bridge.params("phone.close")
        assert closed["agent"] == "agent1"
        assert len(closed["sign_in"]) == 36


async def test_too_long_a_message_ends_it_and_so_does_asterisk(console: Console) -> None:
    async with far_end(console) as asterisk:
        async with dial(console) as socket:
            await socket.send_str("x" * (LONGEST + 1))
            assert await ended(socket) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        async with dial(console) as socket:
            await socket.send_str("OPTIONS")
            await socket.receive_str(timeout=10)
            await asterisk.sockets[-1].close()
            assert await ended(socket) == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    assert asterisk.heard == ["OPTIONS"]


async def test_without_asterisk_it_is_refused_before_the_handshake(console: Console) -> None:
    console.server.app[SOCKETS].url = "http://127.0.0.1:9/ws"  # type: ignore[union-attr]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await dial(console)
    assert refused.value.status == 503


async def test_a_tab_gets_what_it_needs_and_gives_it_back(console: Console) -> None:
    console.bridge.answers |= {"phone.open": OPENED, "phone.close": {"closed": True}}
    status, found = await console.ask("POST", "/agents/me/phone", "agent1", json={"session": "tab-0001"})
    assert status == 200
    assert found == OPENED | {
        "uri": "sip:abcd1234w@psap112.invalid",
        "path": "/api/v1/phone/socket",
        "session": "tab-0001",
        "register_seconds": 60,
    }
    status, _ = await console.ask("POST", "/agents/me/phone", "agent1")
    assert status == 200
    first, second = console.bridge.params("phone.open")
    assert (first["agent"], first["session"]) == ("agent1", "tab-0001")
    assert second["session"] == second["sign_in"] == first["sign_in"]  # left out: the sign-in's own
    status, _ = await console.ask("DELETE", "/agents/me/phone", "agent1", json={"session": "tab-0001"})
    assert status == 204
    assert console.bridge.params("phone.close") == [{"agent": "agent1", "session": "tab-0001"}]
    for word in ("x", "A" * 10, "a" * 65, "a;b" * 4):
        status, problem = await console.ask("POST", "/agents/me/phone", "agent1", json={"session": word})
        assert (status, problem["key"]) == (422, "invalid")
    assert len(console.bridge.params("phone.open")) == 2


async def test_by_which_telephone_one_is_ready(console: Console) -> None:
    await console.ask("POST", "/agents/me/login", "agent1")
    await console.ask("POST", "/agents/me/login", "agent1", json={"telephone": "browser"})
    assert console.bridge.params("agent.login") == [
        {"agent": "agent1"},
        {"agent": "agent1", "telephone": "browser"},
    ]
    status, _ = await console.ask("POST", "/agents/me/login", "agent1", json={"telephone": "fax"})
    assert status == 422


async def test_only_who_lost_the_telephone_is_told(console: Console) -> None:
    async with (
        console.live("agent1") as own,
        console.live("agent2") as other,
        console.live("supervisor1") as boss,
    ):
        data = {"agent": "agent1", "session": "tab-0001"}
        for kind, more in (
            (EventType.PHONE_TAKEN, data),
            (EventType.CALL_STARTED, {"call_id": "c", "caller": None}),
        ):
            await console.parts.hot.publish(Event(kind, console.parts.clock.now_us(), dict(more)))
        async with asyncio.timeout(10):
            assert (await own.receive_json())["data"] == data
            assert (await other.receive_json())["type"] == "call.started"
            assert (await boss.receive_json())["type"] == "call.started"
