"""The bridge dies after any event and comes back after any other: the records are as if it had not.

The events and the ledger are recorded from a real Asterisk; database, recorder and catch-up are real.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, select

from ami_bridge import catch_up
from ami_bridge.books import Books
from ami_bridge.catch_up import CatchUp
from ami_bridge.data import Data
from ami_bridge.wire import Headers, LinkAwayError
from psap.calls.recorder import Recorder
from psap.calls.service import Following
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from psap.platform.schema import calls, metadata
from tests.catchup.recordings import SITE, Recording, feed, following, recording, undisturbed
from tests.catchup.same import differences
from tests.catchup.test_history import ENDED_AS_PRANK

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # its fsync costs nothing
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)  # a cut is as small as it can be


class Recorded:
    """The link to a recorded Asterisk, as it was after so many events."""

    up = True

    def __init__(self, told: Recording, count: int) -> None:
        self._told = told
        self._count = count

    async def do(self, name: str, **_fields: object) -> list[Headers]:
        """The lists that a resynchronisation asks for."""
        rows = {
            "DeviceStateList": [],
            "QueueStatus": self._told.members(),
            "CoreShowChannels": self._told.channels(self._count),
        }
        return [{"Response": "Success"}, *rows[name]]


class Life:
    """A bridge between two deaths, in one folder."""

    def __init__(self, folder: Path, told: Recording, count: int) -> None:
        self._folder = folder
        self._write_books(told, count)
        self.clock = FixedClock(told.at(count) or 1)
        self.database = Database(f"sqlite+aiosqlite:///{folder / 'psap.db'}")
        self.recorder = Recorder(
            self.database,
            folder / "spool",
            self.clock,
            structlog.get_logger(),
            on_mark=_no_mark,
            on_marked=_no_marks,
        )
        self.following: Following = following(self.recorder.put, self.clock)
        self.data = Data(self.database, SITE)
        self.catch_up = CatchUp(
            Recorded(told, count),  # type: ignore[arg-type]
            self.following,
            Books(folder),
            self.data,
            self.recorder,
            structlog.get_logger(),
        )

    def _write_books(self, told: Recording, count: int) -> None:
        for path, text in zip(("log/cel-custom/psap.csv", "log/queue_log"), told.books(count), strict=True):
            (self._folder / path).write_text(text)

    async def live(self, told: Recording, start: int, end: int) -> None:
        """Catch up, then hear the events between two counts; what was heard is in the database."""
        writer = asyncio.create_task(self.recorder.run())
        await self.catch_up.run()
        feed(self.following, told.events[start:end])
        await self.caught_up()
        self._write_books(told, end)
        await self.catch_up.keep_place()
        await self.recorder.flush(30)
        await self.end(writer)

    async def caught_up(self) -> None:
        """Every call has its record, in the database."""
        async with asyncio.timeout(30):
            while self.catch_up.behind:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await self.recorder.flush(30)

    async def end(self, writer: asyncio.Task[None]) -> None:
        """It stops, in an orderly way."""
        await self.catch_up.close()
        await self.recorder.stop(writer, 30)
        await self.database.close()


def count_calls(folder: Path) -> int:
    """Rows of finished calls."""
    with sqlite3.connect(folder / "psap.db") as plain:
        found: int = plain.execute("SELECT count(*) FROM calls WHERE ending IS NOT NULL").fetchone()[0]
        return found


def failed_calls(folder: Path) -> list[str]:
    """Calls that were given up."""
    with sqlite3.connect(folder / "psap.db") as plain:
        return [row[0] for row in plain.execute("SELECT id FROM calls WHERE ending = 'failed'")]


@functools.cache
def empty_database() -> bytes:
    """A database with all tables and no row."""
    with tempfile.TemporaryDirectory(prefix="catchup-") as name:
        engine = create_engine(f"sqlite:///{name}/psap.db")
        metadata.create_all(engine)
        engine.dispose()
        return (Path(name) / "psap.db").read_bytes()


async def _no_mark(_connection: Any, mark: dict[str, Any]) -> None:
    raise AssertionError(f"no mark was given: {mark}")


async def _no_marks(_marks: list[dict[str, Any]]) -> None:
    return None


async def _run(told: Recording, death: int, login: int, look: int) -> dict[str, dict[str, Any]]:
    """Dead after ``death`` events; logged in again after ``login``, looked around after ``look``."""
    with tempfile.TemporaryDirectory(prefix="catchup-", dir=MEMORY) as name:
        folder = Path(name)
        (folder / "log/cel-custom").mkdir(parents=True)
        (folder / "psap.db").write_bytes(empty_database())
        await Life(folder, told, 0).live(told, 0, death)
        await Life(folder, told, look).live(told, login, len(told.events))
        await Life(folder, told, len(told.events)).live(told, len(told.events), len(told.events))
        database = Database(f"sqlite+aiosqlite:///{folder / 'psap.db'}")
        with sqlite3.connect(folder / "psap.db") as plain:
            ids = [row[0] for row in plain.execute("SELECT id FROM calls")]
        found = await Data(database, SITE).calls(ids)
        await database.close()
        return {call_id: call.model_dump(mode="json") for call_id, (call, _) in found.items()}


def _check(name: str, death: int, login: int, look: int) -> None:
    told, wanted = recording(name), undisturbed(name)
    found = asyncio.run(_run(told, death, login, look))
    assert found.keys() == wanted.keys()
    for call_id, record in found.items():
        if record["caller"]["number"] != ENDED_AS_PRANK:
            assert differences(wanted[call_id], record) == []


def _cut(data: st.DataObject, name: str) -> tuple[int, int, int]:
    count = len(recording(name).events)
    death = data.draw(st.integers(0, count), "dead after")
    login = data.draw(st.integers(death, count), "logged in after")
    return death, login, data.draw(st.integers(login, min(count, login + 40)), "looked after")


@pytest.mark.parametrize("name", ["", "second"])
@settings(max_examples=6, deadline=None, phases=UNSHRUNK)
@given(data=st.data())
def test_wherever_the_bridge_dies(name: str, data: st.DataObject) -> None:
    _check(name, *_cut(data, name))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["", "second"])
@settings(max_examples=400, deadline=None, phases=UNSHRUNK)
@given(data=st.data())
def test_wherever_the_bridge_dies_many_times(name: str, data: st.DataObject) -> None:
    _check(name, *_cut(data, name))


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["", "second"])
def test_after_every_single_event(name: str) -> None:
    for death in range(len(recording(name).events) + 1):
        _check(name, death, death, death)


class OnceTooLate(Recorded):
    """Asterisk answers, but one list comes too late; the connection stays."""

    asked = 0

    async def do(self, name: str, **fields: object) -> list[Headers]:
        self.asked += name == "CoreShowChannels"
        if name == "CoreShowChannels" and self.asked == 2:  # the first one is the resynchronisation's
            raise LinkAwayError("no answer to CoreShowChannels within 10 s")
        return await super().do(name, **fields)


async def test_an_answer_that_comes_too_late_costs_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "BOOKS_EVERY", 0.01)
    told = recording("second")
    (tmp_path / "log/cel-custom").mkdir(parents=True)
    (tmp_path / "psap.db").write_bytes(empty_database())
    life, count = Life(tmp_path, told, len(told.events)), len(told.events)
    life.catch_up._link = late = OnceTooLate(told, count)  # type: ignore[assignment]
    await life.live(told, count, count)
    assert late.asked > 2
    assert count_calls(tmp_path) == len(undisturbed("second"))


LAST = ("HANGUP", "CHAN_END", "LINKEDID_END")


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_last_line_that_comes_late_puts_right_what_was_given_up(
    tmp_path: Path, restarted: bool
) -> None:
    """The call is gone, its end is not in the ledger yet: it counts as failed until it is."""
    told, wanted = recording("second"), undisturbed("second")
    call = next(each for each in wanted.values() if each["ending"] == "answered")
    mine, count = call["uniqueid"], len(told.events)
    death = next(n for n, event in enumerate(told.events) if _is_end(event, mine))
    (tmp_path / "log/cel-custom").mkdir(parents=True)
    (tmp_path / "psap.db").write_bytes(empty_database())
    life = Life(tmp_path, told, 0)
    writer = asyncio.create_task(life.recorder.run())
    await life.catch_up.run()
    feed(life.following, told.events[:death])
    life.catch_up._link = Recorded(told, count)  # type: ignore[assignment]
    life._write_books(told, count)
    ledger = tmp_path / "log/cel-custom/psap.csv"
    lines = ledger.read_text().splitlines(keepends=True)
    late = [line for line in lines if mine in line and any(word in line for word in LAST)]
    assert late
    ledger.write_text("".join(line for line in lines if line not in late))
    await life.catch_up.run()
    assert life.following.recent[call["id"]].call.ending == "failed"
    if restarted:
        await life.caught_up()
        assert failed_calls(tmp_path) == [call["id"]]
        await life.end(writer)
        life = Life(tmp_path, told, count)
        writer = asyncio.create_task(life.recorder.run())
        await life.catch_up.run()
    else:
        with ledger.open("a") as file:
            file.writelines(late)
    await life.caught_up()
    found = (await life.data.calls([call["id"]]))[call["id"]][0]
    await life.end(writer)
    assert differences(call, found.model_dump(mode="json")) == []


def _is_end(event: Headers, uniqueid: str) -> bool:
    return event.get("Event") == "Hangup" and event.get("Uniqueid") == uniqueid


async def _exchanged(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The database is exchanged for an older one under a living bridge; the rows before and after."""
    told = recording("second")
    life = Life(folder, told, 0)
    writer = asyncio.create_task(life.recorder.run())
    await life.catch_up.run()
    feed(life.following, told.events)
    life._write_books(told, len(told.events))
    await life.recorder.flush(30)
    before = await _rows(life.database)
    async with life.database.write() as connection:
        await connection.execute(delete(calls))
    await life.catch_up.replaced()
    async with asyncio.timeout(30):
        while life.catch_up.behind:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await life.recorder.flush(30)
    after = await _rows(life.database)
    await life.catch_up.close()
    await life.recorder.stop(writer, 30)
    await life.database.close()
    return before, after


async def _rows(database: Database) -> dict[str, Any]:
    async with database.read() as connection:
        rows = (await connection.execute(select(calls))).mappings().all()
    return {row["id"]: {k: v for k, v in row.items() if k != "updated_at"} for row in rows}


def test_an_exchanged_database_gets_back_what_it_lacks() -> None:
    with tempfile.TemporaryDirectory(prefix="catchup-", dir=MEMORY) as name:
        folder = Path(name)
        (folder / "log/cel-custom").mkdir(parents=True)
        (folder / "psap.db").write_bytes(empty_database())
        before, after = asyncio.run(_exchanged(folder))
    assert len(before) == len(undisturbed("second"))
    assert after == before


class SlowLink(Recorded):
    """An answer is long on its way: Asterisk and its books are further, and no event has come."""

    asked = 0
    life: Life

    def __init__(self, told: Recording, *counts: int) -> None:
        super().__init__(told, counts[0])
        self._counts = counts

    async def do(self, name: str, **fields: object) -> list[Headers]:
        if name == "CoreShowChannels":
            # true when it was asked, and read when the books are as far as the next count
            self._count, books = self._counts[self.asked * 2 : self.asked * 2 + 2]
            self.asked += 1
            self.life._write_books(self._told, books)
        return await super().do(name, **fields)


async def _slowly(folder: Path, *counts: int) -> dict[str, dict[str, Any]]:
    told = recording("second")
    (folder / "log/cel-custom").mkdir(parents=True)
    (folder / "psap.db").write_bytes(empty_database())
    life = Life(folder, told, counts[0])
    life.catch_up._link = link = SlowLink(told, *counts)  # type: ignore[assignment]
    link.life = life
    writer = asyncio.create_task(life.recorder.run())
    await life.catch_up.run()
    async with asyncio.timeout(30):
        while life.catch_up.behind:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await life.recorder.flush(30)
    given_up = await life.data.calls(failed_calls(folder))
    feed(life.following, told.events[counts[0] :])
    await life.catch_up.keep_place()
    await life.recorder.flush(30)
    await life.catch_up.close()
    await life.recorder.stop(writer, 30)
    with sqlite3.connect(folder / "psap.db") as plain:
        ids = [row[0] for row in plain.execute("SELECT id FROM calls")]
    found = await life.data.calls(ids)
    await life.database.close()
    assert not given_up
    return {call_id: call.model_dump(mode="json") for call_id, (call, _) in found.items()}


@settings(max_examples=40, deadline=None, phases=UNSHRUNK)
@given(data=st.data())
def test_a_slow_link_gives_nobody_up(data: st.DataObject) -> None:
    """A call that came after we asked who is there stands in no answer: it is not one that failed."""
    everything, wanted = len(recording("second").events), undisturbed("second")
    counts = [data.draw(st.integers(0, everything), "asked first after")]
    # each a little later; the books by at least the lines of a channel that was gone when we asked
    for least in (30, 0, 30):
        counts.append(min(everything, counts[-1] + data.draw(st.integers(least, 200), "and then")))
    with (
        tempfile.TemporaryDirectory(prefix="catchup-", dir=MEMORY) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(catch_up, "LATE_LINES", 0.01)
        found = asyncio.run(_slowly(Path(name), *counts))
    assert found.keys() == wanted.keys()
    for call_id, record in found.items():
        if record["caller"]["number"] != ENDED_AS_PRANK:
            assert record["ending"] == wanted[call_id]["ending"], call_id
