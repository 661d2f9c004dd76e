"""A citizen on the telephone: one SIP call from the carrier's address."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from psap.sip import audio
from psap.sip.media import TELEPHONE_EVENT, Media
from psap.sip.sipp import Fields, Lines, SippError

QUIET = audio.pause(audio.PACE)


@dataclass(slots=True)
class Ended:
    """How a call ended. ``by``: caller, callee or refused; ``status`` the final SIP status."""

    by: str
    status: int | None
    at: float  # time.monotonic


class Caller:
    """One call. ``async with Caller(...)`` dials; leaving the block hangs up if still talking.

    ``identity`` is the caller's number in From and P-Asserted-Identity; None: withheld.
    ``sound`` is what is sent all the time: a clip repeated for ever, or None for no RTP at all.
    ``events``: offers RFC 4733. Texts go on the wire as they are, hostile ones too.
    """

    def __init__(
        self,
        lines: Lines,
        identity: str | None,
        *,
        dialled: str = "112",
        from_header: bytes | None = None,
        extra_header: bytes | None = None,
        sound: audio.Clip | None = QUIET,
        alaw: bool = False,
        events: bool = True,
    ) -> None:
        self.lines = lines
        self.identity = identity
        self.dialled = dialled
        self.alaw = alaw
        self.events = events
        self.media: Media
        self.times: dict[str, float] = {}  # word of the scenario -> time.monotonic of its first telling
        self._sound = sound
        self._from = from_header if from_header is not None else self._usual_from()
        self._extra = extra_header if extra_header is not None else self._usual_extra()
        self._call_id = ""

    def _usual_from(self) -> bytes:
        if self.identity is None:
            return b'"Anonymous" <sip:anonymous@anonymous.invalid>'
        return f"<sip:{self.identity}@{self.lines.address}>".encode()

    def _usual_extra(self) -> bytes:
        if self.identity is None:
            return b"Privacy: id"
        return f"P-Asserted-Identity: <sip:{self.identity}@{self.lines.address}>".encode()

    async def __aenter__(self) -> Self:
        await self.dial()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def dial(self) -> None:
        """Send the INVITE."""
        loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[float] = loop.create_future()
        self._ended: asyncio.Future[Ended] = loop.create_future()
        self._quit, self._info = asyncio.Event(), asyncio.Event()
        self.media = await Media.open(self.lines.address, alaw=self.alaw)
        self.media.sending = self._sound is not None
        if self._sound is not None:
            self.media.background = self._sound
        self._call_id = self.lines.new_call(self._told)
        payloads = ("8" if self.alaw else "0") + (f" {TELEPHONE_EVENT}" if self.events else "")
        host, port = self.lines.target
        uri = f"sip:{self.dialled}@{host}:{port}"
        offer = f"{self.media.port} RTP/AVP {payloads}"
        self.lines.first_order(
            self._call_id,
            "dial",
            offer,
            uri=uri,
            sender=self._from,
            to=f"<{uri}>".encode(),
            extra=self._extra,
        )

    def _told(self, word: str, when: float, fields: Fields) -> None:
        self.times.setdefault(word, when)
        if word == "answered":
            if fields.get("port", "").isdigit():
                self.media.start((fields["ip"], int(fields["port"])))
        elif word == "ready":  # now it also takes orders
            if not self._answered.done():
                self._answered.set_result(self.times["answered"])
        elif word == "failed":
            self._finish(Ended("refused", int(fields["status"]), when))
        elif word == "bye":
            self._finish(Ended("callee", 200, when))
        elif word == "hangup":
            self._finish(Ended("caller", 200 if "answered" in self.times else 487, when))
        elif word in ("info-ok", "info-refused"):
            self._info.set()
        elif word == "lost":
            self._finish(Ended("lost", None, when))
        if word in ("ended", "lost"):
            self._quit.set()

    def _finish(self, ended: Ended) -> None:
        self.media.stop()
        if not self._ended.done():
            self._ended.set_result(ended)
        if not self._answered.done():
            self._answered.set_exception(SippError(f"the call was not answered: {ended}"))
            self._answered.exception()  # nobody may be waiting for it

    async def answered(self, timeout: float = 10) -> float:
        """Wait until the call is answered; the moment (monotonic)."""
        return await asyncio.wait_for(asyncio.shield(self._answered), timeout)

    async def ended(self, timeout: float = 60) -> Ended:
        """Wait until the call is over."""
        return await asyncio.wait_for(asyncio.shield(self._ended), timeout)

    @property
    def call_id(self) -> str:
        """The Call-ID on the wire; empty before it is dialled."""
        return self._call_id

    @property
    def is_over(self) -> bool:
        return self._ended.done()

    async def press(self, keys: str, how: str = "rfc4733") -> None:
        """Press keys by ``rfc4733``, ``info`` or ``inband`` and wait until they are sent."""
        if how == "rfc4733":
            self.media.press(keys)
        elif how == "inband":
            for key in keys:
                self.media.play(audio.dtmf(key) + audio.pause(0.1))
        elif how == "info":
            for key in keys:
                self._info.clear()
                self.lines.order(self._call_id, "info", key)
                async with asyncio.timeout(5):
                    await self._info.wait()
            return
        else:
            raise ValueError(f"no such way to press keys: {how}")
        await self.media.played()

    async def say(self, text: str, voice: str = "id") -> None:
        """Speak, and wait until it is said."""
        self.media.play(await asyncio.to_thread(audio.speech, text, voice))
        await self.media.played()

    def hold(self) -> None:
        """Put the conversation on hold, as another call that comes in does it."""
        self.lines.order(self._call_id, "hold", f"{self.media.port} RTP/AVP 0 {TELEPHONE_EVENT}")

    def hang_up(self) -> float:
        """Hang up; the moment (monotonic)."""
        self.lines.order(self._call_id, "bye")
        return time.monotonic()

    async def close(self) -> None:
        """Hang up if still talking."""
        if not self._ended.done():
            self.hang_up()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quit.wait(), 5)
        self.media.close()
