"""Recorded calls, told to an AMI client at so many call events a second."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.bridge_place import until
from bench.bridge_stream import lap, stories
from psap.calls.model import call_id
from tests.support.fake_ami import FakeAmi

AT_ONCE = 20  # calls in progress: each goes on 20 call events later, as calls do
SITE = "semarang"
_LINKED = re.compile(rb"\r\nLinkedid: (\S+)")


@dataclass(slots=True)
class Told:
    """What was told: ``{message type and call as the bridge, or the limit, names it: ns}``."""

    ours: dict[str, int] = field(default_factory=dict)
    limit: dict[str, int] = field(default_factory=dict)

    def of(self, side: str) -> dict[str, int]:
        """As this side names it."""
        return self.ours if side == "ours" else self.limit


class Feed:
    """A stream of calls without end, of which no two are alike."""

    _numbers = itertools.count(1_000)  # no lap of ``bench bridge`` in one home has them

    def __init__(self) -> None:
        self._slots = [self._call(waits=slot) for slot in range(AT_ONCE)]
        self._turn = itertools.cycle(range(AT_ONCE))

    def _call(self, waits: int = 0) -> Iterator[tuple[str, str, bytes]]:
        """(message type, Linkedid, bytes) of one call after another in one place."""
        before = b""
        while True:
            number = next(self._numbers)
            story = stories()[number % len(stories())]
            blocks = tuple(block for step in story.steps for block in step.blocks) + story.rest
            whole = lap(number, blocks)
            linked = _LINKED.search(whole)
            assert linked is not None
            name, events = (
                linked[1].decode(),
                [block + b"\r\n\r\n" for block in whole.split(b"\r\n\r\n")[:-1]],
            )
            for step in story.steps:
                mine, events = events[: len(step.blocks)], events[len(step.blocks) :]
                yield step.message, name, before + b"".join(mine)
                before = b""
            before = b"".join(events)  # the call's end goes before the next one's beginning

    async def tell(self, fake: FakeAmi, rate: float, seconds: float) -> Told:
        """So many call events a second for so long, each sent at its moment."""
        told = Told()
        began = time.monotonic()
        for number in range(max(1, round(rate * seconds))):
            await until(began + number / rate)
            kind, name, data = next(self._slots[next(self._turn)])
            told.ours[f"{kind} {call_id(SITE, name)}"] = told.limit[f"{kind} {name}"] = time.monotonic_ns()
            fake.writers[-1].write(data)
        await asyncio.sleep(0)
        return told
