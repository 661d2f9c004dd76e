"""Memory and file handles of every process of a home, from start to end."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from psap.platform import supervise
from psap.platform.settings import Settings

PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
WARM_UP = 20.0  # seconds of a process's life that say nothing about a leak


@dataclass(slots=True)
class Life:
    """One process from one start to its end. Samples: (seconds, kB resident, file handles)."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Growth:
    """Of one part: resident kB and file handles first and last seen, and an hour within one life."""

    part: str
    lives: int
    kb_start: int
    kb_end: int
    handles_start: int
    handles_end: int
    kb_an_hour: float | None
    handles_an_hour: float | None


class Watch:
    """Looks at all processes of a home every few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._began = time.monotonic()
        self._lives: dict[tuple[str, int], Life] = {}

    async def run(self, every: float = 3.0) -> None:
        """Until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(every)

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
            first, last = lives[0].samples[0], lives[-1].samples[-1]
            settled = [
                [each for each in life.samples if each[0] - life.samples[0][0] >= WARM_UP] for life in lives
            ]
            out.append(
                Growth(
                    part,
                    len(lives),
                    first[1],
                    last[1],
                    first[2],
                    last[2],
                    slope([[(t, kb) for t, kb, _ in life] for life in settled]),
                    slope([[(t, handles) for t, _, handles in life] for life in settled]),
                )
            )
        return out


def slope(lives: list[list[tuple[float, int]]]) -> float | None:
    """Growth an hour within single lives (least squares around each life's own mean); None: too short."""
    over = under = 0.0
    for life in lives:
        if len(life) < 3:
            continue
        mean_t = sum(t for t, _ in life) / len(life)
        mean_v = sum(v for _, v in life) / len(life)
        over += sum((t - mean_t) * (v - mean_v) for t, v in life)
        under += sum((t - mean_t) ** 2 for t, _ in life)
    return over / under * 3600 if under > 100 else None
