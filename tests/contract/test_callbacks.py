"""Call-backs where database or Asterisk fail in between: nobody is dialled twice, no entry hangs for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from ami_bridge import callbacks
from ami_bridge.callbacks import Callbacks
from ami_bridge.data import Data
from ami_bridge.duties import Errands
from psap.calls.model import Ending
from psap.calls.recorder import Recorder
from psap.missed import service, store
from psap.missed.model import Status
from psap.platform.clock import FixedClock
from psap.platform.control import ControlError
from psap.platform.database import Database
from psap.platform.settings import Settings
from psap.queue.model import Device
from tests.catchup.recordings import following
from tests.contract.test_store_incidents import SITE
from tests.contract.test_store_missed import Book


class Asterisk:
    """What the call-backs ask of link and actions, remembered."""

    def __init__(self) -> None:
        self.up, self.detail = True, ""
        self.tokens: dict[str, str] = {}
        self.alive: set[str] = set()
        self.dialled: list[str] = []

    async def allow_dial(self, channel_id: str, number: str) -> None:
        self.tokens[channel_id] = number

    async def forbid_dial(self, channel_id: str) -> bool:
        return self.tokens.pop(channel_id, None) is not None

    async def call_back(self, _phone: str, _number: str, channel_id: str, _ring: float) -> None:
        self.dialled.append(channel_id)

    async def channels(self) -> set[str]:
        return self.alive

    async def tree(self, _family: str) -> dict[str, str]:
        return dict(self.tokens)

    async def write_tree(self, _family: str, _put: dict[str, str], delete: list[str]) -> tuple[int, int]:
        for key in delete:
            self.tokens.pop(key, None)
        return 0, len(delete)


class Site:
    """One bridge's call-backs over a real database, with one entry in the list."""

    def __init__(self, database: Database, clock: FixedClock, folder: Path) -> None:
        self.book, self.asterisk, self.clock = Book(database, clock), Asterisk(), clock
        self.data = Data(database, SITE)
        log = structlog.get_logger()
        self.recorder = Recorder(database, folder / "spool", clock, log, on_mark=_nothing, on_marked=_nothing)
        self.following = following(self.recorder.put, clock)
        self.following.desk.load({"p1": ("agent1", "Petugas 1")}, 1)
        self.following.desk.by_phone["p1"].desk.device = Device.FREE
        fake: Any = self.asterisk
        self.errands = Errands(log)
        self.made = Callbacks(
            Settings(home=folder, trunk_proxy="127.0.0.3"), self.data, fake, fake, self.following,
            self.recorder, lambda _event: None, self.errands, log,
        )  # fmt: skip

    async def call(self, missed_id: str) -> str:
        """A person's click; the channel id that was asked for."""
        await self.made.start({"missed_id": missed_id, "agent": "agent1"})
        await asyncio.sleep(0)
        return self.asterisk.dialled[-1]

    async def entry(self, missed_id: str) -> Status:
        async with self.data.reading() as connection:
            found = await store.by_id(connection, SITE, missed_id)
        assert found is not None
        return found.status


async def _nothing(*_words: object, **_more: object) -> None: ...


@pytest.fixture
async def site(database: Database, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(database, clock, tmp_path)
    task = asyncio.create_task(made.recorder.run())
    await made.made.look_after()
    yield made
    await made.errands.end()
    await made.recorder.stop(task, 5)


async def _nobody_knows(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.asterisk.up = False
    site.made.lost()
    now = time.monotonic()
    with monkeypatch.context() as later:
        later.setattr(callbacks.time, "monotonic", lambda: now + callbacks.UNKNOWN_AFTER + 1)
        await site.made.look_after()


async def test_an_unknown_call_back_is_told_also_when_the_database_was_away_just_then(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await site.book.lost()
    await site.call(entry.id)
    real = service.finish

    async def away(*_words: object) -> None:
        raise OSError("disk")

    monkeypatch.setattr(service, "finish", away)
    with pytest.raises(ControlError):
        await _nobody_knows(site, monkeypatch)
    monkeypatch.setattr(service, "finish", real)
    await _nobody_knows(site, monkeypatch)
    assert await site.entry(entry.id) is Status.UNKNOWN  # not "calling" for ever


async def test_after_a_persons_decision_the_earlier_attempt_dials_no_more(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await site.book.lost()
    first = await site.call(entry.id)
    site.asterisk.alive = {first}  # the call taker's telephone rings on while nobody hears of it
    await _nobody_knows(site, monkeypatch)
    async with site.data.writing() as connection:
        await service.release(connection, SITE, entry.id, "agent1", site.clock.now_us(), anybodys=False)
    site.asterisk.up = True
    site.made._swept = True  # back, and the first look is still to come
    second = await site.call(entry.id)
    assert set(site.asterisk.tokens) == {second}
    assert site.asterisk.dialled == [first, second]


async def test_nor_is_it_dialled_again_while_the_first_attempt_talks(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await site.book.lost()
    first = await site.call(entry.id)
    site.asterisk.tokens.clear()  # the dialplan took it: the citizen's telephone rings
    site.asterisk.alive = {first}
    await _nobody_knows(site, monkeypatch)
    async with site.data.writing() as connection:
        await service.release(connection, SITE, entry.id, "agent1", site.clock.now_us(), anybodys=False)
    site.asterisk.up = True
    site.made._swept = True
    with pytest.raises(ControlError) as refused:
        await site.call(entry.id)
    assert refused.value.key == "already_calling"
    assert site.asterisk.dialled == [first]


async def test_a_silent_call_that_is_not_written_yet_asks_for_a_word(site: Site) -> None:
    entry = await site.book.lost()
    call = await site.book.call(Ending.ANSWERED, ago=60)
    site.recorder.put(
        call.model_copy(update={"id": "silent", "uniqueid": "silent", "flags": ["cannot_speak"]}),
        entry.number_key,
    )
    with pytest.raises(ControlError) as refused:
        await site.call(entry.id)
    assert refused.value.key == "confirm_needed"
    assert site.asterisk.dialled == []


async def test_the_ledger_is_not_read_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = await site.book.lost()
    await site.call(entry.id)
    site.asterisk.tokens.clear()
    read: list[str] = []
    monkeypatch.setattr(
        callbacks.callback_steps, "lines_about", lambda _cel, channel, _since: read.append(channel) or []
    )
    monkeypatch.setattr(callbacks, "ASK_AGAIN", -1.0)
    site.made.lost()
    for _ in range(3 * callbacks.LOOKS):
        await site.made.look_after()
    assert await site.entry(entry.id) is Status.UNKNOWN
    assert len(read) <= callbacks.LOOKS + 1
    site.made.lost()  # Asterisk came back: its ledger may have more
    await site.made.look_after()
    assert len(read) <= callbacks.LOOKS + 2
