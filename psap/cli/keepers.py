"""Who keeps a home's parts, as an upgrade needs it: our supervisord, or systemd's units."""

# ruff: noqa: E501 - sentences

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol

from psap.cli import page
from psap.cli.prepare import make_ready
from psap.cli.say import RefusedError, step
from psap.platform import migrate, parts, supervise
from psap.platform.settings import ROOT, Settings

STOP_SECONDS = 20.0
UNIT_SECONDS = 180.0  # until a unit says that it is ready
UNTOUCHED = ("asterisk", "redis")  # calls live in the one, pages follow the other
TARGET = "psap112.target"
COMPOSE = (
    "docker compose build; docker compose run --rm prepare; docker compose up -d --no-deps console, lalu / then "
    "ami_bridge, agi, watchdog; Asterisk: ./112 drain, docker compose up -d --no-deps asterisk"
)


class Keeper(Protocol):
    """What an upgrade asks of whoever keeps the parts. Each raises RefusedError with one clear line."""

    start: str  # the command that starts a home which does not run

    def names(self) -> list[str]:
        """The parts to restart, Asterisk and Redis left out."""
        ...

    def ready(self) -> None:
        """A backup, always; then the tables, which the parts that still run go on using: only additions."""
        ...

    def render(self) -> None:
        """Asterisk's configuration by the new software; counts from its next start."""
        ...

    def restart(self, name: str) -> None:
        """End one part and start it."""
        ...

    def log(self, name: str) -> str:
        """Where to read why a part is not well."""
        ...


class Ours:
    """supervisord, which `up` started."""

    start = "./112 up"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names(self) -> list[str]:
        known = supervise.info(self._settings)  # a part that it does not know yet: from the next up
        return [
            part.name
            for part in parts.processes(self._settings)
            if part.name not in UNTOUCHED and part.name in known
        ]

    def ready(self) -> None:
        from psap.platform import backup

        page.build_if_stale(self._settings.cache)
        step("Mencadangkan, lalu memperbarui basis data", "backing up, then bringing the database up to date")
        try:
            if self._settings.database_url is None and migrate.current_ok(self._settings)[0]:
                backup.make(
                    self._settings, kind="upgrade"
                )  # migrate() makes its own where it changes something
            migrate.migrate(self._settings)
        except (backup.BackupError, migrate.MigrationError) as error:
            raise RefusedError(str(error)) from None

    def render(self) -> None:
        make_ready(self._settings, build_page=False)

    def restart(self, name: str) -> None:
        try:
            supervise.ask(self._settings, "supervisor.stopProcess", name, True, timeout=STOP_SECONDS)
            supervise.ask(self._settings, "supervisor.startProcess", name, False, timeout=STOP_SECONDS)
        except supervise.SuperviseError as error:
            raise RefusedError(f"{name}: {error}") from None

    def log(self, name: str) -> str:
        return f"{self._settings.logs / name}.log"


class Units:
    """systemd. Containers are renewed by their engine, from outside of them: then this says how."""

    start = f"systemctl start {TARGET}, docker compose up -d"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if not Path("/run/systemd/system").is_dir() or _systemctl("is-active", "--quiet", TARGET).returncode:
            raise RefusedError(
                f"dijaga dari luar, dan {TARGET} tidak aktif; wadah / kept from outside, and {TARGET} is not "
                f"active; containers: {COMPOSE}"
            )

    def names(self) -> list[str]:
        return [*parts.OURS, "watchdog"]

    def ready(self) -> None:
        if not (page.STATIC / "index.html").exists() or page.is_stale():
            page.build_if_stale(self._settings.cache)
        # as the home's owner, not as root: psap/cli/owner.py
        self._own_command("backup")
        self.restart("prepare")

    def render(self) -> None:
        """`prepare` has done it."""

    def restart(self, name: str) -> None:
        unit = f"psap112-{name.replace('_', '-')}.service"
        done = _systemctl("restart", unit)
        if done.returncode != 0:
            raise RefusedError(f"systemctl restart {unit}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")

    def log(self, name: str) -> str:
        return f"journalctl -u psap112-{name.replace('_', '-')}"

    def _own_command(self, noun: str) -> None:
        step(f"./112 {noun}", f"./112 {noun}")
        words = [sys.executable, "-m", "psap.cli", noun, "--home", str(self._settings.home)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RefusedError(f"./112 {noun}: {(done.stderr.strip().splitlines() or ['?'])[-1]}")


def _systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["systemctl", *words], capture_output=True, text=True, check=False, timeout=UNIT_SECONDS
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise RefusedError(f"systemctl {' '.join(words)}: {error}") from None
