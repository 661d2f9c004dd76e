"""A home for measuring calls: a real one through ./112, with the sides to compare added to its Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from psap.agencies.profile import find_profile
from psap.pbx.render import DIALPLAN, ConfigTemplate
from psap.platform import supervise
from psap.platform.control import ControlError, ask
from psap.platform.pbx_root import asterisk_rx
from psap.platform.settings import Settings, load_secrets
from tests.support.home import Home, free_ports

SIDES = Path(__file__).with_name("sides.conf")
TICK = os.sysconf("SC_CLK_TCK")
HEALTHY = 60.0  # seconds until a home is well again after a part was started
RTP = (33_000, 60_999)
PLAIN_QUEUE = """
[bench-plain](psap)
"""


class RigError(Exception):
    """The home is not as a measurement needs it; the text says what."""


def decision_steps() -> str:
    """The steps of [psap-gate] that decide whether a key is blocked, as they stand in dialplan/gate.conf."""
    text = (DIALPLAN / "gate.conf").read_text("utf-8")
    found = re.search(r"^exten => s,1,(.*?)^ same => n\(told\)", text, re.S | re.M)
    if found is None:
        raise RigError(
            "dialplan/gate.conf has no step labelled (told): bench/rig.py cannot find the decision"
        )
    return " same => n," + found[1].rstrip()


class Rig:
    """``async with Rig() as rig``: a healthy home with the sides of sides.conf; gone afterwards.

    ``rules`` are whole TOML tables that the profile gets beside its own; ``wrapup`` seconds of the queues;
    ``longest_wait`` seconds in the queue before an overflow.
    """

    def __init__(
        self, *, rules: str = "", wrapup: int | None = None, longest_wait: int | None = None
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="psap-bench-"))
        self.folder.chmod(0o755)
        self.home = Home(self.folder / "home")
        self.home.env |= {"PSAP_RTP_START": str(RTP[0]), "PSAP_RTP_END": str(RTP[1])}
        self._rules, self._wrapup, self._longest_wait = rules, wrapup, longest_wait

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._start)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.home.stop)
        if exc[0] is None:  # what failed is kept for a look
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def settings(self) -> Settings:
        return self.home.settings

    @property
    def target(self) -> tuple[str, int]:
        return self.settings.sip_bind, self.settings.sip_port

    def _start(self) -> None:
        source = find_profile("semarang")
        own = self.folder / source.name
        own.write_text(source.read_text("utf-8") + "\n" + self._rules, "utf-8")
        for beside in source.parent.glob(f"{source.stem}.*"):
            if beside.name != source.name:
                shutil.copy(beside, self.folder / beside.name)
        self.home.start(profile=str(own))
        self._add_sides()
        # the bridge too: its heartbeat would tell for a moment longer that all is well
        self.stop_parts("ami_bridge", "asterisk")
        self.start_parts("asterisk", "ami_bridge")

    def _add_sides(self) -> None:
        etc = self.settings.pbx / "etc"
        greeting = self.settings.pbx / "sounds" / "psap" / "id" / "greeting"
        values = {"greeting": str(greeting), "decision": decision_steps()}
        sides = ConfigTemplate(SIDES.read_text("utf-8")).substitute(values)
        _append(etc / "extensions.conf", "\n" + sides)
        _append(etc / "queues.conf", PLAIN_QUEUE)
        if self._wrapup is not None:
            queues = etc / "queues.conf"
            text = re.sub(
                r"^wrapuptime = .*$", f"wrapuptime = {self._wrapup}", queues.read_text("utf-8"), flags=re.M
            )
            _replace(queues, text)

        if self._longest_wait is not None:
            path = etc / "globals.conf"
            wait = f"PSAP_LONGEST_WAIT = {self._longest_wait}"
            _replace(path, re.sub(r"^PSAP_LONGEST_WAIT = .*$", wait, path.read_text("utf-8"), flags=re.M))

    # ---- parts ----------------------------------------------------------------------------------

    def stop_parts(self, *names: str) -> None:
        """End parts, and wait for it."""
        for name in names:
            supervise.ask(self.settings, "supervisor.stopProcess", name, True, timeout=20)
            # what it said last must not count for the one that comes after it
            (self.settings.run / f"{name}.json").unlink(missing_ok=True)

    def start_parts(self, *names: str) -> None:
        """Start parts and wait until the home is well.

        Raises:
            RigError: it does not become well.
        """
        for name in names:
            supervise.ask(self.settings, "supervisor.startProcess", name, False, timeout=20)
        deadline = time.monotonic() + HEALTHY
        while not self.home.status()["healthy"]:
            if time.monotonic() > deadline:
                raise RigError(
                    f"not healthy {HEALTHY:.0f} s after the start of {names}: {self.home.status()}"
                )
            time.sleep(0.2)

    def cpu(self) -> dict[str, float]:
        """CPU seconds of each part of the home until now."""
        spent: defaultdict[str, float] = defaultdict(float)
        for pid, part in supervise.survivors(self.settings).items():
            with contextlib.suppress(OSError):
                spent[part] += cpu_of(pid)
        return dict(spent)

    def cli(self, command: str) -> str:
        """One command on Asterisk's console."""
        return asterisk_rx(self.settings, command, timeout=30)

    def ledger(self, on: bool) -> None:
        """Whether Asterisk keeps CEL: a plain one does not."""
        path = self.settings.pbx / "etc" / "cel.conf"
        text = re.sub(
            r"^enable = .*$", f"enable = {'yes' if on else 'no'}", path.read_text("utf-8"), flags=re.M
        )
        _replace(path, text)
        self.cli("module reload cel")

    async def calls_now(self) -> int:
        """Calls that Asterisk has in progress."""
        told = await asyncio.to_thread(self.cli, "core show channels count")
        found = re.search(r"([0-9]+) active call", told)
        return int(found[1]) if found else 0

    async def waiting(self, count: int, patience: float = 90.0) -> None:
        """Wait until so many callers stand in the queue, as the bridge sees it.

        Raises:
            RigError: they do not.
        """
        found = -1
        try:
            async with asyncio.timeout(patience):
                while found != count:
                    found = len((await ask(self.settings.bridge_socket, "snapshot", timeout=20))["waiting"])
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise RigError(f"{found} callers wait, not {count}") from None

    async def idle(self, patience: float = 60.0) -> None:
        """Wait until Asterisk has no call and the bridge, where it runs, has told the last one's end.

        Raises:
            RigError: something still goes on.
        """
        left: object = None
        try:
            async with asyncio.timeout(patience):
                while True:
                    left = await self.calls_now()
                    if not left:
                        try:
                            left = (await ask(self.settings.bridge_socket, "snapshot", timeout=20))["calls"]
                        except ControlError:
                            left = None  # it does not run
                        if not left:
                            return
                    await asyncio.sleep(0.3)
        except TimeoutError:
            count = len(left) if isinstance(left, list) else left
            raise RigError(f"{count} calls still go on after {patience:.0f} s") from None


class Ami:
    """Enough of AMI to fill AstDB: many actions in flight, answers counted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._settings.ami_port)
        secret = load_secrets(self._settings.home).ami_bridge
        await self._reader.readline()
        await self.all([{"Action": "Login", "Username": "bridge", "Secret": secret, "Events": "off"}])
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._writer.close()

    async def all(
        self, actions: Sequence[Mapping[str, str]], *, flight: int = 1000, may_fail: bool = False
    ) -> None:
        """Do all of them, so many in flight.

        Raises:
            RigError: one was refused.
        """
        for start in range(0, len(actions), flight):
            some = actions[start : start + flight]
            self._writer.write(
                "".join(
                    "".join(f"{k}: {v}\r\n" for k, v in each.items()) + "ActionID: bench\r\n\r\n"
                    for each in some
                ).encode()
            )
            await self._writer.drain()
            waiting = len(some)
            async with asyncio.timeout(60):
                while waiting:
                    answer = await self._reader.readuntil(b"\r\n\r\n")
                    if b"Response: Error" in answer and not may_fail:
                        raise RigError(f"Asterisk refused: {answer.decode('utf-8', 'replace')[:300]}")
                    waiting -= answer.startswith(b"Response: ")

    async def put(self, family: str, values: Mapping[str, str]) -> None:
        """Write keys of one family of AstDB."""
        await self.all([{"Action": "DBPut", "Family": family, "Key": k, "Val": v} for k, v in values.items()])


def cpu_of(pid: int) -> float:
    """CPU seconds of one process with all its threads."""
    words = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def versions(settings: Settings) -> str:
    """Asterisk's own word of its version."""
    return asterisk_rx(settings, "core show version").split(" built")[0].strip()


def _append(path: Path, text: str) -> None:
    _replace(path, path.read_text("utf-8") + text)


def _replace(path: Path, text: str) -> None:
    """In place: Asterisk's account goes on owning the file."""
    with path.open("r+", encoding="utf-8") as file:
        file.truncate(0)
        file.write(text)


__all__ = ["Ami", "Rig", "RigError", "cpu_of", "decision_steps", "free_ports", "versions"]
