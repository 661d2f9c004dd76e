"""The link to Asterisk: connects, logs in, watches, reconnects; gives events in order.

Guarantees: every action is answered, refused or timed out; none is ever sent twice; a stopped
Asterisk is noticed within ``PING_TIMEOUT`` and one ``PING_EVERY``; a handler's exception is logged
and the link goes on; a wrong secret is said once, not each second; what Asterisk tells faster than
we handle waits in Asterisk, and when even that is too much the connection is dropped: the resync
that follows tells everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from typing import Protocol

from ami_bridge.story import whose
from ami_bridge.wire import Headers, LinkAwayError, LinkError, RefusedError, Wire, plain

PING_EVERY = 1.0  # seconds
PEER_SILENT = 3  # pings in a row without a single byte from Asterisk: the connection is dropped
PING_TIMEOUT = PEER_SILENT * PING_EVERY  # seconds
PING_UNANSWERED = 10.0  # seconds: it sends, but it does not hear us
OUR_LAG = 1.0  # seconds: we ourselves were stopped or starved, and judge nobody
ACTION_TIMEOUT = 3.0  # seconds
BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts, the last one repeated
SECRET_BACK_OFF = 5.0  # seconds: a wrong secret does not become right by asking often
SLICE = 200  # events handled before others have their turn
ENOUGH = 2_000  # events waiting: read no more until half of them are handled
TOO_MANY = 200_000  # events waiting while a resync runs (about 200 MB): start anew


class Log(Protocol):
    """The part of a logger that the link uses."""

    def info(self, event: str, **fields: object) -> object: ...
    def warning(self, event: str, **fields: object) -> object: ...
    def error(self, event: str, **fields: object) -> object: ...


class Link:
    """A connection to one Asterisk that is kept alive until ``close``.

    ``on_event(headers)`` is called for each event in order, never two at once. ``on_up()`` is
    awaited after each FullyBooted; events that come meanwhile wait for its end. ``on_down(why)`` is
    called once per loss. ``secret`` may be a function: it is asked before each login, so that a
    secret that was put right is used without a restart. ``wanted`` names the events that ``on_event``
    hears (None: all); the others, a third of what Asterisk tells, are only counted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str,
        secret: str | Callable[[], str],
        *,
        on_event: Callable[[Headers], None],
        on_up: Callable[[], Awaitable[None]],
        on_down: Callable[[str], None],
        log: Log,
        wanted: Container[bytes] | None = None,
    ) -> None:
        self._where = (host, port)
        self._login = (username, secret)
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._log = log
        self._wire: Wire | None = None
        self._events: deque[Headers] = deque()
        self._flows = False  # not while a resync runs
        self._turn: asyncio.Handle | None = None  # when events are handled next
        self._lost = asyncio.Event()
        self._booted = asyncio.Event()  # Asterisk said FullyBooted on this connection
        self._why = "not connected yet"
        self._said: str | None = None  # the last complaint, to say each once
        self._closing = False
        self._last_answer = 0.0
        self._handled = 0
        self._passed = 0  # events that nobody wanted, on connections that are over
        self._wanted = wanted
        self._losses = 0
        self._most_waiting = 0
        self._resync_seconds = 0.0
        self.refused = False  # Asterisk said no to our name and secret
        self.up = False

    @property
    def detail(self) -> str:
        """Why the link is down, in words."""
        return self._why

    def figures(self) -> dict[str, float]:
        """What the link counts, for metrics."""
        return {
            "link_up": float(self.up),
            "events": self._handled + self._passed + (self._wire.passed if self._wire is not None else 0),
            "events_waiting": len(self._events),
            "events_waiting_most": self._most_waiting,
            "losses": self._losses,
            "resync_seconds": round(self._resync_seconds, 3),
        }

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        attempt = 0
        try:
            while not self._closing:
                started = time.monotonic()
                pause = BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
                try:
                    await self._session()
                except RefusedError as error:
                    self.refused = True
                    self._complain(f"Asterisk refuses our AMI login: {error}")
                    pause = SECRET_BACK_OFF
                except (LinkError, OSError, TimeoutError) as error:
                    self._complain(str(error) or "Asterisk's AMI port does not answer in time")
                except ValueError as error:
                    self._complain(f"the AMI secret cannot be read: {error}")
                    pause = SECRET_BACK_OFF
                attempt = 0 if time.monotonic() - started > 5 else attempt + 1
                if not self._closing:
                    await asyncio.sleep(pause)
        finally:
            self._drop("closing")
            self._flows = False
            if self._turn is not None:
                self._turn.cancel()

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        self._lost.clear()
        self._events.clear()
        self._flows = False
        self._booted.clear()
        async with asyncio.timeout(ACTION_TIMEOUT):
            _, wire = await loop.create_connection(
                lambda: Wire(self._take, self._gone, greeted=False, wanted=self._wanted), *self._where
            )
        self._wire = wire
        up_task: asyncio.Task[None] | None = None
        try:
            username, secret = self._login
            secret = secret if isinstance(secret, str) else secret()
            await self.do("Login", Username=username, Secret=secret, Events="on")
            self.refused = False
            self._why = "Asterisk is still starting"
            self._last_answer = time.monotonic()
            up_task = asyncio.create_task(self._rise(), name="ami-up")
            await self._watch()
        finally:
            self._drop(self._why)
            if up_task is not None:
                up_task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await up_task
            was_up, self.up = self.up, False
            if was_up and not self._closing:
                self._losses += 1
                self._on_down(self._why)
        raise LinkAwayError(self._why)

    async def _rise(self) -> None:
        try:
            await self._booted.wait()
            self._why = "catching up with Asterisk"
            began = time.monotonic()
            await self._on_up()
            self._resync_seconds = time.monotonic() - began
            self.up = True
            self._flows = True
            self._soon()
            self._said = None
            self._why = ""
            self._log.info("asterisk connected")
        except LinkError as error:
            self._drop(str(error))
        except Exception as error:
            self._log.error("resync failed", error=repr(error), exc_info=True)
            self._drop(f"resync failed: {error!r}")

    async def _watch(self) -> None:
        """Ping until the connection is lost, or drop it when Asterisk is silent."""
        wire = self._wire
        pings: set[asyncio.Task[None]] = set()
        silent, received = 0, -1
        while wire is not None and not self._lost.is_set():
            ping = asyncio.create_task(self._ping())
            pings.add(ping)
            ping.add_done_callback(pings.discard)
            began = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_EVERY):
                    await self._lost.wait()
            late = time.monotonic() - began > PING_EVERY + OUR_LAG
            if wire.received != received or not wire.reading:
                silent, received = 0, wire.received
            elif not late:
                # our own rounds count: after we were stopped ourselves, what came meanwhile is read first
                silent += 1
            if late or not wire.reading:
                self._last_answer = max(self._last_answer, time.monotonic() - PING_UNANSWERED / 2)
            if silent >= PEER_SILENT:
                self._drop(f"Asterisk has been silent for {PEER_SILENT * PING_EVERY:.0f} s")
            elif time.monotonic() - self._last_answer > PING_UNANSWERED:
                self._drop(f"Asterisk has not answered a ping for {PING_UNANSWERED:.0f} s")
        for ping in pings:
            ping.cancel()

    async def _ping(self) -> None:
        with contextlib.suppress(LinkError):
            await self.do("Ping", timeout=PING_UNANSWERED)
            self._last_answer = time.monotonic()

    def _take(self, headers: Headers) -> None:
        if headers.get("Event") == "FullyBooted":
            self._booted.set()
            return
        self._events.append(headers)
        self._soon()
        waiting = len(self._events)
        self._most_waiting = max(self._most_waiting, waiting)
        if waiting < ENOUGH or self._wire is None:
            return
        if self._flows:
            self._wire.pause_reading()
        elif waiting > TOO_MANY:
            # a resync reads its answers from this connection: it cannot be told to wait
            self._drop(f"more than {TOO_MANY} events while catching up")

    def _soon(self) -> None:
        """Events are handled in the loop's next round; no task is woken for it."""
        if self._turn is None and self._flows and self._events:
            self._turn = asyncio.get_running_loop().call_soon(self._slice)

    def _slice(self) -> None:
        self._turn = None
        if not self._flows:
            return
        for _ in range(min(SLICE, len(self._events))):
            self._handle(self._events.popleft())
        if len(self._events) <= ENOUGH // 2 and self._wire is not None:
            self._wire.resume_reading()
        self._soon()  # pings, commands and records have their turn before

    def _handle(self, headers: Headers) -> None:
        self._handled += 1
        try:
            self._on_event(headers)
        except Exception as error:
            # one event that we do not understand must not cost the ones after it
            name = headers.get("Event")
            whose_call = whose(headers["Linkedid"]) if headers.get("Linkedid") else None
            self._log.error(
                "event handler failed", ami=name, call_id=whose_call, error=repr(error), exc_info=True
            )

    def _gone(self, why: str) -> None:
        self._why = why
        self._lost.set()

    def _drop(self, why: str) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            self._passed += wire.passed
            wire.fail(why)

    def _complain(self, why: str) -> None:
        self._why = why
        if why != self._said and not self._closing:
            self._said = why
            self._log.warning("asterisk away", detail=why)

    def reconnect(self, why: str) -> None:
        """Give the connection up and make a new one; what happened meanwhile is caught up."""
        self._drop(why)

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
        action = wire.submit(name, fields)
        try:
            async with asyncio.timeout(timeout):
                answers = [plain(message) for message in await action.future]
        except TimeoutError as error:
            raise LinkAwayError(f"no answer to {name} within {timeout} s") from error
        finally:
            wire.forget(action)
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
