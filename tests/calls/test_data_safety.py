"""The data of a running home: its database file deleted under it, a backup of what goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from psap.platform import probes, sqlite
from psap.platform.backup import unpack
from psap.sip.caller import Caller
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.home import Home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(120)]


async def appears(path: Path, timeout: float = 20) -> None:
    """Wait until a file has its name (again)."""
    async with asyncio.timeout(timeout):
        while not path.exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


async def well(home: Home, timeout: float = 40) -> None:
    """Wait until every part is well, as ``./112 status`` asks."""
    told = None
    try:
        async with asyncio.timeout(timeout):
            while told is None or not told.healthy:
                told = await probes.status(home.settings)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not well within {timeout} s: {told}") from None


async def answered_by(caller: Caller, seat: Seat) -> None:
    """A citizen comes into conversation with the call taker."""
    await caller.answered()
    await caller.press("0")
    call = await seat.phone.ringing(20)
    await call.answer()
    await caller.media.hears(AGENT_TONE, timeout=20)


async def test_a_deleted_database_costs_no_record(home: Home, centre: Centre) -> None:
    """Deleted while two people talk: the call goes on, and what was before and after is there."""
    await well(home)
    path = home.settings.home / "psap.db"
    number, later = fresh_number(), fresh_number()
    async with centre.seat("agent1") as seat:
        async with centre.caller(number) as caller:
            await answered_by(caller, seat)
            for name in path.parent.glob("psap.db*"):
                name.unlink()
            await appears(path)
            await caller.media.hears(AGENT_TONE, timeout=20)
            caller.hang_up()
        first = await centre.record(number, timeout=20)
        await centre.agent_is("agent1", "ready")
        async with centre.caller(later) as caller:
            await answered_by(caller, seat)
            caller.hang_up()
        second = await centre.record(later, timeout=20)
    for record in (first, second):
        assert (record["ending"], record["agent"], record["source"]) == ("answered", "agent1", "live")
    # every process writes and reads the new file: what the console wrote, the command line finds
    block = await centre.supervisor.post("/blocklist", {"number": number, "reason": "uji", "for": "1h"})
    told = json.loads((await asyncio.to_thread(home.cli, "blocklist", "show", number, "--json")).stdout)
    assert block["id"] in json.dumps(told)
    with contextlib.closing(sqlite3.connect(path)) as database:
        found = [row[0] for row in database.execute("SELECT id FROM calls WHERE ending = 'answered'")]
    assert {first["id"], second["id"]} <= set(found)
    assert sqlite.fault_of(path) is None
    await centre.supervisor.delete(f"/blocklist/{block['id']}")
    await well(home)


async def test_a_backup_of_a_running_home(home: Home, tmp_path: Path) -> None:
    await well(home)
    said = (await asyncio.to_thread(home.cli, "backup", "--to", str(tmp_path))).stdout
    (made,) = tmp_path.glob("psap-manual-*.tar.gz")
    assert str(made) in said
    (tmp_path / "out").mkdir()
    manifest = unpack(made, tmp_path / "out")
    assert manifest.site == "semarang"
    assert manifest.counts["users"] >= 8
    refused = await asyncio.to_thread(home.cli, "restore", str(made), check=False)
    assert refused.returncode != 0
    assert "./112 down" in refused.stderr
