"""A number marked again and again climbs the ladder; nobody in danger is locked out."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from tests.support.centre import Centre, Seat, fresh_number
from tests.support.ears import two_digits
from tests.support.home import Home

pytestmark = pytest.mark.calls


async def _prank(centre: Centre, seat: Seat, number: str, *, challenged: bool = False) -> dict[str, Any]:
    """One call that reaches the agent and is marked as prank while talking."""
    async with centre.caller(number) as caller:
        at = await caller.answered()
        if challenged:
            await _pass_challenge(centre, caller, at)
        else:
            await caller.press("0")
        call = await seat.phone.ringing(20)
        pop = await centre.live.wait(
            "call.ringing", number=number, where=lambda data: data["call_id"] not in seat.seen
        )
        seat.seen.add(pop.data["call_id"])
        await call.answer()
        await centre.live.wait("call.answered", call_id=pop.data["call_id"])
        await seat.api.patch(f"/calls/{pop.data['call_id']}", {"classification": "prank", "end": True})
        await caller.ended(5)
    return await centre.closed(pop.data["call_id"])


async def _pass_challenge(centre: Centre, caller: Any, since: float) -> str:
    """Hear two digits and press them, as a person does."""
    sounds = centre.home.settings.pbx / "sounds" / "psap"
    digits, over = await two_digits(caller.media, sounds, since)
    await asyncio.sleep(max(0.0, over + 0.3 - time.monotonic()))  # keys before the end do not count
    await caller.press(digits)
    return digits


async def _blocklist(home: Home, *words: str) -> Any:
    told = await asyncio.to_thread(home.cli, "blocklist", *words, "--json")
    return json.loads(told.stdout)


@pytest.mark.timeout(180)
async def test_the_ladder_is_climbed_explained_and_left(centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat:
        first = await _prank(centre, seat, number)
        assert first["classification"] == "prank"
        assert first["classified_by"] == "agent1"
        assert first["ended_by"] == "agent"
        # the first mark warns
        second = await _prank(centre, seat, number)
        assert second["policy"]["decision"] in ("warn", "warning")
        # the second challenges; who hears and presses passes, at normal priority
        third = await _prank(centre, seat, number, challenged=True)
        assert third["policy"]["decision"] == "challenge"
        assert third["gate"]["result"] == "challenge_passed"
        assert third["priority"] == "normal"
        # the third blocks for a day: the same two digits, but low priority
        shown = await _blocklist(centre.home, "show", number)
        text = json.dumps(shown)
        assert third["id"] in text
        fourth = await _prank(centre, seat, number, challenged=True)
        assert fourth["policy"]["rung"] >= 3
        assert fourth["gate"]["result"] == "challenge_passed"
        assert fourth["priority"] == "low"
        # removed: in at once, on the very next call
        await _blocklist(centre.home, "remove", number)
        async with centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(8)
            await call.answer()
            caller.hang_up()
        record = await centre.record(number, count=5)
        assert record["gate"]["result"] == "key0"
        assert record["ending"] == "answered"


async def test_a_masher_fails_the_challenge(centre: Centre) -> None:
    number = fresh_number()
    await _blocklist(centre.home, "add", number, "--reason", "uji", "--for", "1h")
    async with centre.caller(number) as caller:
        await caller.answered()
        while not caller.is_over and (await _open_call(centre, number)).get("ending") is None:
            await caller.press("1234567890")
            if caller.is_over:
                break
        await caller.ended(30)
    record = await centre.record(number)
    assert record["ending"] == "challenge_failed"
    assert record["gate"]["result"] == "challenge_failed"
    assert record["ended_by"] == "system"


async def _open_call(centre: Centre, number: str) -> dict[str, Any]:
    found = await centre.supervisor.calls_of(number)
    return found[0] if found else {}


async def test_a_block_expires_by_itself_and_counts_within_a_second(centre: Centre) -> None:
    number = fresh_number()
    await _blocklist(centre.home, "add", number, "--reason", "uji", "--for", "4s")
    until = time.monotonic() + 4
    async with centre.caller(number) as caller:
        await caller.answered()
        gate = await centre.live.wait("*", number=number)
        call_id = gate.data["call_id"]
    blocked = await centre.record(number)
    assert blocked["id"] == call_id
    assert blocked["policy"]["decision"] == "challenge"
    await asyncio.sleep(max(0.0, until + 1.1 - time.monotonic()))  # until the clock has passed the expiry
    async with centre.caller(number) as caller:
        await caller.answered()
        await centre.live.wait("*", number=number, where=lambda data: data.get("call_id") != call_id)
    after = await centre.record(number, count=2)
    assert after["policy"]["rung"] == 0
    assert after["policy"]["decision"] == "pass"


async def test_who_has_no_identity_is_never_blocked(centre: Centre) -> None:
    told = await asyncio.to_thread(
        centre.home.cli, "blocklist", "add", "anonymous", "--reason", "uji", "--for", "1h", check=False
    )
    assert told.returncode != 0
    assert told.stderr.strip()
