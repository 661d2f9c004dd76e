"""Fixtures that every real test shares: one home for the session, telephones around it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import settings as hypothesis

from tests.support.centre import Centre
from tests.support.home import Home, free_ports, running_home
from tests.support.postgres import PostgresServer
from tests.support.told import TOLD, tell

# how long an example takes says how busy the machine is, not whether the code is right
hypothesis.register_profile("psap", deadline=None)
hypothesis.load_profile("psap")

# the dialplan's and queue's waits, shortened: wrap-up 2 s, ring 3 s, longest wait 12 s
TIMER_SCALE = "0.2"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A healthy home with the demo accounts, for the whole session. Leave it healthy."""
    (outside,) = free_ports(1)  # where call-backs go out
    env = {"PSAP_TIMER_SCALE": TIMER_SCALE, "PSAP_TRUNK_PROXY": f"127.0.0.3:{outside}"}
    yield from running_home(tmp_path_factory.mktemp("home"), env=env)


@pytest.fixture
async def centre(home: Home) -> AsyncIterator[Centre]:
    """Telephones and a supervisor's live channel around the shared home."""
    async with AsyncExitStack() as stack:
        made = Centre(home, stack)
        await made.open()
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the session; each test takes databases of its own from it."""
    with PostgresServer() as server:
        yield server


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test that used the home shows the ends of the parts' logs."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    found = getattr(item, "funcargs", {}).get("home")
    if report.when == "call" and report.failed and isinstance(found, Home):
        report.sections.append(("logs of the home", found.logs()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands what it measured to whoever prints."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["told"] = TOLD


def pytest_testnodedown(node: Any) -> None:
    for title, lines in getattr(node, "workeroutput", {}).get("told", {}).items():
        tell(title, lines)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for title, lines in TOLD.items():
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(lines))
