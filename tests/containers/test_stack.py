"""compose.yaml on a real engine: healthy, as locked up as it says, and calls go through it whatever dies."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from psap.platform.supervise import is_stopped
from tests.containers.conftest import TITLE
from tests.containers.stack import IMAGES, SERVICES, Browser, NotHealthyError, Stack, docker
from tests.support.api import Live
from tests.support.centre import AGENT_TONE, CALLER_TONE, Centre, fresh_number, hum
from tests.support.talking import hear, spoken, talking
from tests.support.told import tell

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]


def test_everything_is_healthy_and_says_so(stack: Stack) -> None:
    told = stack.status()
    assert set(told["parts"]) >= {"redis", "asterisk", "agi", "ami_bridge", "console", "database", "watchdog"}
    for part in ("asterisk", "agi", "ami_bridge", "console", "watchdog"):
        # the host's number of the part itself, which is what a person ends it by
        assert told["parts"][part]["pid"] == stack.pid(part), part
    sizes = {
        name: int(docker("inspect", "--format", "{{.Size}}", f"psap112-{name}:{stack.version}").stdout)
        for name in IMAGES
    }
    tell(TITLE, ["images: " + ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items())])


def test_the_first_administrator_has_the_secrets_password(stack: Stack) -> None:
    users = json.loads(stack.cli("users", "list", "--json").stdout)
    # the demo has an administrator of its own: nobody else is made where there is one
    assert [user["username"] for user in users if user["role"] == "admin"] == ["admin1"]


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_is_as_locked_up_as_it_is_said(stack: Stack, service: str) -> None:
    told = Path(f"/proc/{stack.pid(service)}/status").read_text("utf-8")
    found = dict(re.findall(r"^(\w+):\s+(\S+)", told, re.MULTILINE))
    assert int(found["Uid"]) >= 10_112
    assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    tried = docker("exec", stack.container(service), "sh", "-c", "echo x >/etc/psap-trial", check=False)
    assert "Read-only file system" in tried.stderr, tried


def test_only_the_front_listens_beyond_loopback_and_databases_have_no_network(stack: Stack) -> None:
    inside = [stack.ports[name] for name in ("ami", "pbx_http", "agi", "http")]
    listening: dict[int, set[str]] = {}
    for line in Path("/proc/net/tcp").read_text("utf-8").splitlines()[1:]:
        words = line.split()
        address, port = words[1].split(":")
        if words[3] == "0A":
            listening.setdefault(int(port, 16), set()).add(address)
    assert {port: listening.get(port) for port in inside} == {port: {"0100007F"} for port in inside}
    for service in ("valkey", "postgres"):
        mode = docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", stack.container(service)).stdout
        assert mode.strip() == "none"


def test_asterisks_own_name_needs_no_resolver(stack: Stack) -> None:
    told = stack.compose("exec", "-T", "asterisk", "sh", "-c", "getent hosts $(hostname)").stdout
    assert told.split()[0] == "127.0.0.1", told


async def test_the_page_and_its_web_sockets_pass_the_tls_front(stack: Stack) -> None:
    async with Browser(stack, "agent1") as browser:
        async with browser.session.get(f"{stack.front_url}/") as page:
            assert page.status == 200
            assert '<div id="app">' in await page.text()
            assert page.headers["Strict-Transport-Security"]
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        cookie = next(iter(browser.session.cookie_jar))
        assert cookie["secure"]
        # the browser's telephone: opened, then SIP over a web socket through the front, console and loopback
        await browser.post("/agents/me/phone")
        url = f"wss://127.0.0.1:{stack.https}/api/v1/phone/socket"
        async with browser.session.ws_connect(url, protocols=("sip",)) as line:
            assert line.protocol == "sip"
            await line.send_str(
                "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WSS a.invalid;branch=z9hG4bKtrial\r\n"
                "From: <sip:a@a.invalid>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: trial\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            answer = await line.receive_str(timeout=20)
            assert answer.startswith("SIP/2.0 "), answer
        seen = (await browser.get("/me/sessions"))["items"]
        assert all(re.fullmatch(r"[0-9.]{7,15}", each["address"]) for each in seen), seen


async def test_without_the_certificate_nobody_believes_the_front(stack: Stack) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await http.get(stack.front_url)


async def test_a_call_goes_through_and_is_seen_by_a_browser(stack: Stack, centre: Centre) -> None:
    async with (
        Browser(stack, "supervisor1") as browser,
        Live(browser) as live,
        centre.seat("agent1") as seat,
        talking(centre, seat) as talk,
    ):
        await live.wait("call.ringing", number=talk.number, timeout=20)
        await live.wait("call.answered", number=talk.number, timeout=20)
        await spoken(talk.caller.media, 2)
        talk.caller.hang_up()
        record = await centre.record(talk.number, timeout=30)
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent1")
    assert (record["source"], record["gate"]["result"]) == ("live", "key0")
    assert record["talk_seconds"] >= 1
    assert len(record["recording_ids"]) <= 1


@pytest.mark.parametrize("service", ["ami_bridge", "valkey", "postgres", "console", "agi"])
async def test_a_container_dies_in_a_conversation(stack: Stack, centre: Centre, service: str) -> None:
    async with centre.seat("agent1") as seat, talking(centre, seat) as talk:
        old = stack.kill(service)
        back = asyncio.create_task(asyncio.to_thread(stack.await_new, service, old))
        # heard both ways all the while
        while not back.done():
            await spoken(talk.caller.media, 1)
            await hear(talk.caller.media, AGENT_TONE)
            await hear(seat.phone.media, CALLER_TONE)
        seconds = await back
        assert not talk.caller.is_over
        talk.caller.hang_up()
        record = await centre.record(talk.number, timeout=60)
        everything = await centre.supervisor.calls_of(talk.number)
    assert len(everything) == 1
    assert (record["ending"], record["ended_by"], record["agent"]) == ("answered", "caller", "agent1")
    tell(TITLE, [f"{service} killed in a conversation: healthy again in {seconds:.1f} s, {record['source']}"])


async def test_what_hangs_is_ended_by_the_watchdog_and_callers_pass_meanwhile(
    stack: Stack, centre: Centre
) -> None:
    async with centre.seat("agent1") as seat:
        old = stack.pid("agi")
        began = time.monotonic()
        docker("kill", "--signal", "STOP", stack.container("agi"))
        assert is_stopped(old)
        back = asyncio.create_task(asyncio.to_thread(stack.await_new, "agi", old))
        number = fresh_number()
        async with centre.caller(number, sound=list(hum(CALLER_TONE))) as caller:
            await caller.answered(timeout=30)
            call = await seat.phone.ringing(timeout=60)
            await call.answer()
            await hear(caller.media, AGENT_TONE)
            waited = time.monotonic() - began
            caller.hang_up()
        await back
        seconds = time.monotonic() - began
        record = await centre.record(number, timeout=30)
    assert record["ending"] == "answered"
    log = stack.compose("logs", "--no-color", "watchdog").stdout
    assert '"hung": "agi"' in log
    tell(
        TITLE, [f"agi stopped: a caller talked after {waited:.1f} s, agi healthy again after {seconds:.1f} s"]
    )


async def test_asterisk_dies_and_comes_back(stack: Stack, centre: Centre) -> None:
    old = stack.kill("asterisk")
    seconds = await asyncio.to_thread(stack.await_new, "asterisk", old)
    tell(TITLE, [f"asterisk killed: healthy again in {seconds:.1f} s"])


# ---- negative controls: the same waiting, and something that cannot become healthy


def test_a_health_check_that_fails_is_reported(images: str, tmp_path: Path) -> None:
    more = {
        "services": {
            "valkey": {
                "healthcheck": {"test": ["CMD", "sh", "-c", "echo sakit / ill; exit 1"], "interval": "1s"}
            }
        }
    }
    broken = Stack(tmp_path, images, more=more, only=("valkey",))
    try:
        broken.compose("up", "-d", "--no-build", "valkey")
        with pytest.raises(NotHealthyError) as told:
            broken.await_healthy(seconds=15)
    finally:
        broken.down()
    assert str(told.value).startswith("valkey: running")
    assert "Ready to accept connections" in str(told.value)  # its last word
    assert "sakit / ill" in str(told.value)  # and the check's
    tell(TITLE, [f"negative control: {told.value}"])


def test_a_wrong_database_is_reported(images: str, tmp_path: Path) -> None:
    url = "postgresql+asyncpg://psap112@/elsewhere?host=/run/postgresql"
    more = {"services": {"prepare": {"environment": {"PSAP_DATABASE_URL": url}}}}
    broken = Stack(tmp_path, images, more=more, only=("asterisk",))
    try:
        with pytest.raises(NotHealthyError) as told:
            broken.up()
    finally:
        broken.down()
    words = str(told.value)
    assert re.search(r"prepare: exited \(1\)", words), words
    assert "elsewhere" in words
    assert re.search(r"asterisk: (created|no container)", words), words
    tell(TITLE, [f"negative control: {words}"])


def test_a_process_that_is_stopped_is_not_called_healthy(stack: Stack) -> None:
    pid = stack.pid("valkey")
    os.kill(pid, signal.SIGSTOP)
    try:
        end = time.monotonic() + 120
        while stack.rows()["valkey"]["Health"] == "healthy":
            assert time.monotonic() < end, "a Valkey that is stopped stays healthy"
            time.sleep(0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    stack.await_healthy()
