"""The one-shot container before the others: waits for the database, runs ``112 prepare``, and makes the first
administrator from a secret.

Asterisk waits for this container to end well. So where everything was prepared before and only the database
is away now, it ends well all the same: callers reach people without a database (fail open).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from psap.platform.revisions import HEAD
from psap.platform.settings import Settings

WAIT_SECONDS = 60.0  # a database that repairs itself after a power cut takes its time
ADMIN = "admin"
STILL_STARTING = (ConnectionError, FileNotFoundError, TimeoutError, asyncpg.CannotConnectNowError)


def main() -> int:
    """The exit code."""
    settings = Settings()
    if settings.database_url is not None and not asyncio.run(_database_answers(settings)):
        if not _was_prepared(settings.home):
            return _refuse(
                f"basis data tidak menjawab dalam {WAIT_SECONDS:.0f} detik: docker compose logs postgres / "
                f"the database did not answer within {WAIT_SECONDS:.0f} s: docker compose logs postgres"
            )
        _say(
            "basis data tidak menjawab; semuanya jalan dengan yang disiapkan sebelumnya / "
            "the database does not answer; everything runs with what was prepared before"
        )
        return 0
    code = _cli("prepare").returncode
    if code == 0:
        code = _first_administrator()
    if code == 0:
        _stamp(settings.home).write_text(HEAD, "utf-8")
    return code


async def _database_answers(settings: Settings) -> bool:
    """True as soon as it answers at all: that it refuses us is for ``prepare`` to say."""
    url = str(settings.database_url).replace("+asyncpg", "")
    secret = settings.database_password_file
    password = secret.read_text("utf-8").strip("\r\n") if secret and secret.is_file() else None
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            async with asyncio.timeout(5):
                connection = await asyncpg.connect(url, password=password)
        except STILL_STARTING:
            await asyncio.sleep(0.2)
            continue
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError):
            return True
        await connection.close()
        return True
    return False


def _stamp(home: Path) -> Path:
    return home / "prepared"


def _was_prepared(home: Path) -> bool:
    """By a software with the same tables: a newer one must not run on older tables."""
    try:
        return _stamp(home).read_text("utf-8") == HEAD
    except OSError:
        return False


def _first_administrator() -> int:
    """Make the account ``admin`` where there is no administrator yet."""
    secret = Path(os.environ.get("PSAP_ADMIN_PASSWORD_FILE", ""))
    if not secret.is_file():
        return 0
    told = _cli("users", "list", "--json", stdout=subprocess.PIPE)
    if told.returncode != 0:
        return told.returncode
    if any(user["role"] == "admin" for user in json.loads(told.stdout)):
        return 0
    words = secret.read_text("utf-8").splitlines()[:1]
    if not words or not words[0].strip():
        return _refuse(f"{secret}: kosong / empty")
    return _cli("users", "add", ADMIN, "--role", "admin", "--password-stdin", given=words[0]).returncode


def _cli(
    *words: str, given: str | None = None, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "psap.cli", *words]
    return subprocess.run(command, input=given, stdout=stdout, text=True, check=False)


def _say(text: str) -> None:
    print(f"112: {text}", file=sys.stderr, flush=True)


def _refuse(text: str) -> int:
    _say(text)
    return 1


if __name__ == "__main__":
    sys.exit(main())
