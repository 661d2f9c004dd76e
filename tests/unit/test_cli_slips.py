"""A slip of the pen at the command line is told in one line of two languages, and answers nothing false."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from psap.platform import probes
from psap.platform.settings import Settings
from tests.unit.test_cli_blocklist import home, run

__all__ = ["home"]  # the fixture


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "verify"],
        ["audit", "list"],
        ["retention"],
        ["person", "export", "081234567890"],
        ["secrets", "rotate"],
        ["users", "list"],
        ["blocklist", "show", "081234567890"],
    ],
)
def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "typo"
    done = run(gone, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "tidak ada" in done.stderr
    assert "is not there" in done.stderr
    assert not gone.exists()


def test_the_first_account_may_come_before_the_first_start(tmp_path: Path) -> None:
    assert run(tmp_path / "new", "users", "add", "siti").returncode == 0


@pytest.mark.parametrize("number", ["abc", "0a1b2", "+", "12", "halo 0812"])
def test_what_is_no_number_is_not_answered_with_nothing_found(home: Path, number: str) -> None:
    done = run(home, "person", "export", number)
    assert (done.returncode, done.stdout) == (1, "")
    assert "bukan nomor telepon / not a telephone number" in done.stderr
    assert run(home, "person", "export", "0812-3456 7890").returncode == 0


def test_the_guard_speaks_plainly(home: Path) -> None:
    assert "bukan alamat IP / not an IP address" in run(home, "guard", "release", "1.2.3").stderr
    away = run(home, "guard", "list")
    assert (away.returncode, away.stderr.count("\n")) == (1, 1)
    assert "tidak menjawab" in away.stderr
    assert "does not answer" in away.stderr


def test_a_password_can_be_changed_and_ends_what_was_open(home: Path) -> None:
    first = json.loads(run(home, "users", "add", "siti", "--json").stdout)["password"]
    assert run(home, "users", "token", "siti").returncode == 0
    second = json.loads(run(home, "users", "password", "siti", "--json").stdout)["password"]
    assert second != first
    assert json.loads(run(home, "users", "sessions", "siti", "--json").stdout) == []
    assert "akun tidak ada" in run(home, "users", "password", "nobody").stderr


def test_a_second_factor_that_is_not_there_cannot_be_taken_away(home: Path) -> None:
    run(home, "users", "add", "siti")
    done = run(home, "users", "totp-reset", "siti")
    assert done.returncode == 1
    assert "siti tidak memakai kode kedua / siti has no second factor" in done.stderr


def test_what_does_not_run_is_not_said_to_restart_by_itself(tmp_path: Path) -> None:
    told = asyncio.run(probes.status(Settings(home=tmp_path)))
    assert {part.mend for part in told.parts.values() if part.state != "up"} == {probes.mending.NOT_RUNNING}
