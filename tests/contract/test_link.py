"""What the AMI link promises, over a fake manager and over the real Asterisk, both behind a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ami_bridge import link as link_module
from ami_bridge.link import Link
from ami_bridge.wire import Headers, LinkAwayError, RefusedError
from psap.platform.settings import load_secrets
from tests.support.fake_ami import Proxy, fake_ami

PATIENCE = 20.0  # seconds for what happens at once on an idle machine


class Said:
    """A log that can be read."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))


@dataclass
class Linked:
    """A link under test and everything that it told."""

    link: Link
    log: Said
    events: list[Headers] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)
    ups: int = 0
    secret: str = ""

    async def until(self, what: Any, seconds: float = PATIENCE) -> None:
        """Wait until ``what()`` is true."""
        async with asyncio.timeout(seconds):
            while not what():  # noqa: ASYNC110 - a link says nothing of its own of most of this
                await asyncio.sleep(0.01)

    async def up(self, times: int) -> None:
        await self.until(lambda: self.ups >= times and self.link.up)


@contextlib.asynccontextmanager
async def linked(port: int, secret: str, on_event: Any = None, on_up: Any = None) -> AsyncIterator[Linked]:
    """A running link to a port."""

    async def rise() -> None:
        made.ups += 1
        if on_up is not None:
            await on_up(made)

    made = Linked(link=None, log=Said(), secret=secret)  # type: ignore[arg-type]
    made.link = Link(
        "127.0.0.1",
        port,
        "bridge",
        lambda: made.secret,
        on_event=on_event or made.events.append,
        on_up=rise,
        on_down=made.downs.append,
        log=made.log,
    )
    task = asyncio.create_task(made.link.run())
    try:
        yield made
    finally:
        await made.link.close()
        await asyncio.wait_for(task, PATIENCE)


@dataclass
class Peer:
    proxy: Proxy
    secret: str


@pytest.fixture(params=["fake", "asterisk"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    """A manager behind a proxy: everything below holds for both."""
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "fake":
            fake = await stack.enter_async_context(fake_ami())
            port, secret = fake.port, fake.secret
        else:
            home = request.getfixturevalue("home")
            port, secret = home.settings.ami_port, load_secrets(home.folder).ami_bridge
        proxy = Proxy(port)
        await proxy.start()
        stack.push_async_callback(proxy.stop)
        yield Peer(proxy, secret)


@pytest.fixture
async def one(peer: Peer) -> AsyncIterator[tuple[Linked, Proxy]]:
    async with linked(peer.proxy.port, peer.secret) as made:
        await made.up(1)
        yield made, peer.proxy


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules at a shorter beat."""
    monkeypatch.setattr(link_module, "PING_EVERY", 0.3)
    monkeypatch.setattr(link_module, "SECRET_BACK_OFF", 0.2)
    monkeypatch.setattr(link_module, "BACK_OFF", (0.05,))


def fresh() -> str:
    return uuid.uuid4().hex


async def test_each_action_gets_its_own_answer(one: tuple[Linked, Proxy]) -> None:
    made, _ = one
    keys = [fresh() for _ in range(40)]
    value = "Jalan Sêmarang 漢字 🚒"

    async def there_and_back(number: int, key: str) -> str:
        await made.link.do("DBPut", Family="contract", Key=key, Val=f"{value} {number}")
        rows = await made.link.do("DBGet", Family="contract", Key=key)
        await made.link.do("DBDel", Family="contract", Key=key)
        return rows[1]["Val"]

    found = await asyncio.gather(*(there_and_back(*item) for item in enumerate(keys)))
    assert found == [f"{value} {number}" for number in range(40)]
    assert await made.link.do("Ping")


async def test_a_list_that_is_refused_is_an_answer(one: tuple[Linked, Proxy]) -> None:
    made, _ = one
    with pytest.raises(RefusedError, match=r"[Nn]ot found|No such"):
        await made.link.do("DBGet", Family="contract", Key=fresh())


async def test_what_is_not_allowed_never_leaves(one: tuple[Linked, Proxy]) -> None:
    made, proxy = one
    for name, fields in (
        ("SystemReboot", {}),
        ("DBPut", {"Family": "contract", "Key": "k", "Val": "x\r\nAction: Hangup\r\n\r\n"}),
        ("DBPut", {"Family": "contract", "Key\r\nAction": "k", "Val": "x"}),
    ):
        with pytest.raises(RefusedError):
            await made.link.do(name, **fields)
    await made.link.do("Ping")
    assert (proxy.count("SystemReboot"), proxy.count("DBPut"), proxy.count("Hangup")) == (0, 0, 0)


async def test_a_side_effect_without_an_answer_fails_and_is_never_sent_again(
    one: tuple[Linked, Proxy],
) -> None:
    """Its answer is swallowed, the connection cut, the next one comes: the action left us once."""
    made, proxy = one
    key = fresh()
    proxy.answers.clear()
    with pytest.raises(LinkAwayError, match="no answer to DBPut"):
        await made.link.do("DBPut", timeout=0.3, Family="contract", Key=key, Val="once")
    cut_short = asyncio.create_task(made.link.do("DBDel", Family="contract", Key=key))
    await made.until(lambda: proxy.count("DBDel") == 1)
    proxy.cut()
    with pytest.raises(LinkAwayError):
        await cut_short
    proxy.answers.set()
    await made.up(2)
    with pytest.raises(RefusedError):  # the deletion was done, though nobody heard of it
        await made.link.do("DBGet", Family="contract", Key=key)
    proxy.cut()
    await made.up(3)
    await made.link.do("Ping")
    assert (proxy.count("DBPut"), proxy.count("DBDel")) == (1, 1)
    assert len(made.downs) == 2


async def test_a_bulk_that_is_cut_fails_and_is_never_sent_again(one: tuple[Linked, Proxy]) -> None:
    made, proxy = one
    family = fresh()
    proxy.answers.clear()
    bulk = asyncio.create_task(
        made.link.bulk([("DBDel", {"Family": family, "Key": str(n)}) for n in range(1000)])
    )
    await made.until(lambda: proxy.count("DBDel") > 0)
    proxy.cut()
    with pytest.raises(LinkAwayError):
        await bulk
    proxy.answers.set()
    await made.up(2)
    assert await made.link.bulk([("DBDel", {"Family": family, "Key": "last"})]) == (0, 1)
    keys = re.findall(rb"\r\nKey: (\w+)\r\n", proxy.sent)
    assert len(keys) == len(set(keys))
    assert keys[-1] == b"last"


async def test_a_late_answer_belongs_to_nobody(one: tuple[Linked, Proxy]) -> None:
    """Neither another action nor the event handlers get it."""
    made, proxy = one
    key = fresh()
    await made.link.do("DBPut", Family="contract", Key=key, Val="v")
    proxy.answers.clear()
    with pytest.raises(LinkAwayError):
        await made.link.do("DBGet", timeout=0.1, Family="contract", Key=key)
    proxy.answers.set()
    answers = await made.link.do("DBDel", Family="contract", Key=key)
    assert len(answers) == 1
    assert not [event for event in made.events if event["Event"].startswith("DBGet")]


async def test_a_half_open_connection_is_noticed_and_mended(one: tuple[Linked, Proxy]) -> None:
    """Neither side ends it, nothing passes: the silence itself is the sign."""
    made, proxy = one
    proxy.lets.clear()
    waiting = asyncio.create_task(made.link.do("DBDel", timeout=10, Family="contract", Key="x"))
    await made.until(lambda: made.downs)
    assert "silent" in made.downs[0]
    with pytest.raises(LinkAwayError, match="silent"):
        await waiting
    with pytest.raises(LinkAwayError):  # refused at once, without waiting for anything
        await asyncio.wait_for(made.link.do("Ping"), 0.5)
    proxy.lets.set()
    await made.up(2)
    assert made.link.detail == ""


async def test_a_wrong_secret_is_said_once_and_works_when_it_is_right(peer: Peer) -> None:
    async with linked(peer.proxy.port, "wrong") as made:
        await made.until(lambda: peer.proxy.count("Login") >= 2)
        await made.until(lambda: made.link.refused)
        complaints = [line for line in made.log.lines if line[0] == "warning"]
        assert len(complaints) == 1, made.log.lines
        assert "refuses" in str(complaints[0][2]["detail"])
        assert "wrong" not in str(made.log.lines)  # never the secret itself
        assert not made.link.up
        assert made.ups == 0
        made.secret = peer.secret
        await made.up(1)
        assert not made.link.refused
        assert made.link.detail == ""
