"""The live channel: one reader of the hot store, many browsers.

What one read of the hot store brings (one event as a rule, more of them the busier it is) goes to every
browser that keeps up in one write, at once; the bytes are made once for all who see the same. Who does
not keep up has a bounded queue; when that is full, too, it is closed and comes back with ``?after=SEQ``.
Without Redis the clients are told ``degraded`` and poll; afterwards ``reset``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from console.live_messages import Batch, Message, later
from psap.accounts.model import User
from psap.platform.clock import Clock
from psap.platform.events import Event
from psap.platform.hot import Hot, HotAwayError

QUEUE = 1_000  # messages a client may be behind
ROOM = 65_536  # bytes that a socket may hold back before its client counts as behind
RETRY = 0.25  # seconds between two tries to reach Redis again

log = structlog.get_logger(part="console")


RESET = Message('{"type":"reset"}')
DEGRADED = Message('{"type":"degraded","data":{"what":"redis"}}')


@dataclass(eq=False, slots=True)
class Client:
    """One browser or script on the live channel. ``replaying``: events wait until it caught up."""

    user: User
    secret: str
    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    outbox: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    behind: int = 0  # messages in the outbox, or taken from it and not written yet
    ended: bool = False
    held: list[tuple[str, Event]] | None = None  # events that came while it was caught up
    seen: str | None = None  # a place the reader may still be behind of: nothing twice
    closing: int = WSCloseCode.GOING_AWAY
    session_id: str = ""

    def send(self, message: Message) -> None:
        """Write it, or keep it for who is behind; a client that cannot keep up is closed."""
        wire = self.transport
        if self.ended or wire is None or wire.is_closing():
            return
        # a peer that keeps up is written to at once; one call for each browser is what counts here
        if (
            not self.behind
            and isinstance(wire, asyncio.WriteTransport)
            and wire.get_write_buffer_size() <= ROOM
        ):
            wire.write(message.frame)
            return
        try:
            for text in message.texts:
                self.outbox.put_nowait(text)
                self.behind += 1
        except asyncio.QueueFull:
            self.close(WSCloseCode.TRY_AGAIN_LATER)
            # a peer that does not read would never see a closing frame either
            if isinstance(wire, asyncio.WriteTransport):
                wire.abort()

    def close(self, code: int) -> None:
        """End this client: what it has not read is dropped, it can ask again with ``after``."""
        self.closing, self.ended = code, True
        while True:
            try:
                self.outbox.get_nowait()
            except asyncio.QueueEmpty:
                break
        self.outbox.put_nowait(None)


class Live:
    """The fan-out. ``run()`` follows the hot store for ever; ``serve()`` is one client's life."""

    def __init__(self, hot: Hot, clock: Clock) -> None:
        self._hot = hot
        self._clock = clock
        self._clients: set[Client] = set()
        self.connected = False
        self.ready = asyncio.Event()  # set once the hot store is followed
        self.last: str | None = None
        self.events = 0
        self.resets = 0  # clients told to fetch anew
        self.lag_seconds = 0.0  # of the newest event, from its happening to our reading it
        self.state: Callable[[], str] | None = None  # the message that says how every part is

    @property
    def clients(self) -> int:
        return len(self._clients)

    async def run(self) -> None:
        """Follow the hot store until cancelled; it may go and come back."""
        first = True
        while True:
            try:
                last = await self._hot.last_seq()
                self.last, self.connected = last, True
                if not first:
                    log.info("hot store is back")
                    self.resets += len(self._clients)
                    self._tell(RESET)
                self.ready.set()
                async for events in self._hot.follow(last):
                    self._fan_out(events)
            except HotAwayError:
                pass
            except Exception:
                # a message we cannot read must not end the live channel: start anew after it
                log.exception("live channel stumbled")
            if self.connected or first:
                log.warning("hot store is away; clients poll")
                self._tell(DEGRADED)
            first = False
            self.connected = False
            self.ready.clear()
            await asyncio.sleep(RETRY)

    def tell(self, message: str) -> None:
        """Send a message to everybody who is connected."""
        self._tell(Message(message))

    def _tell(self, message: Message) -> None:
        for client in list(self._clients):
            client.send(message)

    def _fan_out(self, events: Sequence[tuple[str, Event]]) -> None:
        self.last, newest = events[-1]
        self.events += len(events)
        self.lag_seconds = max(0.0, (self._clock.now_us() - newest.at) / 1_000_000)
        batch = Batch(events)
        for client in list(self._clients):
            if client.held is not None:
                client.held.extend(events)
                continue
            told = batch
            if client.seen is not None:
                told = batch.after(client.seen)
                if later(self.last, client.seen):
                    client.seen = None
            message = told.message_for(client.user)
            if message is not None:
                client.send(message)

    async def serve(self, client: Client, after: str | None) -> None:
        """Serve one client until either side ends it. The socket is prepared already."""
        if after is not None:
            client.held = []
        self._clients.add(client)
        if not self.connected:
            client.send(DEGRADED)
        writer = asyncio.create_task(self._write(client))
        try:
            if after is not None:
                await self._replay(client, after)
            async for said in client.socket:
                # wishes are REST calls; all that can be asked here is how we are, a proof of life too
                if said.type is WSMsgType.TEXT and said.data == "state" and self.state is not None:
                    client.send(Message(self.state()))
        finally:
            self._clients.discard(client)
            client.close(WSCloseCode.OK)
            with contextlib.suppress(ConnectionError):
                await writer

    async def _replay(self, client: Client, after: str) -> None:
        """Send what was missed, then what happened meanwhile; in order, nothing twice."""
        most = QUEUE // 2
        try:
            missed = await self._hot.since(after, most)
        except HotAwayError:
            missed = None  # one question that came too late: the reader may never notice, and say nothing
        held, client.held = client.held or [], None
        if missed is None or len(missed) + len(held) > most:
            self.resets += 1
            client.send(RESET)
            return
        newest = client.seen = missed[-1][0] if missed else after
        for event in [*missed, *(item for item in held if later(item[0], newest))]:
            message = Batch([event]).message_for(client.user)
            if message is not None:
                client.send(message)

    async def _write(self, client: Client) -> None:
        while (text := await client.outbox.get()) is not None:
            try:
                await client.socket.send_str(text)  # waits while the socket is full
            except ConnectionError:
                return
            client.behind -= 1
        await client.socket.close(code=client.closing)

    def expel(self, unwelcome: Callable[[Client], bool]) -> None:
        """Close the clients for which ``unwelcome`` is true, e.g. whose session ended."""
        for client in [one for one in self._clients if unwelcome(one)]:
            client.close(WSCloseCode.POLICY_VIOLATION)

    def connected_clients(self) -> list[Client]:
        """Who is connected."""
        return list(self._clients)

    def close(self) -> None:
        """Say goodbye to everybody."""
        for client in list(self._clients):
            client.close(WSCloseCode.GOING_AWAY)
