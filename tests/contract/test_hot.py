"""The hot store against a real Redis, and against a Redis that is away, stopped or trimmed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ami_bridge import publisher as publisher_module
from ami_bridge.publisher import BATCH, Publisher
from psap.platform.events import STREAM, Event, EventType
from psap.platform.hot import READ, TIMEOUT, Hot, HotAwayError
from psap.platform.hot_wire import HotWire


class RedisServer:
    """A redis-server of our own on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *("redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", ""),
            *("--dir", str(self.socket.parent)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        probe = Hot(self.url)
        async with asyncio.timeout(10):
            while True:
                try:
                    await probe.ping()
                    break
                except HotAwayError:
                    await asyncio.sleep(0.02)
        await probe.close()

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    made = RedisServer(tmp_path)
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def hot_of(server: RedisServer) -> AsyncIterator[Hot]:
    made = Hot(server.url)
    try:
        yield made
    finally:
        await made.close()


def event(number: int) -> Event:
    return Event(EventType.CALL_UPDATED, number, {"n": number, "text": "gawat é"})


async def test_events_come_in_order_and_are_replayed_after_a_sequence(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        assert await hot.last_seq() == "0-0"
        first = await hot.publish(event(1))
        second = await hot.publish(event(2))
        assert await hot.last_seq() == second
        assert await hot.since(first, 10) == [(second, event(2))]
        assert await hot.since(second, 10) == []


@pytest.mark.parametrize("seq", ["5-5", "nonsense", "0-0", "", "9" * 20 + "-0", "1-1-1"])
async def test_an_unknown_place_means_fetch_anew(server: RedisServer, seq: str) -> None:
    async with hot_of(server) as hot:
        await hot.publish(event(1))
        assert await hot.since(seq, 10) is None


async def test_no_more_is_read_than_is_wanted(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        first, *_, last = [await hot.publish(event(number)) for number in range(6)]
        assert [what.at for _, what in await hot.since(first, 5) or []] == [1, 2, 3, 4, 5]
        assert await hot.since(first, 4) is None
        await hot._redis.xdel(STREAM, first)
        await hot._redis.config_resetstat()
        for gone in (first, "garbage", "-", "x" * 100_000):
            assert await hot.since(gone, 5) is None
        told = await hot._redis.info("commandstats")
        assert told["cmdstat_xrange"]["calls"] == 1, (
            "what is no place is not asked for, one that is gone once"
        )
        assert await hot.since(last, 0) == []


async def test_followers_hear_what_happens(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        start = await hot.last_seq()
        for number in range(3):
            await hot.publish(event(number))
        heard = []
        async for news in hot.follow(start):
            heard += [what.at for _, what in news]
            if len(heard) == 3:
                break
        assert heard == [0, 1, 2]


async def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    hot = Hot(f"unix://{tmp_path}/none.sock")
    for ask in (hot.ping, hot.last_seq, lambda: hot.publish(event(1)), lambda: hot.since("1-1", 10)):
        with pytest.raises(HotAwayError):
            await ask()
    await hot.close()


async def test_a_stopped_redis_costs_at_most_its_time_limit(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        await hot.ping()
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(HotAwayError, match="no answer"):  # who shows why has words for it
                await hot.publish(event(1))
            assert time.monotonic() - began < TIMEOUT * 3 + 0.5
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


async def test_the_publisher_keeps_events_while_redis_is_away(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        publisher = Publisher(hot)
        task = asyncio.create_task(publisher.run())
        try:
            await server.stop()
            for number in range(5):
                publisher.put(event(number))
            await publisher.flush(1)
            assert publisher.away is not None
            await server.start()
            await publisher.flush(5)
            assert publisher.away is None
            heard = []
            async for news in hot.follow("0-0"):
                heard += [what.at for _, what in news]
                if len(heard) == 5:
                    break
            assert heard == [0, 1, 2, 3, 4]
        finally:
            task.cancel()


async def test_what_is_patient_goes_with_the_next_in_order_and_alone_soon(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hot_of(server) as hot:
        start = await hot.publish(event(0))
        questions: list[list[int]] = []
        really = hot.publish_all

        async def watched(named: Sequence[tuple[str, Event]]) -> list[str]:
            questions.append([what.at for _, what in named])
            return await really(named)

        monkeypatch.setattr(hot, "publish_all", watched)
        publisher = Publisher(hot)
        task = asyncio.create_task(publisher.run())
        try:
            monkeypatch.setattr(publisher_module, "PATIENCE", 3600.0)
            publisher.put(Event(EventType.AGENT_CHANGED, 1, {}))
            await asyncio.sleep(0.05)
            publisher.put(Event(EventType.QUEUE_CHANGED, 2, {}))
            await asyncio.sleep(0.05)
            assert questions == []
            publisher.put(Event(EventType.CALL_RINGING, 3, {}))  # waits for nothing, and takes the others
            publisher.put(Event(EventType.AGENT_CHANGED, 4, {}))
            async with asyncio.timeout(20):
                while publisher.waiting:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
            assert questions == [[1, 2, 3, 4]]
            assert [what.at for _, what in await hot.since(start, 10) or []] == [1, 2, 3, 4]
            publisher.put(Event(EventType.AGENT_CHANGED, 5, {}))
            await publisher.flush(20)
            assert publisher.waiting == 0
            # more than one question holds, with something urgent among the rest
            for number in range(6, 6 + BATCH):
                publisher.put(Event(EventType.AGENT_CHANGED, number, {}))
            for kind in (EventType.CALL_RINGING, EventType.AGENT_CHANGED):
                publisher.put(Event(kind, 1000, {}))
            async with asyncio.timeout(20):
                while publisher.waiting:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
            assert [len(each) for each in questions[2:]] == [BATCH, 2]
            monkeypatch.setattr(publisher_module, "PATIENCE", 0.02)
            publisher.put(Event(EventType.AGENT_CHANGED, 2000, {}))
            async with asyncio.timeout(20):
                while publisher.waiting:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()


async def test_an_attempt_that_timed_out_is_not_told_twice(server: RedisServer) -> None:
    """A stopped Redis keeps what it was sent, and does it all when it goes on."""
    async with hot_of(server) as hot:
        start = await hot.publish(event(0))
        publisher = Publisher(hot)
        task = asyncio.create_task(publisher.run())
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            publisher.put(event(1))
            async with asyncio.timeout(20):
                while publisher.away is None:  # noqa: ASYNC110 - the publisher's word
                    await asyncio.sleep(0.05)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        await publisher.flush(20)
        task.cancel()
        told = await hot.since(start, 10)
        assert told is not None
        assert [what for _, what in told] == [event(1)]


async def test_a_persons_events_are_forgotten(server: RedisServer) -> None:
    hot = Hot(server.url)
    for number in ("081227538144", "081299999999"):
        await hot.publish(Event(EventType.CALL_STARTED, 1, {"caller": {"number": number}}))
    last = await hot.last_seq()
    assert await hot.forget({"081227538144", "+6281227538144"}) == 1
    assert await hot.forget({"081227538144"}) == 0
    assert await hot.last_seq() == last
    await hot.close()


async def test_one_read_brings_all_that_waits(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        start = await hot.publish(event(0))
        await hot.publish_all([(f"n{number}", event(number)) for number in range(1, READ + 11)])
        pieces: list[list[int]] = []
        async for news in hot.follow(start):
            pieces.append([what.at for _, what in news])
            if sum(map(len, pieces)) == READ + 10:
                break
        assert pieces == [list(range(1, READ + 1)), list(range(READ + 1, READ + 11))]


async def test_a_redis_started_anew_between_two_events_costs_none(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        await hot.publish(event(1))
        await server.stop()
        await server.start()
        assert await hot.publish(event(2)) == await hot.last_seq()


async def test_who_follows_is_told_that_redis_was_away(server: RedisServer) -> None:
    """Even if it is back at once: what it lost meanwhile is not known here."""
    async with hot_of(server) as hot:
        first = await hot.publish(event(1))

        async def follow() -> None:
            async for _ in hot.follow(first):
                raise AssertionError("nothing happened")

        following = asyncio.create_task(follow())
        async with asyncio.timeout(10):
            while not await blocked(hot):  # noqa: ASYNC110 - Redis's word
                await asyncio.sleep(0.01)
        await server.stop()
        await server.start()
        async with asyncio.timeout(10):
            with pytest.raises(HotAwayError):
                await following


async def blocked(hot: Hot) -> int:
    """How many wait for news."""
    told: dict[str, int] = await hot._redis.info("clients")
    return told["blocked_clients"]


async def test_a_late_answer_is_not_taken_for_the_next_questions(server: RedisServer) -> None:
    wire = HotWire(server.url, TIMEOUT)
    assert await wire.ask(TIMEOUT, "ECHO", "first") == "first"
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            await wire.ask(0.1, "ECHO", "second")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    assert await wire.ask(10, "ECHO", "third") == "third"
    await wire.close()


async def test_many_who_tell_a_stopped_redis_wait_no_longer_than_one(server: RedisServer) -> None:
    async with hot_of(server) as hot:
        await hot.publish(event(1))
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            told = await asyncio.gather(*(hot.publish(event(2)) for _ in range(20)), return_exceptions=True)
            assert all(isinstance(one, HotAwayError) for one in told)
            assert time.monotonic() - began < TIMEOUT * 10  # one after the other it would be twice that
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
