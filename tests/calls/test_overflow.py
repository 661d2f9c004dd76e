"""Nobody comes: the caller hears it, stays in front, and is put through to a real telephone elsewhere."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from psap.platform import pbx_root
from psap.platform.settings import ROOT
from psap.sip.caller import Caller
from psap.sip.phone import PhoneCall
from psap.sip.sipp import Lines
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number, hum, phone_account
from tests.support.ears import prompts_heard
from tests.support.home import Home, free_ports, running_home
from tests.support.outside import Outside

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

DUTY, NEIGHBOUR = "081100112", "0276112"
OUTSIDE = "127.0.0.3"  # the carrier's side for calls that go out
WORDS = ["id/nobody", "en/nobody"]  # what a waiting caller hears while no call taker is there
DEAD_SECONDS = 60  # rtp_timeout of asterisk-config/pjsip.conf
# scaled by a fifth: the longest wait is 2 s, destinations ring for 3 s, the last for 12 s
QUEUE = f"""[queue]
longest_wait_seconds = 10
duty_number = "{DUTY}"
overflow = [
  {{ kind = "all_phones", seconds = 15 }},
  {{ kind = "queue", members = ["supervisor1"], seconds = 15 }},
  {{ kind = "duty", seconds = 15 }},
  {{ kind = "centre", number = "{NEIGHBOUR}", seconds = 60 }},
]
"""


@pytest.fixture(scope="module")
def overflowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose profile names every kind of destination."""
    folder = tmp_path_factory.mktemp("overflow")
    text = (ROOT / "profiles" / "semarang.toml").read_text("utf-8")
    profile = folder / "profile.toml"
    profile.write_text(re.sub(r"^\[queue\]\n(?:[^\[\n].*\n|\n)*", QUEUE, text, count=1, flags=re.M), "utf-8")
    env = {"PSAP_TIMER_SCALE": "0.2", "PSAP_TRUNK_PROXY": f"{OUTSIDE}:{free_ports(1)[0]}"}
    yield from running_home(folder / "home", profile=str(profile), env=env)


@pytest.fixture
async def overflowing_centre(overflowing: Home) -> AsyncIterator[Centre]:
    async with AsyncExitStack() as stack:
        made = Centre(overflowing, stack)
        await made.open()
        yield made


def outside(centre: Centre) -> Lines:
    """The carrier's side, where calls go out."""
    address, _, port = str(centre.home.settings.trunk_proxy).partition(":")
    return Lines(centre.target, address, int(port))


async def queued(centre: Centre, caller: Caller, number: str) -> None:
    await caller.answered()
    await caller.press("0")
    await centre.live.wait("call.queued", number=number)


async def asterisk(centre: Centre, command: str) -> str:
    return await asyncio.to_thread(pbx_root.asterisk_rx, centre.home.settings, command)


async def both_hear(caller: Caller, call: PhoneCall) -> None:
    """Two-way audio, as measured at both ends."""
    await asyncio.gather(
        caller.media.hears(AGENT_TONE, timeout=20), call.phone.media.hears(CALLER_TONE, timeout=20)
    )


def ends(record: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(leg["agent"], leg["end"]) for leg in record["legs"]]


async def test_nobody_there_the_caller_hears_it_and_the_neighbour_answers(overflowing_centre: Centre) -> None:
    centre, number = overflowing_centre, fresh_number()
    sounds = centre.home.settings.pbx / "sounds" / "psap"
    # of a profile that named other people: the second queue's members outlive Asterisk
    former = f"PJSIP/{(await asyncio.to_thread(phone_account, centre.home, 'agent4'))['username']}"
    await asterisk(centre, f"queue add member {former} to psap-second penalty 0 as agent4")
    async with (
        outside(centre) as lines,
        Outside(lines, DUTY) as duty,
        Outside(lines, NEIGHBOUR, sound=list(hum(AGENT_TONE))) as neighbour,
        centre.caller(number, sound=list(hum(CALLER_TONE))) as caller,
    ):
        began = await caller.answered()
        await queued(centre, caller, number)
        (await duty.ringing(40)).reject()  # busy: the next destination
        second = await asterisk(centre, "queue show psap-second")
        assert "supervisor1" in second
        assert former not in second
        call = await neighbour.ringing(40)
        async with asyncio.timeout(11):
            while {name for _, name in prompts_heard(caller.media, sounds, WORDS, began)} != set(WORDS):  # noqa: ASYNC110 - heard, not told
                await asyncio.sleep(0.1)
        await call.answer()
        await both_hear(caller, call)
        call.hang_up()
        assert (await caller.ended(20)).by == "callee"
        record = await centre.record(number)
    assert (record["ending"], record["ended_by"]) == ("overflowed", "agent")
    assert ends(record) == [(None, "busy"), (None, "answered")]
    assert record["agent"] is None
    assert record["talk_seconds"] > 0


@pytest.mark.long
async def test_a_conversation_on_hold_is_not_disturbed(overflowing_centre: Centre) -> None:
    """Among all phones: one on hold is in a conversation like any other."""
    centre, number, later = overflowing_centre, fresh_number(), fresh_number()
    async with (
        outside(centre) as lines,
        Outside(lines, DUTY) as duty,
        centre.seat("agent1") as seat,
        centre.caller(number) as caller,
    ):
        await queued(centre, caller, number)
        call = await seat.phone.ringing(20)
        await call.answer()
        await centre.agent_is("agent1", "talking")
        caller.hold()  # the telephone stands for held, as Asterisk has it
        async with asyncio.timeout(10):
            while "On Hold" not in await asterisk(centre, "queue show psap112"):  # noqa: ASYNC110 - Asterisk knows
                await asyncio.sleep(0.1)
        async with centre.caller(later) as second:
            await queued(centre, second, later)
            await (await duty.ringing(40)).answer()  # the destination after all phones
            assert len(seat.phone.calls) == 1
            second.hang_up()
        call.hang_up()
        await caller.ended(20)
        record = await centre.record(later)
    assert ends(record) == [(None, "answered")]


@pytest.mark.long
async def test_a_second_queue_rings_its_own_members(overflowing_centre: Centre) -> None:
    centre, number = overflowing_centre, fresh_number()
    async with outside(centre), centre.seat("supervisor1") as seat:
        await seat.api.post("/agents/me/logout")  # a supervisor is not logged in: the second queue calls
        async with centre.caller(number) as caller:
            await queued(centre, caller, number)
            first = await seat.phone.ringing(40)  # among all phones
            assert await first.ended(20) == "cancelled"
            call = await seat.phone.ringing(40)  # as a member of the second queue
            await call.answer()
            await centre.agent_is("supervisor1", "talking", timeout=60)
            call.hang_up()
            await caller.ended(20)
        record = await centre.record(number)
    assert (record["ending"], record["agent"]) == ("answered", "supervisor1")
    assert ends(record) == [("supervisor1", "no_answer"), ("supervisor1", "answered")]


@pytest.mark.long
async def test_where_nobody_answers_the_caller_stays_in_front(overflowing_centre: Centre) -> None:
    """No answer at the duty number, nothing at all at the neighbour's: this caller comes first."""
    centre, number, later = overflowing_centre, fresh_number(), fresh_number()
    async with outside(centre) as lines, Outside(lines, DUTY) as duty, centre.caller(number) as caller:
        await queued(centre, caller, number)
        call = await duty.ringing(40)
        async with centre.caller(later) as second:
            await queued(centre, second, later)
            assert await call.ended(40) == "cancelled"
            await centre.live.wait("call.queued", number=number, where=lambda d: d["priority"] == "high")
            async with centre.seat("agent1") as seat:
                mine = await seat.phone.ringing(40)
                assert mine.caller == number
                await mine.answer()
                mine.hang_up()
                await caller.ended(20)
                second.hang_up()
        record = await centre.record(number)
    assert (record["ending"], record["agent"]) == ("answered", "agent1")
    assert record["legs"][0]["end"] == "no_answer"


@pytest.mark.long
async def test_a_duty_telephone_that_dies_in_the_conversation_gives_the_caller_back(
    overflowing_centre: Centre,
) -> None:
    centre, number = overflowing_centre, fresh_number()
    async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
        async with outside(centre) as lines, Outside(lines, DUTY, sound=list(hum(AGENT_TONE))) as duty:
            await queued(centre, caller, number)
            call = await duty.ringing(40)
            await call.answer()
            await both_hear(caller, call)
            duty.media.stop()  # no packet, no BYE, no answer to anything
            os.kill(lines.pid or 0, signal.SIGSTOP)
            async with centre.seat("agent1") as seat:
                back = await seat.phone.ringing(DEAD_SECONDS + 30)
                assert back.caller == number
                await back.answer()
                await caller.media.hears(AGENT_TONE, timeout=20)
                back.hang_up()
                await caller.ended(20)
        record = await centre.record(number)
    assert "rescued" in record["flags"]
    assert record["agent"] == "agent1"
    assert [end for _, end in ends(record)] == ["answered", "answered"]
    assert record["ending"] == "overflowed"


def test_the_profile_of_this_test_is_what_it_says(overflowing: Home) -> None:
    written = (Path(overflowing.settings.pbx) / "etc" / "globals.conf").read_text("utf-8")
    proxy = overflowing.settings.trunk_proxy
    assert "PSAP_OVERFLOW_1 = phones|3|" in written
    assert "PSAP_OVERFLOW_2 = queue|3|&supervisor1&" in written
    assert f"PSAP_OVERFLOW_3 = out|3|PJSIP/psap-out/sip:{DUTY}@{proxy}" in written
    assert f"PSAP_OVERFLOW_4 = out|12|PJSIP/psap-out/sip:{NEIGHBOUR}@{proxy}" in written


class Failing(asyncio.DatagramProtocol):
    """A carrier that has no way to whomever is called: each INVITE is refused with ``status``."""

    def __init__(self, status: int) -> None:
        self.status, self.refused = status, asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head = data.decode("utf-8", "replace").partition("\r\n\r\n")[0]
        lines = head.split("\r\n")
        if lines[0].startswith("ACK"):
            self.refused.set()
            return
        kept = [each for each in lines[1:] if each.lower().startswith(("via:", "from:", "call-id:", "cseq:"))]
        to = next(each for each in lines[1:] if each.lower().startswith("to:"))
        answer = [f"SIP/2.0 {self.status} No", *kept, f"{to};tag=away", "Content-Length: 0", "", ""]
        self.transport.sendto("\r\n".join(answer).encode(), addr)


@pytest.mark.long
@pytest.mark.parametrize("status", [500, 502, 504, 488])
async def test_who_gives_up_after_a_way_out_that_failed_gave_up(
    overflowing_centre: Centre, status: int
) -> None:
    """The cause of the failed attempt stays on the caller's channel: it is not why the caller is gone."""
    centre, number = overflowing_centre, fresh_number()
    address, _, port = str(centre.home.settings.trunk_proxy).partition(":")
    loop = asyncio.get_running_loop()
    transport, carrier = await loop.create_datagram_endpoint(
        lambda: Failing(status), local_addr=(address, int(port))
    )
    try:
        async with centre.caller(number) as caller:
            await queued(centre, caller, number)
            await asyncio.wait_for(carrier.refused.wait(), 40)
            await centre.live.wait("call.queued", number=number, where=lambda d: d["priority"] == "high")
            caller.hang_up()
            await caller.ended(20)
        record = await centre.record(number)
    finally:
        transport.close()
    assert {end for _, end in ends(record)} == {"failed"}
    assert (record["ending"], record["ended_by"]) == ("abandoned_in_queue", "caller")
