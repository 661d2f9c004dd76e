"""Asterisk's own console, over the control socket in the home: what ``asterisk -rx`` does, without that
program. So it works for every account that may use the socket: no root, no chroot, no container entered.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from psap.platform.settings import Settings

SOCKET = "asterisk.ctl"
LARGEST = 64 * 1024 * 1024  # bytes; a list of ten thousand channels has two million
VERBOSE = 0x80  # a line that begins so is what Asterisk tells every console, no answer


class PbxConsoleError(Exception):
    """Asterisk's console does not answer; the message says where and why."""


def run(settings: Settings, command: str, *, timeout: float) -> str:
    """What Asterisk's console answers to one command; ``timeout`` in seconds for each step.

    Raises:
        PbxConsoleError: nobody answers there, or not in time.
    """
    if "\0" in command or "\n" in command:
        raise PbxConsoleError("a console command is one line")
    folder = settings.pbx / "run"
    try:
        answer = _exchange(folder, f"cli quit after {command}".encode() + b"\0", timeout)
    except TimeoutError:
        raise PbxConsoleError(f"Asterisk did not answer within {timeout:.0f} s") from None
    except OSError as error:
        raise PbxConsoleError(f"Asterisk's console at {folder / SOCKET}: {error.strerror or error}") from None
    # the first line is who answers: HOST/PID/VERSION
    _greeting, _, said = answer.partition(b"\n")
    lines = [line for line in said.replace(b"\0", b"").split(b"\n") if not line[:1] or line[0] < VERBOSE]
    told = b"\n".join(lines).decode("utf-8", "replace")
    if told.startswith("No such command"):  # also of its own commands, while it boots
        raise PbxConsoleError(f"Asterisk does not know (yet): {command}")
    return told


def _exchange(folder: Path, words: bytes, timeout: float) -> bytes:
    # by way of the folder's descriptor: a socket's path may have 107 characters, a home's more
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(f"/proc/self/fd/{place}/{SOCKET}")
            line.sendall(words)
            parts: list[bytes] = []
            size = 0
            while size < LARGEST and (part := line.recv(65_536)):
                parts.append(part)
                size += len(part)
            return b"".join(parts)
    finally:
        os.close(place)
