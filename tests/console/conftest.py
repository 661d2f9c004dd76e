"""A console over a real SQLite file, a real redis-server and the real control socket."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from console.app import make_app, make_parts
from console.parts import Parts
from psap.accounts.model import Role, User
from psap.platform.hot import Hot, HotAwayError
from psap.platform.migrate import migrate
from psap.platform.schema import metadata
from psap.platform.settings import Settings
from tests.console.bridge import ScriptedBridge
from tests.support.home import free_ports
from tests.support.postgres import PostgresServer

PASSWORD = "kata-Sandi-112"


def person(username: str, role: Role = Role.AGENT) -> User:
    """A user out of thin air, for what is pure."""
    return User(id="0", site="semarang", username=username, name=username.title(), role=role, created_at=0)


class Redis:
    """A redis-server of our own on a unix socket, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        command = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--dir",
            str(self._folder),
        ]
        self._process = await asyncio.to_thread(subprocess.Popen, command, stdout=subprocess.DEVNULL)
        hot = Hot(f"unix://{self.socket}")
        async with asyncio.timeout(10):
            while True:
                try:
                    await hot.ping()
                    break
                except HotAwayError:
                    await asyncio.sleep(0.01)  # a server says nowhere that it listens now
        await hot.close()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass
class Console:
    """A served console and all that it stands on."""

    home: Path
    parts: Parts
    bridge: ScriptedBridge
    redis: Redis
    server: TestServer
    http: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def url(self, path: str) -> str:
        return f"{self.origin}/api/v1{path}"

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = None,
        *,
        json: Any = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """(status, decoded body) of one request with ``who``'s Bearer token."""
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = f"Bearer {self.tokens[who]}"
        async with self.http.request(method, self.url(path), json=json, headers=sent) as answer:
            text = await answer.text()
            is_json = answer.content_type.endswith("json")
            return answer.status, await answer.json(content_type=None) if is_json and text else text

    async def stored(self) -> str:
        """Every row of every table, in one text."""
        async with self.parts.database.read() as connection:
            rows = [list(await connection.execute(select(table))) for table in metadata.sorted_tables]
        return str(rows)

    def live(self, who: str, after: str | None = None) -> Any:
        """A WebSocket as ``who``, to be used with ``async with``."""
        query = {} if after is None else {"after": after}
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self.http.ws_connect(self.url("/events"), params=query, headers=headers)


# what pages ask of the database, and what strangers send: on PostgreSQL as well, the rest on SQLite alone
ON_BOTH = {"test_calls", "test_hostile", "test_missed"}
_names = (f"console_{number}" for number in itertools.count(1))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of a module in ``ON_BOTH`` that serves a console runs once for each engine."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in ON_BOTH and "console" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Which engine the console stands on."""
    return str(getattr(request, "param", "sqlite"))


@dataclass(frozen=True)
class Seed:
    """A database with an account and a token per person, made once and copied for each test."""

    file: Path
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """Argon2 and migrations are slow by design or by nature: once is enough."""
    folder = tmp_path_factory.mktemp("seed")
    return Seed(folder / "psap.db", _seeded(Settings(home=folder, profile="semarang")))


@pytest.fixture(scope="session")
def seeded_server(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[PostgresServer, Seed]:
    """The same on PostgreSQL: the template database ``console``."""
    folder = tmp_path_factory.mktemp("seed")
    settings = Settings(home=folder, profile="semarang", database_url=postgres.create("console"))
    return postgres, Seed(folder, _seeded(settings))


def _seeded(settings: Settings) -> dict[str, str]:
    """Tables and accounts in an empty database; the accounts' tokens."""
    migrate(settings)

    async def fill() -> dict[str, str]:
        parts = make_parts(settings)
        tokens = {}
        for username, role in PEOPLE.items():
            await parts.accounts.add(username, username.title(), role, PASSWORD, actor="test")
            tokens[username] = await parts.accounts.make_token(username, "test", actor="test")
        await parts.database.close()
        return tokens

    return asyncio.run(fill())


@pytest.fixture
def home(seed: Seed) -> Iterator[Path]:
    """A home with a short path: a unix socket's path holds 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="console-test-"))
    (folder / "run").mkdir()
    with sqlite3.connect(seed.file) as source, sqlite3.connect(folder / "psap.db") as target:
        source.backup(target)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def served(
    home: Path, seed: Seed, engine: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Settings, Seed]]:
    """The settings of a console on its own database, and who can sign in there."""
    if engine == "sqlite":
        yield Settings(home=home, profile="semarang", agi_port=free_ports(1)[0]), seed
        return
    server, known = request.getfixturevalue("seeded_server")
    name = next(_names)
    (home / "psap.db").unlink()
    agi, url = free_ports(1)[0], server.create(name, "console")
    yield Settings(home=home, profile="semarang", database_url=url, agi_port=agi), known
    server.drop(name)


@pytest_asyncio.fixture
async def console(home: Path, served: tuple[Settings, Seed]) -> AsyncIterator[Console]:
    """A console of Semarang with one account per role, and a second agent."""
    settings, seed = served
    redis, bridge = Redis(home / "run"), ScriptedBridge(settings.bridge_socket)
    await redis.start()
    await bridge.start()
    parts = make_parts(settings)
    server = TestServer(make_app(parts))
    await server.start_server()
    await parts.live.ready.wait()
    async with aiohttp.ClientSession() as http:
        yield Console(home, parts, bridge, redis, server, http, dict(seed.tokens))
    await server.close()
    await parts.database.close()
    await bridge.stop()
    redis.kill()


PEOPLE = {
    "agent1": Role.AGENT,
    "agent2": Role.AGENT,
    "supervisor1": Role.SUPERVISOR,
    "dispatcher1": Role.DISPATCHER,
    "qc1": Role.QC,
    "admin1": Role.ADMIN,
}
