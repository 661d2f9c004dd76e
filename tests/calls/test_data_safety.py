"""The data of a running home: its database file deleted under it, a backup of what goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from psap.platform import probes, sqlite
from psap.platform.backup import listed, manifest_of
from psap.platform.settings import ROOT
from psap.sip.caller import Caller
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.home import Home, running_home

pytestmark = [pytest.mark.calls, pytest.mark.timeout(300)]

RATE = 5.0  # calls a second
MOST = 500


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


async def short_call(centre: Centre, number: str) -> None:
    """A citizen who gives up in the gate."""
    async with centre.caller(number) as caller:
        await caller.answered(20)
        caller.hang_up()


def rows_by_id(path: Path) -> dict[str, dict[str, object]]:
    """Every call of a database file."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return {row["id"]: dict(row) for row in database.execute("SELECT * FROM calls")}


@pytest.mark.parametrize("calls", [12, pytest.param(300, marks=pytest.mark.long)])
async def test_a_backup_during_five_calls_a_second(
    home: Home, centre: Centre, tmp_path: Path, calls: int
) -> None:
    """What is restored elsewhere equals the original at the backup's moment, call by call."""
    await well(home)
    path = home.settings.home / "psap.db"
    numbers: list[str] = []
    backing_up: asyncio.Task[object] | None = None
    after = 3  # calls that only come when the backup is finished
    async with asyncio.TaskGroup() as group:
        while after and len(numbers) < MOST:
            numbers.append(fresh_number())
            group.create_task(short_call(centre, numbers[-1]))
            if len(numbers) == calls // 3:
                backing_up = group.create_task(
                    asyncio.to_thread(home.cli, "backup", "--to", str(tmp_path), timeout=120)
                )
            if backing_up is not None and backing_up.done() and len(numbers) >= calls - 3:
                after -= 1
            await asyncio.sleep(1 / RATE)
    for number in numbers:
        await centre.record(number, timeout=30)
    (archive,) = tmp_path.glob("psap-manual-*.tar.gz")
    elsewhere = tmp_path / "new"
    restored = await asyncio.to_thread(
        subprocess.run,
        [str(ROOT / "112"), "restore", str(archive), "--home", str(elsewhere)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert restored.returncode == 0, restored.stderr
    manifest = manifest_of(archive)
    assert f"{manifest.counts['calls']} calls" in restored.stdout
    then, now = rows_by_id(elsewhere / "psap.db"), rows_by_id(path)
    assert len(then) == manifest.counts["calls"]
    assert sqlite.fault_of(elsewhere / "psap.db") is None
    # no call of the copy is unknown to the original, none is younger than the moment
    assert set(then) <= set(now)
    assert all(int(str(row["updated_at"])) <= manifest.instant for row in then.values())
    # not touched since shortly before the moment: there, and equal in every column. What was stamped just
    # before it may have been committed just after; in the same version it is equal all the same
    settled = manifest.instant - 10_000_000
    same = 0
    for key, row in now.items():
        if int(str(row["updated_at"])) <= settled or row["updated_at"] == then.get(key, {}).get("updated_at"):
            assert then[key] == row
            same += 1
    assert same > 0
    mine = {row["number"] for row in then.values()} & set(numbers)
    assert 0 < len(mine) < len(numbers), "the backup was not taken in between"
    refused = await asyncio.to_thread(home.cli, "restore", str(archive), check=False)
    assert refused.returncode != 0
    assert "./112 down" in refused.stderr


@pytest.mark.long
async def test_new_software_while_people_talk(home: Home, centre: Centre) -> None:
    """agi, bridge and console are replaced under a conversation; nothing of it is missing."""
    await well(home)
    number, later = fresh_number(), fresh_number()
    before = {name: part["pid"] for name, part in (await asyncio.to_thread(home.status))["parts"].items()}
    async with centre.seat("agent1") as seat:
        async with centre.caller(number) as caller:
            await answered_by(caller, seat)
            again = await asyncio.to_thread(home.cli, "up", "--detach")
            assert "already running" in again.stdout
            await asyncio.to_thread(home.cli, "upgrade", timeout=240)
            await caller.media.hears(AGENT_TONE, timeout=20)
            caller.hang_up()
        record = await centre.record(number, timeout=30)
        await centre.agent_is("agent1", "ready", timeout=30)
        async with centre.caller(later) as caller:
            await answered_by(caller, seat)
            caller.hang_up()
    assert (record["ending"], record["agent"]) == ("answered", "agent1")
    assert record["gate"]["result"] == "key0"
    assert len(await centre.supervisor.calls_of(number)) == 1
    await well(home)
    after = {name: part["pid"] for name, part in (await asyncio.to_thread(home.status))["parts"].items()}
    assert {name for name, pid in after.items() if pid != before[name]} >= {"agi", "ami_bridge", "console"}
    assert (after["asterisk"], after["redis"]) == (before["asterisk"], before["redis"])
    assert [kept for kept in listed(home.settings) if kept.name.startswith("psap-upgrade-")]


def fill(path: Path) -> None:
    """Write until the disk refuses."""
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 512):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Home]:
    """A home of its own on a disk of 640 MB."""
    where = tmp_path / "d"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=640m", "psap-test", str(where)], check=True)
    try:
        yield from running_home(where / "h", env={"PSAP_TIMER_SCALE": "0.2"})
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_full_disk(small: Home) -> None:
    """First the reserve goes, then somebody eats that too: calls go on, and no record is lost."""
    hog, reserve = small.folder.parent / "hog", small.folder / "reserve"
    async with AsyncExitStack() as stack:
        centre = Centre(small, stack)
        await centre.open()
        seat = await stack.enter_async_context(centre.seat("agent1"))
        await appears(reserve)
        whole = reserve.stat().st_size
        pids = {name: part["pid"] for name, part in (await asyncio.to_thread(small.status))["parts"].items()}
        numbers = [fresh_number() for _ in range(3)]

        async def call(number: str) -> None:
            async with centre.caller(number) as caller:
                await answered_by(caller, seat)
                caller.hang_up()
            await centre.agent_is("agent1", "ready", "wrapping_up", timeout=30)

        await asyncio.to_thread(fill, hog)
        async with asyncio.timeout(30):
            while reserve.stat().st_size == whole:  # noqa: ASYNC110 - another process gives it back
                await asyncio.sleep(0.1)
        await call(numbers[0])
        # the reserve is for this: its record is written while the disk is full
        record = await centre.record(numbers[0], timeout=30)
        assert (record["ending"], record["source"]) == ("answered", "live")
        told = await asyncio.to_thread(small.status)
        assert not told["healthy"]
        assert "penuh" in json.dumps(told["parts"])
        async with asyncio.timeout(60):
            while reserve.stat().st_size:
                await asyncio.to_thread(fill, hog)
                await asyncio.sleep(0.2)
        await asyncio.to_thread(fill, hog)
        for number in numbers[1:]:
            await call(number)
        # longer than the watchdog's patience: nobody is killed for a heartbeat that found no room
        await asyncio.sleep(26)
        await asyncio.to_thread(fill, hog)
        hog.unlink()
        for number in numbers[1:]:
            record = await centre.record(number, timeout=60)
            assert (record["ending"], record["agent"]) == ("answered", "agent1")
            assert len(await centre.supervisor.calls_of(number)) == 1
        await well(small, 60)
        assert reserve.stat().st_size == whole
        after = {name: part["pid"] for name, part in (await asyncio.to_thread(small.status))["parts"].items()}
        assert after == pids
