"""Runs one cell on a bench and judges it: reached or kept, one record, nothing told twice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp

from tests.faults import breaking, surroundings
from tests.faults.bench import Bench
from tests.faults.cells import NOTHING, TALKING, Cell
from tests.faults.placing import TALK, Placed, Play, Story
from tests.faults.results import Result, Told
from tests.support.api import ApiError

RECORD = 30.0  # seconds in which a record must be there once all is well
EVENT = 3.0  # seconds to wait for the word of a call's end
NEAR = 2.0  # seconds by which a record's talk time may differ from what the telephones measured


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def _link(bench: Bench, how: str) -> AsyncIterator[None]:
    if how == "cut":
        bench.proxy.cut()
        yield
        return
    begun = time.monotonic()
    bench.proxy.turn("half-open" if how == "half-open" else "slow")
    try:
        yield
        await breaking.until(begun + breaking.ENDURE)
    finally:
        bench.proxy.turn("well")


def fault(bench: Bench, cell: Cell) -> AbstractAsyncContextManager[None]:
    """The fault of a cell, not begun yet."""
    home, part, how = bench.home, cell.part, cell.how
    asterisk = part == "asterisk"
    seconds = breaking.ENDURE if asterisk else None  # nothing goes on without Asterisk: it must end by itself
    if part in ("agi", "ami_bridge", "console", "redis", "asterisk"):
        return {
            "killed": lambda: breaking.killed_once(home, part) if asterisk else breaking.killed(home, part),
            "stopped": lambda: breaking.stopped(home, part),
            "paused": lambda: breaking.paused(home, part),
            "slow": lambda: breaking.slow(
                home, part, run=0.5 if asterisk else breaking.SLOW_RUN, seconds=seconds
            ),
            "starved": lambda: breaking.starved(home, part),
            "crash loop": lambda: breaking.crash_loop(home, part, breaking.CRASHES if asterisk else None),
            "restarted": lambda: breaking.restarted(home, part),
        }[how]()
    if part == "database":
        return {
            "locked": breaking.locked, "slow": breaking.slow_database, "file deleted": breaking.deleted,
        }[how](home)  # fmt: skip
    if part == "AMI link":
        return _link(bench, how)
    if how == "dead":
        return surroundings.dead_names(home)
    if part == "disk":
        return surroundings.full_disk(home)
    if part == "clock":
        return surroundings.stepped(home, surroundings.HOUR if how == "an hour on" else -surroundings.HOUR)
    return _nothing()


async def run_cell(bench: Bench, cell: Cell) -> Result:
    """Play a cell, wait until all is well again, and look at what is left of it."""
    began = time.monotonic()
    result = Result(cell.part, cell.how, cell.moment)
    story = Story()
    endured = TALK
    if cell.part == "asterisk" and cell.how in ("paused", "slow"):
        endured += breaking.ENDURE + (breaking.SLOW_PAUSE if cell.how == "slow" else 0)
    try:
        await breaking.recovered(bench.home)
        async with bench.centre.seat("agent1", answer_after=0.0) as seat:
            play = Play(bench.centre, seat, cell, fault(bench, cell), endured)
            story = await play.run()
            result.begun = play.begun
            well = time.monotonic()
            await breaking.recovered(bench.home, timeout=120)
            result.well_again = round(time.monotonic() - well, 1)
            for placed in story.calls:
                await _judge(bench, cell, placed, result)
            # a telephone whose registration is over comes back by itself
            await bench.centre.agent_is("agent1", "ready", timeout=90)
        if (await bench.centre.supervisor.get("/queue"))["waiting"]:
            result.faults.append("somebody is still shown as waiting")
    except (AssertionError, TimeoutError, OSError, aiohttp.ClientError, ApiError) as error:
        result.faults.append(f"{type(error).__name__}: {error}"[:600])
    result.reached, result.seconds, result.words = story.reached, story.seconds, story.words
    if not story.reached:
        result.faults.insert(0, f"no person was reached or kept: {story.trouble}")
    result.took = round(time.monotonic() - began, 1)
    if result.faults:
        with contextlib.suppress(OSError):
            result.logs = bench.home.logs()
    return result


async def _judge(bench: Bench, cell: Cell, placed: Placed, result: Result) -> None:
    """One caller's record and events."""
    try:
        record = await bench.centre.record(placed.number, timeout=RECORD)
    except AssertionError as error:
        result.faults.append(f"the record is missing: {error}"[:300])
        return
    count = len(await bench.centre.supervisor.calls_of(placed.number))
    await bench.watcher.end_of(record["id"], EVENT)
    started, ended = bench.watcher.told(record["id"])
    gate = (record["gate"] or {}).get("result")
    result.told.append(Told(record["id"], count, record["ending"], record["source"], gate, started, ended))
    result.faults += [
        *([f"{count} records of one call"] if count != 1 else []),
        *wrong_in(record, cell, placed),
    ]
    if started > 1 or ended > 1:
        result.faults.append(f"told twice: call.started {started}, call.ended {ended}")


def wrong_in(record: dict[str, Any], cell: Cell, placed: Placed) -> list[str]:
    """What a record tells otherwise than it was."""
    wanted: dict[str, object]
    if placed.stage is not None:
        wanted = {"ending": "failed"}
        if placed.stage == TALKING:
            wanted["agent"] = "agent1"
            # an orderly end hangs up, and a conversation that was hung up was answered
            if cell.how == "restarted" and record["ending"] == "answered":
                del wanted["ending"]
    elif placed.talked is None:
        return []  # the caller did not get so far, which is said already
    else:
        wanted = {"ending": "answered", "ended_by": "caller", "agent": "agent1"}
        if cell.part in (NOTHING, "ami_bridge", "console", "redis", "database", "AMI link", "disk"):
            wanted["gate"] = "key0"
    seen = {**record, "gate": (record["gate"] or {}).get("result")}
    wrong = [f"{name} is {seen[name]}, not {word}" for name, word in wanted.items() if seen[name] != word]
    near = NEAR + (breaking.ENDURE + breaking.SLOW_PAUSE if cell.part == "asterisk" else 0)
    talk = record["talk_seconds"]
    if placed.talked is not None and (talk is None or abs(talk - placed.talked) > near):
        wrong.append(f"talk_seconds is {talk}, not {placed.talked:.1f}")
    if placed.stage == TALKING and record["answered_at"] is None:
        wrong.append("answered_at is not known")
    return wrong
