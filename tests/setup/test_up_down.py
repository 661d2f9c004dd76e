"""A home really comes up, survives the death of its parts, and goes down without a trace."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psap.platform import pbx_root, supervise
from psap.platform.settings import load_secrets
from tests.support.home import Home, running_home

PARTS = {"redis", "asterisk", "agi", "ami_bridge", "console", "database", "watchdog"}


def wait_for(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Await something that only another process can make true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """A zombie that its parent has not noticed yet is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    yield from running_home(tmp_path_factory.mktemp("one"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Home]:
    """A home that the test starts itself."""
    made = Home(tmp_path / "home")
    yield made
    made.stop()


def test_every_part_is_told_and_up(home: Home) -> None:
    told = home.status()
    assert told["healthy"] is True
    assert set(told["parts"]) == PARTS
    for name, part in told["parts"].items():
        assert part["state"] == "up", part
        assert part["pid"] is None if name == "database" else part["pid"] > 1


def test_asterisk_runs_unprivileged_and_answers(home: Home) -> None:
    owner = Path(f"/proc/{home.pid('asterisk')}").stat().st_uid
    assert owner == pbx_root.owner()[0]
    assert owner != 0
    assert pbx_root.asterisk_rx(home.settings, "core show version").startswith("Asterisk 22.")


def test_nothing_is_left_mounted_outside(home: Home) -> None:
    assert str(home.folder) not in Path("/proc/self/mountinfo").read_text("utf-8")


def test_secrets_are_private_and_differ_between_homes(home: Home, tmp_path: Path) -> None:
    mode = stat.S_IMODE((home.folder / "secrets.json").stat().st_mode)
    assert mode == 0o600
    assert load_secrets(home.folder) != load_secrets(tmp_path)


def test_a_second_up_says_so_and_changes_nothing(home: Home) -> None:
    before = {name: part["pid"] for name, part in home.status()["parts"].items()}
    told = home.cli("up", "--detach", "--demo")
    assert "already running" in told.stdout
    assert {name: part["pid"] for name, part in home.status()["parts"].items()} == before


@pytest.mark.parametrize("part", ["redis", "asterisk", "agi", "ami_bridge", "console"])
def test_a_killed_part_comes_back(home: Home, part: str) -> None:
    killed = home.pid(part)
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        told = home.status()
        return bool(told["healthy"]) and told["parts"][part]["pid"] not in (None, killed)

    wait_for(is_back, 30, f"{part} came back")


@pytest.mark.alone
def test_status_answers_within_three_seconds_when_parts_hang(home: Home) -> None:
    pids = [home.pid(part) for part in ("redis", "asterisk", "agi", "ami_bridge", "console")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        told = home.status()
        seconds = time.monotonic() - began
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert seconds < 3
    assert told["healthy"] is False
    for part in ("redis", "asterisk", "agi", "ami_bridge", "console"):
        assert told["parts"][part]["state"] == "down"
        assert "SIGSTOP" in told["parts"][part]["detail"]
    wait_for(lambda: bool(home.status()["healthy"]), 30, "all parts went on")


def test_a_taken_port_is_named_with_its_variable(home: Home, fresh: Home) -> None:
    taken = home.settings.http_port
    refused = fresh.cli("up", "--detach", env={"PSAP_HTTP_PORT": str(taken)}, check=False)
    assert refused.returncode != 0
    lines = [line for line in refused.stderr.splitlines() if line.startswith("112: ")]
    assert len(lines) == 1
    assert str(taken) in lines[0]
    assert "PSAP_HTTP_PORT" in lines[0]
    assert not supervise.survivors(fresh.settings)


def test_a_wrong_profile_is_refused_with_file_line_and_reason(fresh: Home, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("site = 'x'\nqueue = [\n", "utf-8")
    refused = fresh.cli("up", "--detach", "--profile", str(broken), check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    assert f"{broken}:" in refused.stderr
    assert not (fresh.folder / "config.json").exists()


def test_an_old_asterisk_is_refused(fresh: Home, tmp_path: Path) -> None:
    # an Asterisk of another version, as far as `asterisk -V` tells, in a root that holds a shell only
    root = tmp_path / "old-root"
    needed = subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout.split()
    for path in ["/bin/sh", *(word for word in needed if word.startswith("/"))]:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])
    (root / "usr/sbin").mkdir(parents=True)
    program = root / "usr/sbin/asterisk"
    program.write_text("#!/bin/sh\necho Asterisk 20.6.0\n", "utf-8")
    program.chmod(0o755)
    refused = fresh.cli("up", "--detach", env={"PSAP_PBX_ROOT": str(root)}, check=False)
    assert refused.returncode != 0
    assert "20.6.0" in refused.stderr
    assert not supervise.survivors(fresh.settings)


def test_two_homes_run_side_by_side_and_down_ends_only_its_own(home: Home, fresh: Home) -> None:
    fresh.start()
    assert fresh.status()["healthy"]
    assert home.status()["healthy"]
    pids = list(supervise.survivors(fresh.settings))
    fresh.stop()
    assert not [pid for pid in pids if is_alive(pid)]
    assert home.status()["healthy"]


def test_down_works_when_the_supervisor_was_killed(fresh: Home) -> None:
    fresh.start()
    running = supervise.survivors(fresh.settings)
    supervisor = next(pid for pid, name in running.items() if name == "supervisord")
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not is_alive(supervisor), 5, "the supervisor died")
    again = fresh.cli("up", "--detach", check=False)
    assert again.returncode != 0
    assert "./112 down" in again.stderr
    fresh.cli("down")
    assert not supervise.survivors(fresh.settings)


def test_ctrl_c_in_the_foreground_takes_all_down(fresh: Home) -> None:
    root = Path(__file__).resolve().parents[2]
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith("PSAP_") or key == "PSAP_CACHE"
    }
    command = [str(root / "112"), "up", "--demo", "--home", str(fresh.folder)]
    with subprocess.Popen(command, env=clean | fresh.env, stdout=subprocess.PIPE, text=True) as foreground:
        assert foreground.stdout is not None
        for line in foreground.stdout:
            if "Ctrl-C" in line:
                break
        foreground.send_signal(signal.SIGINT)
        foreground.stdout.read()
        assert foreground.wait(30) == 0
    assert not supervise.survivors(fresh.settings)


def test_down_on_a_home_that_does_not_run(tmp_path: Path) -> None:
    told = Home(tmp_path / "never").cli("down")
    assert "is not running" in told.stdout


def test_ports_of_a_home_that_is_down_are_free_again(fresh: Home) -> None:
    fresh.start()
    port = fresh.settings.sip_port
    fresh.stop()
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as trial:
        trial.bind(("127.0.0.1", port))
