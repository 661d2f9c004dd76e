"""The sound of one telephone: RTP both ways on a UDP port of our own.

SIPp does the signalling and names this port in its SDP. One ticker paces all telephones of a
process, so forty of them cost one task.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from collections import deque
from typing import Any, cast

from psap.sip import audio

TELEPHONE_EVENT = 101  # payload type of RFC 4733 in our SDP
_EVENTS = {**{str(n): n for n in range(10)}, "*": 10, "#": 11, "A": 12, "B": 13, "C": 14, "D": 15}


class Ticker:
    """Calls every telephone's ``tick`` each 20 ms while there is one."""

    def __init__(self) -> None:
        self.members: set[Media] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, member: Media) -> None:
        self.members.add(member)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        clock = asyncio.get_running_loop()
        due = clock.time()
        while self.members:
            for member in list(self.members):
                member.tick()
            # after a long stop of the loop, packets go out in a burst as a jittery network's do
            due = max(due + audio.PACE, clock.time() - 0.2)
            await asyncio.sleep(max(0.0, due - clock.time()))


_tickers: dict[int, Ticker] = {}


def _ticker() -> Ticker:
    loop = asyncio.get_running_loop()
    return _tickers.setdefault(id(loop), Ticker())


class Media(asyncio.DatagramProtocol):
    """One RTP stream both ways, u-law or A-law, one SSRC for the whole call."""

    def __init__(self, *, alaw: bool = False) -> None:
        self.alaw = alaw
        self.peer: tuple[str, int] | None = None
        self.background = [audio.SILENCE]  # what is sent when nothing else is: repeated for ever
        self.sending = True
        self.sent = 0
        self.received = 0
        self.first_received: float | None = None  # time.monotonic
        self.last_received: float | None = None
        self.heard: deque[tuple[float, bytes]] = deque(maxlen=50 * 120)  # (when, u-law frame)
        self.keys_heard: list[str] = []
        self._queue: deque[bytes] = deque()
        self._events: deque[tuple[int, int]] = deque()  # (event, frames left incl. three ends)
        self._event_start = 0
        self._position = 0
        random_source = random.SystemRandom()
        self._ssrc = random_source.getrandbits(32)
        self._sequence = random_source.getrandbits(15)
        self._timestamp = random_source.getrandbits(31)
        self._last_event_timestamp: int | None = None
        self._idle: asyncio.Event = asyncio.Event()
        self._idle.set()
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, address: str, port: int = 0, *, alaw: bool = False) -> Media:
        """A telephone's sound on ``address``; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        _, media = await loop.create_datagram_endpoint(lambda: cls(alaw=alaw), local_addr=(address, port))
        return media

    @property
    def port(self) -> int:
        assert self._transport is not None
        return cast("int", self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def start(self, peer: tuple[str, int]) -> None:
        """Send to ``peer`` from now on."""
        self.peer = peer
        _ticker().add(self)

    def stop(self) -> None:
        """Send nothing more (the socket still listens)."""
        self.peer = None
        _ticker().members.discard(self)
        self._idle.set()

    def close(self) -> None:
        self.stop()
        if self._transport is not None:
            self._transport.close()

    def play(self, clip: audio.Clip) -> None:
        """Send a clip after what is already queued."""
        self._queue.extend(clip)
        if clip:
            self._idle.clear()

    def press(self, keys: str, seconds: float = 0.12) -> None:
        """Press keys as RFC 4733 events."""
        for key in keys:
            self._events.append((_EVENTS[key.upper()], max(3, round(seconds / audio.PACE)) + 3))
            self._events.append((-1, 4))  # released for 80 ms
        self._idle.clear()

    def number_from(self, sequence: int) -> None:
        """Go on with this RTP sequence number."""
        self._sequence = sequence & 0xFFFF

    async def played(self) -> None:
        """Wait until everything queued has been sent."""
        await self._idle.wait()

    def tick(self) -> None:
        """Send the next packet."""
        if self.peer is None or self._transport is None:
            return
        if self._events:
            self._tick_event()
        elif self._queue:
            self._send(8 if self.alaw else 0, self._encode(self._queue.popleft()))
        elif self.sending:
            frame = self.background[self._position % len(self.background)]
            self._position += 1
            self._send(8 if self.alaw else 0, self._encode(frame))
        if not self._events and not self._queue:
            self._idle.set()
        self._timestamp = (self._timestamp + audio.FRAME) & 0xFFFFFFFF

    def _encode(self, frame: bytes) -> bytes:
        return frame.translate(audio.U_TO_A) if self.alaw else frame

    def _tick_event(self) -> None:
        event, left = self._events.popleft()
        if event >= 0:
            marker = self._event_start == 0
            if marker:
                self._event_start = self._timestamp or 1
            duration = (self._timestamp - self._event_start) & 0xFFFF
            payload = struct.pack("!BBH", event, 0x80 | 10 if left <= 3 else 10, duration + audio.FRAME)
            self._send(TELEPHONE_EVENT, payload, timestamp=self._event_start, marker=marker)
        elif self.sending:
            self._send(8 if self.alaw else 0, self._encode(audio.SILENCE))
        if left > 1:
            self._events.appendleft((event, left - 1))
        else:
            self._event_start = 0

    def _send(self, kind: int, payload: bytes, *, timestamp: int | None = None, marker: bool = False) -> None:
        assert self._transport is not None
        self._sequence = (self._sequence + 1) & 0xFFFF
        stamp = self._timestamp if timestamp is None else timestamp
        header = struct.pack("!BBHII", 0x80, kind | marker << 7, self._sequence, stamp, self._ssrc)
        self._transport.sendto(header + payload, self.peer)
        self.sent += 1

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if len(data) < 12:
            return
        now = time.monotonic()
        kind, stamp = data[1] & 0x7F, int.from_bytes(data[4:8], "big")
        start = 12 + 4 * (data[0] & 0x0F)
        payload = data[start:]
        if kind == TELEPHONE_EVENT:
            if stamp != self._last_event_timestamp and payload:
                self._last_event_timestamp = stamp
                self.keys_heard.append("0123456789*#ABCD"[payload[0] & 0x0F])
            return
        if kind not in (0, 8):
            return
        self.received += 1
        self.first_received = self.first_received or now
        self.last_received = now
        self.heard.append((now, payload.translate(audio.A_TO_U) if kind == 8 else payload))

    def error_received(self, exc: Exception) -> None:
        """The other side closed its port: normal at the end of a call."""

    def loudness(self, seconds: float = 1.0) -> float:
        """Mean level of what was heard in the last ``seconds``; 0.0 for nothing."""
        since = time.monotonic() - seconds
        levels = [audio.level(frame) for when, frame in self.heard if when >= since]
        return sum(levels) / len(levels) if levels else 0.0

    def share(self, hertz: float, seconds: float = 1.0) -> float:
        """Share of one frequency in what was heard in the last ``seconds``."""
        since = time.monotonic() - seconds
        return audio.tone_share([frame for when, frame in self.heard if when >= since], hertz)

    async def hears(self, hertz: float, *, timeout: float, share: float = 0.5, seconds: float = 0.4) -> None:
        """Wait until a tone fills what is heard.

        Raises:
            TimeoutError: it was not heard in time.
        """
        async with asyncio.timeout(timeout):
            while True:
                if len(self.heard) >= 10 and self.share(hertz, seconds) >= share:
                    return
                await asyncio.sleep(0.05)

    async def hears_sound(self, *, timeout: float, level: float = 200) -> float:
        """Wait until anything louder than ``level`` is heard; the moment it was (monotonic)."""
        async with asyncio.timeout(timeout):
            while True:
                for when, frame in reversed(list(self.heard)[-25:]):
                    if audio.level(frame) > level:
                        return when
                await asyncio.sleep(0.02)

    async def falls_silent(self, *, timeout: float, seconds: float = 1.0, level: float = 50) -> None:
        """Wait until the other side has been quiet for ``seconds``, as after a prompt."""
        async with asyncio.timeout(timeout):
            while True:
                if self.received * audio.PACE >= seconds and self.loudness(seconds) <= level:
                    return
                await asyncio.sleep(0.05)
