"""``./112 drain``: Asterisk takes no new call, and this returns when nobody is left in it."""

# ruff: noqa: E501 - sentences
from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from psap.cli.say import HomeOption, RefusedError, step
from psap.platform import draining
from psap.platform.pbx_console import PbxConsoleError
from psap.platform.settings import Settings, load_settings

LONGEST = 1800  # seconds: who still talks after half an hour is told of
LOOK_SECONDS = 0.5
RENEW_SECONDS = 2.0
AFTER = 30  # seconds that it stays closed once nobody is left: time to stop Asterisk


def drain(
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, help="Paling lama menunggu / wait at most")
    ] = LONGEST,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Terima panggilan lagi / take calls again")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Kosongkan Asterisk: tolak panggilan baru (503), tunggu yang berlangsung / drain Asterisk: refuse new
    calls (503), await those in progress. Ctrl-C membuka lagi / opens again."""
    settings = load_settings(home)
    if cancel:
        with _one_line():
            draining.open_again(settings)
        step("Panggilan baru diterima lagi", "new calls are taken again")
        return
    with _one_line():
        took = empty(settings, seconds)
        draining.stand(settings, AFTER)
    step(
        f"Kosong setelah {took:.1f} detik; tetap tertutup {AFTER} detik: hentikan Asterisk sekarang",
        f"drained in {took:.1f} s; it stays closed for {AFTER} s: stop Asterisk now",
    )


def empty(settings: Settings, seconds: float) -> float:
    """Close the door and wait until nobody is in; returns the seconds it took. The door stays closed for
    some seconds after; it is open at once when anything goes wrong.

    Raises:
        RefusedError: somebody was still in after ``seconds``, or it was interrupted.
        PbxConsoleError: Asterisk does not answer.
    """
    began = time.monotonic()
    asked = threading.Event()
    with _signals(asked):
        if draining.teach(settings):
            step("Dialplan yang berjalan diajari menutup", "the running dialplan was taught to close")
        draining.stand(settings)
        step(
            "Panggilan baru ditolak (503), operator memakai tujuan keduanya; menunggu yang berlangsung",
            "new calls get 503, the carrier uses its second destination; awaiting those in progress",
        )
        try:
            _await_nobody(settings, began, seconds, asked)
        except BaseException:
            with suppress(PbxConsoleError):  # a word that nobody renews ends by itself
                draining.open_again(settings)
            raise
    return time.monotonic() - began


def _await_nobody(settings: Settings, began: float, seconds: float, asked: threading.Event) -> None:
    renewed, said, nobody = time.monotonic(), -1, 0
    while True:
        now = draining.left(settings)
        nobody = nobody + 1 if now == 0 else 0
        if nobody > 1:  # twice: who was just coming in when the door closed is seen by the second look
            return
        if now != said:
            said = now
            print(f"    {time.monotonic() - began:6.1f} s  {now} saluran / channels", flush=True)
        if asked.wait(LOOK_SECONDS):
            raise RefusedError(
                f"dibatalkan, panggilan baru diterima lagi; {now} saluran masih berlangsung / "
                f"cancelled, new calls are taken again; {now} channels still in progress"
            )
        if time.monotonic() - began > seconds:
            raise RefusedError(
                f"belum kosong setelah {seconds:.0f} detik: {now} saluran masih berlangsung; panggilan baru diterima "
                f"lagi / not drained within {seconds:.0f} s: {now} channels still in progress; new calls are taken again"
            )
        if time.monotonic() - renewed > RENEW_SECONDS:
            renewed = time.monotonic()
            draining.stand(settings)


@contextmanager
def _signals(asked: threading.Event) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal ask to open again, rather than to drop everything."""
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(kind, lambda *_: asked.set()) for kind in kinds]
    try:
        yield
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except PbxConsoleError as error:
        raise RefusedError(
            f"Asterisk tidak menjawab, tidak ada yang diubah / Asterisk does not answer: {error}"
        ) from None
