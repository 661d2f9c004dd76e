"""``./112 call``: a real SIP call to 112 for people without a telephone at hand, told step by step."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

import typer

from psap.cli.say import HomeOption, RefusedError
from psap.platform.control import ControlError, ask
from psap.platform.settings import ROOT, Settings, load_settings
from psap.sip import audio
from psap.sip.caller import QUIET, Caller
from psap.sip.phone import DeskPhone
from psap.sip.sipp import Lines, SippError

LOOK_SECONDS = 0.25  # between two looks at what the centre knows of the call
PICK_UP_SECONDS = 2.0  # the simulated phone rings so long, so that the page can be seen ringing
FIRST_KEY_SECONDS = 1.0
GREETING = "Seratus dua belas, ada keadaan darurat apa?"
SENTENCE = "Tolong, ada kebakaran di Jalan Sudirman."


@dataclass
class Wish:
    """What the person at the keyboard asked for. Times in seconds."""

    number: str | None  # None: withheld
    keys: str
    text: str | None
    sound: audio.Clip | None
    hold: float
    phone: bool
    began: float = field(default_factory=time.monotonic)

    def tell(self, indonesian: str, english: str) -> None:
        """One line with the seconds since the beginning."""
        print(f"{time.monotonic() - self.began:6.1f} s  {indonesian} / {english}", flush=True)


def call(
    home: HomeOption = None,
    number: Annotated[
        str | None,
        typer.Option("--from", help="Nomor pelapor / caller's number; 'anonymous' tanpa / without"),
    ] = None,
    press: Annotated[str | None, typer.Option("--press", help="Tombol / keys: 0, 55, ...")] = None,
    say: Annotated[str | None, typer.Option("--say", help="Yang diucapkan / what is said")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Diam / say nothing")] = False,
    no_audio: Annotated[
        bool, typer.Option("--no-audio", help="Tanpa suara sama sekali / no RTP at all")
    ] = False,
    hold: Annotated[
        float,
        typer.Option("--hold", min=0, max=3600, help="Detik sampai menutup / seconds before hanging up"),
    ] = 60.0,
    phone: Annotated[
        bool,
        typer.Option(
            "--phone/--no-phone",
            help="Telepon meja tiruan bagi petugas siap yang teleponnya belum terdaftar (hanya --demo) / "
            "a simulated desk phone for call takers who are ready without one (only with --demo)",
        ),
    ] = True,
) -> None:
    """Buat panggilan percobaan ke 112 / place a trial call to 112."""
    if sum((say is not None, silent, no_audio)) > 1:
        raise RefusedError("pilih satu / choose one: --say, --silent, --no-audio")
    keys = press if press is not None else ("" if say or silent or no_audio else "0")
    if set(keys.upper()) - set("0123456789*#ABCD"):
        raise RefusedError(f"bukan tombol telepon / not telephone keys: {keys!r}")
    if number is not None and number != "anonymous" and set(number) - set("+-0123456789"):
        raise RefusedError(f"bukan nomor / not a number: {number!r}")
    drawn = f"0812{secrets.randbelow(10**8):08d}" if number is None else number
    wish = Wish(
        number=None if drawn == "anonymous" else drawn,
        keys=keys,
        text=None if silent or no_audio else say or SENTENCE,
        sound=None if no_audio else QUIET,
        hold=hold,
        phone=phone,
    )
    settings = load_settings(home)
    try:
        ended = asyncio.run(_place(settings, wish))
    except (SippError, FileNotFoundError) as error:
        raise RefusedError(str(error)) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if not ended:
        raise typer.Exit(1)


def carrier_address(settings: Settings) -> str:
    """A local address that this home takes for the carrier.

    Raises:
        RefusedError: there is none.
    """
    for text in settings.trunk_addresses:
        with contextlib.suppress(ValueError):
            network = ip_network(text, strict=False)
            if network.is_loopback and network.version == 4:
                first = network.network_address if network.num_addresses == 1 else network[2]
                return str(ip_address(int(first)))
    raise RefusedError(
        "PSAP_TRUNK_HOSTS tidak memuat alamat lokal; pakai ./112 up --demo / "
        "PSAP_TRUNK_HOSTS has no local address; use ./112 up --demo"
    )


async def _place(settings: Settings, wish: Wish) -> bool:
    """The whole call; False when it was not even taken."""
    target = (settings.sip_bind, settings.sip_port)
    host = "127.0.0.1" if settings.sip_bind == "0.0.0.0" else settings.sip_bind  # noqa: S104
    target = (host, settings.sip_port)
    async with contextlib.AsyncExitStack() as stack:
        snapshot = await _snapshot(settings)
        if snapshot is None:
            wish.tell(
                "ami_bridge tidak menjawab; tetap menelepon", "ami_bridge is away; calling all the same"
            )
        else:
            await _staff(settings, wish, target, snapshot, stack)
        lines = await stack.enter_async_context(Lines(target, carrier_address(settings)))
        caller = Caller(lines, wish.number, sound=wish.sound)
        wish.began = time.monotonic()
        wish.tell(f"menelepon 112 dari {wish.number or 'nomor rahasia'}", "dialling 112")
        await stack.enter_async_context(caller)
        try:
            await caller.answered(timeout=15)
        except (SippError, TimeoutError) as error:
            wish.tell(f"tidak diterima: {error}", "not taken; is everything up? ./112 status")
            return False
        wish.tell("tersambung, salam diputar", "connected, the greeting plays")
        speaking = asyncio.create_task(_act(caller, wish))
        following = asyncio.create_task(_follow(settings, wish, caller))
        try:
            ended = await caller.ended(wish.hold)
            wish.tell("ditutup oleh 112", "112 hung up")
        except TimeoutError:
            caller.hang_up()
            ended = await caller.ended(10)
            wish.tell("pelapor menutup telepon", "the caller hangs up")
        speaking.cancel()
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(following, 5)
        return ended.by != "lost"


async def _act(caller: Caller, wish: Wish) -> None:
    """Press and speak as asked. Without keys the speech comes in the gate's silent window."""
    if wish.keys:
        await asyncio.sleep(FIRST_KEY_SECONDS)
        await caller.press(wish.keys)
        wish.tell(f"menekan {wish.keys}", f"pressed {wish.keys}")
    elif wish.text:
        while not caller.is_over:
            await caller.media.falls_silent(timeout=60)
            await caller.say(wish.text)
            wish.tell("berbicara", "spoke")
            await asyncio.sleep(4)


async def _snapshot(settings: Settings) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await ask(settings.bridge_socket, "snapshot", timeout=2.0)
    except ControlError:
        return None
    return found


async def _staff(
    settings: Settings,
    wish: Wish,
    target: tuple[str, int],
    snapshot: dict[str, Any],
    stack: contextlib.AsyncExitStack,
) -> None:
    """Say who is there, and give call takers without a phone a simulated one."""
    present = [agent for agent in snapshot["agents"] if agent["state"] != "logged_out"]
    if not present:
        address = f"http://{settings.http_bind}:{settings.http_port}"
        wish.tell(
            f"belum ada petugas yang masuk; buka {address}, masuk sebagai agent1, tekan Siap",
            "no call taker is logged in: open that page, sign in as agent1, press Ready",
        )
        return
    without = [agent["agent"] for agent in present if not agent["phone_registered"]]
    if not without or not wish.phone or not settings.demo:
        return
    lines = await stack.enter_async_context(Lines(target, "127.0.0.1"))
    for agent in without:
        account = await asyncio.to_thread(_account, settings, agent)
        phone = DeskPhone(lines, account["username"], account["password"], domain=account["domain"])
        await stack.enter_async_context(phone)
        task = asyncio.create_task(_pick_up(phone))
        stack.callback(task.cancel)
        wish.tell(f"telepon meja tiruan untuk {agent}", f"a simulated desk phone for {agent}")


def _account(settings: Settings, agent: str) -> dict[str, Any]:
    """A call taker's phone account, as ``./112 phone`` gives it."""
    command = [sys.executable, "-m", "psap.cli", "phone", agent, "--json", "--home", str(settings.home)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if told.returncode != 0:
        raise RefusedError(told.stderr.strip().removeprefix("112: ") or f"./112 phone {agent}")
    account: dict[str, Any] = json.loads(told.stdout)
    return account


async def _pick_up(phone: DeskPhone) -> None:
    while True:
        incoming = await phone.ringing(timeout=86_400)
        done, _ = await asyncio.wait({incoming.over}, timeout=PICK_UP_SECONDS)
        if not done:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await incoming.answer()
                phone.media.play(await asyncio.to_thread(audio.speech, GREETING))


async def _follow(settings: Settings, wish: Wish, caller: Caller) -> None:
    """Tell what the centre does with the call, until its record is closed."""
    async for indonesian, english, talking in _steps(settings, wish, caller):
        wish.tell(indonesian, english)
        if talking and wish.keys and wish.text:
            await asyncio.sleep(1.5)
            await caller.say(wish.text)
            wish.tell(f"berkata: {wish.text}", "spoke to the call taker")


async def _steps(settings: Settings, wish: Wish, caller: Caller) -> AsyncIterator[tuple[str, str, bool]]:
    """(Indonesian, English, whether the conversation has just begun) at each change."""
    last, our_id = "", None
    while True:
        snapshot = await _snapshot(settings) or {"calls": [], "waiting": [], "agents": []}
        calls = [found for found in snapshot["calls"] if _is_ours(found, wish, our_id)]
        ours = max(calls, key=lambda found: found["started_at"], default=None)
        if ours is None and (our_id or caller.is_over):
            return
        if ours is not None:
            our_id = ours["id"]
            word = _stage(ours, snapshot)
            if word[0] and word[0] != last:
                last = word[0]
                yield word
        await asyncio.sleep(LOOK_SECONDS)


def _is_ours(found: dict[str, Any], wish: Wish, our_id: str | None) -> bool:
    if our_id is not None:
        return bool(found["id"] == our_id)
    return bool((found.get("caller") or {}).get("number") == wish.number)


def _stage(ours: dict[str, Any], snapshot: dict[str, Any]) -> tuple[str, str, bool]:
    """Where the call is, in words."""
    for agent in snapshot["agents"]:
        if agent["call_id"] == ours["id"] and agent["state"] == "ringing":
            return f"berdering di {agent['agent']}", f"ringing at {agent['agent']}", False
        if agent["call_id"] == ours["id"] and agent["state"] == "talking":
            return f"berbicara dengan {agent['agent']}", f"talking with {agent['agent']}", True
    for waiting in snapshot["waiting"]:
        if waiting["call_id"] == ours["id"]:
            nobody = not any(agent["state"] != "logged_out" for agent in snapshot["agents"])
            more = ("; belum ada petugas", "; no call taker is logged in") if nobody else ("", "")
            return f"dalam antrean{more[0]}", f"in the queue{more[1]}", False
    result = (ours.get("gate") or {}).get("result")
    if result:
        return f"gerbang: {result}", f"gate: {result}", False
    return "di gerbang", "at the gate", False
