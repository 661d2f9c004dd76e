"""What undisturbed live tracking would have written: a second AMI session that no fault touches.

It hears the same real events as the bridge and gives them to the same state machine, so its records
are the ones a bridge would have made that was never away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Self

from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers, Wire
from psap.calls.model import Call
from psap.platform.clock import FixedClock
from psap.platform.settings import load_secrets
from tests.catchup.recordings import following
from tests.catchup.same import differences
from tests.support.api import Json
from tests.support.centre import Centre, phone_account
from tests.support.home import Home


class Shadow:
    """``async with Shadow(home, agents)``: follows every call until the block ends."""

    def __init__(self, home: Home, agents: Iterable[str]) -> None:
        self._home = home
        self._agents = list(agents)
        self.records: dict[str, Call] = {}
        self._news = asyncio.Event()
        self._following = following(self._record, FixedClock(0))

    def _record(self, call: Call, _key: str | None) -> None:
        self.records[call.id] = call
        self._news.set()

    async def __aenter__(self) -> Self:
        for agent in self._agents:
            account = await asyncio.to_thread(phone_account, self._home, agent)
            phone = f"PJSIP/{account['username']}"
            row = {"Event": "QueueMember", "Location": phone, "Name": agent, "Status": "1", "Paused": "0"}
            about = agent_fact(row)
            assert about is not None
            self._following.take_agent(about)
        loop = asyncio.get_running_loop()
        port = self._home.settings.ami_port
        _, self._wire = await loop.create_connection(
            lambda: Wire(self._heard, lambda why: None), "127.0.0.1", port
        )
        secret = load_secrets(self._home.folder).ami_bridge
        login = self._wire.submit("Login", {"Username": "bridge", "Secret": secret, "Events": "on"})
        await login.future
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._wire.fail("the test is over")

    def _heard(self, event: Headers) -> None:
        fact = call_fact(event)
        if fact is not None:
            self._following.take(fact)
        elif (about := agent_fact(event)) is not None:
            self._following.take_agent(about)

    async def ended(self, numbers: Iterable[str], timeout: float = 60) -> dict[str, Call]:
        """The records of these numbers, once Asterisk has told the end of each."""
        wanted = set(numbers)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    done = {c.caller.number or "": c for c in self.records.values() if c.ending is not None}
                    if wanted <= done.keys():
                        return {number: done[number] for number in wanted}
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{len(wanted - done.keys())} calls did not end") from None


async def same_as_live(centre: Centre, shadow: Shadow, numbers: Iterable[str]) -> list[Json]:
    """Each number has exactly one record, equal to what live tracking wrote; the records."""
    live = await shadow.ended(numbers)
    records: list[Json] = []
    for number, call in live.items():
        record = await centre.record(number, timeout=90)
        assert len(await centre.supervisor.calls_of(number)) == 1
        wanted: dict[str, Any] = call.model_dump(mode="json")
        shown = {name: value for name, value in record.items() if name in wanted}
        assert wanted.keys() <= shown.keys()
        found = differences(wanted, shown)
        assert not found, f"{number}: {found}"
        records.append(record)
    return records
