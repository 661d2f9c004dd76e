"""The telephones that the tests place their calls with."""

from __future__ import annotations

import asyncio

from psap.sip.sipp import Fields, Lines, free_udp_port


async def test_an_order_for_a_call_that_sipp_gave_up_harms_no_other() -> None:
    """A hang-up long after an INVITE that nobody answered: SIPp ended, and every later call with it."""
    told: asyncio.Queue[str] = asyncio.Queue()

    def tell(word: str, _when: float, _fields: Fields) -> None:
        told.put_nowait(word)

    async with Lines(("127.0.0.1", free_udp_port("127.0.0.1")), "127.0.0.2") as lines:
        for _ in range(2):
            lines.order(lines.new_call(tell), "bye")
            async with asyncio.timeout(20):
                assert await told.get() == "ended"
