"""The units' own commands, as an unprivileged account: a home that nobody of ours keeps running."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from psap.platform import probes
from tests.support.centre import AGENT_TONE, Centre, fresh_number
from tests.support.kept import KeptHome, account
from tests.support.persons import in_logs

pytestmark = [pytest.mark.calls, pytest.mark.timeout(600)]

PARTS = {"redis", "asterisk", "agi", "ami_bridge", "console", "watchdog"}


@pytest.fixture(scope="module")
def kept() -> Iterator[KeptHome]:
    # not below pytest's own folder: nobody but root may enter that
    top = Path(tempfile.mkdtemp(prefix="psap-kept-"))
    top.chmod(0o755)
    home = KeptHome(top / "home", env={"PSAP_TIMER_SCALE": "0.2"})
    try:
        yield home.start()
        assert not in_logs(home.folder)
    finally:
        home.stop()
        shutil.rmtree(top)


def test_every_part_is_found_and_nobody_is_root(kept: KeptHome) -> None:
    began = time.monotonic()
    told = kept.status()
    seconds = time.monotonic() - began
    assert told["healthy"]
    for part in PARTS:
        pid = told["parts"][part]["pid"]
        assert pid is not None, part
        assert pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name == account()
    for unit in kept.units.values():
        assert unit.starts == 1, unit.name
    assert seconds < 20  # in hangs; three seconds is measured where nothing else runs (test_up_down.py)


def test_everything_in_the_home_belongs_to_that_account(kept: KeptHome) -> None:
    kept.cli("backup")  # a command of root's, too
    # its logs are the keeper's files, as a journal is
    found = [path for path in kept.folder.rglob("*") if kept.settings.logs not in path.parents]
    owners = {pwd.getpwuid(path.lstat().st_uid).pw_name for path in found}
    assert owners == {account()}
    assert stat.S_IMODE((kept.folder / "secrets.json").stat().st_mode) == 0o600
    (archive,) = (kept.folder / "backups").glob("psap-manual-*.tar.gz")
    refused = kept.cli("restore", str(archive), check=False)
    assert refused.returncode != 0
    assert "is running" in refused.stderr


@pytest.mark.parametrize("command", ["up", "down"])
def test_up_and_down_refuse_in_one_line(kept: KeptHome, command: str) -> None:
    refused = kept.cli(command, check=False)
    assert refused.returncode != 0
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("112: ")]
    assert "systemctl" in line
    assert "docker compose" in line


@pytest.mark.long
def test_prepare_may_be_repeated_while_all_runs(kept: KeptHome) -> None:
    before = {name: part["pid"] for name, part in kept.status()["parts"].items()}
    kept.prepare()
    assert kept.status()["healthy"]
    assert {name: part["pid"] for name, part in kept.status()["parts"].items()} == before


async def test_a_call_and_its_record(kept: KeptHome) -> None:
    number = fresh_number()
    async with AsyncExitStack() as stack:
        centre = Centre(kept, stack)
        await centre.open()
        async with centre.seat("agent1") as seat, centre.caller(number) as caller:
            await caller.answered(20)
            await caller.press("0")
            call = await seat.phone.ringing(30)
            await call.answer()
            await caller.media.hears(AGENT_TONE, timeout=30)
            # a part is renewed by its keeper under the conversation
            await asyncio.to_thread(kept.units["ami-bridge"].restart)
            await caller.media.hears(AGENT_TONE, timeout=30)
            caller.hang_up()
        record = await centre.record(number, timeout=60)
        assert (record["ending"], record["agent"], record["gate"]["result"]) == ("answered", "agent1", "key0")
        assert len(await centre.supervisor.calls_of(number)) == 1


@pytest.mark.long
@pytest.mark.parametrize("part", ["agi", "redis"])
async def test_the_watchdog_ends_what_hangs_and_its_keeper_starts_it(kept: KeptHome, part: str) -> None:
    unit = kept.units[part]
    hung, starts = unit.process.pid, unit.starts
    os.kill(hung, signal.SIGSTOP)
    async with asyncio.timeout(120):
        while unit.starts == starts or not (await probes.status(kept.settings)).healthy:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    assert (await probes.status(kept.settings)).parts[part].pid not in (None, hung)
