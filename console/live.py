"""The live channel: one reader of the hot store, many browsers.

A message is encoded and framed at most once per class of sight (whole, masked), and the same bytes
are written to every browser that keeps up, at once. Who does not has a bounded queue; when that is
full, too, it is closed and comes back with ``?after=SEQ``. Without Redis the clients are told
``degraded`` and poll; afterwards ``reset``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from console.visibility import Sight, masked, owners, rule
from psap.accounts.model import User
from psap.platform.clock import Clock
from psap.platform.events import Event
from psap.platform.hot import Hot, HotAwayError

QUEUE = 1_000  # messages a client may be behind
ROOM = 65_536  # bytes that a socket may hold back before its client counts as behind
RETRY = 0.25  # seconds between two tries to reach Redis again

log = structlog.get_logger(part="console")


class Message:
    """A text message. ``frame``: as it goes over any WebSocket without compression (RFC 6455, 5.2)."""

    __slots__ = ("frame", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        payload = text.encode("utf-8")
        length = len(payload)
        if length < 126:
            head = bytes((0x81, length))
        elif length < 65_536:
            head = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + length.to_bytes(8, "big")
        self.frame = head + payload


RESET = Message('{"type":"reset"}')
DEGRADED = Message('{"type":"degraded","data":{"what":"redis"}}')


@dataclass(eq=False, slots=True)
class Client:
    """One browser or script on the live channel. ``replaying``: events wait until it caught up."""

    user: User
    secret: str
    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    outbox: asyncio.Queue[Message | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    behind: int = 0  # messages in the outbox, or taken from it and not written yet
    ended: bool = False
    held: list[tuple[str, Event]] | None = None  # events that came while it was caught up
    seen: str | None = None  # a place the reader may still be behind of: nothing twice
    closing: int = WSCloseCode.GOING_AWAY
    session_id: str = ""

    def send(self, message: Message) -> None:
        """Write a message, or keep it for who is behind; a client that cannot keep up is closed."""
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
            self.outbox.put_nowait(message)
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
        self._listeners: list[Callable[[Event], None]] = []
        self.state: Callable[[], str] | None = None  # the message that says how every part is

    @property
    def clients(self) -> int:
        return len(self._clients)

    def on_event(self, listener: Callable[[Event], None]) -> None:
        """Call ``listener`` for each event before it is fanned out."""
        self._listeners.append(listener)

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
                async for seq, event in self._hot.follow(last):
                    self._fan_out(seq, event)
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

    def _fan_out(self, seq: str, event: Event) -> None:
        self.last = seq
        self.events += 1
        self.lag_seconds = max(0.0, (self._clock.now_us() - event.at) / 1_000_000)
        for listener in self._listeners:
            listener(event)
        wire = Wire(seq, event)
        for client in list(self._clients):
            if client.held is not None:
                client.held.append((seq, event))
                continue
            if client.seen is not None:
                if not later(seq, client.seen):
                    continue
                client.seen = None
            message = wire.message_for(client.user)
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
        try:
            missed = await self._hot.since(after)
        except HotAwayError:
            # the reader notices too: degraded now, reset on its return
            client.held = None
            return
        held, client.held = client.held or [], None
        if missed is None or len(missed) + len(held) > QUEUE // 2:
            self.resets += 1
            client.send(RESET)
            return
        newest = client.seen = missed[-1][0] if missed else after
        for seq, event in [*missed, *(item for item in held if later(item[0], newest))]:
            message = Wire(seq, event).message_for(client.user)
            if message is not None:
                client.send(message)

    async def _write(self, client: Client) -> None:
        while (message := await client.outbox.get()) is not None:
            try:
                await client.socket.send_str(message.text)  # waits while the socket is full
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


class Wire:
    """One event's messages, each made when first needed."""

    __slots__ = ("_event", "_made", "_owners", "_seq")

    def __init__(self, seq: str, event: Event) -> None:
        self._seq = seq
        self._event = event
        self._owners: set[str] | None = None
        self._made: dict[Sight, Message] = {}

    def message_for(self, user: User) -> Message | None:
        """What this person receives; None: nothing."""
        own, others = rule(self._event.type, user.role)
        if own is not others:
            if self._owners is None:
                self._owners = owners(self._event)
            own = own if user.username in self._owners else others
        if own is Sight.NONE:
            return None
        return self._made.get(own) or self._make(own)

    def for_user(self, user: User) -> str | None:
        """The same as text."""
        message = self.message_for(user)
        return None if message is None else message.text

    def _make(self, seen: Sight) -> Message:
        event = self._event
        if seen is Sight.MASKED:
            event = Event(event.type, event.at, masked(event.data))
        message = self._made[seen] = Message(event.wire(self._seq))
        return message


def later(seq: str, than: str) -> bool:
    """Whether ``seq`` comes after ``than``; both are places in the stream."""
    return _place(seq) > _place(than)


def _place(seq: str) -> tuple[int, int]:
    milliseconds, _, count = seq.partition("-")
    return int(milliseconds), int(count or 0)
