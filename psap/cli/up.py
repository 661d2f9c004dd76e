"""``./112 up``: from a folder to a running emergency number, or one clear line that says why not."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from psap.cli.down import name_calls, refuse_outside, take_down
from psap.cli.prepare import Account, make_ready, settings_for_up, show_accounts
from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import parts, probes, supervise
from psap.platform.settings import Settings

HEALTHY_SECONDS = 150  # a machine that does much else takes half a minute to import the parts
LOCK_SECONDS = 90.0


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
    refuse_outside(settings, "start")
    if _says_running(settings):
        return
    settings.run.mkdir(parents=True, exist_ok=True)
    with _only_one(settings):
        if _says_running(settings):  # another `up` was faster
            return
        _bring_up(settings)
    if not detach:
        _stay(settings)


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
        accounts = make_ready(settings, build_page=True)
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
        show_accounts(accounts)
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
