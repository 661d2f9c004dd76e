"""What must be true before `up` starts anything. Each fault is one line that names the mend."""

from __future__ import annotations

import errno
import shutil
import socket
from pathlib import Path

from psap.cli.say import RefusedError
from psap.platform import parts, supervise
from psap.platform.settings import Settings

DISK_BYTES = 500 * 1024 * 1024  # below this `up` refuses: a day's logs and records would not fit


def check_paths(settings: Settings) -> None:
    """Raises RefusedError when the home's path is too long for local sockets or cannot be written."""
    length = len(str(supervise.socket_path(settings)).encode())
    if length > supervise.LONGEST_SOCKET:
        raise RefusedError(
            f"Jalur --home terlalu panjang ({length} bita) / the path of --home is too long for sockets "
            f"({length} bytes, at most {supervise.LONGEST_SOCKET}): {settings.home}"
        )
    if any(character in str(settings.home) for character in "\"'\n\r;, "):
        raise RefusedError(
            f"--home tidak boleh memuat spasi, koma, atau kutip / --home must not hold spaces, commas or "
            f"quotes: {settings.home}"
        )


def check_ports(settings: Settings, *, bind: bool = True) -> None:
    """Raises RefusedError naming the first port that is taken and the variable that changes it.

    ``bind``: try each; else only see that none is given twice.
    """
    seen: dict[int, str] = {}
    for protocol, address, port, variable in parts.ports(settings):
        if port in seen:
            raise RefusedError(f"{variable} dan / and {seen[port]}: port {port} dua kali / twice")
        seen[port] = variable
        fault = port_fault(protocol, address, port) if bind else None
        if fault:
            raise RefusedError(
                f"Port {port}/{protocol} di {address} {fault[0]} / "
                f"port {port}/{protocol} on {address} {fault[1]} ({variable})"
            )


def port_fault(protocol: str, address: str, port: int) -> tuple[str, str] | None:
    """Why a port cannot be used, in Indonesian and English; None when it can."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as trial:
        if protocol == "tcp":
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "sedang dipakai", "is in use"
            return f"tidak dapat dipakai ({error.strerror})", f"cannot be used ({error.strerror})"
    return None


def check_disk(settings: Settings) -> None:
    """Raises RefusedError when the disk that would hold the home is nearly full."""
    free = shutil.disk_usage(existing(settings.home)).free
    if free < DISK_BYTES:
        left, needed = free // 2**20, DISK_BYTES // 2**20
        raise RefusedError(
            f"Ruang cakram tinggal {left} MB untuk {settings.home}, perlu {needed} MB / "
            f"only {left} MB of disk left, {needed} MB needed"
        )


def existing(path: Path) -> Path:
    """The path itself or its nearest parent that is there."""
    while not path.exists():
        path = path.parent
    return path
