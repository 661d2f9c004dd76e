"""From the previous commit to this one, in place, with people on the line; and back again."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

from psap.platform.settings import ROOT
from psap.sip.caller import Caller
from tests.support.centre import AGENT_TONE, Centre, Seat, fresh_number
from tests.support.home import UP_SECONDS, Home
from tests.support.persons import homes, in_logs
from tests.support.telling import Telling, telling
from tests.support.told import tell

pytestmark = [pytest.mark.calls, pytest.mark.long, pytest.mark.timeout(1800)]

FROM = os.environ.get("PSAP_UPGRADE_FROM", "HEAD~1")  # any older commit
KEPT = {".venv", "node_modules", "static"}  # what an unpacked version does not bring along
UNAVAILABLE = 503


class InPlace(Home):
    """A home of software that is exchanged under it, as `git pull` does."""

    def __init__(self, folder: Path, software: Path, **options: dict[str, str]) -> None:
        super().__init__(folder, **options)
        self.software = software

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "psap.cli", *words, "--home", str(self.folder)]

    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
        clean |= {key: os.environ[key] for key in ("PSAP_CACHE", "PSAP_PBX_ROOT") if key in os.environ}
        return clean | self.env | {"PYTHONPATH": str(self.software)}

    def cli(
        self, *words: str, check: bool = True, timeout: float = 60, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As ``./112`` does it, without touching the environment that both versions share."""
        ended = subprocess.run(
            self.command(*words), cwd=self.software, env=self.environment() | (env or {}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        if check and ended.returncode != 0:
            raise AssertionError(
                f"./112 {' '.join(words)} -> {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
            )
        return ended


def git(*words: str) -> bytes:
    """What git says; under sudo the folder is somebody else's, which git distrusts unless told."""
    command = ["git", "-c", f"safe.directory={ROOT}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    # a shallow clone has no earlier commit: git fetch --unshallow, or PSAP_UPGRADE_FROM
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def lay(software: Path, commit: str | None) -> None:
    """Put a version's files in place of those that are there; None: the files as they are now."""
    for path in sorted(software.rglob("*"), reverse=True):
        if KEPT.intersection(path.relative_to(software).parts):
            continue
        if path.is_file() or path.is_symlink():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
    if commit is not None:
        with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
            archive.extractall(software, filter="data")
        return
    for name in git("ls-files", "-co", "--exclude-standard", "-z").decode().split("\0"):
        if name and (ROOT / name).is_file():
            (software / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, software / name)


def revision(software: Path) -> str:
    """The newest version of the database that this software knows."""
    files = (software / "psap/platform/migrations/versions").glob("[0-9]*.py")
    return max(path.stem.split("_")[0] for path in files)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[InPlace]:
    """A home that runs the previous commit's software."""
    software = tmp_path / "software"
    (software / "console/web").mkdir(parents=True)
    (software / ".venv").symlink_to(ROOT / ".venv")
    (software / "console/web/node_modules").symlink_to(ROOT / "console/web/node_modules")
    lay(software, FROM)
    home = InPlace(tmp_path / "home", software, env={"PSAP_TIMER_SCALE": "2"})
    homes.add(home.folder)
    try:
        yield home.start()
    finally:
        home.cli("down", check=False)
    assert not in_logs(home.folder)


def upgrading(old: InPlace, *words: str) -> AbstractAsyncContextManager[Telling]:
    """``./112 upgrade`` at work."""
    return telling(old.command("upgrade", *words), cwd=old.software, env=old.environment())


async def rings(seat: Seat, caller: Caller) -> None:
    """The next ring at this seat is answered, and it is this caller."""
    call = await seat.phone.ringing(90)
    await call.answer()
    await caller.media.hears(AGENT_TONE, timeout=30)


async def queued(centre: Centre, caller: Caller) -> None:
    await caller.answered(30)
    await caller.press("0")
    await centre.live.wait("call.queued", number=caller.identity, timeout=30)


async def pids(home: Home) -> dict[str, int]:
    return {name: row["pid"] for name, row in (await asyncio.to_thread(home.status))["parts"].items()}


async def answered_once(centre: Centre, number: str) -> dict[str, object]:
    record = await centre.record(number, timeout=60)
    assert record["ending"] == "answered", record
    assert len(await centre.supervisor.calls_of(number)) == 1
    return record


async def test_from_the_previous_commit_with_calls_in_progress(old: InPlace) -> None:
    async with AsyncExitStack() as stack:
        centre = Centre(old, stack)
        await centre.open()
        await _our_parts(old, centre)
    async with AsyncExitStack() as stack:
        centre = Centre(old, stack)
        await centre.open()
        await _asterisk(old, centre)
    await _back_again(old)


async def _our_parts(old: InPlace, centre: Centre) -> None:
    """Two talk, one waits, one is being greeted, while console, bridge and agi are exchanged."""
    numbers = [fresh_number() for _ in range(4)]
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(centre.seat("agent1"))
        first = await stack.enter_async_context(centre.caller(numbers[0]))
        await queued(centre, first)
        await rings(one, first)
        two = await stack.enter_async_context(centre.seat("agent2"))
        second = await stack.enter_async_context(centre.caller(numbers[1]))
        await queued(centre, second)
        await rings(two, second)
        waits = await stack.enter_async_context(centre.caller(numbers[2]))
        await queued(centre, waits)
        before = await pids(old)
        lay(old.software, None)
        began = time.monotonic()
        upgrade = await stack.enter_async_context(upgrading(old))
        await upgrade.says("restarting ami_bridge", 400)
        greeted = await stack.enter_async_context(centre.caller(numbers[3]))
        await greeted.answered(30)
        assert await upgrade.ends(400) == 0, upgrade.said
        seconds = time.monotonic() - began
        # who was in the gate as agi was exchanged is in the queue by now; later callers are asked to press
        await greeted.press("0")
        after = await pids(old)
        assert {name for name in before if before[name] != after[name]} >= {"agi", "ami_bridge", "console"}
        assert (after["asterisk"], after["redis"]) == (before["asterisk"], before["redis"])
        assert "no call was touched" in upgrade.said
        for caller in (first, second):
            await caller.media.hears(AGENT_TONE, timeout=30)
        assert not waits.is_over
        assert not greeted.is_over
        first.hang_up()
        await rings(one, waits)
        second.hang_up()
        await rings(two, greeted)
        waits.hang_up()
        greeted.hang_up()
    records = [await answered_once(centre, number) for number in numbers]
    assert [record["agent"] for record in records] == ["agent1", "agent2", "agent1", "agent2"]
    tell(
        "upgrade", [f"{FROM} to this one: {seconds:.1f} s; 2 talking, 1 waiting, 1 in the gate: none dropped"]
    )


async def _asterisk(old: InPlace, centre: Centre) -> None:
    """Asterisk too: who talks ends in peace, who waits is answered, who calls anew is sent elsewhere."""
    talks, waits, late, after = (fresh_number() for _ in range(4))
    async with AsyncExitStack() as stack:
        seat = await stack.enter_async_context(centre.seat("agent1"))
        await centre.agent_is("agent1", "ready", timeout=60)
        first = await stack.enter_async_context(centre.caller(talks))
        await queued(centre, first)
        await rings(seat, first)
        second = await stack.enter_async_context(centre.caller(waits))
        await queued(centre, second)
        before = await pids(old)
        upgrade = await stack.enter_async_context(upgrading(old, "--asterisk", "--seconds", "600"))
        await upgrade.says("channels", 400)
        async with centre.caller(late) as nobody:
            assert (await nobody.ended(30)).status == UNAVAILABLE
        await first.media.hears(AGENT_TONE, timeout=30)
        first.hang_up()
        await rings(seat, second)
        await asyncio.sleep(2)  # a conversation of some length
        assert upgrade.process.returncode is None
        second.hang_up()
        assert await upgrade.ends(400) == 0, upgrade.said
        assert "drained in " in upgrade.said
        assert (await pids(old))["asterisk"] != before["asterisk"]
        await centre.agent_is("agent1", "ready", timeout=90)
        async with centre.caller(after) as third:
            await third.answered(30)
            await third.press("0")
            await rings(seat, third)
            third.hang_up()
        for number in (talks, waits, after):
            await answered_once(centre, number)
        refused = await centre.record(late, timeout=30)
        assert (refused["ending"], refused["ended_by"]) == ("failed", "system")
    tell("upgrade", [line.strip() for line in upgrade.said.splitlines() if "drained in" in line])


async def _back_again(old: InPlace) -> None:
    """With the new software down, and the database back; then the old software in its place."""
    number = fresh_number()
    await asyncio.to_thread(old.cli, "down")
    newest = revision(old.software)
    was = max(
        name.removesuffix(".py").split("_")[0]
        for name in git("ls-tree", "--name-only", f"{FROM}:psap/platform/migrations/versions")
        .decode()
        .split()
        if name[0].isdigit()
    )
    if was != newest:
        await asyncio.to_thread(old.cli, "upgrade", "--back-to", was, timeout=120)
    lay(old.software, FROM)
    await asyncio.to_thread(old.cli, "up", "--demo", "--detach", timeout=UP_SECONDS)
    async with AsyncExitStack() as stack:
        centre = Centre(old, stack)
        await centre.open()
        kept = (await centre.supervisor.get("/calls"))["items"]
        assert sum(row["ending"] == "answered" for row in kept) == 7
        seat = await stack.enter_async_context(centre.seat("agent1"))
        caller = await stack.enter_async_context(centre.caller(number))
        await queued(centre, caller)
        await rings(seat, caller)
        caller.hang_up()
        await answered_once(centre, number)
    tell("upgrade", [f"and back to {FROM}: {len(kept)} calls are there, the next one is answered"])
