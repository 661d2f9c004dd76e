"""What commands about people and numbers stand on: a home's settings, city, database, bridge."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from psap.agencies.profile import Profile, ProfileError, find_profile, load_profile
from psap.cli.say import RefusedError
from psap.platform.clock import Clock, SystemClock
from psap.platform.control import BridgeAwayError, ControlError, ask
from psap.platform.database import Database
from psap.platform.migrate import MigrationError, migrate
from psap.platform.settings import Settings, load_settings

JsonOption = Annotated[bool, typer.Option("--json", help="JSON saja / pure JSON")]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Ground:
    """One home, opened by one command."""

    settings: Settings
    profile: Profile
    database: Database
    clock: Clock
    actor: str

    @property
    def site(self) -> str:
        return self.profile.site


def on_ground(home: Path | None, work: Callable[[Ground], Awaitable[Answer]], *, new: bool = False) -> Answer:
    """Open a home, do the work, close it. Every foreseen failure becomes one line.

    ``new``: the work may be a home's first. All else on a home that is not there is a slip of the
    pen, and "nothing found, all whole" would be a false answer.

    Raises:
        RefusedError: the home is not there, the profile or the database cannot be used.
    """
    settings = load_settings(home)
    if not new and not settings.home.is_dir():
        raise RefusedError(
            f"{settings.home} tidak ada: periksa --home, atau ./112 up dahulu / "
            f"{settings.home} is not there: check --home, or run ./112 up first"
        )
    in_force = settings.home / "profile.toml"
    try:
        profile = load_profile(in_force if in_force.exists() else find_profile(settings.profile))
        migrate(settings)
    except (ProfileError, MigrationError) as error:
        raise RefusedError(str(error)) from None

    async def run() -> Answer:
        database = Database(settings.effective_database_url)
        try:
            return await work(Ground(settings, profile, database, SystemClock(), actor()))
        finally:
            await database.close()

    return asyncio.run(run())


def actor() -> str:
    """Who sits at the keyboard, for the audit."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"cli:{name}"[:64]


async def tell_bridge(ground: Ground, method: str, params: dict[str, Any], *, timeout: float = 5.0) -> bool:
    """Make a change count now; without a bridge say that it counts when it returns."""
    try:
        await ask(ground.settings.bridge_socket, method, params, timeout=timeout)
    except BridgeAwayError:
        note(
            "tersimpan; berlaku begitu ami_bridge berjalan lagi",
            "saved; it takes effect when ami_bridge runs again",
        )
        return False
    except ControlError as error:
        note(
            f"tersimpan; belum berlaku, ami_bridge menjawab {error.key}",
            f"saved; not in effect yet, ami_bridge answered {error.key}",
        )
        return False
    return True


def note(indonesian: str, english: str) -> None:
    """A remark on standard error, so that standard output stays what was asked for."""
    print(f"112: {indonesian} / {english}", file=sys.stderr)


def show_json(value: object) -> None:
    """Pure JSON on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))
