"""A call taker's desk phone: registers with digest, rings, talks."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from psap.sip import audio, scenario
from psap.sip.media import Media
from psap.sip.sipp import Sipp, SippError, free_udp_port


@dataclass(eq=False)
class PhoneCall:
    """One call at the phone. Times are time.monotonic."""

    phone: DeskPhone
    id: str
    invited_at: float
    peer: tuple[str, int]
    caller: str
    acked: asyncio.Future[float] = field(repr=False)
    over: asyncio.Future[str] = field(repr=False)  # caller, agent, cancelled, rejected
    talked_from: float | None = None
    ended_at: float | None = None

    async def answer(self, timeout: float = 5) -> float:
        """Take the call; the moment of the ACK."""
        self.phone.media.start(self.peer)
        self.phone.order(self.id, "answer")
        return await asyncio.wait_for(asyncio.shield(self.acked), timeout)

    def reject(self) -> None:
        """486 Busy Here."""
        self.phone.order(self.id, "reject")

    def hang_up(self) -> None:
        """End the conversation, normally."""
        self.phone.order(self.id, "bye")

    async def ended(self, timeout: float = 60) -> str:
        """Wait for the end: ``caller``, ``agent``, ``cancelled`` or ``rejected``."""
        return await asyncio.wait_for(asyncio.shield(self.over), timeout)


class DeskPhone:
    """``async with DeskPhone(...)`` registers and waits for calls; leaving takes it off again.

    With ``answer_after`` (seconds) it answers by itself and, with ``talk``, hangs up by itself.
    """

    def __init__(
        self,
        target: tuple[str, int],
        username: str,
        password: str,
        *,
        domain: str | None = None,
        address: str = "127.0.0.1",
        answer_after: float | None = None,
        talk: float | None = None,
        sound: audio.Clip | None = None,
    ) -> None:
        self.target = f"{target[0]}:{target[1]}"
        self.username = username
        self.address = address
        self.answer_after = answer_after
        self.talk = talk
        self.calls: list[PhoneCall] = []
        self.media: Media
        self._password = password
        self._domain = domain or target[0]
        self._sound = sound or audio.pause(0.02)
        self._sipp: Sipp | None = None
        self._rung: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._plan: scenario.PhonePlan | None = None

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
        self.media = await Media.open(self.address)
        self.media.background = self._sound
        self._plan = scenario.PhonePlan(
            address=self.address,
            port=free_udp_port(self.address),
            media_port=self.media.port,
            username=self.username,
            password=self._password,
            domain=self._domain,
            target=self.target,
        )
        await self._register(3600)
        self._sipp = Sipp(self.address, self._plan.port, self.target, self._told)
        await self._sipp.start(scenario.phone(self._plan))

    async def _register(self, expires: int) -> None:
        assert self._plan is not None
        process = Sipp(self.address, self._plan.port, self.target, lambda *_: None)
        try:
            arguments = [
                "-m",
                "1",
                "-au",
                self.username,
                "-ap",
                self._password,
                "-timeout",
                "10s",
                "-timeout_error",
            ]
            await process.start(scenario.register(self._plan, expires), *arguments)
            code = await process.wait()
            if code != 0:
                words = process.errors() or await process.stderr()
                raise SippError(f"the phone {self.username} could not register ({code}): {words}")
        finally:
            await process.close()

    def _told(self, word: str, when: float, fields: dict[str, str]) -> None:
        if word == "invite":
            loop = asyncio.get_running_loop()
            call = PhoneCall(
                phone=self,
                id=fields["id"],
                invited_at=when,
                peer=(fields["ip"], int(fields["port"])),
                caller=fields.get("from", "").rstrip("@"),
                acked=loop.create_future(),
                over=loop.create_future(),
            )
            self.calls.append(call)
            if self.answer_after is None:
                self._rung.put_nowait(call)
            else:
                task = loop.create_task(self._handle(call))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            return
        found = next((call for call in reversed(self.calls) if call.id == fields.get("id")), None)
        if found is not None:
            self._update(found, word, when)

    def _update(self, call: PhoneCall, word: str, when: float) -> None:
        if word == "acked":
            call.talked_from = when
            if not call.acked.done():
                call.acked.set_result(when)
            return
        reasons = {"bye": "caller", "hangup": "agent", "cancel": "cancelled", "ended": "rejected"}
        if not call.over.done():
            call.ended_at = when
            self.media.stop()
            call.over.set_result(reasons[word])
            if not call.acked.done():
                call.acked.cancel()

    async def _handle(self, call: PhoneCall) -> None:
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await self._handle_until_end(call)

    async def _handle_until_end(self, call: PhoneCall) -> None:
        done, _ = await asyncio.wait({call.over}, timeout=self.answer_after)
        if done:
            return
        await call.answer()
        if self.talk is not None:
            done, _ = await asyncio.wait({call.over}, timeout=self.talk)
            if not done:
                call.hang_up()

    async def ringing(self, timeout: float = 15) -> PhoneCall:
        """Wait for the next call (only without ``answer_after``)."""
        return await asyncio.wait_for(self._rung.get(), timeout)

    def order(self, call_id: str, do: str) -> None:
        """Steer one of the phone's calls."""
        assert self._sipp is not None
        self._sipp.order(call_id, do)

    async def die(self) -> None:
        """As if the cable were cut: no BYE, no sound, still registered."""
        self.media.close()
        if self._sipp is not None:
            await self._sipp.close()
            self._sipp = None

    async def close(self) -> None:
        """End what goes on, and unregister."""
        for task in list(self._tasks):
            task.cancel()
        for call in self.calls:
            if not call.over.done() and self._sipp is not None and call.talked_from is not None:
                call.hang_up()
                with contextlib.suppress(TimeoutError):
                    await call.ended(2)
        await self.die()
        with contextlib.suppress(SippError):
            await self._register(0)
