"""A page asks for the telephone that it has just registered: the news of it may still be on its way."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ami_bridge.actions import Actions
from ami_bridge.web_phones import WebPhones
from psap.queue.model import Agent, Desk, Device, PhoneSeen
from psap.queue.web_store import WebPhone

DESK, WEB = "abc", "abcw"


class Exchange:
    """Asterisk's answer to whether a telephone is registered."""

    def __init__(self, *registered: str) -> None:
        self.registered = registered

    async def has_contact(self, phone: str) -> bool:
        return phone in self.registered


def browsers(*registered: str, tab: bool) -> tuple[WebPhones, Agent]:
    """One agent of whose browser telephone the last news was that it is away."""
    made: Any = Desk()
    made.load({DESK: ("agent1", "Petugas 1")}, 0)
    made.apply(PhoneSeen(1, WEB, Device.AWAY))
    none: Any = None
    phones = WebPhones(
        none, none, cast(Actions, Exchange(*registered)), none,
        sync_phones=none, publish=none, soon=none, log=none,
    )  # fmt: skip
    if tab:
        phones._open["agent1"] = WebPhone("agent1", WEB, "secret", "tab", "sign-in", 1)
    return phones, made.agent("agent1")


@pytest.mark.parametrize(
    ("registered", "tab", "counts"),
    [((WEB,), True, WEB), ((), True, DESK), ((WEB,), False, DESK)],
    ids=["registered before the news", "not registered", "a registration that no tab has"],
)
async def test_asterisk_is_asked_before_a_telephone_is_called_away(
    registered: tuple[str, ...], tab: bool, counts: str
) -> None:
    phones, agent = browsers(*registered, tab=tab)
    assert agent.phone == DESK
    await phones.look_anew(agent)
    assert agent.phone == counts
    assert agent.registered is (counts == WEB)
