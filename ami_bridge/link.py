"""The link to Asterisk: connects, logs in, watches, reconnects; gives events in order.

Guarantees: every action is answered, refused or timed out; none is ever sent twice; a stopped
Asterisk is noticed within ``PING_TIMEOUT``; a handler's exception is logged and the link goes on;
a wrong secret is said once, not each second.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from ami_bridge.wire import Headers, LinkAwayError, LinkError, RefusedError, Wire, plain

PING_EVERY = 1.0  # seconds
PING_TIMEOUT = 3.0  # seconds without an answer: the connection is dropped
ACTION_TIMEOUT = 3.0  # seconds
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts, the last one repeated
SECRET_BACK_OFF = 10.0  # seconds: a wrong secret does not become right by asking often


class Log(Protocol):
    """The part of a logger that the link uses."""

    def info(self, event: str, **fields: object) -> object: ...
    def warning(self, event: str, **fields: object) -> object: ...
    def error(self, event: str, **fields: object) -> object: ...


class Link:
    """A connection to one Asterisk that is kept alive until ``close``.

    ``on_event(headers)`` is called for each event in order, never two at once. ``on_up()`` is
    awaited after each FullyBooted; events that come meanwhile wait for its end. ``on_down(why)`` is
    called once per loss.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str,
        *,
        on_event: Callable[[Headers], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        log: Log,
    ) -> None:
        self._where = (host, port)
        self._login = (username, secret)
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._log = log
        self._wire: Wire | None = None
        self._events: deque[Headers] = deque()
        self._news = asyncio.Event()
        self._flow = asyncio.Event()  # clear while a resync runs
        self._lost = asyncio.Event()
        self._booted = asyncio.Event()  # Asterisk said FullyBooted on this connection
        self._why = "not connected yet"
        self._said: str | None = None  # the last complaint, to say each once
        self._closing = False
        self._last_answer = 0.0
        self.up = False

    @property
    def detail(self) -> str:
        """Why the link is down, in words."""
        return self._why

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        consumer = asyncio.create_task(self._consume(), name="ami-events")
        attempt = 0
        try:
            while not self._closing:
                started = time.monotonic()
                pause = BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
                try:
                    await self._session()
                except RefusedError as error:
                    self._complain(f"Asterisk refuses our AMI login: {error}")
                    pause = SECRET_BACK_OFF
                except (LinkError, OSError, TimeoutError) as error:
                    self._complain(str(error) or "Asterisk's AMI port does not answer in time")
                attempt = 0 if time.monotonic() - started > 5 else attempt + 1
                if not self._closing:
                    await asyncio.sleep(pause)
        finally:
            consumer.cancel()
            self._drop("closing")
            with contextlib.suppress(asyncio.CancelledError):
                await consumer

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        self._lost.clear()
        self._events.clear()
        self._flow.clear()
        self._booted.clear()
        async with asyncio.timeout(ACTION_TIMEOUT):
            _, wire = await loop.create_connection(lambda: Wire(self._take, self._gone), *self._where)
        self._wire = wire
        up_task: asyncio.Task[None] | None = None
        try:
            username, secret = self._login
            await self.do("Login", Username=username, Secret=secret, Events="on")
            self._last_answer = time.monotonic()
            up_task = asyncio.create_task(self._rise(), name="ami-up")
            await self._watch()
        finally:
            self._drop(self._why)
            if up_task is not None:
                up_task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await up_task
            if self.up:
                self.up = False
                self._on_down(self._why)
        raise LinkAwayError(self._why)

    async def _rise(self) -> None:
        try:
            await self._booted.wait()
            await self._on_up()
            self.up = True
            self._flow.set()
            self._said = None
            self._why = ""
            self._log.info("asterisk connected")
        except LinkError as error:
            self._drop(str(error))
        except Exception as error:
            self._log.error("resync failed", error=repr(error), exc_info=True)
            self._drop(f"resync failed: {error!r}")

    async def _watch(self) -> None:
        while not self._lost.is_set():
            ping = asyncio.create_task(self._ping())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_EVERY):
                    await self._lost.wait()
            if time.monotonic() - self._last_answer > PING_TIMEOUT:
                ping.cancel()
                self._drop(f"Asterisk has not answered a ping for {PING_TIMEOUT:.0f} s")

    async def _ping(self) -> None:
        with contextlib.suppress(LinkError):
            await self.do("Ping")
            self._last_answer = time.monotonic()

    def _take(self, headers: Headers) -> None:
        if headers.get("Event") == "FullyBooted":
            self._booted.set()
            return
        self._events.append(headers)
        self._news.set()

    async def _consume(self) -> None:
        while True:
            await self._news.wait()
            await self._flow.wait()
            self._news.clear()
            while self._events and self._flow.is_set():
                headers = self._events.popleft()
                try:
                    self._on_event(headers)
                except Exception as error:
                    # one event that we do not understand must not cost the ones after it
                    name = headers.get("Event")
                    self._log.error("event handler failed", ami=name, error=repr(error), exc_info=True)

    def _gone(self, why: str) -> None:
        self._why = why
        self._lost.set()

    def _drop(self, why: str) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.fail(why)

    def _complain(self, why: str) -> None:
        self._why = why
        if why != self._said and not self._closing:
            self._said = why
            self._log.warning("asterisk away", detail=why)

    async def close(self) -> None:
        """End for good; ``run`` returns."""
        self._closing = True
        self._drop("closing")
        self._lost.set()

    async def do(self, name: str, *, timeout: float = ACTION_TIMEOUT, **fields: object) -> list[Headers]:
        """Send one action and return its answers (one, or a whole list).

        Raises:
            LinkAwayError: no connection, or no answer within ``timeout`` seconds. Whether
                Asterisk did it is then unknown, and it is not sent again.
            RefusedError: not allowed, or Asterisk answered with an error.
        """
        wire = self._wire
        if wire is None:
            raise LinkAwayError(self._why or "not connected to Asterisk")
        try:
            async with asyncio.timeout(timeout):
                answers = [plain(message) for message in await wire.submit(name, fields)]
        except TimeoutError as error:
            raise LinkAwayError(f"no answer to {name} within {timeout} s") from error
        if answers[0].get("Response") not in ("Success", "Follows", "Goodbye"):
            raise RefusedError(answers[0].get("Message", f"{name} was refused"))
        return answers

    async def bulk(
        self, actions: Iterable[tuple[str, Mapping[str, object]]], *, timeout: float = 60.0
    ) -> tuple[int, int]:
        """Send many actions in a pipeline; (succeeded, refused). Raises like ``do``."""
        wire = self._wire
        if wire is None:
            raise LinkAwayError(self._why or "not connected to Asterisk")
        try:
            async with asyncio.timeout(timeout):
                return await wire.bulk_actions(actions)
        except TimeoutError as error:
            raise LinkAwayError(f"a bulk of actions took longer than {timeout} s") from error
