"""Finding what runs, without anybody who could be asked: real processes, in real namespaces of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from psap.cli.down import refuse_outside
from psap.cli.say import RefusedError
from psap.platform import found, probes, supervise
from psap.platform.heartbeat import write_heartbeat
from psap.platform.settings import Settings

LIFE = 120
# a part in a container: numbers of its own, in which it is the first
CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
BEATING = (
    "import pathlib, sys, time\n"
    "from psap.platform.heartbeat import write_heartbeat\n"
    f"end = time.monotonic() + {LIFE}\n"
    "while time.monotonic() < end:\n"
    "    write_heartbeat(pathlib.Path(sys.argv[1]), sys.argv[2], 'up', 'beats'); time.sleep(0.2)\n"
)
QUIET = f"import time; time.sleep({LIFE})"

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def outside(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", supervisor="outside")
    for folder in (settings.run, settings.pbx):
        folder.mkdir(parents=True)
    return settings


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(
            home: Path, part: str, code: str, *words: str, prefix: Sequence[str] = ()
        ) -> subprocess.Popen[bytes]:
            env = {**os.environ, "PSAP_HOME": str(home), "PSAP_PART": part}
            process = subprocess.Popen([*prefix, sys.executable, "-c", code, *words], env=env)
            stack.callback(process.wait, 20)
            stack.callback(process.kill)
            return process

        yield begin


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_part_in_a_container_is_found_by_the_machine_s_number(outside: Settings, start: Start) -> None:
    start(outside.home, "agi", QUIET)  # a health check beside it, with the part's own environment, and older
    start(outside.home, "agi", BEATING, str(outside.run), "agi", prefix=CONTAINER)
    wait_for(lambda: (outside.run / "agi.json").exists() and "agi" in found.mains(outside))
    seen = found.mains(outside)["agi"]
    assert seen.own_pid == 1
    assert seen.pid != 1
    assert BEATING.encode() in Path(f"/proc/{seen.pid}/cmdline").read_bytes()
    info = supervise.info(outside)["agi"]
    assert (info.pid, info.state) == (seen.pid, "RUNNING")


def test_a_folder_of_the_same_name_in_another_container_is_another_home(
    outside: Settings, start: Start
) -> None:
    # its home has our home's path, but what lies there is its own
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && mkdir "$0/asterisk" && exec "$@"']
    other = start(outside.home, "console", QUIET, prefix=[*hide, str(outside.home)])
    ours = start(outside.home, "agi", QUIET)
    wait_for(lambda: QUIET.encode() in Path(f"/proc/{other.pid}/cmdline").read_bytes().split(b"\0")[2:3])
    wait_for(lambda: ours.pid in found.survivors(outside))
    assert set(found.survivors(outside).values()) == {"agi"}


def test_beating_hearts_are_enough_where_no_process_is_seen(outside: Settings) -> None:
    assert not supervise.runs(outside)
    write_heartbeat(outside.run, "console", "up", "well")
    assert supervise.runs(outside)
    assert not supervise.runs(outside.model_copy(update={"supervisor": "own"}))


def test_status_says_how_to_start_what_others_keep(outside: Settings) -> None:
    told = asyncio.run(probes.status(outside))
    mend = told.parts["agi"].mend
    assert mend is not None
    assert "psap112.target" in mend
    write_heartbeat(outside.run, "console", "up", "well")
    mend = asyncio.run(probes.status(outside)).parts["ami_bridge"].mend
    assert mend is not None
    assert "psap112-ami-bridge" in mend


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_up_and_down_refuse_what_others_keep(outside: Settings, verb: str) -> None:
    with pytest.raises(RefusedError, match=rf"systemctl {verb} psap112\.target"):
        refuse_outside(outside, verb)
    refuse_outside(outside.model_copy(update={"supervisor": "own"}), verb)
