"""Conversations of more than two: who hears whom, by energy, and how the call is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psap.sip import audio
from psap.sip.caller import Caller
from psap.sip.media import Media
from psap.sip.phone import PhoneCall
from tests.support.api import Json
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, Seat, fresh_number, hum

SECOND_TONE = 1320.0  # a second call taker, or who was asked in
THIRD_TONE = 1760.0
HEARS, HEARS_NOT = 0.12, 0.02  # share of one tone in what is heard: of three voices each has a third
PATIENCE = 20.0


@dataclass
class Talk:
    """A caller and a call taker in conversation."""

    number: str
    call_id: str
    caller: Caller
    seat: Seat
    call: PhoneCall


@asynccontextmanager
async def talking(centre: Centre, seat: Seat) -> AsyncIterator[Talk]:
    """A caller talks with this call taker."""
    number = fresh_number()
    async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
        await caller.answered()
        await caller.press("0")
        call = await seat.phone.ringing(PATIENCE)
        await call.answer()
        told = await centre.live.wait("call.answered", number=number)
        await asyncio.gather(
            caller.media.hears(AGENT_TONE, timeout=PATIENCE),
            seat.phone.media.hears(CALLER_TONE, timeout=PATIENCE),
        )
        yield Talk(number, told.data["call_id"], caller, seat, call)


async def hear(media: Media, *tones: float, deaf: tuple[float, ...] = ()) -> None:
    """Wait until each of the tones is heard, and none of ``deaf``, over the same second."""
    shares: dict[float, float] = {}
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                await asyncio.sleep(0.1)
                shares = {tone: round(media.share(tone, 1.0), 3) for tone in (*tones, *deaf)}
                if all(shares[tone] >= HEARS for tone in tones) and all(
                    shares[tone] <= HEARS_NOT for tone in deaf
                ):
                    return
    except TimeoutError:
        raise AssertionError(f"{tones} should be heard, {deaf} not: {shares}") from None


async def spoken(media: Media, seconds: float) -> None:
    """Wait until so many more seconds of sound have come."""
    until = media.received + round(seconds / audio.PACE)
    async with asyncio.timeout(PATIENCE):
        while media.received < until:  # noqa: ASYNC110 - heard, not told
            await asyncio.sleep(0.05)


async def party_is(centre: Centre, call_id: str, party: str, state: str) -> Json:
    """Wait until ``call.talk`` has told this of a party."""

    def right(data: Json) -> bool:
        return data["call_id"] == call_id and any(
            each["id"] == party and each["state"] == state for each in data["parties"]
        )

    return (await centre.live.wait("call.talk", where=right, timeout=PATIENCE)).data


def legs(record: dict[str, Any]) -> list[tuple[str | None, str]]:
    """(who, how the ring ended) of each leg."""
    return [(leg["agent"] or leg["party"], leg["end"]) for leg in record["legs"]]


def told(record: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """What the timeline says under one word."""
    return [entry["data"] for entry in record["timeline"] if entry["what"] == what]
