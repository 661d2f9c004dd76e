"""The recorder against a real database: free, locked, and with a spool left by an earlier run."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from psap.calls import recorder as recorder_module
from psap.calls.model import Call, Classification, Ending, Source
from psap.calls.recorder import Mark, Recorder
from psap.calls.store import Row, load, row_of, upsert
from psap.platform.clock import FixedClock
from psap.platform.database import Database
from tests.contract.conftest import SITE, START_US


def call(number: int, **fields: Any) -> Call:
    return Call(id=f"c{number}", site=SITE, uniqueid=f"u{number}", started_at=START_US, **fields)


def recorder(database: Database, folder: Path, clock: FixedClock, marked: list[str]) -> Recorder:
    async def on_mark(_connection: Any, mark: dict[str, Any]) -> None:
        marked.append(mark["call_id"])

    async def on_marked(_marks: list[dict[str, Any]]) -> None:
        return None

    return Recorder(
        database, folder / "spool", clock, structlog.get_logger(), on_mark=on_mark, on_marked=on_marked
    )


async def test_while_locked_it_spools_and_then_replays(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    impatient = Database(database.url, busy_seconds=0.05)
    marked: list[str] = []
    made = recorder(impatient, tmp_path, clock, marked)
    lock = AsyncExitStack()
    await lock.enter_async_context(database.write())  # somebody else writes, for long
    task = asyncio.create_task(made.run())
    made.put(call(1), "6281")
    made.put(call(2), None)
    made.mark({"call_id": "c1"})
    spool = tmp_path / "spool" / "calls.jsonl"
    async with asyncio.timeout(20):
        while not spool.exists() or made.away is None:  # noqa: ASYNC110 - a file tells no event
            await asyncio.sleep(0.01)
    clock.advance(1)
    made.put(call(1, ending=Ending.ANSWERED), "6281")
    await lock.aclose()
    await made.flush(20)
    assert made.away is None
    assert not spool.exists()
    assert marked == ["c1"]
    async with database.read() as connection:
        found = await load(connection, ["c1", "c2"])
    assert found["c1"][0].ending is Ending.ANSWERED
    assert found["c2"][0].ending is None
    await made.stop(task, 1)
    await impatient.close()


async def test_a_spool_of_an_earlier_run_is_replayed_half_lines_left_out(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    locked = recorder(database, tmp_path, clock, [])
    locked.put(call(7, ending=Ending.BLOCKED), None)
    await locked._to_spool()
    with (tmp_path / "spool" / "calls.jsonl").open("a") as file:
        file.write('{"call": {"id": "c8", "si')
    again = recorder(database, tmp_path, clock, [])
    task = asyncio.create_task(again.run())
    again.put(call(9), None)
    await again.flush(5)
    assert again.away is None
    assert not (tmp_path / "spool" / "calls.jsonl").exists()
    async with database.read() as connection:
        assert (await load(connection, ["c7", "c8"])).keys() == {"c7"}
    await again.stop(task, 1)


async def test_stopped_while_the_database_is_slow_nothing_is_lost(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    slow = Database(database.url, busy_seconds=2)
    made = recorder(slow, tmp_path, clock, [])
    task = asyncio.create_task(made.run())
    made.put(call(9), None)
    await made.flush(20)
    lock = AsyncExitStack()
    await lock.enter_async_context(database.write())
    made.put(call(1, classification=Classification.EMERGENCY, note="di sungai"), "6281")
    made.mark({"call_id": "c1"})
    async with asyncio.timeout(20):
        while made.pending("c1") is not None:  # noqa: ASYNC110 - it is on its way to the database
            await asyncio.sleep(0.01)
    await made.stop(task, 0.05)
    await lock.aclose()
    marked: list[str] = []
    again = recorder(database, tmp_path, clock, marked)
    task = asyncio.create_task(again.run())
    again.put(call(2), None)
    await again.flush(20)
    async with database.read() as connection:
        assert (await load(connection, ["c1"]))["c1"][0].note == "di sungai"
    assert marked == ["c1"]
    await again.stop(task, 1)
    await slow.close()


async def test_a_fault_in_the_writer_leaves_what_it_had_in_the_spool(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    made = recorder(database, tmp_path, clock, [])

    async def broken(_marks: list[dict[str, Any]]) -> None:
        raise RuntimeError("a fault of ours")

    made._on_marked = broken
    task = asyncio.create_task(made.run())
    made.put(call(3, note="x"), None)
    made.mark({"call_id": "c3"})
    await asyncio.wait([task], timeout=20)
    await made.stop(task, 0.01)
    assert '"c3"' in (tmp_path / "spool" / "calls.jsonl").read_text()


async def test_a_spool_that_cannot_be_read_is_no_reason_to_end(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    spool = tmp_path / "spool" / "calls.jsonl"
    spool.mkdir(parents=True)  # whoever asks to read it gets an OSError
    made = recorder(database, tmp_path, clock, [])
    assert not await made._replay()
    assert made.away is not None
    spool.rmdir()
    spool.write_bytes(b'{"call": \xff\xfe\n')  # and bytes that are no text are a line of nobody's
    assert await made._replay()
    assert made.away is None


async def test_the_ledger_fills_what_is_open_and_leaves_peoples_words(
    database: Database, clock: FixedClock
) -> None:
    said = call(1, classification=Classification.PRANK, classified_by="agent1", note="iseng")
    done = call(2, ending=Ending.ANSWERED)
    caught_up = [call(n, ending=Ending.FAILED, source=Source.LEDGER) for n in (1, 2)]
    async with database.write() as connection:
        await upsert(connection, [row_of(each, None, 1) for each in (said, done)])
        await upsert(connection, [row_of(each, None, 2) for each in caught_up])
    async with database.read() as connection:
        found = await load(connection, ["c1", "c2"])
    assert found["c1"][0].ending is Ending.FAILED
    assert (found["c1"][0].classification, found["c1"][0].note) == (Classification.PRANK, "iseng")
    assert found["c2"][0].ending is Ending.ANSWERED


async def test_what_comes_at_once_is_one_transaction_and_nobody_who_asks_waits_for_it(
    database: Database, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "GATHER", 3600.0)  # whoever waited for it would wait for ever
    made = recorder(database, tmp_path, clock, [])
    written: list[list[str]] = []
    really = made._write

    async def watched(rows: list[Row], marks: list[Mark]) -> None:
        await really(rows, marks)
        written.append([row["id"] for row in rows] + [f"mark {mark['call_id']}" for mark in marks])

    monkeypatch.setattr(made, "_write", watched)
    task = asyncio.create_task(made.run())
    told = asyncio.Event()
    made.put(call(1), None)  # after a pause: at once
    made.when_written(told.set, 3600)
    await asyncio.wait_for(told.wait(), 20)
    assert written.pop() == ["c1"]
    for number in range(2, 6):
        made.put(call(number), None)
        await asyncio.sleep(0.01)
    made.put(call(2, ending=Ending.ANSWERED), None)
    assert made.pending("c2") is not None
    assert (made.waiting, written, made.idle) == (4, [], False)
    await made.flush(20)  # somebody waits
    assert written.pop() == ["c2", "c3", "c4", "c5"]
    for word in ({"classified_by": "agent1"}, {"incident_id": "i1"}):  # a person's word is nowhere else
        told.clear()
        made.put(call(6), None)
        made.put(call(7, **word), None)
        made.when_written(told.set, 3600)
        await asyncio.wait_for(told.wait(), 20)
        assert written.pop() == ["c6", "c7"]
    made.mark({"call_id": "c7"})
    async with asyncio.timeout(20):
        while not made.idle:  # noqa: ASYNC110 - nobody is told of a mark
            await asyncio.sleep(0.01)
    assert written.pop() == ["mark c7"]
    made.put(call(8), None)
    await made.stop(task, 20)  # our end waits for nothing
    async with database.read() as connection:
        found = await load(connection, [f"c{number}" for number in range(1, 9)])
    assert len(found) == 8
    assert found["c2"][0].ending is Ending.ANSWERED


async def test_who_waits_for_a_record_is_told_once_also_while_it_cannot_be_written(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    slow = Database(database.url, busy_seconds=20)
    made = recorder(slow, tmp_path, clock, [])
    told: list[str] = []
    made.when_written(lambda: told.append("nothing to wait for"), 3600)
    await asyncio.sleep(0)
    assert told.pop() == "nothing to wait for"
    task = asyncio.create_task(made.run())
    late = asyncio.Event()

    def tell() -> None:
        told.append("late")
        late.set()

    async with database.write():  # somebody else writes, for long
        made.put(call(1), None)
        made.when_written(tell, 0.05)
        await asyncio.wait_for(late.wait(), 20)
    await made.flush(20)
    await asyncio.sleep(0)
    assert told == ["late"]
    await made.stop(task, 1)
    await slow.close()


async def test_a_call_that_cannot_be_a_row_takes_no_other_with_it(
    database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    made = recorder(database, tmp_path, clock, [])
    task = asyncio.create_task(made.run())
    bad = call(1)
    bad.__dict__["queue"] = None  # what no model lets in
    made.put(bad, None)
    made.put(call(2), None)
    await made.flush(20)
    async with database.read() as connection:
        assert set(await load(connection, ["c1", "c2"])) == {"c2"}
    await made.stop(task, 1)


@pytest.mark.parametrize(
    ("known", "ending"),
    [
        (call(1, ending=Ending.FAILED, source=Source.LEDGER), Ending.ANSWERED),  # given up too early
        (call(1, ending=Ending.FAILED), Ending.FAILED),  # seen by us: the ledger knows no better
        (call(1, ending=Ending.NO_RESPONSE, source=Source.LEDGER), Ending.NO_RESPONSE),
    ],
)
async def test_the_ledger_puts_right_what_it_gave_up_itself(
    database: Database, known: Call, ending: Ending
) -> None:
    known.classification, known.classified_by, known.note = Classification.PRANK, "agent1", "iseng"
    told = call(1, ending=Ending.ANSWERED, source=Source.LEDGER)
    again = call(1, ending=Ending.FAILED, source=Source.LEDGER)
    async with database.write() as connection:
        for stamp, each in enumerate((known, told, again)):
            await upsert(connection, [row_of(each, None, stamp)])
    async with database.read() as connection:
        found = (await load(connection, ["c1"]))["c1"][0]
    assert found.ending is ending
    assert (found.classification, found.classified_by, found.note) == (
        *(Classification.PRANK, "agent1"),
        "iseng",
    )
