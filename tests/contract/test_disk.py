"""The reserve on a real small disk: kept, given back when the disk is full, made anew."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from psap.platform import disk
from psap.platform.heartbeat import read_heartbeat, write_heartbeat
from psap.platform.settings import Settings

SIZE = 40 * 2**20


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home on a disk of 40 MB."""
    where = tmp_path / "small"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "psap-test", str(where)], check=True)
    try:
        yield Settings(home=where)
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(path: Path) -> None:
    """Write until the disk refuses."""
    with path.open("ab", buffering=0) as file:
        for size in (2**20, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_it_is_kept_given_back_and_made_anew(settings: Settings) -> None:
    assert disk.may_record(settings)
    room = disk.tend(settings)
    assert (room.held, room.full, room.low, room.trouble()) == (SIZE // 20, False, False, None)
    hog = settings.home / "hog"
    with hog.open("wb") as file:  # low, not full: recordings stop, records go on
        file.write(b"x" * (room.free - SIZE // 10 + 4096))
    room = disk.tend(settings)
    assert (room.held, room.full, room.low) == (SIZE // 20, False, True)
    assert not disk.may_record(settings)
    trouble = room.trouble()
    assert trouble is not None
    assert trouble.state == "degraded"
    held = [room.held]
    for _ in range(8):
        fill(hog)
        room = disk.tend(settings)
        held.append(room.held)
        if room.held:
            assert room.free > 0, "a part was given back, and can be written"
        assert room.full
    assert held == sorted(held, reverse=True)
    assert held[-1] == 0
    trouble = room.trouble()
    assert trouble is not None
    assert trouble.state == "down"
    hog.unlink()
    room = disk.tend(settings)
    assert (room.held, room.full, room.low) == (SIZE // 20, False, False)
    assert disk.may_record(settings)


def test_older_logs_make_room(settings: Settings) -> None:
    settings.logs.mkdir()
    for name in ("agi.log", "agi.log.1", "agi.log.2"):
        (settings.logs / name).write_bytes(b"x" * 4096)
    assert disk.make_room(settings) == 8192
    assert [path.name for path in settings.logs.iterdir()] == ["agi.log"]


def test_a_heartbeat_goes_on_beating_on_a_full_disk(settings: Settings) -> None:
    """Else the watchdog would kill, for want of a sign of life, whoever holds the records in memory."""
    settings.run.mkdir()
    write_heartbeat(settings.run, "ami_bridge", "up", "3 calls", {"parts": {"disk": {"state": "down"}}})
    fill(settings.home / "hog")
    write_heartbeat(settings.run, "ami_bridge", "degraded", "disk full")
    assert read_heartbeat(settings.run, "ami_bridge")[:2] == ("degraded", "disk full")
