"""Every process of ours is dead: Asterisk alone flags who is blocked, and turns nobody away."""

from __future__ import annotations

import asyncio
import datetime
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from psap.callers.numbers import block_key
from psap.platform import pbx_root
from psap.platform.pbx_names import DB_BLOCK
from psap.sip.phone import DeskPhone
from tests.faults.breaking import OURS, killed, recovered
from tests.faults.feature_code import dial
from tests.support.api import Api
from tests.support.centre import AGENT_TONE, Centre, fresh_number, hum, phone_account
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]

SHORT_BLOCK = 3  # seconds


def _key(number: str) -> str:
    key = block_key(number, "024")
    assert key is not None
    return key


async def _asterisk(home: Home, command: str) -> str:
    return await asyncio.to_thread(pbx_root.asterisk_rx, home.settings, command)


async def _waiting(home: Home, count: int) -> None:
    """Wait until so many callers are in the queue, as Asterisk tells it."""
    async with asyncio.timeout(10):
        while f"has {count} calls" not in await _asterisk(home, "queue show psap112"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_blocks_and_their_expiry_hold_and_nobody_is_turned_away(
    home: Home, centre: Centre, tmp_path: Path
) -> None:
    await recovered(home)
    challenged, announced, expired = (fresh_number() for _ in range(3))
    account = await asyncio.to_thread(phone_account, home, "agent1")
    for number in (challenged, announced):
        await centre.supervisor.post("/blocklist", {"number": number, "reason": "uji", "for": "1h"})
    until = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(seconds=SHORT_BLOCK)
    block = {"number": expired, "reason": "uji", "expires_at": until.isoformat()}
    await centre.supervisor.post("/blocklist", block)
    expires = time.monotonic() + SHORT_BLOCK + 1.1
    async with AsyncExitStack() as stack:
        phone = DeskPhone(
            centre.desk_lines,
            account["username"],
            account["password"],
            domain=account["domain"],
            answer_after=0.0,
            sound=list(hum(AGENT_TONE)),
        )
        await stack.enter_async_context(phone)
        dead = await stack.enter_async_context(AsyncExitStack())
        # what the bridge wrote must hold without it, and what it would take out in time is still there
        await dead.enter_async_context(killed(home, "ami_bridge", "agi", "console", "redis"))
        entry = (await _asterisk(home, f"database get {DB_BLOCK} {_key(challenged)}")).partition("Value: ")[2]
        assert entry.strip()
        blocked = entry.strip().split("|")
        blocked[2] = "announce"  # how Bogor treats its blocked callers
        await _asterisk(home, f'database put {DB_BLOCK} {_key(announced)} "{"|".join(blocked)}"')
        assert "Value: " in await _asterisk(home, f"database get {DB_BLOCK} {_key(expired)}")
        await asyncio.sleep(max(0.0, expires - time.monotonic()))  # until the clock has passed the expiry
        callers = {}
        for waiting, number in enumerate((challenged, announced, expired), 1):
            callers[number] = await stack.enter_async_context(centre.caller(number))
            await callers[number].answered()
            if waiting == 3:
                await _waiting(home, 3)
        await dial(home, account, "*11", tmp_path)
        # whose block has expired came last and is served first; the blocked ones wait, and are served
        served = []
        while len(served) < 3:
            heard = {
                asyncio.create_task(caller.media.hears(AGENT_TONE, timeout=15)): number
                for number, caller in callers.items()
                if number not in served
            }
            done, rest = await asyncio.wait(heard, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            for task in done:
                task.result()
                served.append(heard[task])
                callers[heard[task]].hang_up()
                await callers[heard[task]].ended(5)
        assert served[0] == expired
        await dead.aclose()
        await recovered(home)
        async with Api(home.http_url, "agent1") as api:
            await api.post("/agents/me/logout")
    for number in (challenged, announced):
        record = await centre.record(number, timeout=20)
        assert record["source"] == "ledger"
        assert (record["ending"], record["agent"]) == ("answered", "agent1")
        assert record["gate"]["result"] == "local"
        assert record["policy"]["decision"] == "flagged"
        assert record["policy"]["rung"] >= 1
        assert record["flags"] == ["suspected_prank"]
        assert record["priority"] == "low"
    record = await centre.record(expired, timeout=20)
    assert (record["ending"], record["source"]) == ("answered", "ledger")
    assert record["gate"]["result"] == "local"
    assert (record["policy"]["decision"], record["policy"]["rung"]) == ("pass", 0)
    assert (record["priority"], record["flags"]) == ("normal", [])
    for number in callers:
        assert len(await centre.supervisor.calls_of(number)) == 1
    assert {
        name for name in OURS if not (await asyncio.to_thread(home.status))["parts"][name]["pid"]
    } == set()
