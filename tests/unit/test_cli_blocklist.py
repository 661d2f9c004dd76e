"""The command line on a home of its own, with the bridge there and away."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any
from unittest import mock

import pytest

from psap.cli.main import main
from psap.platform.migrate import migrate
from psap.platform.settings import Settings

NUMBER = "081234567890"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run(home: Path, *words: str) -> Done:
    """One command through the real entry; in this process, because starting Python costs a second."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["112", *words, "--home", str(home)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Done(int(code or 0) if isinstance(code, int | None) else 1, out.getvalue(), err.getvalue())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    migrate(Settings(home=tmp_path / "h"))
    return tmp_path / "h"


@pytest.fixture
def bridge(home: Path) -> Iterator[list[dict[str, Any]]]:
    """A real socket that answers like the bridge and remembers what it was asked."""
    asked: list[dict[str, Any]] = []

    class Answer(StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            asked.append(request)
            self.wfile.write(json.dumps({"id": request["id"], "ok": True, "result": {}}).encode() + b"\n")

    (home / "run").mkdir()
    with ThreadingUnixStreamServer(str(home / "run" / "bridge.sock"), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield asked
        server.shutdown()
        thread.join()


def test_a_blocks_life_with_the_bridge(home: Path, bridge: list[dict[str, Any]]) -> None:
    added = run(home, "blocklist", "add", NUMBER, "--reason", "iseng", "--for", "3d", "--json")
    assert (added.returncode, added.stderr) == (0, "")
    assert json.loads(added.stdout)["rung"] == 3
    shown = run(home, "blocklist", "show", "+6281234567890")
    assert "Nomor ini diblokir" in shown.stdout
    assert "This number is blocked" in shown.stdout
    removed = run(home, "blocklist", "remove", NUMBER, "--json")
    (lifted,) = json.loads(removed.stdout)["removed"]
    assert lifted["removed_at"] is not None
    assert lifted["active"] is False
    assert json.loads(run(home, "blocklist", "list", "--json").stdout)["items"] == []
    assert [(each["method"], each["params"]) for each in bridge] == [
        ("blocks.sync", {"keys": ["6281234567890"]})
    ] * 2


def test_without_the_bridge_it_is_saved_and_said(home: Path) -> None:
    added = run(home, "blocklist", "add", NUMBER, "--reason", "iseng", "--permanent", "--json")
    assert added.returncode == 0
    assert "tersimpan" in added.stderr
    assert NUMBER not in added.stderr
    assert json.loads(added.stdout)["expires_at"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["abc", "--reason", "x", "--permanent"], "nomor tidak sah"),
        ([NUMBER, "--reason", "x"], "pilih satu"),
        ([NUMBER, "--reason", "x", "--for", "3d", "--permanent"], "pilih satu"),
        ([NUMBER, "--reason", "x", "--for", "soon"], "24h atau 3d"),
        ([NUMBER, "--reason", "x", "--until", "2001-01-01T00:00"], "sudah lewat"),
        ([NUMBER, "--reason", "x", "--until", "0001-01-01"], "tulis misalnya"),
        ([NUMBER, "--reason", "x", "--until", "9999-12-31T23:59:59-14:00"], "tulis misalnya"),
    ],
)
def test_bad_wishes_are_one_line(home: Path, words: list[str], said: str) -> None:
    done = run(home, "blocklist", "add", *words)
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_block_until_the_calendars_last_second_can_be_looked_at(home: Path) -> None:
    added = run(home, "blocklist", "add", NUMBER, "--reason", "x", "--until", "9999-12-31T23:59:59Z")
    assert added.returncode == 0
    assert "hingga 31-12-9999 23.59" in added.stdout
    for words in (["show", NUMBER], ["list"]):
        shown = run(home, "blocklist", *words)
        assert shown.returncode == 0
        assert "31-12-9999 23.59" in shown.stdout


def test_import_and_export(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("081200000001,iseng\nbad\n")
    done = run(home, "blocklist", "import", str(file), "--json")
    assert json.loads(done.stdout)["imported"] == 1
    assert json.loads(done.stdout)["bad"][0]["line"] == 2
    assert run(home, "blocklist", "export").stdout == "number,reason,until\n081200000001,iseng,\n"


def test_accounts_tokens_and_phones(home: Path, bridge: list[dict[str, Any]]) -> None:
    made = run(home, "users", "add", "siti", "--role", "agent", "--json")
    assert len(json.loads(made.stdout)["password"]) >= 12
    assert json.loads(run(home, "users", "token", "siti", "--json").stdout)["token"]
    first = json.loads(run(home, "phone", "siti", "--json").stdout)
    assert first == json.loads(run(home, "phone", "siti", "--json").stdout)
    assert set(first) == {"username", "password", "domain", "port"}
    assert run(home, "users", "add", "siti").stderr.startswith("112: nama akun sudah dipakai")
    assert run(home, "users", "disable", "siti").returncode == 0
    assert "ditutup" in run(home, "phone", "siti", "--json").stderr
    assert {each["method"] for each in bridge} == {"phones.sync"}
