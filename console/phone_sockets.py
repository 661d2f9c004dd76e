"""The way of a browser's SIP to Asterisk: bytes handed through, for as long as the sign-in lasts.

Asterisk's own web server listens on loopback and knows nobody's session; here it is known who speaks. What is
said inside (who is which telephone) is proven to Asterisk by SIP's own password, made for this sign-in.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from console.problem import Problem

PROTOCOL = "sip"
LONGEST = 64 * 1024  # bytes of a message; an INVITE has some four thousand
MOST, WITHIN = 300, 10.0  # messages in so many seconds; a busy telephone sends ten
AT_ONCE = 4  # sockets of one sign-in; tabs, and the moment of a reconnect
PING = 15.0  # seconds; a browser whose machine died is noticed
CONNECT = 3.0  # seconds
RECHECK = 10.0  # seconds between two looks whether the sign-in still counts
REFUSED = WSCloseCode.POLICY_VIOLATION
Alive = Callable[[], Awaitable[bool]]


@dataclass(eq=False, slots=True)
class Through:
    """One browser's socket and its other end at Asterisk."""

    sign_in: str
    browser: web.WebSocketResponse
    over: asyncio.Future[int]  # the close code with which we end it
    said: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))

    def too_many(self) -> bool:
        """Note one message; True where there were more than any telephone sends."""
        now = time.monotonic()
        full = len(self.said) == MOST and now - self.said[0] < WITHIN
        self.said.append(now)
        return full


class PhoneSockets:
    """Every browser that is a telephone now."""

    def __init__(self, pbx_http_port: int) -> None:
        self.url = f"http://127.0.0.1:{pbx_http_port}/ws"
        self._open: list[Through] = []

    async def serve(self, request: web.Request, sign_in: str, alive: Alive) -> web.StreamResponse:
        """Hand bytes through until either end, or the sign-in, ends.

        Raises:
            Problem: bad_request (no WebSocket of SIP), asterisk_away.
        """
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        browser = web.WebSocketResponse(
            protocols=(PROTOCOL,), heartbeat=PING, compress=False, max_msg_size=LONGEST, timeout=1.0
        )
        if PROTOCOL not in [each.strip() for each in offered.split(",")] or not browser.can_prepare(request):
            raise Problem("bad_request", f"WebSocket, {PROTOCOL}")
        async with aiohttp.ClientSession() as http:
            try:
                async with asyncio.timeout(CONNECT):
                    asterisk = await http.ws_connect(
                        self.url, protocols=(PROTOCOL,), max_msg_size=LONGEST, compress=0
                    )
            except (TimeoutError, aiohttp.ClientError, OSError):
                raise Problem("asterisk_away") from None
            async with asterisk:
                await browser.prepare(request)
                over = asyncio.get_running_loop().create_future()
                await self._through(Through(sign_in, browser, over), asterisk, alive)
        return browser

    async def _through(self, one: Through, asterisk: aiohttp.ClientWebSocketResponse, alive: Alive) -> None:
        self._end([each for each in self._open if each.sign_in == one.sign_in][: 1 - AT_ONCE], REFUSED)
        self._open.append(one)
        tasks = [
            asyncio.create_task(_from_browser(one, asterisk)),
            asyncio.create_task(_from_asterisk(one, asterisk)),
            asyncio.create_task(_ended(alive)),
        ]
        try:
            done, _ = await asyncio.wait([one.over, *tasks], return_when=asyncio.FIRST_COMPLETED)
            code = one.over.result() if one.over.done() else next(iter(done)).result()
        finally:
            self._open.remove(one)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # only now: who closes a socket that another task reads would take its word from it
        with contextlib.suppress(ConnectionError, TimeoutError):
            await one.browser.close(code=code)

    def end(self, sign_in: str) -> None:
        """This sign-in is over."""
        self._end([each for each in self._open if each.sign_in == sign_in], REFUSED)

    def close(self) -> None:
        """Say goodbye to everybody; conversations go on, and each browser comes back by itself."""
        self._end(list(self._open), WSCloseCode.GOING_AWAY)

    @staticmethod
    def _end(which: list[Through], code: int) -> None:
        for each in which:
            if not each.over.done():
                each.over.set_result(code)


async def _from_browser(one: Through, asterisk: aiohttp.ClientWebSocketResponse) -> int:
    """The close code with which it ended."""
    async for said in one.browser:
        if one.too_many():
            return REFUSED
        if not await _pass_on(said, asterisk):
            break
    return WSCloseCode.OK


async def _from_asterisk(one: Through, asterisk: aiohttp.ClientWebSocketResponse) -> int:
    async for said in asterisk:
        if not await _pass_on(said, one.browser):
            break
    return WSCloseCode.TRY_AGAIN_LATER


async def _pass_on(
    said: aiohttp.WSMessage, to: aiohttp.ClientWebSocketResponse | web.WebSocketResponse
) -> bool:
    """False where there was nothing to pass on, or nobody to take it."""
    try:
        if said.type is WSMsgType.TEXT:
            await to.send_str(said.data)
        elif said.type is WSMsgType.BINARY:
            await to.send_bytes(said.data)
        else:
            return False
    except ConnectionError:
        return False
    return True


async def _ended(alive: Alive) -> int:
    """Wait until the sign-in counts no more."""
    while True:
        await asyncio.sleep(RECHECK)
        if not await alive():
            return REFUSED


SOCKETS: web.AppKey[PhoneSockets] = web.AppKey("phone sockets", PhoneSockets)
