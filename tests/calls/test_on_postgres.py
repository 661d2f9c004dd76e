"""A home on PostgreSQL: set up, worked in, and its server killed and stopped while people call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from psap.platform import probes
from psap.sip.caller import Caller
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.home import Home, running_home
from tests.support.postgres import PASSWORD, PostgresServer

pytestmark = [pytest.mark.calls, pytest.mark.timeout(400)]

CALLS = 12  # while the server is away
APART = 0.5  # seconds
PATIENCE = 60.0  # until status and banner say it, and until what waited is written


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that asks for a password, and that may be killed."""
    with PostgresServer(password=True) as made:
        yield made


def password_file(server: PostgresServer, words: str) -> str:
    file = server.folder / "given"
    file.write_text(f"{words}\n")
    file.chmod(0o644)
    return str(file)


@pytest.fixture(scope="module")
def city(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A healthy home on an empty database that `up` fills."""
    server.create("city")
    env = {
        "PSAP_TIMER_SCALE": "0.2",
        "PSAP_DATABASE_URL": server.url("city", password=False),
        "PSAP_DATABASE_PASSWORD_FILE": password_file(server, PASSWORD),
    }
    for home in running_home(tmp_path_factory.mktemp("city"), env=env):
        yield home
        held = [
            path for path in home.folder.rglob("*") if path.is_file() and PASSWORD.encode() in _bytes(path)
        ]
        assert not held, f"the database's password stands in {held}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
async def centre(city: Home) -> AsyncIterator[Centre]:
    async with AsyncExitStack() as stack:
        made = Centre(city, stack)
        await made.open()
        yield made


def rows(server: PostgresServer, what: str) -> list[list[str]]:
    """What the database itself answers."""
    return [line.split("|") for line in server.sql(what, "city").splitlines()]


async def comes_into_conversation(caller: Caller, seat: Seat) -> None:
    await caller.answered()
    await caller.press("0")
    call = await seat.phone.ringing(20)
    await call.answer()
    await caller.media.hears(AGENT_TONE, timeout=20)


async def database_is(home: Home, state: str) -> str:
    """Wait until ``./112 status`` says so of the database; what it says."""
    told: Any = None
    try:
        async with asyncio.timeout(PATIENCE):
            while told is None or told.parts["database"].state != state:
                told = await probes.status(home.settings)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not {state} within {PATIENCE} s: {told}") from None
    return str(told.parts["database"].detail)


async def test_a_call_is_answered_and_recorded(server: PostgresServer, city: Home, centre: Centre) -> None:
    number = fresh_number()
    async with centre.seat("agent1") as seat, centre.caller(number) as caller:
        await comes_into_conversation(caller, seat)
        caller.hang_up()
        record = await centre.record(number, timeout=30)
    assert (record["ending"], record["agent"], record["source"]) == ("answered", "agent1", "live")
    assert rows(server, f"SELECT ending, agent, source FROM calls WHERE id = '{record['id']}'") == [
        ["answered", "agent1", "live"]
    ]
    incident = await centre.supervisor.post("/incidents", {"call_id": record["id"], "description": "uji"})
    assert [each["id"] for each in (await centre.supervisor.get("/incidents"))["items"]] == [incident["id"]]
    block = await centre.supervisor.post("/blocklist", {"number": number, "reason": "uji", "for": "1h"})
    assert rows(server, "SELECT id FROM blocks") == [[block["id"]]]
    await centre.supervisor.delete(f"/blocklist/{block['id']}")
    assert not (city.folder / "psap.db").exists()


def test_no_server_and_a_wrong_password_are_one_clear_line(server: PostgresServer, tmp_path: Path) -> None:
    """`up` says what, where and which setting, and leaves nothing running."""
    for url, password, says in (
        ("postgresql+asyncpg://psap112@/city?host=/nowhere", PASSWORD, "no PostgreSQL server there"),
        (server.url("city", password=False), "salah", "password authentication failed"),
    ):
        home = Home(
            tmp_path / "home",
            env={"PSAP_DATABASE_URL": url, "PSAP_DATABASE_PASSWORD_FILE": password_file(server, password)},
        )
        ended = home.cli("up", "--demo", "--detach", check=False, timeout=120)
        assert ended.returncode != 0
        last = ended.stderr.strip().splitlines()[-1]
        assert says in last, ended.stderr
        assert "PSAP_DATABASE_URL" in last
        assert "Traceback" not in ended.stderr + ended.stdout
    password_file(server, PASSWORD)


async def gives_up(centre: Centre, number: str) -> None:
    async with centre.caller(number) as caller:
        await caller.answered(30)
        await caller.press("0")
        caller.hang_up()


@pytest.mark.long
@pytest.mark.parametrize("way", ["killed", "stopped"])
async def test_the_server_goes_away_while_people_call(
    server: PostgresServer, city: Home, centre: Centre, way: str
) -> None:
    """Who talks goes on talking, who calls comes through, and every record is there once afterwards."""
    await database_is(city, "up")
    talking, numbers = fresh_number(), [fresh_number() for _ in range(CALLS)]
    during = fresh_number()
    centre.live.heard.clear()
    async with centre.seat("agent1") as seat, centre.caller(talking) as caller:
        await comes_into_conversation(caller, seat)
        (server.kill if way == "killed" else server.pause)()
        try:
            async with asyncio.TaskGroup() as group:
                for number in numbers:
                    group.create_task(gives_up(centre, number))
                    await asyncio.sleep(APART)
            await caller.media.hears(AGENT_TONE, timeout=20)
            await database_is(city, "down")
            banner = await centre.live.wait(
                "state", timeout=PATIENCE, where=lambda told: told["parts"]["database"]["state"] == "down"
            )
            assert banner.data["parts"]["database"]["id"].startswith("Basis data tidak menjawab")
            caller.hang_up()
            async with centre.caller(during) as second:  # and the next one is answered as well
                await comes_into_conversation(second, seat)
                second.hang_up()
        finally:
            (server.start if way == "killed" else server.resume)()
        await database_is(city, "up")
        for number in [talking, during, *numbers]:
            await centre.record(number, timeout=PATIENCE)
    wanted = ", ".join(f"'{number}'" for number in [talking, during, *numbers])
    found = rows(
        server,
        f"SELECT number, count(*), min(ending), min(source) FROM calls WHERE number IN ({wanted}) GROUP BY 1",
    )
    assert sorted(row[0] for row in found) == sorted([talking, during, *numbers])
    assert {row[1] for row in found} == {"1"}
    ends = {row[0]: row[2] for row in found}
    assert ends[talking] == ends[during] == "answered"
    assert all(ends[number].startswith("abandoned") for number in numbers)
    assert rows(server, "SELECT count(*) FROM calls WHERE ending IS NULL") == [["0"]]
    assert not (city.settings.spool / "calls.jsonl").exists()
    assert not (city.settings.spool / "rejected.jsonl").exists()
