"""An account that is closed takes no calls any more; a conversation that goes on is not cut."""

from __future__ import annotations

import asyncio
import json
import secrets

import pytest

from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number, hum

pytestmark = pytest.mark.calls


async def test_whose_account_is_closed_ends_the_conversation_and_has_no_other(centre: Centre) -> None:
    home, number, later = centre.home, fresh_number(), fresh_number()
    name = f"tutup{secrets.randbelow(10**6)}"
    made = await asyncio.to_thread(home.cli, "users", "add", name, "--role", "agent", "--json")
    async with centre.seat(name, json.loads(made.stdout)["password"]) as seat:
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(40)
            await call.answer()
            await centre.agent_is(name, "talking")
            await asyncio.to_thread(home.cli, "users", "disable", name)
            await asyncio.gather(
                caller.media.hears(AGENT_TONE, timeout=20), seat.phone.media.hears(CALLER_TONE, timeout=20)
            )
            assert not call.over.done()
            call.hang_up()
            assert (await caller.ended(20)).by == "callee"
        record = await centre.record(number)
        assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "agent", name)
        await centre.agent_is(name, "logged_out")
        async with centre.seat("agent1") as other, centre.caller(later) as caller:
            await caller.answered()
            await caller.press("0")
            await (await other.phone.ringing(40)).answer()
            caller.hang_up()
            await caller.ended(20)
        record = await centre.record(later)
        assert [leg["agent"] for leg in record["legs"]] == ["agent1"]
        assert len(seat.phone.calls) == 1
