"""What a cell runs on: a home of the kind it needs, its proxy, its telephones, a watching browser."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Self

from psap.platform.settings import ROOT
from tests.faults import surroundings
from tests.faults.breaking import recovered
from tests.faults.cells import CLOCK, DISK, NAMELESS
from tests.faults.proxy import Proxy
from tests.faults.watching import Watcher
from tests.support.centre import Centre
from tests.support.home import Home, free_ports

# wrap-up 1 s; long rings and waits stay long enough for a fault to happen in them: 6 s and 30 s
TIMER_SCALE = "0.1"
PATIENCE = {
    "ring_seconds = 15": "ring_seconds = 60",
    "longest_wait_seconds = 60": "longest_wait_seconds = 300",
}


def patient_profile(folder: Path) -> str:
    """Semarang with longer rings and waits, as a file; its path."""
    text = (ROOT / "profiles" / "semarang.toml").read_text("utf-8")
    for old, new in PATIENCE.items():
        assert old in text, f"profiles/semarang.toml has no {old!r} any more"
        text = text.replace(old, new)
    path = folder / "patient.toml"
    path.write_text(text, "utf-8")
    return str(path)


class Bench:
    """``async with Bench(kind)``: a running home with everything that a cell needs."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self.kind = kind
        self._folder = folder
        self._stack = ExitStack()
        self._telephones = AsyncExitStack()
        self.home: Home
        self.proxy: Proxy
        self.centre: Centre
        self.watcher: Watcher

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self._start)
            await recovered(self.home, timeout=150)
            self.centre = Centre(self.home, self._telephones)
            await self.centre.open()
            self.watcher = await self._telephones.enter_async_context(Watcher(self.centre.supervisor))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._telephones.aclose()
        await asyncio.to_thread(self._stack.close)

    def _start(self) -> None:
        top = self._folder or Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix=f"psap-faults-{self.kind}-"))
        )
        folder = top / "home"
        (link_port,) = free_ports(1)
        env = {"PSAP_TIMER_SCALE": TIMER_SCALE, "PSAP_AMI_LINK_PORT": str(link_port)}
        prefix: list[str] = []
        if self.kind == DISK:
            self._stack.enter_context(surroundings.small_disk(folder))
        elif self.kind == NAMELESS:
            address = self._stack.enter_context(surroundings.silent_resolver())
            prefix = surroundings.nameless(top, address)
        self.home = Home(folder, profile=patient_profile(top), env=env, prefix=prefix)
        ami_port = int(self.home.env["PSAP_AMI_PORT"])
        self.proxy = self._stack.enter_context(Proxy(link_port, ami_port))
        self._stack.callback(self._stop)
        self.home.start()
        if self.kind == CLOCK:
            surroundings.give_clock(self.home)

    def _stop(self) -> None:
        self.home.cli("down", check=False)
