"""``./112 bench call``: answered calls a second with everything on, against plain Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.desk import Account, Desks
from bench.load import place, strangers
from bench.page import machine
from bench.rig import Ami, Rig, RigError, cpu_of, versions
from psap.accounts.model import AccountError, Role
from psap.accounts.phones import ensure_phone, list_phones
from psap.accounts.service import Accounts
from psap.agencies.profile import load_profile
from psap.cli.say import step
from psap.platform.clock import SystemClock
from psap.platform.control import ask
from psap.platform.database import Database
from tests.support.api import Api

RULES = "[limits]\ngate_calls = 2000\nall_calls = 2000\n"
OURS, PLAIN = "112", "900005"
QUEUE, PLAIN_QUEUE = "psap112", "bench-plain"
PARTS = ("watchdog", "console", "ami_bridge", "agi", "redis")  # in the order of stopping
TALK = 0.4  # seconds
PRESS_AFTER = 0.2  # seconds after the answer: the greeting has begun
PATIENCE = 30.0  # seconds that a caller waits at most
RECORDS = 120.0  # seconds for the last record to be written
BROWSERS = 5
AIM = 0.93
FULL, QUIET, NOTHING = "everything on", "the same without recording", "plain Asterisk"


@dataclass(frozen=True, slots=True)
class Sizes:
    """``calls`` of one run, ``crowd`` of them at once; ``desks`` call takers; ``rounds`` of all sides."""

    calls: int = 1000
    crowd: int = 100
    desks: int = 110
    rounds: int = 3


@dataclass(slots=True)
class Run:
    """One side's turn."""

    rate: float  # conversations begun a second, without the first and the last tenth
    answered: float  # share of the callers who reached a call taker
    records_after: float  # seconds from the last call's end to the last record
    records: int
    cpu_ms: dict[str, float]  # per call, by part
    busy: float  # of all processors, from the first INVITE to the last BYE


@dataclass(slots=True)
class Found:
    """All runs by side."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    heard: int = 0  # messages that the browsers got
    machine: str = ""

    def rate(self, side: str) -> float:
        return statistics.median(run.rate for run in self.runs[side])

    @property
    def ratio(self) -> float:
        return self.rate(FULL) / self.rate(NOTHING)


async def measure(rig: Rig, sizes: Sizes) -> Found:
    """The sides in turns, on one Asterisk, with the same trunk, telephones and queue settings."""
    found = Found()
    settings = rig.settings
    step(f"{sizes.desks} petugas", f"{sizes.desks} call takers")
    accounts = await _staff(rig, sizes.desks)
    async with AsyncExitStack() as stack:
        domain = settings.external_address or settings.sip_bind
        desks = await stack.enter_async_context(
            Desks(rig.target, list(accounts.values()), talk=TALK, domain=domain)
        )
        people = Api(rig.home.http_url, "supervisor1")
        await stack.enter_async_context(people)
        await asyncio.gather(
            *(ask(settings.bridge_socket, "agent.login", {"agent": name}, timeout=30) for name in accounts)
        )
        for turn in range(1, sizes.rounds + 1):
            step(f"Putaran {turn}", f"round {turn}")
            for side, recording in ((FULL, "1"), (QUIET, "0")):
                await asyncio.to_thread(rig.cli, f"dialplan set global PSAP_RECORDING {recording}")
                async with Browsers(people, BROWSERS) as browsers:
                    run = await _run(rig, sizes, OURS, desks)
                found.heard += browsers.heard
                found.runs.setdefault(side, []).append(run)
            async with _plain(rig, accounts):
                found.runs.setdefault(NOTHING, []).append(await _run(rig, sizes, PLAIN, desks))
    found.machine = machine(await asyncio.to_thread(versions, settings))
    return found


async def _staff(rig: Rig, count: int) -> dict[str, Account]:
    """Call takers with telephones: account's name -> telephone."""
    settings = rig.settings
    profile = load_profile(settings.home / "profile.toml")
    database = Database(settings.effective_database_url)
    accounts = Accounts(database, profile.site, SystemClock())
    names = [f"bench{index}" for index in range(1, count + 1)]
    for name in names:
        with contextlib.suppress(AccountError):
            await accounts.add(name, name.title(), Role.AGENT, "bench-Kata-Sandi-112", actor="bench")
    async with database.write() as connection:
        for name in names:
            await ensure_phone(connection, profile.site, name, actor="bench")
        phones = {each.agent: each for each in await list_phones(connection, profile.site)}
    await database.close()
    await ask(settings.bridge_socket, "phones.sync", timeout=60)
    return {name: Account(phones[name].username, phones[name].password) for name in names}


@contextlib.asynccontextmanager
async def _plain(rig: Rig, accounts: dict[str, Account]) -> AsyncIterator[None]:
    """Nothing of ours runs; the same telephones are in a queue with the same settings; no ledger."""
    await asyncio.to_thread(rig.stop_parts, *PARTS)
    await _move(rig, accounts, QUEUE, PLAIN_QUEUE)
    await asyncio.to_thread(rig.ledger, False)
    try:
        yield
    finally:
        await asyncio.to_thread(rig.ledger, True)
        await _move(rig, accounts, PLAIN_QUEUE, QUEUE)
        await asyncio.to_thread(rig.start_parts, *reversed(PARTS))


async def _move(rig: Rig, accounts: dict[str, Account], old: str, new: str) -> None:
    async with Ami(rig.settings) as ami:
        for agent, account in accounts.items():
            phone = f"PJSIP/{account.username}"
            await ami.all([{"Action": "QueueRemove", "Queue": old, "Interface": phone}])
            await ami.all(
                [
                    {
                        "Action": "QueueAdd", "Queue": new, "Interface": phone, "MemberName": agent,
                        "StateInterface": phone, "Penalty": "0",
                    }
                ]
            )  # fmt: skip


async def _run(rig: Rig, sizes: Sizes, dialled: str, desks: Desks) -> Run:
    await desks.renew()
    before, desk_before, machine_before = await asyncio.to_thread(rig.cpu), cpu_of(desks.pid), _busy()
    talked, written = len(desks.talks()), _records(rig)
    began = time.monotonic()
    _, sipp = await place(
        rig.target, strangers(sizes.calls, dialled), rate=4000, hold=PATIENCE, at_once=sizes.crowd,
        press_after=PRESS_AFTER,
    )  # fmt: skip
    ended = time.monotonic()
    busy = (_busy() - machine_before) / (ended - began)
    if dialled == OURS:
        await _until_written(rig, written + sizes.calls)
    records_after = time.monotonic() - ended if dialled == OURS else 0.0
    await rig.idle()
    after = await asyncio.to_thread(rig.cpu)
    spent = {
        part: after[part] - before.get(part, 0.0) for part in after if after[part] >= before.get(part, 0.0)
    }
    spent["SIPp, both sides of the call"] = sipp + cpu_of(desks.pid) - desk_before
    talks = desks.talks()[talked:]
    return Run(
        rate=_rate(talks),
        answered=len(talks) / sizes.calls,
        records_after=records_after,
        records=_records(rig) - written,
        cpu_ms={part: seconds / sizes.calls * 1000 for part, seconds in spent.items()},
        busy=busy,
    )


def _rate(moments: Sequence[float]) -> float:
    if len(moments) < 20:
        return 0.0
    begin, end = len(moments) // 10, len(moments) * 9 // 10
    return (end - begin) / (moments[end] - moments[begin])


async def _until_written(rig: Rig, count: int) -> None:
    try:
        async with asyncio.timeout(RECORDS):
            while await asyncio.to_thread(_records, rig) < count:  # noqa: ASYNC110 - nobody tells it
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise RigError(f"{_records(rig)} of {count} records {RECORDS:.0f} s after the last call") from None


def _records(rig: Rig) -> int:
    """Finished records in the home's SQLite."""
    with contextlib.closing(
        sqlite3.connect(f"file:{rig.settings.home / 'psap.db'}?mode=ro", uri=True, timeout=10)
    ) as base:
        return int(base.execute("select count(*) from calls where ending is not null").fetchone()[0])


def _busy() -> float:
    """Seconds that the processors were not idle, divided by how many there are."""
    first = Path("/proc/stat").read_text("ascii").splitlines()[0]
    words = [int(word) for word in first.split()[1:9]]
    idle = words[3] + words[4]
    return (sum(words) - idle) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)


class Browsers:
    """So many pages with the live channel open, reading all that they get; ``heard`` counts it."""

    def __init__(self, api: Api, count: int) -> None:
        self._api, self._count = api, count
        self.heard = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def __aenter__(self) -> Browsers:
        url = self._api.url.replace("http", "ws", 1) + "/api/v1/events"
        for _ in range(self._count):
            socket = await self._api.session.ws_connect(url)
            self._sockets.append(socket)
            self._tasks.append(asyncio.create_task(self._read(socket)))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for socket in self._sockets:
            await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for _ in socket:
            self.heard += 1
