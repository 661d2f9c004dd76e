"""Memory and file handles of every process of a home."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from psap.platform import supervise
from psap.platform.settings import Settings

PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
FLAT_SHARE, FLAT_KB = 0.05, 4096  # growth from the first third to the last that is none: the larger of both
FLAT_HANDLES = 5


@dataclass(slots=True)
class Life:
    """One process from one start to its end. Samples: (seconds, kB resident, file handles)."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Growth:
    """Of one part: how often it started, its memory (medians of the first and the last third of the calm
    part) and its file handles at rest (no call there) before and after it: with calls there, their number
    follows how many there happen to be.

    None: it did not live through the whole calm part.
    """

    part: str
    lives: int
    kb: tuple[int, int] | None
    handles: tuple[int, int] | None

    @property
    def flat(self) -> bool:
        """Whether neither memory nor handles grew over the calm part."""
        if self.kb is None or self.handles is None:
            return False
        grown = self.kb[1] - self.kb[0]
        return grown <= max(FLAT_KB, self.kb[0] * FLAT_SHARE) and (
            self.handles[1] - self.handles[0] <= FLAT_HANDLES
        )


class Watch:
    """Looks at all processes of a home every few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        self._lives: dict[tuple[str, int], Life] = {}
        self._calm: tuple[float, float] | None = None
        self._rests: list[float] = []

    async def run(self, every: float = 3.0) -> None:
        """Until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(every)

    def calm(self, began: float, ended: float) -> None:
        """Between these two moments (monotonic) calls came and nothing was broken."""
        self._calm = began - self._began, ended - self._began

    def rest(self) -> None:
        """No call is there now: look at the handles."""
        self.look()
        self._rests.append(time.monotonic() - self._began)

    def look(self) -> None:
        """One sample of each process."""
        now = time.monotonic() - self._began
        biggest: dict[str, tuple[int, int, int]] = {}
        for pid, part in supervise.survivors(self._settings).items():
            try:
                kb = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE_KB
                handles = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a count, many times
            except OSError:
                continue
            # a part's wrapper (a shell, unshare) is smaller than the part
            biggest[part] = max(biggest.get(part, (0, 0, 0)), (kb, handles, pid))
        for part, (kb, handles, pid) in biggest.items():
            self._lives.setdefault((part, pid), Life()).samples.append((now, kb, handles))

    def growth(self) -> list[Growth]:
        """Every part's figures."""
        out = []
        for part in sorted({part for part, _ in self._lives}):
            lives = [life for (name, _), life in self._lives.items() if name == part]
            first, last = self._thirds(lives[-1])
            kb = handles = None
            if first and last:
                kb = int(median(each[1] for each in first)), int(median(each[1] for each in last))
                handles = self._at_rest(lives[-1])
            out.append(Growth(part, len(lives), kb, handles))
        return out

    def _at_rest(self, life: Life) -> tuple[int, int] | None:
        if len(self._rests) < 2:
            return None
        at = [[each for each in life.samples if each[0] <= rest][-1:] for rest in self._rests[-2:]]
        return (at[0][0][2], at[1][0][2]) if at[0] and at[1] else None

    def _thirds(self, life: Life) -> tuple[list[tuple[float, int, int]], list[tuple[float, int, int]]]:
        if self._calm is None:
            return [], []
        began, ended = self._calm
        third = (ended - began) / 3
        return (
            [each for each in life.samples if began <= each[0] < began + third],
            [each for each in life.samples if ended - third <= each[0] < ended],
        )
