"""``./112 call``: a newcomer sees the whole journey without owning a telephone."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.api import Api
from tests.support.centre import Centre, fresh_number

pytestmark = pytest.mark.calls


async def test_the_whole_journey_with_a_simulated_desk_phone(centre: Centre) -> None:
    number = fresh_number()
    words = ["call", "--from", number, "--press", "0", "--say", "kebakaran di Jalan Sudirman", "--hold", "14"]
    async with Api(centre.home.http_url, "agent4") as agent:
        await agent.post("/agents/me/login")
        try:
            told = await asyncio.to_thread(centre.home.cli, *words)
        finally:
            await agent.post("/agents/me/logout")
    for word in ("simulated desk phone for agent4", "pressed 0", "ringing at agent4", "talking with agent4"):
        assert word in told.stdout, told.stdout
    record = await centre.record(number)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent4")
    assert record["gate"]["result"] == "key0"


async def test_it_says_when_nobody_is_there(centre: Centre) -> None:
    number = fresh_number()
    told = await asyncio.to_thread(centre.home.cli, "call", "--from", number, "--press", "0", "--hold", "3")
    assert "no call taker is logged in" in told.stdout
    assert "in the queue" in told.stdout
    assert (await centre.record(number))["ending"] == "abandoned_in_queue"


@pytest.mark.parametrize(
    "words",
    [("--say", "a", "--silent"), ("--press", "x"), ("--from", "abc")],
    ids=["two-sounds", "no-key", "no-number"],
)
async def test_nonsense_is_one_clear_line(centre: Centre, words: tuple[str, ...]) -> None:
    told = await asyncio.to_thread(centre.home.cli, "call", *words, check=False)
    assert told.returncode == 1
    assert len(told.stderr.strip().splitlines()) == 1
