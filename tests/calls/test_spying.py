"""A supervisor listens, whispers, joins: who hears whom, by energy on each leg; audit and page are told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api, ApiError
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, hum
from tests.support.talking import PATIENCE, SECOND_TONE, hear, party_is, talking

pytestmark = [pytest.mark.calls, pytest.mark.timeout(150)]


async def listeners(centre: Centre, call_id: str, *modes: str) -> None:
    """Wait until the call taker's page is told who listens."""
    await centre.live.wait(
        "call.talk",
        call_id=call_id,
        timeout=PATIENCE,
        where=lambda data: [each["mode"] for each in data["listeners"]] == list(modes),
    )


async def audited(centre: Centre, call_id: str) -> list[tuple[str, str, str]]:
    """(who, what, mode) of what the audit says about listening to a call, oldest first."""
    async with Api(centre.home.http_url, "admin1") as admin:
        items: list[dict[str, Any]] = (await admin.get("/audit?limit=500"))["items"]
    mine = [item for item in items if item["subject"] == call_id and "listen" in item["action"]]
    return [(item["actor"], item["action"], item["detail"]["mode"]) for item in reversed(mine)]


async def test_listen_whisper_and_join(centre: Centre) -> None:
    async with (
        centre.seat("agent1") as seat,
        talking(centre, seat) as talk,
        centre.seat("supervisor1", sound=list(hum(SECOND_TONE))) as boss,
    ):
        path = f"/calls/{talk.call_id}/listen"
        with pytest.raises(ApiError) as refused:
            await seat.api.post(path, {"mode": "listen"})
        assert refused.value.status == 403
        caller, agent, ear = talk.caller.media, seat.phone.media, boss.phone.media

        assert await boss.api.post(path, {"mode": "listen"}) == {"mode": "listen"}
        ring = await boss.phone.ringing(PATIENCE)
        await ring.answer()
        await hear(ear, CALLER_TONE, AGENT_TONE)
        await hear(caller, AGENT_TONE, deaf=(SECOND_TONE,))
        await hear(agent, CALLER_TONE, deaf=(SECOND_TONE,))
        await listeners(centre, talk.call_id, "listen")

        await boss.api.post(path, {"mode": "whisper"})  # the telephone is in the hand already
        await hear(agent, CALLER_TONE, SECOND_TONE)
        await hear(caller, AGENT_TONE, deaf=(SECOND_TONE,))
        await hear(ear, CALLER_TONE, AGENT_TONE)
        await listeners(centre, talk.call_id, "whisper")

        await boss.api.post(path, {"mode": "join"})
        await hear(caller, AGENT_TONE, SECOND_TONE)
        await hear(agent, CALLER_TONE, SECOND_TONE)
        await hear(ear, CALLER_TONE, AGENT_TONE)
        await party_is(centre, talk.call_id, "agent:supervisor1", "talking")
        await listeners(centre, talk.call_id)
        await boss.api.post(f"{path}/stop")
        await ring.ended(PATIENCE)
        await hear(caller, AGENT_TONE, deaf=(SECOND_TONE,))
        await hear(agent, CALLER_TONE, deaf=(SECOND_TONE,))

        # joined at once, and then only an ear: the telephone rings anew
        await boss.api.post(path, {"mode": "join"})
        ring = await boss.phone.ringing(PATIENCE)
        await ring.answer()
        await hear(agent, CALLER_TONE, SECOND_TONE)
        await boss.api.post(path, {"mode": "listen"})
        await ring.ended(PATIENCE)
        ring = await boss.phone.ringing(PATIENCE)
        await ring.answer()
        await hear(ear, CALLER_TONE, AGENT_TONE)
        await hear(agent, CALLER_TONE, deaf=(SECOND_TONE,))
        # it ends with the conversation
        talk.caller.hang_up()
        assert await ring.ended(PATIENCE) == "caller"
        record = await centre.closed(talk.call_id)
        said: list[tuple[str, str, str]] = []
        for _ in range(100):
            said = await audited(centre, talk.call_id)
            if len(said) >= 8:
                break
    assert (record["ending"], record["agent"], record["ended_by"]) == ("answered", "agent1", "caller")
    who, on, off = "supervisor1", "call.listen_started", "call.listen_stopped"
    assert said == [
        (who, on, "listen"),
        (who, on, "whisper"),
        (who, on, "join"),
        (who, off, "join"),
        (who, on, "join"),
        (who, off, "join"),
        (who, on, "listen"),
        (who, off, "listen"),
    ]


async def test_a_supervisor_pauses_readies_and_logs_out(centre: Centre) -> None:
    async with centre.seat("agent2") as seat:
        row = await centre.supervisor.post("/agents/pause", {"agent": "agent2", "reason": "rapat"})
        assert (row["state"], row["reason"]) == ("paused", "rapat")
        row = await centre.supervisor.post("/agents/unpause", {"agent": "agent2"})
        assert row["state"] == "ready"
        row = await centre.supervisor.post("/agents/logout", {"agent": "agent2"})
        assert row["state"] == "logged_out"
        await centre.agent_is("agent2", "logged_out")
        with pytest.raises(ApiError) as refused:
            await seat.api.post("/agents/logout", {"agent": "agent2"})
        assert refused.value.status == 403
    async with Api(centre.home.http_url, "admin1") as admin:
        items = (await admin.get("/audit?limit=100"))["items"]
    mine = [(item["actor"], item["action"]) for item in items if item["subject"] == "agent2"]
    assert mine[:3] == [
        ("supervisor1", "agent.logged_out"),
        ("supervisor1", "agent.unpaused"),
        ("supervisor1", "agent.paused"),
    ]
