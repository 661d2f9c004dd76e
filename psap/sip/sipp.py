"""Running SIPp, one process for many telephones: from the host, or from Asterisk's Debian root
without entering it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from psap.platform.pbx_root import pbx_root
from psap.platform.settings import Settings
from psap.sip import scenario

Fields = dict[str, str]
Teller = Callable[[str, float, Fields], None]  # word, time.monotonic, fields


class SippError(Exception):
    """SIPp is missing, ended, or the other side refused; the text says what."""


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
        raise SippError("SIPp tidak ada / SIPp is missing: ./112 up")
    return [on_host]


def free_udp_port(address: str) -> int:
    """A UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Lines:
    """Telephone lines at one address, all towards one PBX. ``async with Lines(...)``.

    ``port`` 0 takes a free one.
    """

    def __init__(self, target: tuple[str, int], address: str, port: int = 0) -> None:
        self.target = target
        self.address = address
        self.port = 0
        self._wanted_port = port
        self.on_invite: dict[str, Teller] = {}  # username -> its phone
        self._tellers: dict[str, Teller] = {}  # Call-ID -> who wants to know
        self._process: asyncio.subprocess.Process | None = None
        self._stack = contextlib.ExitStack()
        self._folder = Path()
        self._log = -1
        self._rest = b""
        self._orders = 1
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._offset = time.time() - time.monotonic()
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start SIPp and wait until it listens."""
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="psap-sipp-")))
        self.port = self._wanted_port or free_udp_port(self.address)
        (self._folder / "lines.xml").write_bytes(scenario.lines(self.address, self.port))
        self._log, write_end = os.pipe()
        self._stack.callback(os.close, self._log)
        os.set_blocking(self._log, False)
        asyncio.get_running_loop().add_reader(self._log, self._read)
        self._control.bind((self.address, 0))
        self._stack.callback(self._control.close)
        command = [
            *sipp_command(), "-sf", "lines.xml", "-t", "u1", "-i", self.address, "-p", str(self.port),
            "-mi", self.address, "-mp", str(free_udp_port(self.address)), "-nostdin",
            "-l", "2000", "-skip_rlimit",
            "-trace_logs", "-log_file", f"/dev/fd/{write_end}", "-trace_err", "-error_file", "errors.log",
            "-default_behaviors", "all,-bye,-abortunexp",
        ]  # fmt: skip
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self._folder,
                pass_fds=[write_end],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=(self._folder / "stderr").open("wb"),
                env={**os.environ, "TERM": "dumb"},
            )
        finally:
            os.close(write_end)
        async with asyncio.timeout(10):
            while not self._listens():
                if self._process.returncode is not None:
                    raise SippError(f"SIPp did not start: {self.errors()}")
                await asyncio.sleep(0.02)
        self._watch = asyncio.create_task(self._watch_end())

    def _listens(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((self.address, self.port))
            except OSError:
                return True
            return False

    async def _watch_end(self) -> None:
        assert self._process is not None
        code = await self._process.wait()
        for teller in list(self._tellers.values()):
            teller("lost", time.monotonic(), {"status": str(code)})

    def _read(self) -> None:
        try:
            data = os.read(self._log, 65_536)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._log)
            return
        *told, self._rest = (self._rest + data).split(b"\n")
        for line in told:
            words = line.decode("latin-1").split()
            if len(words) < 4:
                continue
            when = float(words[1]) + float(words[2]) / 1e6 - self._offset
            fields = dict(word.partition("=")[::2] for word in words[3:])
            self._dispatch(words[0], when, fields)

    def _dispatch(self, word: str, when: float, fields: Fields) -> None:
        if word == "invite":
            phone = self.on_invite.get(fields.get("called", "").removeprefix("sip:"))
            if phone is not None:
                phone(word, when, fields)
            return
        teller = self._tellers.get(fields.get("id", ""))
        if teller is not None:
            teller(word, when, fields)

    def listen(self, call_id: str, teller: Teller) -> None:
        """Tell ``teller`` what happens to a call."""
        self._tellers[call_id] = teller

    def forget(self, call_id: str) -> None:
        """Tell nobody any more: a process of thousands of calls keeps none that is over."""
        self._tellers.pop(call_id, None)

    def new_call(self, teller: Teller) -> str:
        """A new Call-ID."""
        call_id = f"psap-{secrets.token_hex(8)}"
        self.listen(call_id, teller)
        return call_id

    def order(self, call_id: str, do: str, arg: str = "-", **more: bytes) -> None:
        """Steer the call ``call_id``; ``more`` are further words of a first order."""
        self._orders += 1
        # SIPp ends, with all its calls, where a call that it no longer knows has no destination
        more = {"host": self.target[0].encode(), "port": str(self.target[1]).encode(), **more}
        branch = f"z9hG4bKdo{self._orders}-{secrets.token_hex(4)}"
        lines = [
            f"MESSAGE sip:control@{self.address}:{self.port} SIP/2.0".encode(),
            f"Via: SIP/2.0/UDP {self.address}:9;branch={branch}".encode(),
            b"From: <sip:control@localhost>;tag=c",
            b"To: <sip:sipp@localhost>",
            f"Call-ID: {call_id}".encode(),
            f"CSeq: {self._orders} MESSAGE".encode(),
            f"X-Do: {do}".encode(),
            f"X-Arg: {arg}".encode(),
            f"X-CSeq: {self._orders}".encode(),
            *(f"X-{name.title()}: ".encode() + value for name, value in more.items()),
            b"Content-Length: 0",
        ]
        self._control.sendto(b"\r\n".join(lines) + b"\r\n\r\n", (self.address, self.port))

    def first_order(self, call_id: str, do: str, arg: str, *, uri: str, sender: bytes, **more: bytes) -> None:
        """Begin a call or a registration towards the PBX."""
        given = {"to": b"-", "extra": b"X-Psap: 1", "user": b"-", "pass": b"-", **more}
        self.order(
            call_id,
            do,
            arg,
            uri=uri.encode(),
            **{"from": sender},
            **given,
        )

    def errors(self) -> str:
        """SIPp's last complaints."""
        words = ""
        for name in ("errors.log", "stderr"):
            with contextlib.suppress(OSError):
                words += (self._folder / name).read_text("utf-8", "replace")[-2_000:]
        return words

    async def close(self) -> None:
        """End the process at once, saying nothing to the other side, and tidy up."""
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
        if self._log >= 0:
            asyncio.get_running_loop().remove_reader(self._log)
        self._stack.close()
