"""A call taker's desk phone: registers with digest, rings, talks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from psap.sip import audio
from psap.sip.media import TELEPHONE_EVENT, Media
from psap.sip.sipp import Fields, Lines, SippError

REGISTER_EXPIRES = 3600  # seconds asked for; the exchange grants less
REGISTER_AGAIN = 10.0  # seconds after a REGISTER that failed
_ENDS = {
    "bye": "caller",
    "hangup": "agent",
    "cancel": "cancelled",
    "rejected": "rejected",
    "lost": "lost",
}


@dataclass(eq=False)
class PhoneCall:
    """One call at the phone. Times are time.monotonic."""

    phone: DeskPhone
    id: str
    invited_at: float
    peer: tuple[str, int]
    caller: str
    acked: asyncio.Future[float] = field(repr=False)
    over: asyncio.Future[str] = field(repr=False)
    talked_from: float | None = None
    ended_at: float | None = None

    async def answer(self, timeout: float = 5) -> float:
        """Take the call; the moment of the ACK."""
        media = self.phone.media
        media.start(self.peer)
        self.phone.lines.order(self.id, "answer", f"{media.port} RTP/AVP 0 {TELEPHONE_EVENT}")
        return await asyncio.wait_for(asyncio.shield(self.acked), timeout)

    def reject(self) -> None:
        """486 Busy Here."""
        self.phone.lines.order(self.id, "reject")

    def forward(self, uri: str) -> None:
        """302 Moved Temporarily, as a telephone with call forwarding on."""
        self.phone.lines.order(self.id, "forward", uri)

    def hang_up(self) -> None:
        """End the conversation, normally."""
        self.phone.lines.order(self.id, "bye")

    async def ended(self, timeout: float = 60) -> str:
        """Wait for the end: ``caller``, ``agent``, ``cancelled``, ``rejected`` or ``lost``."""
        return await asyncio.wait_for(asyncio.shield(self.over), timeout)

    def told(self, word: str, when: float, _fields: Fields) -> None:
        """What SIPp says of this call."""
        if word == "acked":
            self.talked_from = when
            if not self.acked.done():
                self.acked.set_result(when)
            return
        if word == "ready":  # now it also takes orders
            self.phone.rings(self)
        if word in _ENDS and not self.over.done():
            self.ended_at = when
            # the word of an end may come late: the next call's sound is not this one's to stop
            if self.phone.media.peer == self.peer:
                self.phone.media.stop()
            self.over.set_result(_ENDS[word])
            self.acked.cancel()


class DeskPhone:
    """``async with DeskPhone(...)`` registers and waits for calls; leaving takes it off again.

    Meanwhile it registers anew, as telephones do, when half of the time that it was granted is over.

    With ``answer_after`` (seconds) it answers by itself and, with ``talk``, hangs up by itself.
    """

    def __init__(
        self,
        lines: Lines,
        username: str,
        password: str,
        *,
        domain: str | None = None,
        answer_after: float | None = None,
        talk: float | None = None,
        sound: audio.Clip | None = None,
    ) -> None:
        self.lines = lines
        self.username = username
        self.answer_after = answer_after
        self.talk = talk
        self.calls: list[PhoneCall] = []
        self.media: Media
        self._password = password
        self._domain = domain or lines.target[0]
        self._sound = sound or audio.pause(audio.PACE)
        self._rung: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def plug_in(self) -> None:
        """Register and wait for calls.

        Raises:
            SippError: the registration was refused.
        """
        self.media = await Media.open(self.lines.address)
        self.media.background = self._sound
        self.lines.on_invite[self.username] = self._invited
        await self.register(REGISTER_EXPIRES)

    async def register(self, expires: int) -> None:
        """REGISTER with digest, and again and again before it runs out; ``expires`` 0 takes the phone off.

        Raises:
            SippError: no answer, or refused.
        """
        if self._refreshing is not None:
            self._refreshing.cancel()
            self._refreshing = None
        granted = await self._register(expires)
        if expires and granted:
            self._refreshing = asyncio.create_task(self._stay(granted))

    async def _stay(self, granted: float) -> None:
        while True:
            await asyncio.sleep(granted / 2 or REGISTER_AGAIN)
            try:
                granted = await self._register(REGISTER_EXPIRES)
            except (SippError, OSError):  # OSError: the lines are closed
                granted = 0

    async def _register(self, expires: int) -> int:
        """One registration; the seconds that it was granted for, 0 for none."""
        done: asyncio.Future[Fields] = asyncio.get_running_loop().create_future()

        def told(word: str, _when: float, fields: Fields) -> None:
            if not done.done():
                done.set_result({"word": word, **fields})

        call_id = self.lines.new_call(told)
        account = f"<sip:{self.username}@{self._domain}>".encode()
        secret = {"user": self.username.encode(), "pass": self._password.encode()}
        self.lines.first_order(
            call_id, "register", str(expires), uri=f"sip:{self._domain}", sender=account, **secret
        )
        try:
            answer = await asyncio.wait_for(done, 10)
        except TimeoutError:
            raise SippError(f"the phone {self.username} got no answer: {self.lines.errors()}") from None
        finally:
            self.lines.forget(call_id)
        if answer["word"] != "registered":
            raise SippError(f"the phone {self.username} was refused: {answer}")
        seconds = answer.get("expires", "")
        return int(seconds) if seconds.isdigit() else 0

    def _invited(self, _word: str, when: float, fields: Fields) -> None:
        loop = asyncio.get_running_loop()
        call = PhoneCall(
            phone=self,
            id=fields["id"],
            invited_at=when,
            peer=(fields["ip"], int(fields["port"])),
            caller=fields.get("from", "").removeprefix("sip:"),
            acked=loop.create_future(),
            over=loop.create_future(),
        )
        self.lines.listen(call.id, call.told)
        self.calls.append(call)

    def rings(self, call: PhoneCall) -> None:
        """A call rings: hand it to whoever waits, or answer by itself."""
        if self.answer_after is None:
            self._rung.put_nowait(call)
            return
        task = asyncio.get_running_loop().create_task(self._handle(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handle(self, call: PhoneCall) -> None:
        done, _ = await asyncio.wait({call.over}, timeout=self.answer_after)
        if done:
            return
        try:
            await call.answer()
        except (TimeoutError, asyncio.CancelledError):  # the caller was faster
            return
        if self.talk is not None:
            done, _ = await asyncio.wait({call.over}, timeout=self.talk)
            if not done:
                call.hang_up()

    async def ringing(self, timeout: float = 15) -> PhoneCall:
        """Wait for the next call (only without ``answer_after``)."""
        deadline = time.monotonic() + timeout
        while True:
            call = await asyncio.wait_for(self._rung.get(), deadline - time.monotonic())
            if not call.over.done():
                return call

    async def close(self) -> None:
        """End what goes on, and unregister."""
        for task in list(self._tasks):
            task.cancel()
        for call in self.calls:
            if not call.over.done() and call.talked_from is not None:
                call.hang_up()
                with contextlib.suppress(TimeoutError):
                    await call.ended(2)
            elif not call.over.done():
                call.reject()
        with contextlib.suppress(SippError):
            await self.register(0)
        self.media.close()
