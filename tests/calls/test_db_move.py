"""A city changes its engine, really: calls before, the move, calls after, a backup, a restore, back again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from psap.platform.backup import manifest_of
from psap.platform.moving_data import audit_chain, look
from tests.support.centre import AGENT_TONE, Centre, fresh_number
from tests.support.home import Home, running_home
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.calls, pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.fixture
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home of its own, begun on SQLite."""
    yield from running_home(tmp_path_factory.mktemp("moving"))


async def answered_call(home: Home) -> str:
    """A citizen and a call taker talk; the record is there afterwards. Its id."""
    async with AsyncExitStack() as stack:
        centre = Centre(home, stack)
        await centre.open()
        number = fresh_number()
        async with centre.seat("agent1") as seat, centre.caller(number) as caller:
            await caller.answered()
            await caller.press("0")
            call = await seat.phone.ringing(30)
            await call.answer()
            await caller.media.hears(AGENT_TONE, timeout=20)
            caller.hang_up()
            record = await centre.record(number, timeout=30)
    assert (record["ending"], record["agent"], record["source"]) == ("answered", "agent1", "live")
    return str(record["id"])


async def known(home: Home, ids: list[str]) -> bool:
    """Whether each of these calls can be read from the page."""
    async with AsyncExitStack() as stack:
        centre = Centre(home, stack)
        await centre.open()
        found = await centre.supervisor.get("/calls")
    return set(ids) <= {each["id"] for each in found["items"]}


async def test_a_city_moves_to_postgresql_and_back(
    mine: Home, postgres: PostgresServer, tmp_path: Path
) -> None:
    ids = [await answered_call(mine)]
    url = postgres.create("moved_city")
    refused = await asyncio.to_thread(mine.cli, "db", "move", "--to", url, check=False)
    assert refused.returncode != 0
    assert "./112 down" in refused.stderr
    await asyncio.to_thread(mine.stop)
    told = (await asyncio.to_thread(mine.cli, "db", "move", "--to", url, timeout=120)).stdout
    assert "rantai utuh" in told
    assert not (mine.folder / "psap.db").exists()
    await asyncio.to_thread(mine.start)
    assert await known(mine, ids)
    ids.append(await answered_call(mine))
    # a backup while it runs; a call after it; and back to the backup, the ledger making up the rest
    archive = tmp_path / "city.tar.gz"
    await asyncio.to_thread(mine.cli, "backup", "--to", str(archive), timeout=120)
    assert manifest_of(archive).engine.startswith("PostgreSQL")
    assert manifest_of(archive).counts["calls"] == 2
    ids.append(await answered_call(mine))
    await asyncio.to_thread(mine.stop)
    await asyncio.to_thread(mine.cli, "restore", str(archive), timeout=120)
    assert look(url).counts["calls"] == 2
    await asyncio.to_thread(mine.start)
    async with asyncio.timeout(60):
        while not await known(mine, ids):  # noqa: ASYNC110 - the ledger is read in another process
            await asyncio.sleep(0.5)
    assert audit_chain(url)[1] is None
    # the city goes back with everything
    await asyncio.to_thread(mine.stop)
    await asyncio.to_thread(mine.cli, "db", "move", "--to", "sqlite", timeout=120)
    await asyncio.to_thread(mine.start)
    assert await known(mine, ids)
    assert len(list(mine.folder.glob("psap.db.moved-*"))) >= 1
    postgres.drop("moved_city")
