"""How every part is, as the console sees it: its own eyes, and what the bridge tells.

One look a second; a complaint counts when it is there twice in a row, so that a restart of a moment
does not make every screen blink, and is gone with the first look that does not find it. Nothing
here needs Redis, the database or the bridge to answer.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from psap.platform import mending, probes
from psap.platform.clock import Clock, rfc3339
from psap.platform.control import ControlError, ask
from psap.platform.heartbeat import STALE_SECONDS, heartbeat_age
from psap.platform.settings import Settings
from psap.platform.troubles import Complaint, Trouble, worst

LOOK_EVERY = 1.0  # seconds
PATIENCE = 2.0  # seconds for the bridge to answer
PARTS = ("asterisk", "ami", "agi", "ami_bridge", "console", "redis", "database", "disk")

log = structlog.get_logger(part="console")


class StateWatch:
    """The state of the centre. ``now()`` is answered from memory."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        database: Callable[[], Awaitable[bool]],
        redis: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:
        """``database()`` asks it, ``redis()`` knows already, ``tell(message)`` reaches every browser."""
        self._settings = settings
        self._clock = clock
        self._database = database
        self._redis = redis
        self._tell = tell
        self._since = clock.now_us()
        self._part_since: dict[str, int] = {}  # name -> since when it is as it is
        self._suspects: set[str] = set()  # found by the last look
        self._found: dict[str, Trouble] = {}
        self.database_up = True
        self.bridge: dict[str, Any] | None = None  # its last ``health``, None while it is away
        self.troubles: list[Complaint] = []  # what else is to be told; asked each second

    def now(self) -> dict[str, Any]:
        """``{"healthy", "since", "parts": {name: {"state", "detail", "id", "en"}}}``."""
        well = {"state": "up", "detail": "", "id": None, "en": None}
        parts: dict[str, Any] = {name: dict(well) for name in PARTS}
        for name, trouble in self._found.items():
            # the technical detail may name paths of this machine: that is for ./112 status
            words = {"detail": trouble.en, "id": trouble.id, "en": trouble.en}
            parts[name] = {"state": trouble.state} | words
        return {"healthy": not self._found, "since": rfc3339(self._since), "parts": parts}

    def message(self) -> str:
        """The state as the live channel tells it."""
        at = rfc3339(self._clock.now_us())
        return json.dumps({"v": 1, "type": "state", "at": at, "data": self.now()}, separators=(",", ":"))

    def since(self, part: str) -> int | None:
        """Since when a part is up, degraded or down as it is now; None: since before we began to look."""
        return self._part_since.get(part)

    def detail(self, part: str) -> str:
        """For those who mend, empty while nothing is wrong; no page's: it may name paths of this machine."""
        trouble = self._found.get(part)
        return trouble.detail if trouble else ""

    def up(self, part: str) -> bool:
        """Whether nothing is wrong with a part."""
        return part not in self._found

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            began = time.monotonic()
            try:
                self._weigh(await self._look())
            except Exception as error:  # whatever a look meets, the next one comes
                log.error("state cannot be told", error=type(error).__name__, exc_info=True)
            await asyncio.sleep(max(0.1, LOOK_EVERY - (time.monotonic() - began)))

    def _weigh(self, seen: dict[str, Trouble]) -> None:
        """Believe what is seen twice; tell a change."""
        told = {name: trouble for name, trouble in seen.items() if name in self._suspects}
        self._suspects = set(seen)
        before = {name: (trouble.state, trouble.en) for name, trouble in self._found.items()}
        after = {name: (trouble.state, trouble.en) for name, trouble in told.items()}
        self._found = told
        if before == after:
            return
        self._since = self._clock.now_us()
        for name in before.keys() | after.keys():
            if before.get(name, ("up",))[0] != after.get(name, ("up",))[0]:
                self._part_since[name] = self._since
        log.info("state changed", unwell={name: word[0] for name, word in after.items()})
        self._tell(self.message())

    async def _look(self) -> dict[str, Trouble]:
        found: list[Trouble] = []
        self.bridge, self.database_up = await asyncio.gather(self._ask_bridge(), self._database())
        if not self.database_up:
            found.append(mending.trouble("database", "down", "it does not answer"))
        if not self._redis():
            found.append(mending.trouble("redis", "down", "it does not answer"))
        away = self.bridge is None
        if self.bridge is None:
            found.append(mending.trouble("ami_bridge", "down", "it does not answer"))
        else:
            for name, row in self.bridge.get("parts", {}).items():
                found.append(Trouble(name, row["state"], row["id"], row["en"], row["detail"]))
        # whether Asterisk itself or only the way to it is lost, the bridge cannot know
        if away or any(trouble.part == "ami" for trouble in found):
            found += await self._probe("asterisk")
        if away:
            found += await self._probe("agi")
        age = heartbeat_age(self._settings.run, "watchdog")
        if age is not None and age > STALE_SECONDS * 2:
            found.append(mending.trouble("watchdog", "degraded", "no sign of life"))
        found += [Trouble.of(said) for complain in self.troubles if (said := complain()) is not None]
        rows: dict[str, Trouble] = {}
        for trouble in found:
            known = rows.get(trouble.part)
            if known is None or worst(known.state, trouble.state) != known.state:
                rows[trouble.part] = trouble
        return rows

    async def _ask_bridge(self) -> dict[str, Any] | None:
        try:
            told = await ask(self._settings.bridge_socket, "health", timeout=PATIENCE)
        except (ControlError, ValueError, KeyError, TypeError):
            return None
        return told if isinstance(told, dict) else None

    async def _probe(self, part: str) -> list[Trouble]:
        try:
            async with asyncio.timeout(probes.PROBE_SECONDS):
                await probes.PROBES[part](self._settings)
        except Exception as error:  # whatever it meets is an answer about the part
            return [mending.trouble(part, "down", str(error) or type(error).__name__)]
        return []
