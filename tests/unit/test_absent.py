"""A telephone that takes itself off: what rings there ends, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from ami_bridge import absent
from ami_bridge.absent import Absent
from ami_bridge.actions import Actions
from psap.queue.model import AgentState, Desk, Device, PhoneSeen


class Asked:
    """A link that keeps what Asterisk is asked; no telephone has a contact any more."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def do(self, name: str, **fields: Any) -> list[dict[str, str]]:
        if name == "Hangup":
            self.ended.append(fields["Channel"])
        return [{"Response": "Success"}]


@pytest.mark.parametrize(
    ("left", "ended"), [("abc", ["/^PJSIP\\/abc-/"]), ("abcw", ["/^PJSIP\\/abcw-/"]), ("stranger", [])]
)
async def test_only_the_ring_at_the_telephone_that_left_ends(
    left: str, ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absent, "GRACE", 0)
    desk, link = Desk(), Asked()
    desk.load({"abc": ("agent1", "Petugas 1")}, 1)
    desk.apply(PhoneSeen(1, "abc", Device.RINGING))
    desk.call_moved("abc", 2, "c1", AgentState.RINGING)
    wishes: list[asyncio.Task[None]] = []
    listening = Absent(Actions(cast(Any, link)), desk, lambda wish: wishes.append(asyncio.create_task(wish)))
    listening.listen({"Event": "ContactStatus", "ContactStatus": "Removed", "EndpointName": left})
    await asyncio.gather(*wishes)
    assert link.ended == ended
