"""The whole bridge, a process of its own, under 10,000 AMI events a second: every call has its record."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest

from ami_bridge import link as link_module
from psap.platform.control import ControlError, ask
from psap.platform.migrate import migrate
from psap.platform.settings import ROOT, Settings, load_secrets
from psap.platform.watchdog import process
from tests.contract.test_link_strangers import RATE, real_events
from tests.support.fake_ami import FakeAmi, fake_ami
from tests.support.home import free_ports

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

LAP = 264  # events in the recording
LAPS = 380  # ten seconds of them
MEGABYTES = 1024 * 1024


@pytest.fixture
async def ground() -> AsyncIterator[tuple[Settings, FakeAmi, subprocess.Popen[bytes]]]:
    """A home with a bridge, a redis-server and a fake Asterisk."""
    home = Path(tempfile.mkdtemp(prefix="flood-"))
    async with fake_ami() as fake:
        (agi,) = free_ports(1)
        settings = Settings(home=home, ami_link_port=fake.port, agi_port=agi)
        for folder in (settings.run, settings.pbx / "etc", settings.logs):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "profiles" / "semarang.toml", home / "profile.toml")
        settings.save()
        fake.secret = load_secrets(home).ami_bridge
        await asyncio.to_thread(migrate, settings)
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(settings.run / "redis.sock"),
            "--save",
            "",
            "--dir",
            str(home),
        ]
        with (settings.logs / "bridge.log").open("wb") as log:
            environment = {**os.environ, "PSAP_HOME": str(home), "PYTHONPATH": str(ROOT)}
            redis, bridge = await asyncio.to_thread(_start, options, environment, log)
        try:
            yield settings, fake, bridge
        finally:
            for child in (bridge, redis):
                child.kill()
                child.wait()
            shutil.rmtree(home)


def _start(
    options: list[str], environment: dict[str, str], log: IO[bytes]
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    redis = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "ami_bridge"]
    return redis, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def memory(child: subprocess.Popen[bytes]) -> float:
    """Megabytes that a process holds."""
    pages = int(Path(f"/proc/{child.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTES


async def figures(settings: Settings) -> dict[str, float]:
    try:
        return dict((await ask(settings.bridge_socket, "health", timeout=10))["figures"])
    except ControlError:
        return {"link_up": 0, "events": 0}


async def test_every_call_of_a_flood_has_its_record(
    ground: tuple[Settings, FakeAmi, subprocess.Popen[bytes]],
) -> None:
    settings, fake, bridge = ground
    async with asyncio.timeout(60):
        while not (await figures(settings))["link_up"]:  # noqa: ASYNC110 - a process says it nowhere else
            await asyncio.sleep(0.1)
    events = real_events(LAP * LAPS)
    callers = sum(b"Event: Newchannel" in e and b"Channel: PJSIP/trunk-" in e for e in events)
    before, most, cpu = memory(bridge), 0.0, (process(bridge.pid) or (0, "", 0.0))[2]
    began = time.monotonic()
    for start in range(0, len(events), RATE // 20):
        await asyncio.sleep(max(0.0, began + start / RATE - time.monotonic()))
        await fake.emit(b"".join(events[start : start + RATE // 20]))
        most = max(most, memory(bridge))
    sent = time.monotonic() - began
    async with asyncio.timeout(120):
        while (
            (found := await figures(settings))["events"] < len(events)
            or found["calls"]
            or found["publish_waiting"]
        ):
            most = max(most, memory(bridge))
            await asyncio.sleep(0.1)
    done = time.monotonic() - began
    used = (process(bridge.pid) or (0, "", 0.0))[2] - cpu
    print(
        f"{len(events)} events of {callers} calls in {sent:.1f} s, all told after {done:.1f} s, "
        f"{used:.1f} s of processor ({len(events) / used:.0f} events/s), "
        f"at most {found['events_waiting_most']:.0f} waiting, memory {before:.0f} -> {most:.0f} MB"
    )
    assert found["losses"] == 0
    assert found["events_waiting_most"] < link_module.ENOUGH * 3
    assert most < before + 200
    async with asyncio.timeout(30):
        while True:
            with closing(sqlite3.connect(settings.home / "psap.db")) as database:
                rows = database.execute("SELECT ending, count(*) FROM calls GROUP BY ending").fetchall()
            if sum(count for ending, count in rows if ending) >= callers:
                break
            await asyncio.sleep(0.2)
    assert sum(count for _, count in rows) == callers
    assert {ending for ending, _ in rows} >= {"answered", "abandoned_in_queue"}
