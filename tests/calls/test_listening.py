"""What can be reached from outside: what the settings say and nothing else; what each AMI login may do."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from psap.platform import supervise
from psap.platform.settings import Settings, load_secrets
from tests.support.centre import Centre
from tests.support.home import Home, running_home

pytestmark = pytest.mark.calls

Place = tuple[str, str, int]  # protocol, address, port


def _inodes(pids: list[int]) -> set[str]:
    found = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(entry.readlink())
            except OSError:
                continue  # closed meanwhile
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def _address(raw: str) -> str:
    """An address of /proc/net: words of four bytes, each the wrong way round."""
    packed = b"".join(bytes.fromhex(raw[n : n + 8])[::-1] for n in range(0, len(raw), 8))
    return str(ipaddress.ip_address(packed))


def listening(settings: Settings) -> set[Place]:
    """Every socket of this home's processes that waits for others."""
    inodes = _inodes(list(supervise.survivors(settings)))
    assert inodes
    found: set[Place] = set()
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        path = Path("/proc/net") / protocol
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            words = line.split()
            local, state, inode = words[1], words[3], words[9]
            # TCP listens in state 0A; a UDP socket without a peer takes from anybody (state 07)
            if inode in inodes and state == ("0A" if protocol.startswith("tcp") else "07"):
                address, port = local.split(":")
                found.add((protocol[:3], _address(address), int(port, 16)))
    return found


def expected(settings: Settings) -> set[Place]:
    return {
        ("udp", settings.sip_bind, settings.sip_port),
        ("tcp", "127.0.0.1", settings.ami_port),
        ("tcp", "127.0.0.1", settings.pbx_http_port),
        ("tcp", "127.0.0.1", settings.agi_port),
        ("tcp", settings.http_bind, settings.http_port),
    }


def _rtp(settings: Settings, found: set[Place]) -> set[Place]:
    """Media of calls that are just ending."""
    ports = range(settings.rtp_start, settings.rtp_end + 2)
    return {place for place in found if place[0] == "udp" and place[2] in ports}


def check_sockets(settings: Settings) -> None:
    found = listening(settings)
    rest = found - _rtp(settings, found) - expected(settings)
    assert expected(settings) <= found
    # Asterisk's resolver asks over two sockets of its own, one each for IPv4 and IPv6: they answer nobody
    assert {(protocol, address) for protocol, address, _ in rest} <= {("udp", "0.0.0.0"), ("udp", "::")}
    assert len(rest) <= 2
    for _, _, port in rest:
        assert _answer(port) is None, port
    assert _answer(settings.sip_port) is not None  # the question is one that SIP answers
    redis = settings.run / "redis.sock"
    assert stat.S_IMODE(redis.stat().st_mode) == 0o700
    for name in ("bridge.sock", "supervisor.sock"):
        assert stat.S_IMODE((settings.run / name).stat().st_mode) & 0o077 == 0, name


def _answer(port: int) -> bytes | None:
    """What comes back for a SIP request to a UDP port of this machine within a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        asking.settimeout(1.0)
        own = asking.getsockname()[1]
        lines = [
            f"OPTIONS sip:127.0.0.1:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{own}{port};rport",
            "From: <sip:who@127.0.0.1>;tag=a",
            "To: <sip:127.0.0.1>",
            f"Call-ID: {own}-{port}",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        deadline = time.monotonic() + (20 if port < 32_000 else 1)
        while time.monotonic() < deadline:
            asking.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), ("127.0.0.1", port))
            try:
                return asking.recv(4_096)
            except (TimeoutError, ConnectionRefusedError):
                continue
    return None


def check_files(settings: Settings) -> None:
    """Secrets and personal data are for their owner only."""
    private = [settings.home / name for name in ("secrets.json", "config.json", "psap.db")]
    private += [settings.pbx / "etc" / name for name in ("manager.conf", "ari.conf", "pjsip_phones.conf")]
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(settings.home.stat().st_mode) & 0o066 == 0
    for folder in (settings.run, settings.spool, settings.logs, settings.pbx):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o007 == 0, folder


def test_nothing_but_what_the_settings_say_is_open(home: Home) -> None:
    check_sockets(home.settings)
    check_files(home.settings)


@pytest.fixture
def open_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that may be reached from outside."""
    env = {"PSAP_SIP_BIND": "0.0.0.0", "PSAP_HTTP_BIND": "0.0.0.0"}
    yield from running_home(tmp_path_factory.mktemp("open"), env=env)


@pytest.mark.long
def test_a_home_that_is_open_shows_telephones_and_the_desk_and_nothing_else(open_home: Home) -> None:
    check_sockets(open_home.settings)


async def _may(settings: Settings, username: str, secret: str, action: str) -> bool:
    """Whether Asterisk lets this login do this (rather than refuse it for want of permission)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.ami_port)
    try:
        login = f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}\r\nEvents: off\r\n\r\n"
        writer.write(f"{login}Action: {action}\r\nActionID: x\r\n\r\n".encode())
        async with asyncio.timeout(20):
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                assert "Authentication failed" not in block
                if "ActionID: x" in block:
                    return "Permission denied" not in block
    finally:
        writer.close()


NOBODY_MAY = (
    "Command\r\nCommand: core show version",
    "UpdateConfig\r\nSrcFilename: a.conf\r\nDstFilename: a.conf",
    "CreateConfig\r\nFilename: a.conf",
)
# reading configuration comes with the class that AstDB needs; changing it does not
BRIDGE_ONLY = (
    "GetConfig\r\nFilename: queues.conf",
    "QueueAdd\r\nQueue: none\r\nInterface: PJSIP/none",
    "DBGet\r\nFamily: none\r\nKey: none",
    "Getvar\r\nVariable: x",
)


async def test_each_login_may_do_no_more_than_it_needs(centre: Centre) -> None:
    settings, held = centre.home.settings, load_secrets(centre.home.settings.home)
    logins = {"bridge": held.ami_bridge, "status": held.ami_status, "guard": held.ami_guard}
    for username, secret in logins.items():
        for action in NOBODY_MAY:
            assert not await _may(settings, username, secret, action), (username, action)
        for action in BRIDGE_ONLY:
            allowed = await _may(settings, username, secret, action)
            assert allowed == (username == "bridge"), (username, action)
        assert await _may(settings, username, secret, "Ping")
