"""A real socket between a Conversation and what Asterisk would say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from agi.conversation import (
    MOST_LATE,
    SMALL,
    AGIUnknownError,
    Conversation,
    HangUp,
    LateError,
    UnsafeError,
)
from agi.flows.decision import Rules
from agi.line import Prompts
from agi.server import Server
from psap.platform.settings import Settings

ENV = b"agi_network: yes\nagi_network_script: gate\nagi_uniqueid: smg-1.2\nagi_arg_1: PSAP_KEY=62811\n\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Conversation]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    theirs.sendall(ENV)
    call = Conversation(ours)
    yield theirs, call
    call.close()
    theirs.close()


def test_it_reads_what_asterisk_tells(ends: tuple[socket.socket, Conversation]) -> None:
    _, call = ends
    assert call.script == "gate"
    assert call.arguments == {"PSAP_KEY": "62811"}


def test_every_command_renews_the_time_limit(ends: tuple[socket.socket, Conversation]) -> None:
    theirs, call = ends
    theirs.sendall(b"200 result=1\n200 result=48 endpos=12\n")
    assert call.stream("/sounds/greeting", 3.4) == "0"
    sent = theirs.recv(4096).decode().splitlines()
    assert sent[0] == 'SET VARIABLE "TIMEOUT(absolute)" "5.4"'
    assert sent[1].startswith('STREAM FILE "/sounds/greeting"')


def test_several_variables_are_one_command(ends: tuple[socket.socket, Conversation]) -> None:
    theirs, call = ends
    theirs.sendall(b"200 result=0\n200 result=-2\n")
    call.set_words({"PSAP_FLAGS": "a&b", "PSAP_KEYS": "", "PSAP_NEXT": "queue"}, seconds=1)
    assert theirs.recv(4096) == (
        b'EXEC MSet "TIMEOUT(absolute)=3.0,PSAP_FLAGS=a&b,PSAP_KEYS=,PSAP_NEXT=queue"\n'
    )
    with pytest.raises(AGIUnknownError):  # Asterisk has no such application
        call.set_words({"PSAP_NEXT": "queue"})
    for value in ("a,PSAP_NEXT=end", 'a"', "a\\", "a b", "a\n", "a=b"):
        with pytest.raises(UnsafeError):
            call.set_words({"PSAP_KEYS": value})


def test_no_command_is_longer_than_six_seconds(ends: tuple[socket.socket, Conversation]) -> None:
    with pytest.raises(UnsafeError):
        ends[1].stream("/sounds/long", 6.1)


def test_a_slow_server_lets_the_caller_go(ends: tuple[socket.socket, Conversation]) -> None:
    theirs, call = ends
    theirs.sendall(b"200 result=1\n" * 2)
    call.set_word("PSAP_KEYS", "1")
    assert call.late == 0.0
    call._answered -= MOST_LATE + 1  # as if this process had been held up since the last answer
    call.set_word("PSAP_KEYS", "1")
    assert call.late == pytest.approx(MOST_LATE + 1 - SMALL, abs=0.2)
    with pytest.raises(LateError):
        call.set_word("PSAP_NEXT", "queue")
    assert theirs.recv(4096).count(b"\n") == 2


def test_a_prompt_cut_short_by_a_key_hides_no_slowness(ends: tuple[socket.socket, Conversation]) -> None:
    theirs, call = ends
    theirs.sendall(b"200 result=48 endpos=8000\n")
    call._answered -= 3
    call.execute("STREAM FILE", seconds=5.0)
    assert call.late == pytest.approx(3 - 1 - SMALL, abs=0.2)
    assert call.longest_gap == call.late


@pytest.mark.parametrize(("asked", "late"), [(2.5, 2.5), (-3, 0), (3600, 0)])
def test_waiting_to_be_served_counts(asked: float, late: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    theirs.sendall(f"agi_network_script: gate\nagi_arg_1: PSAP_T0={time.time() - asked:.3f}\n\n".encode())
    call = Conversation(ours)
    assert call.late == pytest.approx(late, abs=0.2)
    call.close()
    theirs.close()


@pytest.mark.parametrize("answer", [b"HANGUP\n", b"200 result=-1\n", b"200 result=1 (hangup)\n", b""])
def test_every_kind_of_hang_up_is_one(ends: tuple[socket.socket, Conversation], answer: bytes) -> None:
    theirs, call = ends
    theirs.sendall(answer)
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(HangUp):
        call.get_word("PSAP_SPOKE")


@pytest.mark.parametrize("value", ["x\nEXEC System", "x\rY", "\x00"])
def test_a_value_cannot_become_a_command(ends: tuple[socket.socket, Conversation], value: str) -> None:
    theirs, call = ends
    with pytest.raises(UnsafeError):
        call.set_word("PSAP_KEYS", value)
    theirs.sendall(b"200 result=1\n")
    call.set_word("PSAP_KEYS", 'a" \\')
    assert theirs.recv(4096) == b'SET VARIABLE "PSAP_KEYS" "a\\" \\\\"\n'


def test_the_server_answers_a_probe_and_survives_those_who_say_nothing(tmp_path: object) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(home=str(tmp_path), agi_port=port)  # type: ignore[arg-type]
    server = Server(settings, "smg", Rules(), Prompts(settings.pbx / "sounds"))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    silent = socket.create_connection(("127.0.0.1", port))
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as probe:
        probe.sendall(b"agi_network: yes\nagi_network_script: probe\n\n")
        assert probe.recv(200) == b'SET VARIABLE "PSAP_PROBE" "ok"\n'
        probe.sendall(b"200 result=1\n")
        assert probe.recv(200) == b""
    assert time.monotonic() - started < 1
    silent.close()
    server.shutdown()
    server.server_close()
