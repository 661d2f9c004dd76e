"""``python -m tests.faults.worker KIND``: one home; reads a cell's key a line, answers with its result.

The first line it writes is ``ready``. It ends, and takes its home down, when its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from tests.faults.bench import Bench
from tests.faults.cells import BY_KEY
from tests.faults.running import run_cell


async def work(kind: str) -> None:
    """Run what is asked for until there is no more."""
    me = asyncio.current_task()
    assert me is not None
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, me.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        async with Bench(kind) as bench:
            print("ready", flush=True)
            while key := (await asyncio.to_thread(sys.stdin.readline)).strip():
                print((await run_cell(bench, BY_KEY[key])).line(), flush=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
