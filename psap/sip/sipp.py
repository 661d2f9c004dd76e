"""Running SIPp: from the host, or from the shared Debian root without entering it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from psap.platform.pbx_root import pbx_root
from psap.platform.settings import Settings

Teller = Callable[[str, float, dict[str, str]], None]


class SippError(Exception):
    """SIPp is missing, or ended with an error; the text has its last words."""


@functools.cache
def sipp_command() -> list[str]:
    """The beginning of a SIPp command line.

    The root's SIPp runs with the root's own loader and libraries: no chroot, no mounts, no root.

    Raises:
        SippError: there is no SIPp.
    """
    root = pbx_root(Settings())
    for triplet in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        libraries = root / "usr/lib" / triplet
        loaders = sorted(libraries.glob("ld-linux-*.so.*"))
        if root != Path("/") and (root / "usr/bin/sipp").exists() and loaders:
            return [str(loaders[0]), "--library-path", str(libraries), str(root / "usr/bin/sipp")]
    on_host = shutil.which("sipp")
    if on_host is None:
        raise SippError("SIPp is missing: run ./112 up first")
    return [on_host]


def free_udp_port(address: str) -> int:
    """A UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Sipp:
    """One SIPp process. ``on_tell`` gets each line of its log with time.monotonic of the event."""

    def __init__(self, address: str, port: int, target: str, on_tell: Teller) -> None:
        self.address = address
        self.port = port
        self.target = target
        self._on_tell = on_tell
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._pipe: tuple[int, int] | None = None
        self._rest = b""
        self._orders = 1
        self._control: socket.socket | None = None
        self._offset = time.time() - time.monotonic()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, scenario: bytes, *arguments: str) -> None:
        """Run a scenario."""
        self._folder = tempfile.TemporaryDirectory(prefix="psap-sipp-")
        folder = Path(self._folder.name)
        (folder / "scenario.xml").write_bytes(scenario)
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[0], False)
        asyncio.get_running_loop().add_reader(self._pipe[0], self._read)
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.bind((self.address, 0))
        self._control.setblocking(False)
        command = [
            *sipp_command(), self.target, "-sf", str(folder / "scenario.xml"),
            "-i", self.address, "-p", str(self.port), "-mi", self.address, "-mp", str(self._media_port()),
            "-t", "u1", "-nostdin", "-trace_logs", "-log_file", f"/dev/fd/{self._pipe[1]}",
            "-trace_err", "-error_file", str(folder / "errors.log"), *arguments,
        ]  # fmt: skip
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            pass_fds=[self._pipe[1]],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TERM": "dumb"},
        )

    def _media_port(self) -> int:
        # SIPp binds a media port although Python carries the sound: give it one nobody uses
        return 1024 + (self.port * 7 + 13) % 60_000 // 2 * 2

    def _read(self) -> None:
        assert self._pipe is not None
        with contextlib.suppress(BlockingIOError):
            self._rest += os.read(self._pipe[0], 65_536)
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            words = line.decode("latin-1").split()
            if len(words) < 3:
                continue
            when = float(words[1]) + float(words[2]) / 1e6 - self._offset
            fields = dict(word.partition("=")[::2] for word in words[3:])
            self._on_tell(words[0], when, fields)

    def order(self, call_id: str, do: str, arg: str = "-") -> None:
        """Steer the running scenario of ``call_id``."""
        self._orders += 1
        assert self._control is not None
        message = (
            f"MESSAGE sip:control@{self.address}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.address}:9;branch=z9hG4bKdo{self._orders}-{os.getpid()}-{self.port}\r\n"
            f"From: <sip:control@localhost>;tag=c\r\nTo: <sip:sipp@localhost>\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {self._orders} MESSAGE\r\nX-Do: {do}\r\nX-Arg: {arg}\r\nX-CSeq: {self._orders}\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        self._control.sendto(message.encode(), (self.address, self.port))

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    def errors(self) -> str:
        """SIPp's complaints so far."""
        if self._folder is None:
            return ""
        path = Path(self._folder.name) / "errors.log"
        return path.read_text("utf-8", "replace")[-2_000:] if path.exists() else ""

    async def stderr(self) -> str:
        """What it wrote to standard error, after its end."""
        assert self._process is not None
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode("utf-8", "replace")[-1_000:]

    async def close(self, *, kill: bool = True) -> None:
        """End the process (at once, saying nothing to the other side) and tidy up."""
        if self._process is not None and self._process.returncode is None and kill:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()
        if self._pipe is not None:
            asyncio.get_running_loop().remove_reader(self._pipe[0])
            os.close(self._pipe[0])
            os.close(self._pipe[1])
            self._pipe = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
