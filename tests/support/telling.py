"""A command that tells what it does while it does it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path


class Telling:
    """A running command; ``said`` is what it has said so far, errors too."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def says(self, word: str, timeout: float = 60) -> None:
        """Wait until it has said something."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout):
            while word not in self.said:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"ended without {word!r}: {self.said}"
                self.said += line

    async def ends(self, timeout: float = 60) -> int:
        """Wait for its end; its exit code."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout):
            self.said += (await self.process.stdout.read()).decode()
            return await self.process.wait()


@asynccontextmanager
async def telling(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Telling]:
    """Start it; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=env, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield Telling(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
