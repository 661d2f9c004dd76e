"""A long outage: thousands of calls are caught up beside commands and events, in little memory."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from pathlib import Path

import pytest
import structlog

from tests.catchup.recordings import recording, undisturbed
from tests.catchup.test_cuts import MEMORY, Life, count_calls, empty_database


def _ledger(folder: Path, times: int) -> int:
    """The recorded calls so often, each time as other calls; how many calls that is."""
    told = recording("second")
    cel, queue_log = told.books(len(told.events))
    with (
        (folder / "log/cel-custom/psap.csv").open("w") as lines,
        (folder / "log/queue_log").open("w") as words,
    ):
        for turn in range(times):
            for file, text in ((lines, cel), (words, queue_log)):
                file.write(text.replace("semarang-1795343", f"semarang-{turn:06d}-1795343"))
    return times * len(undisturbed("second"))


async def _catch_up(folder: Path, times: int) -> tuple[int, float, float]:
    """(records, seconds, the longest that anything else had to wait)."""
    life = Life(folder, recording("second"), 0)
    calls = _ledger(folder, times)
    writer = asyncio.create_task(life.recorder.run())
    longest = 0.0

    async def turns() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - began)

    watch = asyncio.create_task(turns())
    began = time.monotonic()
    await life.catch_up.run()
    while life.catch_up.behind:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await life.recorder.flush(60)
    seconds = time.monotonic() - began
    watch.cancel()
    await life.catch_up.close()
    await life.recorder.stop(writer, 30)
    await life.database.close()
    return calls, seconds, longest


@pytest.mark.parametrize("times", [20, pytest.param(850, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_every_call_of_an_outage_has_its_record(times: int) -> None:
    structlog.reset_defaults()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory(prefix="catchup-", dir=MEMORY) as name:
        folder = Path(name)
        (folder / "log/cel-custom").mkdir(parents=True)
        (folder / "psap.db").write_bytes(empty_database())
        calls, seconds, longest = asyncio.run(_catch_up(folder, times))
        assert count_calls(folder) == calls
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{calls} calls in {seconds:.1f} s, others waited {longest * 1000:.0f} ms at most, +{grown:.0f} MiB"
    )
    # generous: a loaded machine takes turns away from us too
    assert longest < 3.0
    assert grown < 300
