"""The AMI link with a manager that floods, babbles, hangs or is no manager at all."""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge import link as link_module
from ami_bridge import wire as wire_module
from ami_bridge.link import ENOUGH, SLICE
from ami_bridge.translate import agent_fact, call_fact
from ami_bridge.wire import Headers, LinkAwayError
from tests.contract.test_link import Linked, linked
from tests.support.fake_ami import BANNER, FakeAmi, fake_ami

RECORDED = Path(__file__).parents[1] / "replay" / "calls.ami"
RATE = 10_000  # events a second
SECONDS = 1
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "BACK_OFF", (0.02,))


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    async with fake_ami() as made:
        yield made


def real_events(count: int) -> list[bytes]:
    """Events of real calls, numbered, the calls of each round others than those of the last."""
    blocks = [
        block
        for block in RECORDED.read_bytes().partition(b"\r\n")[2].split(b"\r\n\r\n")
        if block.startswith(b"Event: ")
    ]
    made = []
    for number in range(count):
        lap = b"%d" % (number // len(blocks))
        block = re.sub(rb"(semarang-\d+)\.", rb"\g<1>" + lap + rb".", blocks[number % len(blocks)])
        made.append(block + b"\r\nSerial: %d\r\n\r\n" % number)
    return made


class Counter:
    """Handles events as the bridge does, as far as the facts; keeps their order."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.facts = 0

    def __call__(self, event: Headers) -> None:
        self.numbers.append(int(event["Serial"]))
        if call_fact(event) is not None or agent_fact(event) is not None:
            self.facts += 1


async def test_a_flood_is_handled_in_order_and_actions_are_still_answered(fake: FakeAmi) -> None:
    events = real_events(RATE * SECONDS)
    counter = Counter()
    async with linked(fake.port, fake.secret, on_event=counter) as made:
        await made.up(1)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()

        async def flood() -> None:
            for start in range(0, len(events), RATE // 20):
                await asyncio.sleep(max(0.0, began + start / RATE - time.monotonic()))
                await fake.emit(b"".join(events[start : start + RATE // 20]))

        task = asyncio.create_task(flood())
        answers = 0
        while not task.done():
            await made.link.do("Ping", timeout=15)
            answers += 1
            await asyncio.sleep(0.05)
        await made.until(lambda: len(counter.numbers) == len(events))
        seconds = time.monotonic() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        print(f"{len(events) / seconds:.0f} events/s, {answers} answers, {grown / MEGABYTE:.1f} MB more")
    assert counter.numbers == list(range(len(events)))
    assert counter.facts > len(events) / 10
    assert answers > 1
    assert not made.downs
    assert grown < 100 * MEGABYTE


async def test_a_slow_handler_lets_asterisk_wait(fake: FakeAmi) -> None:
    """Everything at once, and a handler that cannot follow: little waits in our memory."""
    events = real_events(10_000)
    handled = 0

    def slow(_event: Headers) -> None:
        nonlocal handled
        handled += 1
        if handled % SLICE == 0:
            end = time.monotonic() + 0.005
            while time.monotonic() < end:
                pass

    async with linked(fake.port, fake.secret, on_event=slow) as made:
        await made.up(1)
        packet = max(len(event) for event in events)
        await fake.emit(b"".join(events))
        await made.until(lambda: handled == len(events))
        # beyond the mark only what one read of the socket holds
        most = made.link.figures()["events_waiting_most"]
        assert ENOUGH <= most <= ENOUGH + 256 * 1024 / 100, (most, packet)
        assert not made.downs


async def test_too_much_during_a_resync_begins_anew(fake: FakeAmi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "TOO_MANY", 5_000)
    hold = asyncio.Event()
    counter = Counter()

    async def rise(made: Linked) -> None:
        if made.ups == 1:
            await hold.wait()

    async with linked(fake.port, fake.secret, on_event=counter, on_up=rise) as made:
        await made.until(lambda: made.ups == 1)
        flood = b"".join(real_events(10_000))
        with contextlib.suppress(OSError):  # it is cut off in the middle
            await fake.emit(flood * 3)
        await made.up(2)
        assert not counter.numbers  # none of the old connection's: the resync tells all
        assert "while catching up" in str(made.log.lines)
        await fake.emit(b"Event: X\r\nSerial: 7\r\n\r\n")
        await made.until(lambda: counter.numbers == [7])


async def test_a_peer_that_fetches_nothing_takes_no_memory(
    fake: FakeAmi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_module, "MOST_OPEN", 300)
    async with linked(fake.port, fake.secret) as made:
        await made.up(1)
        fake.reads.clear()
        asked = [
            asyncio.create_task(made.link.do("DBPut", Family="f", Key=str(n), Val="v" * 1000, timeout=30))
            for n in range(1_000)
        ]
        await made.until(lambda: sum(task.done() for task in asked) >= 690)
        fake.reads.set()
        results = await asyncio.gather(*asked, return_exceptions=True)
        refused = [result for result in results if isinstance(result, BaseException)]
        assert 690 <= len(refused) <= 710
        assert all("wait for Asterisk" in str(error) for error in refused)


@pytest.mark.parametrize(
    ("babble", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not Asterisk's manager"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not Asterisk's manager"),
        (b"\x00" * 500, "not Asterisk's manager"),
        (BANNER[:-2] + b"x" * 500, "not Asterisk's manager"),
        (BANNER + b"Event: X\r\nName: " + b"y" * (3 * MEGABYTE), "without an end"),
        (BANNER + b"Event: X\r\nName: " + b"y" * (3 * MEGABYTE) + b"\r\n\r\n", "bytes"),
    ],
)
async def test_what_is_no_manager_is_left_and_said_once(fake: FakeAmi, babble: bytes, why: str) -> None:
    fake.banner = babble
    async with linked(fake.port, fake.secret) as made:
        await made.until(lambda: why in made.link.detail)
        seen = fake.connections
        await made.until(lambda: fake.connections >= seen + 3)
        assert [line[1] for line in made.log.lines] == ["asterisk away"]
        assert made.ups == 0
        fake.banner = BANNER
        await made.up(1)


async def test_letters_cut_in_two_arrive_whole(fake: FakeAmi) -> None:
    async with linked(fake.port, fake.secret) as made:
        await made.up(1)
        for byte in "Event: X\r\nName: Dewi 漢字 🚒\r\n\r\n".encode():
            await fake.emit(bytes([byte]))
            await asyncio.sleep(0)
        await made.until(lambda: made.events)
        assert made.events[0]["Name"] == "Dewi 漢字 🚒"


async def test_a_handler_that_fails_costs_only_its_event(fake: FakeAmi) -> None:
    seen: list[str] = []

    def handle(event: Headers) -> None:
        if event["Event"] == "Bad":
            raise RuntimeError("cannot")
        seen.append(event["Event"])

    async with linked(fake.port, fake.secret, on_event=handle) as made:
        await made.up(1)
        await fake.emit(b"Event: A\r\n\r\nEvent: Bad\r\n\r\nEvent: B\r\n\r\n")
        await made.until(lambda: seen == ["A", "B"])
        assert made.link.up
        assert not made.downs


async def test_events_during_a_resync_wait_for_its_end(fake: FakeAmi) -> None:
    go = asyncio.Event()
    order: list[str] = []

    async def rise(_made: Linked) -> None:
        await go.wait()
        order.append("resync")

    def handle(event: Headers) -> None:
        order.append(event["Event"])

    async with linked(fake.port, fake.secret, on_event=handle, on_up=rise) as made:
        await made.until(lambda: made.ups == 1)
        await fake.emit(b"Event: A\r\n\r\n")
        await made.link.do("Ping")  # what came before its answer is in
        go.set()
        await made.until(lambda: len(order) == 2)
        assert order == ["resync", "A"]


async def test_an_asterisk_that_restarts_is_found_again(fake: FakeAmi) -> None:
    async with linked(fake.port, fake.secret) as made:
        await made.up(1)
        await fake.stop()
        await made.until(lambda: made.downs)
        with pytest.raises(LinkAwayError):
            await made.link.do("Ping")
        await fake.start()
        await made.up(2)


def test_a_recording_is_what_the_flood_is_made_of() -> None:
    names = {event.partition(b"\r\n")[0] for event in real_events(2_000)}
    assert {b"Event: Newchannel", b"Event: AgentCalled", b"Event: Hangup", b"Event: UserEvent"} <= names
