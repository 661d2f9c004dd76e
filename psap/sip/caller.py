"""A citizen on the telephone: one SIP call from the carrier's address."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from psap.sip import audio, scenario
from psap.sip.media import Media
from psap.sip.sipp import Sipp, SippError, free_udp_port

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
    """

    def __init__(
        self,
        target: tuple[str, int],
        identity: str | None,
        *,
        address: str = "127.0.0.2",
        dialled: str = "112",
        from_header: bytes | None = None,
        headers: tuple[bytes, ...] | None = None,
        sound: audio.Clip | None = QUIET,
        alaw: bool = False,
        sdp: bool = True,
        events: bool = True,
    ) -> None:
        self.target = f"{target[0]}:{target[1]}"
        self.identity = identity
        self.address = address
        self.dialled = dialled
        self.alaw = alaw
        self._sdp = sdp
        self._events = events
        self._sound = sound
        self._from = from_header if from_header is not None else self._usual_from()
        self._headers = headers if headers is not None else self._usual_headers()
        self._sipp: Sipp | None = None
        self._call_id = f"psap-{secrets.token_hex(8)}"
        self.media: Media
        self.times: dict[str, float] = {}  # word of the scenario -> time.monotonic of its first telling
        self._answered: asyncio.Future[float]
        self._ended: asyncio.Future[Ended]
        self._info: asyncio.Event

    def _usual_from(self) -> bytes:
        if self.identity is None:
            return b'"Anonymous" <sip:anonymous@anonymous.invalid>'
        return f"<sip:{self.identity}@{self.address}>".encode()

    def _usual_headers(self) -> tuple[bytes, ...]:
        if self.identity is None:
            return (b"Privacy: id",)
        return (f"P-Asserted-Identity: <sip:{self.identity}@{self.address}>".encode(),)

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
        self._answered, self._ended, self._info = loop.create_future(), loop.create_future(), asyncio.Event()
        self.media = await Media.open(self.address, alaw=self.alaw)
        self.media.sending = self._sound is not None
        if self._sound is not None:
            self.media.background = self._sound
        port = free_udp_port(self.address)
        plan = scenario.CallerPlan(
            address=self.address,
            port=port,
            media_port=self.media.port,
            target=self.target,
            dialled=self.dialled,
            from_header=self._from,
            headers=self._headers,
            alaw=self.alaw,
            sdp=self._sdp,
            events=self._events,
        )
        self._sipp = Sipp(self.address, port, self.target, self._told)
        await self._sipp.start(scenario.caller(plan), "-m", "1", "-cid_str", self._call_id)
        self._watch = loop.create_task(self._watch_end())

    def _told(self, word: str, when: float, fields: dict[str, str]) -> None:
        self.times.setdefault(word, when)
        if word == "answered":
            if fields.get("port", "").isdigit():
                self.media.start((fields["ip"], int(fields["port"])))
            if not self._answered.done():
                self._answered.set_result(when)
        elif word == "failed":
            self._finish(Ended("refused", int(fields["status"]), when))
        elif word == "bye":
            self._finish(Ended("callee", 200, when))
        elif word == "hangup":
            self._finish(Ended("caller", 200 if "answered" in self.times else 487, when))
        elif word in ("info-ok", "info-refused"):
            self._info.set()

    def _finish(self, ended: Ended) -> None:
        self.media.stop()
        if not self._ended.done():
            self._ended.set_result(ended)
        if not self._answered.done():
            self._answered.set_exception(SippError(f"the call was not answered: {ended}"))
            self._answered.exception()  # nobody may be waiting for it

    async def _watch_end(self) -> None:
        assert self._sipp is not None
        code = await self._sipp.wait()
        await asyncio.sleep(0)  # let the last lines of the log be read
        if not self._ended.done():
            words = self._sipp.errors() or await self._sipp.stderr()
            error = SippError(f"SIPp ended with {code} in the middle of a call: {words}")
            for future in (self._ended, self._answered):
                if not future.done():
                    future.set_exception(error)
                    future.exception()
        self.media.stop()

    async def answered(self, timeout: float = 10) -> float:
        """Wait until the call is answered; the moment (monotonic)."""
        return await asyncio.wait_for(asyncio.shield(self._answered), timeout)

    async def ended(self, timeout: float = 60) -> Ended:
        """Wait until the call is over."""
        return await asyncio.wait_for(asyncio.shield(self._ended), timeout)

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
            assert self._sipp is not None
            for key in keys:
                self._info.clear()
                self._sipp.order(self._call_id, "info", key)
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

    def hang_up(self) -> float:
        """Hang up; the moment (monotonic)."""
        assert self._sipp is not None
        self._sipp.order(self._call_id, "bye")
        return time.monotonic()

    async def close(self) -> None:
        """Hang up if still talking, and end SIPp."""
        if self._sipp is None:
            return
        if not self._ended.done():
            self.hang_up()
        try:
            await asyncio.wait_for(asyncio.shield(self._watch), 5)
        except TimeoutError:
            self._watch.cancel()
        await self._sipp.close()
        self.media.close()
