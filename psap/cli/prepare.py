"""``./112 prepare``: all that must lie ready before the parts start, and nothing that runs.

`up` does the same before it starts them; systemd and containers do it as a one-shot of its own. It may
be repeated while the home runs: migrations only add, and what Asterisk reads counts from its next start.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from psap.cli import page
from psap.cli.owner import become_owner
from psap.cli.preflight import check_disk, check_paths, check_ports
from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import pbx_root, supervise
from psap.platform.database import Database
from psap.platform.settings import Settings, load_secrets

Account = tuple[str, str, str]  # username, role, password


def prepare(
    profile: Annotated[
        str | None, typer.Option("--profile", help="Kota atau berkas .toml / a city or a .toml file")
    ] = None,
    home: HomeOption = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Akun dan operator contoh / demo accounts and carrier")
    ] = False,
) -> None:
    """Siapkan semuanya tanpa menjalankannya / make everything ready, start nothing."""
    began = time.monotonic()
    settings = settings_for_up(home, profile, demo)
    accounts = make_ready(settings, build_page=not (page.STATIC / "index.html").exists())
    if sys.stdout.isatty() or not settings.outside:
        show_accounts(accounts)
    elif accounts:  # a journal or a container's log keeps what is said here
        step(
            f"{len(accounts)} akun contoh; kata sandinya: PSAP_DEMO_PASSWORD, atau ./112 users password NAMA",
            "demo accounts; their password is not written into a log",
        )
    step(f"Siap ({time.monotonic() - began:.1f} detik)", f"prepared ({time.monotonic() - began:.1f} s)")


def settings_for_up(home: Path | None, profile: str | None, demo: bool) -> Settings:
    """The environment wins over what this home used before; the command line wins over both.

    Who keeps the parts from outside gives every setting in the environment: what is left out there is
    at its default again, whatever it was before.
    """
    try:
        fresh = Settings() if home is None else Settings(home=home)
        given = fresh.model_dump(include=fresh.model_fields_set)
        saved = fresh.home / "config.json"
        whole = given.get("supervisor") == "outside" or not saved.exists()
        words: dict[str, Any] = {} if whole else json.loads(saved.read_text("utf-8"))
        words |= given | {"home": fresh.home}
        if demo:
            words["demo"] = True
        if profile is not None:
            words["profile"] = str(Path(profile).resolve()) if profile.endswith(".toml") else profile
        return Settings(**words)
    except ValidationError as error:
        fault = error.errors()[0]
        name = "PSAP_" + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else ""
        raise RefusedError(f"{name} {fault['msg']} ({fault['input']!r})") from None
    except (OSError, ValueError) as error:
        raise RefusedError(f"config.json: {error}") from None


def show_accounts(accounts: list[Account]) -> None:
    """The demo accounts, for the person at the keyboard."""
    for username, role, password in accounts:
        print(f"  {username:<18} {role:<12} {password}")


def make_ready(settings: Settings, *, build_page: bool) -> list[Account]:
    """Everything that can be refused comes before anything is written. Returns the demo accounts.

    As root in a home that others keep, this process goes on as the home's owner.

    Raises:
        RefusedError: one line that says what is wrong and how to mend it.
    """
    city = _profile(settings)
    check_paths(settings)
    # whom others keep may run already, or on another machine's ports: then who cannot bind says so itself
    check_ports(settings, bind=not settings.outside and not supervise.runs(settings))
    check_disk(settings)
    _asterisk(settings)
    if build_page:
        page.build_if_stale(settings.cache)
    if settings.outside:
        become_owner(settings.home, make=True)
    try:
        return _write(settings, city)
    except PermissionError as error:
        raise RefusedError(
            f"{error.filename}: bukan milik akun ini; jalankan sebagai pemilik {settings.home} atau root / "
            f"{error.strerror}; run as the owner of {settings.home}, or as root"
        ) from None


def _asterisk(settings: Settings) -> None:
    program = pbx_root.pbx_root(settings) / "usr/sbin/asterisk"
    if settings.outside and not program.exists():
        step("Asterisk berjalan di tempat lain", "Asterisk runs elsewhere, in a container of its own")
        return
    found = pbx_root.version(settings)
    step(f"Asterisk {found} siap", f"Asterisk {found} is ready")


def _write(settings: Settings, city: Any) -> list[Account]:
    for folder in (settings.home, settings.run, settings.spool, settings.logs, settings.home / "redis"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        # nobody else lists the home; Asterisk's own account must pass through it to its folder
        wanted = folder.stat().st_mode & (0o711 if folder == settings.home else 0o750)
        if wanted != folder.stat().st_mode & 0o7777:
            folder.chmod(wanted)
    secrets = load_secrets(settings.home)
    _migrate(settings)
    settings.save()
    shutil.copyfile(_profile_path(settings), settings.home / "profile.toml")
    _copy_gazetteer(settings)
    step("Menulis konfigurasi Asterisk", "writing Asterisk's configuration")
    pbx_root.hand_over(settings)
    accounts, phones = asyncio.run(_people(settings, city.site))
    _render(settings, city, secrets, phones)
    pbx_root.hand_over(settings)
    pbx_root.write_hosts(settings)
    return accounts


def _copy_gazetteer(settings: Settings) -> None:
    """The city's places beside its profile; none of an earlier profile stays."""
    from psap.places.gazetteer import path_beside

    source, target = path_beside(_profile_path(settings)), path_beside(settings.home / "profile.toml")
    if source == target:  # the home's own profile is the one in force
        return
    if source.is_file():
        shutil.copyfile(source, target)
    else:
        target.unlink(missing_ok=True)


def _profile_path(settings: Settings) -> Path:
    from psap.agencies.profile import ProfileError, find_profile

    try:
        return find_profile(settings.profile)
    except ProfileError as error:
        raise RefusedError(_first_fault(error)) from None


def _profile(settings: Settings) -> Any:
    from psap.agencies.profile import ProfileError, load_profile
    from psap.places.gazetteer import load_gazetteer, path_beside

    path = _profile_path(settings)
    try:
        city = load_profile(path)
        load_gazetteer(path_beside(path), city)
    except ProfileError as error:
        raise RefusedError(_first_fault(error)) from None
    return city


def _first_fault(error: Any) -> str:
    """File, line and reason of a profile's first fault, and how to see the others."""
    lines = str(error).splitlines()
    whole = str(error.path).replace(".gazetteer.csv", ".toml")
    more = f" (+{len(lines) - 1}: ./112 profile check {whole})" if len(lines) > 1 else ""
    return lines[0] + more


def _migrate(settings: Settings) -> None:
    from psap.platform import migrate

    step("Menyiapkan basis data", "preparing the database")
    try:
        migrate.migrate(settings)
    except migrate.MigrationError as error:
        raise RefusedError(f"Basis data / database: {error}") from error


async def _people(settings: Settings, site: str) -> tuple[list[Account], list[tuple[str, str, str]]]:
    """The demo accounts (made now, if asked for), and every telephone: (username, password, agent)."""
    from psap.queue.store import passwords_of

    database = Database(settings.effective_database_url)
    accounts: list[Account] = []
    try:
        if settings.demo:
            from psap.accounts.demo import make_demo_accounts

            # the password is no setting: it is never written down
            wish = os.environ.get("PSAP_DEMO_PASSWORD") or None
            made = await make_demo_accounts(database, site, wish)
            accounts = [(str(name), str(role), str(password)) for name, role, password in made]
        async with database.read() as connection:
            phones = await passwords_of(connection, site)
    finally:
        await database.close()
    return accounts, phones


def _render(settings: Settings, city: Any, secrets: Any, phones: list[tuple[str, str, str]]) -> None:
    from psap.pbx import prompts, render
    from psap.training.callers import spoken_lines, whispered

    step("Membuat rekaman suara", "making the spoken prompts")
    kept = _prompt_cache(settings)
    prompts.make_prompts(settings, city, kept)
    prompts.make_lines(settings, spoken_lines(), whispered(), kept)
    render.render(settings, city, secrets, [render.PhoneRow(*phone) for phone in phones])


def _prompt_cache(settings: Settings) -> Path:
    """Where spoken prompts are kept for other homes too; who may not write there keeps its own."""
    shared = settings.cache / "prompts"
    try:
        shared.mkdir(parents=True, exist_ok=True)
        if os.access(shared, os.W_OK | os.X_OK):
            return shared
    except OSError:
        pass
    return settings.home / "cache"
