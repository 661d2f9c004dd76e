"""A call that presses 0 reaches a call taker; everything about it is on the record."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number, hum

pytestmark = pytest.mark.calls

POP_SECONDS = 0.050  # the screen-pop may come this long after the phone's INVITE


@pytest.mark.parametrize(
    ("how", "options"),
    [
        ("rfc4733", {}),
        ("rfc4733", {"alaw": True}),
        ("info", {}),
        ("inband", {"events": False}),
        ("inband", {}),
    ],
    ids=["rfc4733", "rfc4733-alaw", "info", "inband", "inband-though-rfc4733-was-offered"],
)
async def test_a_zero_reaches_a_call_taker(centre: Centre, how: str, options: dict[str, bool]) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number, **options) as caller:
        began = await caller.answered()
        await caller.press("0", how)
        call = await seat.phone.ringing(8)
        pop = await centre.live.wait("call.ringing", number=number)
        assert pop.at - call.invited_at <= POP_SECONDS
        assert pop.data["agent"] == "agent1"
        await call.answer()
        answered = await centre.live.wait("call.answered", number=number)
        # a voice each way, told apart by pitch
        caller.media.background = list(hum(CALLER_TONE))
        await asyncio.gather(
            caller.media.hears(AGENT_TONE, timeout=5), seat.phone.media.hears(CALLER_TONE, timeout=5)
        )
        hung_up = caller.hang_up()
        assert await call.ended(5) == "caller"
        ended = await centre.live.wait("call.ended", number=number)
        assert ended.at - hung_up < 1
        record = await centre.record(number)
    assert record["id"] == pop.data["call_id"] == answered.data["call_id"]
    assert (record["ending"], record["ended_by"], record["source"]) == ("answered", "caller", "live")
    assert record["gate"]["result"] == "key0"
    assert record["gate"]["keys"] == "0"
    assert (record["agent"], record["dialled"]) == ("agent1", "112")
    assert record["caller"]["number"] == number
    assert record["caller"]["e164"] == f"+62{number[1:]}"
    assert record["caller"]["kind"] == "mobile"
    leg = record["legs"][0]
    assert call.talked_from is not None
    assert leg["end"] == "answered"
    assert leg["ring_seconds"] == pytest.approx(call.talked_from - call.invited_at, abs=0.2)
    assert record["talk_seconds"] == pytest.approx(hung_up - call.talked_from, abs=0.2)
    assert record["gate"]["seconds"] + record["queue"]["wait_seconds"] == pytest.approx(
        call.talked_from - began, abs=0.3
    )
    assert len(record["timeline"]) >= 5
    moments = [entry["at"] for entry in record["timeline"]]
    assert moments == sorted(moments)


async def test_the_number_of_a_call_is_in_no_log(centre: Centre) -> None:
    number = fresh_number()
    async with centre.caller(number) as caller:
        await caller.answered()
        await centre.live.wait("*", number=number)
    await centre.record(number)
    for path in centre.home.settings.logs.glob("*.log"):
        assert number[1:] not in path.read_text("utf-8", "replace"), path.name
