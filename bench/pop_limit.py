"""The limit of ``./112 bench pop``: ``python -m bench.pop_limit AMI_PORT``, one process and nothing else.

It reads the same socket, encodes a message once and writes the same bytes to every browser: no record, no
state, no roles, no bus, nobody to answer for. Its first line of output is the port it serves.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiohttp import web

from ami_bridge.wire import read_event
from bench.bridge_stream import END, message_of
from psap.platform.settings import load_secrets, load_settings


class Limit(asyncio.Protocol):
    """From the AMI socket to the browsers' sockets."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._rest = b""
        self._browsers: set[asyncio.WriteTransport] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        login = ["Action: Login", "ActionID: 1", "Username: bridge", f"Secret: {self._secret}"]
        transport.write(("\r\n".join(login) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        *events, self._rest = (self._rest + data).split(END)
        for event in events:
            if event.startswith(b"Event: ") and (kind := message_of(event)) is not None:
                self._tell(kind, read_event(event))

    def _tell(self, kind: str, event: dict[str, str]) -> None:
        words = {"v": 1, "type": kind, "at": event["Timestamp"], "call_id": event["Linkedid"], "data": event}
        text = json.dumps(words, separators=(",", ":")).encode()
        frame = b"\x81\x7e" + len(text).to_bytes(2, "big") + text
        for browser in self._browsers:
            browser.write(frame)

    async def browser(self, request: web.Request) -> web.StreamResponse:
        """One browser's life."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        transport = request.transport
        assert isinstance(transport, asyncio.WriteTransport)
        self._browsers.add(transport)
        async for _ in socket:
            pass
        self._browsers.discard(transport)
        return socket


async def serve(ami_port: int) -> None:
    """Run until killed."""
    limit = Limit(load_secrets(load_settings().home).ami_bridge)
    app = web.Application()
    app.router.add_get("/", limit.browser)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await asyncio.get_running_loop().create_connection(lambda: limit, "127.0.0.1", ami_port)
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
