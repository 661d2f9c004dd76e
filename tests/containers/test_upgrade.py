"""From the previous commit's images to these with calls in progress, one service after another."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from psap.platform.settings import ROOT
from psap.sip.sipp import SippError
from tests.containers.conftest import TITLE
from tests.containers.stack import PARTS, Stack, build, forget
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number
from tests.support.talking import hear, talking
from tests.support.told import tell

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

PREVIOUS = "HEAD~1"


def _sources(folder: Path) -> str:
    """The previous commit's files; its short name. Its images are made as ours where it had none yet."""
    git = ["git", "-c", f"safe.directory={ROOT}"]
    name = subprocess.run(
        [*git, "rev-parse", "--short", PREVIOUS], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    archive = folder.with_suffix(".tar")
    with archive.open("wb") as file:
        subprocess.run([*git, "archive", PREVIOUS], cwd=ROOT, check=True, stdout=file)
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    if not (folder / "docker" / "app.Dockerfile").exists():
        shutil.copytree(ROOT / "docker", folder / "docker", dirs_exist_ok=True)
        shutil.copy(ROOT / ".dockerignore", folder / ".dockerignore")
    return name


@pytest.fixture(scope="module")
def previous(images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    tag = images.replace("test-", "previous-")
    folder = tmp_path_factory.mktemp("previous") / "sources"
    name = _sources(folder)
    try:
        tell(TITLE, [f"previous commit {name}: built in {build(tag, folder):.0f} s"])
        yield tag
    finally:
        forget(tag)


@pytest.fixture
def old(previous: str, tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path, previous)
    try:
        made.up()
        yield made
    finally:
        made.down()


async def test_no_call_is_dropped_and_asterisk_is_drained(old: Stack, previous: str, images: str) -> None:
    async with AsyncExitStack() as opened:
        centre = Centre(old.as_home(), opened)
        await centre.open()
        first = await opened.enter_async_context(centre.seat("agent1"))
        talk = await opened.enter_async_context(talking(centre, first))

        async def still_heard() -> None:
            assert not talk.caller.is_over
            await hear(talk.caller.media, AGENT_TONE)
            await hear(first.phone.media, CALLER_TONE)

        # the tables first: they only grow, so the old software goes on with them
        await asyncio.to_thread(old.compose, "run", "--rm", "--no-deps", "-T", "prepare", version=images)
        await still_heard()
        took = {}
        for service in (*PARTS, "tls"):
            took[service] = await asyncio.to_thread(_replace, old, service, images)
            await still_heard()
        tell(TITLE, ["replaced in a conversation, s: " + ", ".join(f"{k} {v:.1f}" for k, v in took.items())])

        # Asterisk: who talks goes on talking, who comes new is sent to the carrier's second destination
        draining = asyncio.create_task(asyncio.to_thread(old.cli, "drain", "--seconds", "120"))
        await _is_refused(centre)
        await still_heard()
        assert not draining.done()
        talk.caller.hang_up()
        ended = await draining
        record = await centre.record(talk.number, timeout=60)
        assert (record["ending"], record["agent"], record["ended_by"]) == ("answered", "agent1", "caller")
        assert len(await centre.supervisor.calls_of(talk.number)) == 1
        seconds = await asyncio.to_thread(_replace, old, "asterisk", images)
        said = [line for line in ended.stdout.splitlines() if "drained in" in line]
        assert said, ended.stdout
        tell(TITLE, [said[-1].strip("· "), f"asterisk replaced and healthy in {seconds:.1f} s"])

    # and back: with the new Asterisk, the old parts, in a conversation again
    async with AsyncExitStack() as opened:
        again = Centre(old.as_home(), opened)
        await again.open()
        second = await opened.enter_async_context(again.seat("agent2"))
        later = await opened.enter_async_context(talking(again, second))
        for service in PARTS:
            await asyncio.to_thread(_replace, old, service, previous)
            assert not later.caller.is_over
            await hear(later.caller.media, AGENT_TONE)
        later.caller.hang_up()
        record = await again.record(later.number, timeout=60)
        assert (record["ending"], record["agent"]) == ("answered", "agent2")
        tell(TITLE, ["rolled back in a conversation: " + ", ".join(PARTS)])


def _replace(stack: Stack, service: str, tag: str) -> float:
    """Put a service's container of another version in place; the seconds until all is healthy again."""
    before, began = stack.container(service), time.monotonic()
    stack.compose("up", "-d", "--no-deps", "--no-build", service, version=tag)
    stack.await_healthy()
    assert stack.container(service) != before, f"{service} was not replaced"
    return time.monotonic() - began


async def _is_refused(centre: Centre) -> None:
    """Wait until a new caller gets 503."""
    async with asyncio.timeout(60):
        while True:
            async with centre.caller(fresh_number()) as caller:
                try:
                    await caller.answered(timeout=20)
                except SippError:
                    ended = await caller.ended(5)
                    assert (ended.by, ended.status) == ("refused", 503)
                    return
                caller.hang_up()
            await asyncio.sleep(0.5)
