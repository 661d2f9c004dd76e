"""What a heartbeat tells systemd, over the sockets that systemd has."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from psap.platform.heartbeat import read_heartbeat, write_heartbeat


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """systemd's end of the line."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(path if request.param == "path" else "\0" + path)
        line.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", path if request.param == "path" else "@" + path)
        yield line


def test_each_beat_says_that_we_are_ready_and_alive(manager: socket.socket, tmp_path: Path) -> None:
    for number in range(2):
        write_heartbeat(tmp_path, "agi", "up", f"{number} calls\nREADY=0")
        words = manager.recv(4096).decode().split("\n")
        # a line break in what we say would be a word of its own to systemd
        assert words == ["READY=1", "WATCHDOG=1", f"STATUS={number} calls READY=0"]


def test_a_manager_that_is_away_or_does_not_read_holds_nobody(manager: socket.socket, tmp_path: Path) -> None:
    for _ in range(2000):  # far more than the socket's buffer holds
        write_heartbeat(tmp_path, "agi", "up", "x" * 200)
    manager.close()
    write_heartbeat(tmp_path, "agi", "up", "still here")
    assert read_heartbeat(tmp_path, "agi")[:2] == ("up", "still here")
