"""``./112 up``: from a folder to a running emergency number, or one clear line that says why not."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from psap.cli import page
from psap.cli.down import name_calls, take_down
from psap.cli.preflight import check_disk, check_paths, check_ports
from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import parts, pbx_root, probes, supervise
from psap.platform.database import Database
from psap.platform.settings import Settings, load_secrets

HEALTHY_SECONDS = 150  # a machine that does much else takes half a minute to import the parts
LOCK_SECONDS = 90.0

Account = tuple[str, str, str]  # username, role, password


def up(
    profile: Annotated[
        str | None, typer.Option("--profile", help="Kota atau berkas .toml / a city or a .toml file")
    ] = None,
    home: HomeOption = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Kembali setelah siap / return when ready")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Akun dan operator contoh / demo accounts and carrier")
    ] = False,
) -> None:
    """Jalankan semuanya / start everything."""
    settings = settings_for_up(home, profile, demo)
    if _says_running(settings):
        return
    settings.run.mkdir(parents=True, exist_ok=True)
    with _only_one(settings):
        if _says_running(settings):  # another `up` was faster
            return
        _bring_up(settings)
    if not detach:
        _stay(settings)


def settings_for_up(home: Path | None, profile: str | None, demo: bool) -> Settings:
    """The environment wins over what this home used before; the command line wins over both."""
    try:
        fresh = Settings() if home is None else Settings(home=home)
        given = fresh.model_dump(include=fresh.model_fields_set)
        saved = fresh.home / "config.json"
        words: dict[str, Any] = json.loads(saved.read_text("utf-8")) if saved.exists() else {}
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


def _says_running(settings: Settings) -> bool:
    """True when this home runs already (and says so)."""
    left = supervise.survivors(settings)
    if not left:
        return False
    if "supervisord" not in left.values():
        raise RefusedError(
            f"Pengawas di {settings.home} mati tetapi bagiannya masih melayani; jalankan ./112 down dulu / "
            f"the supervisor of {settings.home} died while its parts still serve; run ./112 down first"
        )
    print(f"112 sudah berjalan di {settings.home} / 112 is already running in {settings.home}")
    return True


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """One `up` at a time for a home; a second one waits and then finds it running."""
    with (settings.run / "up.lock").open("w") as file:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise RefusedError(
                        "perintah up lain masih bekerja / another up is still at work"
                    ) from None
                time.sleep(0.1)
        yield


def _bring_up(settings: Settings) -> None:
    began = time.monotonic()
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupted)
    try:
        accounts = _prepare(settings)
        step("Menjalankan Redis, Asterisk, agi, ami_bridge, console", "starting all parts")
        supervise.start(settings)
        _await_healthy(settings)
    except BaseException as error:
        # nothing is left running after a failure, Ctrl-C included
        if supervise.survivors(settings):
            supervise.stop(settings)
        if isinstance(error, RefusedError) or not isinstance(error, Exception):
            raise
        log = _keep_traceback(settings)
        raise RefusedError(f"{str(error) or type(error).__name__} (rincian / details: {log})") from error
    _announce(settings, accounts, time.monotonic() - began)


def _keep_traceback(settings: Settings) -> Path:
    """The whole story of an unforeseen failure goes to a file; the terminal gets one line."""
    log = settings.logs / "up.log"
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(traceback.format_exc(), "utf-8")
    return log


def _interrupted(_sign: int, _frame: object) -> None:
    """SIGTERM and a closed terminal are taken like Ctrl-C: what was begun is taken back."""
    raise KeyboardInterrupt


def _prepare(settings: Settings) -> list[Account]:
    """Everything that can be refused comes before anything is written. Returns the demo accounts."""
    city = _profile(settings)
    check_paths(settings)
    check_ports(settings)
    check_disk(settings)
    found = pbx_root.version(settings)
    step(f"Asterisk {found} siap", f"Asterisk {found} is ready")
    for folder in (settings.home, settings.run, settings.spool, settings.logs, settings.home / "redis"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        # nobody else lists the home; Asterisk's own account must pass through it to its folder
        folder.chmod(folder.stat().st_mode & (0o711 if folder == settings.home else 0o750))
    secrets = load_secrets(settings.home)
    _migrate(settings)
    page.build_if_stale(settings.cache)
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
    prompts.make_prompts(settings, city)
    prompts.make_lines(settings, spoken_lines(), whispered())
    render.render(settings, city, secrets, [render.PhoneRow(*phone) for phone in phones])


def _await_healthy(settings: Settings) -> None:
    """Return as soon as every part is well; else say which is not, with the end of its log."""
    end = time.monotonic() + HEALTHY_SECONDS
    said: set[str] = set()
    while True:
        told = asyncio.run(probes.status(settings))
        for name, part in told.parts.items():
            if part.state == "up" and name not in said:
                said.add(name)
                print(f"    {name}: {part.detail}", flush=True)
        if told.healthy:
            return
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    faults = []
    for name, part in told.parts.items():
        if part.state != "up":
            tail = " | ".join(parts.log_tail(settings, name))
            faults.append(f"{name}: {part.detail}" + (f" [{tail}]" if tail else ""))
    raise RefusedError(
        f"Belum sehat setelah {HEALTHY_SECONDS:.0f} detik / not healthy after {HEALTHY_SECONDS:.0f} s: "
        f"{'; '.join(faults)} (log: {settings.logs})"
    )


def _announce(settings: Settings, accounts: list[Account], seconds: float) -> None:
    host = settings.external_address or probes.reachable(settings.http_bind)
    trunk = ", ".join(settings.trunk_addresses) or "- (PSAP_TRUNK_HOSTS)"
    print()
    step(f"Siap dalam {seconds:.1f} detik", f"ready in {seconds:.1f} s")
    print(f"  Konsol / console   {settings.http_scheme}://{host}:{settings.http_port}/")
    print(f"  Trunk              sip:112@{settings.sip_bind}:{settings.sip_port} (UDP)")
    print(f"  Operator / carrier {trunk}")
    if settings.demo:
        for username, role, password in accounts:
            print(f"  {username:<18} {role:<12} {password}")
    else:
        print("  Akun / accounts    ./112 users add NAME --role supervisor")
    print(flush=True)


def _stay(settings: Settings) -> None:
    """In the foreground until Ctrl-C (or SIGTERM, or the terminal goes away), then take all down."""
    asked = threading.Event()
    stop: Callable[..., None] = lambda *_: asked.set()  # noqa: E731
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, stop)
    # said once it is true: a Ctrl-C right after this line must find its handler in place
    step("Tekan Ctrl-C untuk berhenti", "press Ctrl-C to stop")
    while not asked.wait(1.0):
        if not supervise.survivors(settings):
            step("Dihentikan dari tempat lain", "ended from elsewhere")
            return
    name_calls(settings)
    take_down(settings)
