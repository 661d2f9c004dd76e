"""The console's local socket: what a TLS front in a container of its own speaks to."""

from __future__ import annotations

import stat
from pathlib import Path

from aiohttp import ClientSession, UnixConnector, web
from aiohttp.test_utils import TestServer

from console.__main__ import listen_locally
from console.limits import Connections
from console.security import client_address


async def _who(request: web.Request) -> web.Response:
    return web.Response(text=client_address(request))


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/", _who)
    return app


async def test_the_front_tells_the_browsers_address(tmp_path: Path) -> None:
    path = tmp_path / "console.sock"
    runner = web.AppRunner(_app())
    await runner.setup()
    assert runner.server is not None
    server = await listen_locally(Connections(runner.server), path)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        async with ClientSession(connector=UnixConnector(str(path))) as http:
            for said, heard in (("10.1.2.3", "10.1.2.3"), ("6.6.6.6, 10.1.2.3", "10.1.2.3"), ("", "")):
                headers = {"X-Forwarded-For": said} if said else {}
                async with http.get("http://console/", headers=headers) as answer:
                    assert await answer.text() == heard
    finally:
        server.close()
        await runner.cleanup()


async def test_nobody_pretends_an_address_over_tcp() -> None:
    async with (
        TestServer(_app()) as server,
        ClientSession(headers={"X-Forwarded-For": "6.6.6.6"}) as http,
        http.get(server.make_url("/")) as answer,
    ):
        assert await answer.text() == "127.0.0.1"


async def test_a_socket_that_was_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "console.sock"
    runner = web.AppRunner(_app())
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server)
    first = await listen_locally(connections, path)
    first.close()  # closing leaves the file
    second = await listen_locally(connections, path)
    second.close()
    await runner.cleanup()
