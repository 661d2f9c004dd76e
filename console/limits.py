"""What one connection may cost us: time until its request is there, rest between two, and how many at once.

Bodies are limited by ``BODY_LIMIT`` (console/security.py) and ``BODY_SECONDS`` (console/dispatch.py),
headers by aiohttp (8 KB a line). What is missing there is time: a client that sends its header byte by byte
would hold a connection for ever, and a few thousand of them every file handle that the desk has.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiohttp import web

FIRST_REQUEST = 20.0  # seconds from connecting (TLS included) to a whole header
BETWEEN = 90.0  # seconds between two requests of one connection
KEEP_ALIVE = 75.0  # when aiohttp itself ends a resting connection
FROM_ONE_ADDRESS = 512  # connections; an office of forty desks behind one address needs less
SWEEP = 1.0
HEADER_LINE = 8_190  # bytes

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Connections:
    """Makes a handler for each connection, and ends those that only cost."""

    def __init__(
        self,
        server: web.Server,
        *,
        first: float = FIRST_REQUEST,
        between: float = BETWEEN,
        per_address: int = FROM_ONE_ADDRESS,
    ) -> None:
        self._server = server
        self._first, self._between, self._per_address = first, between, per_address
        self._open: dict[asyncio.Protocol, float] = {}  # since when nothing is asked on it
        self._served: set[asyncio.Protocol] = set()
        self._busy: dict[asyncio.Protocol, int] = defaultdict(int)

    def __call__(self) -> asyncio.Protocol:
        """A new connection's protocol, for ``loop.create_server``."""
        handler = self._server()
        self._open[handler] = time.monotonic()
        return handler

    async def watched(self, request: web.Request, handler: Next) -> web.StreamResponse:
        """Around each request: while it runs its connection is in use (a WebSocket as long as it lives)."""
        protocol = request.protocol
        self._busy[protocol] += 1
        try:
            return await handler(request)
        finally:
            self._busy[protocol] -= 1
            if self._busy[protocol] <= 0:
                del self._busy[protocol]
            self._served.add(protocol)
            if protocol in self._open:
                self._open[protocol] = time.monotonic()

    async def sweep_forever(self) -> None:
        """Look at all connections each second."""
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> int:
        """End what is over its limits; returns how many were ended."""
        ended = 0
        by_address: dict[str, int] = defaultdict(int)
        for protocol, since in list(self._open.items()):
            transport = getattr(protocol, "transport", None)
            limit = self._between if protocol in self._served else self._first
            if transport is None:
                if now - since > limit:  # gone, or never became one
                    self._forget(protocol)
                continue
            peer = transport.get_extra_info("peername")
            address = str(peer[0]) if peer else ""
            by_address[address] += 1
            crowded = by_address[address] > self._per_address and address not in LOCAL
            if crowded or (protocol not in self._busy and now - since > limit):
                transport.abort()
                self._forget(protocol)
                ended += 1
        return ended

    def _forget(self, protocol: asyncio.Protocol) -> None:
        self._open.pop(protocol, None)
        self._served.discard(protocol)


CONNECTIONS: web.AppKey[list[Connections]] = web.AppKey("connections", list)


LOCAL = {"127.0.0.1", "::1", "::ffff:127.0.0.1", ""}  # a proxy in front of us has everybody's connections
