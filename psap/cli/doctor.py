"""``./112 doctor``: would it run here, and if not, what mends it?"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from psap.cli.keeping import facts
from psap.cli.preflight import DISK_BYTES, existing, port_fault
from psap.cli.say import HomeOption
from psap.platform import parts, pbx_root, supervise
from psap.platform.settings import Settings

RESOLVE_SECONDS = 1.0
EARLIEST = 1_735_689_600  # 2025-01-01: a clock before this is wrong for certain
MEMORY_KB = 700_000  # what an idle home uses, and room for calls


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``mend`` says what to do, empty when all is well."""

    what: str
    detail: str
    mend: str = ""


def doctor(home: HomeOption = None) -> None:
    """Periksa mesin ini dan sebutkan obatnya / examine this machine and name each cure."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from psap.cli.prepare import settings_for_up

    settings = settings_for_up(home, None, demo=False)
    table = Table(title="112 doctor")
    for column in ("Hal / what", "Keadaan / state", "Obat / mend"):
        table.add_column(column)
    findings = list(examine(settings))
    for found in findings:
        colour = "red" if found.mend else "green"
        table.add_row(found.what, f"[{colour}]{escape(found.detail)}[/]", escape(found.mend))
    Console().print(table)
    if any(found.mend for found in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, in the order in which `up` would meet them."""
    checks: list[Callable[[Settings], Iterator[Finding]]]
    checks = [_host, _versions, _names, _clock, _disk, _data, _memory, _mounts, _ports, _modes, _map]
    for check in checks:
        yield from check(settings)


def _host(_settings: Settings) -> Iterator[Finding]:
    release = Path("/etc/os-release")
    words = (
        dict(line.split("=", 1) for line in release.read_text("utf-8").splitlines() if "=" in line)
        if release.exists()
        else {}
    )
    name = words.get("PRETTY_NAME", sys.platform).strip('"')
    known = (words.get("ID", ""), words.get("VERSION_ID", "").strip('"')) in {
        ("debian", "12"),
        ("debian", "13"),
        ("ubuntu", "24.04"),
    }
    note = "" if known else " (tidak diuji / not tested: Debian 12, 13, Ubuntu 24.04)"
    yield Finding("Mesin / host", f"{name}, {os.cpu_count()} CPU{note}")


def _versions(settings: Settings) -> Iterator[Finding]:
    python = ".".join(str(number) for number in sys.version_info[:3])
    yield Finding("Python", python)
    try:
        yield Finding("Asterisk", pbx_root.version(settings))
    except pbx_root.PbxRootError as error:
        yield Finding("Asterisk", str(error), "./112 up memasangnya / installs it")
    for program, argument in (
        ("redis-server", "--version"),
        ("espeak-ng", "--version"),
        ("sox", "--version"),
    ):
        path = shutil.which(program)
        if path is None:
            yield Finding(program, "tidak ada / missing", f"apt-get install {program}")
            continue
        told = subprocess.run([path, argument], capture_output=True, text=True, check=False, timeout=10)
        yield Finding(program, told.stdout.strip().splitlines()[0][:60] if told.stdout.strip() else path)


def _names(_settings: Settings) -> Iterator[Finding]:
    began = time.monotonic()
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, None)
        known = True
    except OSError:
        known = False
    seconds = time.monotonic() - began
    mend = f"echo '127.0.1.1 {name}' >> /etc/hosts"
    if not known:
        yield Finding("Nama mesin / host name", f"{name} tidak dikenal / does not resolve", mend)
    elif seconds > RESOLVE_SECONDS:
        yield Finding("Nama mesin / host name", f"{name}: {seconds:.1f} s", mend)
    else:
        yield Finding("Nama mesin / host name", f"{name}, {seconds * 1000:.0f} ms")


def _clock(_settings: Settings) -> Iterator[Finding]:
    now = time.time()  # the machine's clock itself is what is looked at here
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    newest = max(path.stat().st_mtime for path in (Path(__file__), Path("/etc/os-release")) if path.exists())
    wrong = now < EARLIEST or now < newest - 86_400
    yield Finding("Jam / clock", shown, "timedatectl set-ntp true" if wrong else "")


def _disk(settings: Settings) -> Iterator[Finding]:
    for label, path in (("Cakram / disk", settings.home), ("Cakram cache / cache's disk", settings.cache)):
        place = existing(path)
        free = shutil.disk_usage(place).free
        mend = f"kosongkan / free {DISK_BYTES // 2**20} MB" if free < DISK_BYTES else ""
        yield Finding(label, f"{free // 2**20} MB di / at {place}", mend)


def _data(settings: Settings) -> Iterator[Finding]:
    for fact in facts(settings):
        yield Finding(*fact)


def _map(settings: Settings) -> Iterator[Finding]:
    """Tiles are the city's choice: without them the map draws a grid and the known places."""
    path = settings.home / "tiles.pmtiles"
    if not path.exists():
        shown = f"tanpa ubin, kisi biasa / no tiles, a plain grid ({path})"
        yield Finding("Peta / map", shown)
        return
    try:
        with path.open("rb") as file:
            sound = file.read(8) == b"PMTiles\x03"
    except OSError as error:
        yield Finding("Peta / map", str(error), f"chmod a+r {path}")
        return
    shown = f"{path.stat().st_size / 2**20:.0f} MB di / at {path}"
    yield Finding("Peta / map", shown, "" if sound else "bukan PMTiles versi 3 / not PMTiles version 3")


def _memory(_settings: Settings) -> Iterator[Finding]:
    words = Path("/proc/meminfo").read_text("utf-8").split()
    available = int(words[words.index("MemAvailable:") + 1])
    mend = "tambah memori / add memory" if available < MEMORY_KB else ""
    yield Finding("Memori / memory", f"{available // 1024} MB", mend)


def _mounts(settings: Settings) -> Iterator[Finding]:
    """Asterisk's root needs a private mount namespace."""
    if pbx_root.pbx_root(settings) == Path("/"):
        return
    try:
        command = pbx_root.in_root(settings, ["true"])
    except pbx_root.PbxRootError as error:
        yield Finding("Ruang mount / mount namespace", str(error), "sudo ./112 doctor")
        return
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    mend = (
        "jalankan sebagai root / run as root; in a container: --cap-add SYS_ADMIN" if tried.returncode else ""
    )
    yield Finding("Ruang mount / mount namespace", tried.stderr.strip() or "baik / fine", mend)


def _modes(settings: Settings) -> Iterator[Finding]:
    """Secrets and personal data are for their owner only; a copy or a restore may have changed that."""
    etc = settings.pbx / "etc"
    private = [settings.home / name for name in ("secrets.json", "config.json", "psap.db")]
    private += [etc / name for name in ("manager.conf", "ari.conf", "pjsip_phones.conf")]
    if settings.tls_key is not None:
        private.append(settings.tls_key)
    looked = [path for path in private if path.exists()]
    if not looked:
        return
    wide = [path for path in looked if path.stat().st_mode & 0o077]
    detail = ", ".join(str(path) for path in wide) or f"{len(looked)} berkas / files, 0600"
    mend = f"chmod 600 {' '.join(str(path) for path in wide)}" if wide else ""
    yield Finding("Rahasia / secrets", detail, mend)


def _ports(settings: Settings) -> Iterator[Finding]:
    if supervise.runs(settings):
        yield Finding("Port / ports", f"dipakai 112 sendiri / used by this 112 ({settings.home})")
        return
    for protocol, address, port, variable in parts.ports(settings):
        fault = port_fault(protocol, address, port)
        detail = f"{port}/{protocol} {address}"
        if fault:
            yield Finding("Port", f"{detail} {fault[0]} / {fault[1]}", f"{variable}=…")
        else:
            yield Finding("Port", f"{detail} bebas / free")
