"""Images built once, one stack for all tests that leave it healthy."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from tests.containers.stack import Stack, build, forget
from tests.support.centre import Centre
from tests.support.composing import environment
from tests.support.told import tell

TITLE = "containers"
NO_ENGINE = (
    "Tidak ada mesin Docker yang menjawab / no Docker engine answers ({why}). Pasang / install docker.io and "
    "docker-compose (Debian 13; Debian 12's is too old), or docker.io and docker-compose-v2 (Ubuntu 24.04); "
    "or point DOCKER_HOST at an engine."
)


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine's version; without one, an error that says how to get one."""
    try:
        words = ["docker", "version", "--format", "{{.Server.Version}}"]
        told = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=60, env=environment({})
        )
    except FileNotFoundError:
        pytest.fail(NO_ENGINE.format(why="docker: not found"), pytrace=False)
    if told.returncode != 0:
        pytest.fail(NO_ENGINE.format(why=told.stderr.strip().splitlines()[-1]), pytrace=False)
    return told.stdout.strip()


@pytest.fixture(scope="session")
def images(engine: str) -> Iterator[str]:
    """The tag under which this software was built."""
    tag = f"test-{secrets.token_hex(4)}"
    try:
        seconds = build(tag)
        tell(TITLE, [f"engine {engine}; five images built in {seconds:.0f} s"])
        yield tag
    finally:
        forget(tag)


@pytest.fixture(scope="session")
def stack(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Everything, healthy. Leave it healthy."""
    made = Stack(tmp_path_factory.mktemp("stack"), images)
    try:
        tell(TITLE, [f"from nothing to healthy: {made.up():.1f} s"])
        yield made
    finally:
        began = time.monotonic()
        made.down()
        tell(TITLE, [f"ended without a trace: {time.monotonic() - began:.1f} s"])


@pytest.fixture
async def centre(stack: Stack) -> AsyncIterator[Centre]:
    """Telephones and a supervisor around the stack."""
    async with AsyncExitStack() as opened:
        made = Centre(stack.as_home(), opened)
        await made.open()
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test shows the ends of the containers' logs."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    found = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and isinstance(found, Stack):
        report.sections.append(("logs of the containers", found.logs()))
