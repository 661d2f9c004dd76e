"""The connection to Asterisk breaks exactly as a call-back is sent: nobody is dialled twice, or late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.calling_back import Scene, open_scene
from tests.support.centre import AGENT_TONE, fresh_number
from tests.support.home import Home, free_ports
from tests.support.trap import Trap

pytestmark = [pytest.mark.calls, pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def unstarted(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose bridge reaches Asterisk through a trap, before its start."""
    outside, link = free_ports(8)[-2:]  # behind those that the home takes
    env = {
        "PSAP_TIMER_SCALE": "0.2",
        "PSAP_TRUNK_PROXY": f"127.0.0.3:{outside}",
        "PSAP_AMI_LINK_PORT": str(link),
    }
    return Home(tmp_path_factory.mktemp("trap"), env=env)


@pytest.fixture(scope="module")
def trap(unstarted: Home) -> Iterator[Trap]:
    link, ami = (int(unstarted.env[f"PSAP_AMI_{name}"]) for name in ("LINK_PORT", "PORT"))
    with Trap(link, ami, b"Action: Originate") as made:
        yield made


@pytest.fixture(scope="module")
def home(unstarted: Home, trap: Trap) -> Iterator[Home]:
    try:
        yield unstarted.start()
    finally:
        unstarted.stop()


@pytest.fixture
async def scene(home: Home) -> AsyncIterator[Scene]:
    async with open_scene(home) as made:
        yield made


async def test_what_never_arrived_dialled_nobody(scene: Scene, trap: Trap) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        trap.arm("lost")
        started = await seat.api.post(f"/missed/{entry['id']}/call")
        assert started["status"] == "calling"
        free = await scene.entry(number, lambda one: one["last_result"] is not None)
        assert trap.sprung.is_set()
        assert (free["status"], free["last_result"]) == ("open", "not_dialled")
        assert seat.phone.calls == citizen.calls == []


async def test_what_arrived_unheard_is_found_again_and_not_sent_twice(scene: Scene, trap: Trap) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with (
        scene.centre.seat("agent1", answer_after=0.0) as seat,
        scene.citizen(number, answer_after=0.0) as citizen,
    ):
        trap.arm("unheard")
        await seat.api.post(f"/missed/{entry['id']}/call")
        await citizen.media.hears(AGENT_TONE, timeout=20)
        assert trap.sprung.is_set()
        await asyncio.sleep(12)  # beyond every watchdog of the link: a second one would ring by now
        assert len(citizen.calls) == len(seat.phone.calls) == 1
        seat.phone.calls[0].hang_up()
        done = await scene.entry(number, closed=True)
        assert (done["result"], done["attempts"]) == ("answered", 1)
        record = await scene.centre.closed(done["attempt"]["call_id"])
        assert (record["ending"], record["ended_by"]) == ("answered", "agent")
        assert record["talk_seconds"] > 10
        assert len(await scene.centre.supervisor.calls_of(number)) == 2


async def test_what_arrives_late_rings_no_citizen(scene: Scene, trap: Trap) -> None:
    number = fresh_number()
    await scene.lost_call(number)
    entry = await scene.entry(number)
    async with scene.centre.seat("agent1") as seat, scene.citizen(number) as citizen:
        trap.arm("late")
        await seat.api.post(f"/missed/{entry['id']}/call")
        free = await scene.entry(number, lambda one: one["last_result"] is not None)
        assert (free["status"], free["last_result"]) == ("open", "not_dialled")
        trap.release()  # the Originate reaches Asterisk now, on a connection that is long given up
        call = await seat.phone.ringing()
        await call.answer()
        assert await call.ended() == "caller"  # told that it is cancelled
        assert citizen.calls == []
        still = await scene.entry(number)
        assert (still["status"], still["last_result"]) == ("open", "not_dialled")
