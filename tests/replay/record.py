"""Records real calls for the replays: the AMI stream as it comes, and what Asterisk wrote down of them.

``python -m tests.replay.record HOME FOLDER`` wants a running home made with ``up --demo`` and
PSAP_TIMER_SCALE=0.2, with nobody else calling. Numbers are invented.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from psap.platform.settings import load_secrets
from tests.support.centre import Centre, Seat
from tests.support.ears import two_digits
from tests.support.home import Home

BOOKS = {"psap.csv": "log/cel-custom/psap.csv", "queue_log": "log/queue_log"}


class Tap:
    """A second AMI session that keeps every byte, and may hang up a channel."""

    async def open(self, home: Home) -> None:
        """Log in as the bridge does, and listen."""
        self.data = bytearray()
        secret = load_secrets(home.folder).ami_bridge
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", home.settings.ami_port)
        self.say(f"Action: Login\r\nUsername: bridge\r\nSecret: {secret}\r\nEvents: on")
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while data := await self.reader.read(65536):
            self.data += data

    def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n\r\n")

    async def leg_of(self, phone: str) -> str:
        """The newest channel of a telephone."""
        name = f"Channel: PJSIP/{phone}-".encode()
        async with asyncio.timeout(5):
            while name not in self.data:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        start = self.data.rindex(name) + len(b"Channel: ")
        return self.data[start : self.data.index(b"\r\n", start)].decode()

    def messages(self) -> bytes:
        """What came, without the answers to our own actions."""
        parts = bytes(self.data).split(b"\r\n\r\n")
        return b"\r\n\r\n".join(part for part in parts if not part.startswith(b"Response:"))


class Recording:
    """One call after another, each of its own kind."""

    def __init__(self, centre: Centre, tap: Tap) -> None:
        self.centre, self.tap = centre, tap
        self._count = 100

    def number(self) -> str:
        self._count += 1
        return f"081200000{self._count}"

    async def _queued(self, caller: Any, keys: str = "0") -> None:
        await caller.answered()
        await caller.press(keys)

    async def hides(self) -> None:
        """55, and the agent ends it."""
        async with self.centre.seat("agent1") as seat, self.centre.caller(self.number()) as caller:
            await self._queued(caller, "55")
            call = await seat.phone.ringing(20)
            await call.answer()
            await asyncio.sleep(1)
            call.hang_up()
            await caller.ended()

    async def refused_then_taken(self) -> None:
        """486 of the first telephone; the second one takes it."""
        async with self._two() as (first, second), self.centre.caller(self.number()) as caller:
            await self._queued(caller)
            refuses, takes = await self._who_rings(first, second)
            refuses.reject()
            call = await takes
            await call.answer()
            await asyncio.sleep(0.5)
            caller.hang_up()
            await caller.ended()

    async def not_answered_then_taken(self) -> None:
        """The first telephone rings in vain; the second one takes it."""
        async with self._two() as (first, second), self.centre.caller(self.number()) as caller:
            await self._queued(caller)
            _, takes = await self._who_rings(first, second)
            call = await takes
            await asyncio.sleep(0.4)
            await call.answer()
            await asyncio.sleep(0.5)
            caller.hang_up()
            await caller.ended()

    async def dead_phone(self) -> None:
        """The leg ends abnormally while talking; the caller goes back in front and is taken again."""
        async with self.centre.seat("agent1") as seat, self.centre.caller(self.number()) as caller:
            await self._queued(caller)
            call = await seat.phone.ringing(20)
            await call.answer()
            await asyncio.sleep(0.5)
            leg = await self.tap.leg_of(seat.phone.username)
            self.tap.say(f"Action: Hangup\r\nChannel: {leg}\r\nCause: 41")
            again = await seat.phone.ringing(20)
            await again.answer()
            await asyncio.sleep(0.5)
            caller.hang_up()
            await caller.ended()

    async def overflow(self) -> None:
        """Everybody paused: when the longest wait is over every telephone rings."""
        async with self.centre.seat("agent1") as seat, self.centre.caller(self.number()) as caller:
            await seat.api.post("/agents/me/pause", {"reason": "istirahat"})
            await self._queued(caller)
            call = await seat.phone.ringing(40)
            await call.answer()
            await asyncio.sleep(0.5)
            call.hang_up()
            await caller.ended()

    async def key_then_gone(self) -> None:
        """A wrong key, then hung up in the gate."""
        async with self.centre.caller(self.number()) as caller:
            await self._queued(caller, "7")
            await asyncio.sleep(0.5)
            caller.hang_up()
            await caller.ended()

    async def gone_while_ringing(self) -> None:
        async with self.centre.seat("agent1") as seat, self.centre.caller(self.number()) as caller:
            await self._queued(caller)
            call = await seat.phone.ringing(20)
            await asyncio.sleep(0.4)
            caller.hang_up()
            await call.ended()

    async def gone_in_queue(self) -> None:
        async with self.centre.caller(self.number()) as caller:
            await self._queued(caller)
            await asyncio.sleep(0.8)
            caller.hang_up()
            await caller.ended()

    async def challenged(self) -> None:
        """Two digits heard and pressed; and another caller who mashes keys."""
        number, masher = self.number(), self.number()
        for each in (number, masher):
            await self.centre.supervisor.post("/blocklist", {"number": each, "reason": "uji", "for": "1h"})
        async with self.centre.seat("agent1") as seat, self.centre.caller(number) as caller:
            at = await caller.answered()
            sounds = self.centre.home.settings.pbx / "sounds" / "psap"
            digits, _ = await two_digits(caller.media, sounds, at)
            await asyncio.sleep(0.5)
            await caller.press(digits)
            call = await seat.phone.ringing(20)
            await call.answer()
            await asyncio.sleep(0.3)
            caller.hang_up()
            await caller.ended()
        async with self.centre.caller(masher) as caller:
            await caller.answered()
            while not caller.is_over:
                await caller.press("1234567890")

    async def withheld(self) -> None:
        async with self.centre.seat("agent1") as seat, self.centre.caller(None) as caller:
            await self._queued(caller)
            call = await seat.phone.ringing(20)
            await call.answer()
            await asyncio.sleep(0.3)
            call.hang_up()
            await caller.ended()

    async def silent(self) -> None:
        """Nothing pressed, nothing said."""
        async with self.centre.caller(self.number()) as caller:
            await caller.answered()
            await caller.ended(100)

    def _two(self) -> Any:
        return _Two(self.centre)

    async def _who_rings(self, first: Seat, second: Seat) -> tuple[Any, asyncio.Task[Any]]:
        one = asyncio.create_task(first.phone.ringing(20))
        two = asyncio.create_task(second.phone.ringing(20))
        await asyncio.wait({one, two}, return_when=asyncio.FIRST_COMPLETED)
        return (one.result(), two) if one.done() else (two.result(), one)


class _Two:
    """Two seats at once."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> tuple[Seat, Seat]:
        first = await self._stack.enter_async_context(self._centre.seat("agent1"))
        return first, await self._stack.enter_async_context(self._centre.seat("agent2"))

    async def __aexit__(self, *exc: Any) -> None:
        await self._stack.aclose()


async def record(home: Home, folder: Path) -> None:
    """Make every kind of call and write down what was told of them."""
    starts = {name: (home.settings.pbx / path) for name, path in BOOKS.items()}
    sizes = {name: path.stat().st_size if path.exists() else 0 for name, path in starts.items()}
    tap = Tap()
    await tap.open(home)
    async with AsyncExitStack() as stack:
        centre = Centre(home, stack)
        await centre.open()
        made = Recording(centre, tap)
        for kind in (
            made.hides,
            made.refused_then_taken,
            made.not_answered_then_taken,
            made.dead_phone,
            made.overflow,
            made.key_then_gone,
            made.gone_while_ringing,
            made.gone_in_queue,
            made.challenged,
            made.withheld,
            made.silent,
        ):
            print(kind.__name__, flush=True)
            await kind()
            await asyncio.sleep(3)  # the agents wrap up, and Asterisk writes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calls.ami").write_bytes(tap.messages())
    for name, path in starts.items():
        (folder / name).write_bytes(path.read_bytes()[sizes[name] :])


if __name__ == "__main__":
    running = Home(Path(sys.argv[1]))
    running.env = {}  # its own configuration counts
    asyncio.run(record(running, Path(sys.argv[2])))
