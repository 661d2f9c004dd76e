"""Many different calls at once: exactly one record each, never two, never none."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from psap.sip import audio
from tests.support.centre import Centre, fresh_number

pytestmark = pytest.mark.calls

RATE = 5.0  # calls a second
TALK = 2.0
KINDS = ("talks", "talks", "leaves the gate", "leaves the queue", "silent", "hides", "talks")
PASSWORDS: dict[str, str] = {}  # of the call takers made here
ENDINGS = {
    "talks": {"answered"},
    "hides": {"answered"},
    "leaves the gate": {"abandoned_in_gate"},
    # a free phone may be quicker than the caller's patience
    "leaves the queue": {"abandoned_in_queue", "answered"},
    "silent": {"no_response"},
}


async def _one(centre: Centre, kind: str, number: str) -> None:
    sound = audio.pause(0.02)
    async with centre.caller(number, sound=sound) as caller:
        await caller.answered(20)
        if kind == "leaves the gate":
            await asyncio.sleep(0.7)
            caller.hang_up()
        elif kind == "leaves the queue":
            await caller.press("0")
            await asyncio.sleep(0.4)
            caller.hang_up()
        elif kind == "talks":
            await caller.press("0")
        elif kind == "hides":
            await caller.press("55")
        await caller.ended(100)


@pytest.mark.parametrize(
    ("calls", "phones"), [(20, 8), pytest.param(200, 24, marks=[pytest.mark.long, pytest.mark.timeout(300)])]
)
async def test_one_record_each(centre: Centre, calls: int, phones: int) -> None:
    agents = await asyncio.to_thread(call_takers, centre, phones)
    numbers = {fresh_number(): KINDS[index % len(KINDS)] for index in range(calls)}
    async with AsyncExitStack() as stack:
        for agent in agents:
            await stack.enter_async_context(
                centre.seat(agent, PASSWORDS.get(agent), answer_after=0.2, talk=TALK)
            )
        tasks = []
        async with asyncio.TaskGroup() as group:
            for number, kind in numbers.items():
                tasks.append(group.create_task(_one(centre, kind, number)))
                await asyncio.sleep(1 / RATE)
        for number, kind in numbers.items():
            record = await centre.record(number)
            assert record["ending"] in ENDINGS[kind], (kind, record)
            assert len(await centre.supervisor.calls_of(number)) == 1
    # and none in between: every call of these minutes is one of ours
    assert not (await centre.supervisor.get("/queue"))["waiting"]
    ended = [item.data["call"]["caller"]["number"] for item in centre.live.heard if item.type == "call.ended"]
    assert sorted(number for number in ended if number in numbers) == sorted(numbers)


def call_takers(centre: Centre, count: int) -> list[str]:
    """The demo's call takers and as many more as needed."""
    names = [f"agent{index}" for index in range(1, 5)]
    for index in range(5, count + 1):
        name = f"banyak{index}"
        made = centre.home.cli("users", "add", name, "--role", "agent", "--json", check=False)
        if made.returncode == 0:
            PASSWORDS[name] = json.loads(made.stdout)["password"]
        assert name in PASSWORDS, made.stderr
        names.append(name)
    return names[:count]
