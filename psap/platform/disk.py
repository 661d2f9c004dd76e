"""Room on the disk that holds a home: what is kept back for records, and what stops first.

``HOME/reserve`` is a file of zeros that takes up room while there is some. When the disk fills up
it is given back a quarter at a time, so that records, Asterisk's ledger and Redis can go on
writing; it is made anew once there is room again. Recordings, backups and exports stop earlier,
when the room is merely low. Calls need no disk at all.
"""

# ruff: noqa: E501 - sentences
from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from psap.platform.settings import Settings
from psap.platform.troubles import Trouble

LARGEST_RESERVE = 64 * 2**20  # bytes: some days of records and ledger
SHARE = 20  # ... or this part of a small disk
LOW_BYTES = 1 * 2**30  # below this, or a tenth of a small disk, the room is low
PARTS = 4


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of a disk. ``held``: size of the reserve; ``full``: it is being given back, or cannot be made."""

    total: int
    free: int
    held: int
    full: bool

    @property
    def low(self) -> bool:
        """Too little for anything but records."""
        return self.full or self.free < low_limit(self.total)

    @property
    def percent(self) -> float:
        return 100 * self.free / self.total if self.total else 0.0

    def trouble(self) -> Trouble | None:
        """What everybody is told; None while there is room."""
        left = f"{self.free / 2**20:.0f} MB, {self.percent:.1f} %"
        if self.full:
            return Trouble(
                "disk",
                "down",
                "Disk penuh: panggilan tetap berjalan dan tercatat dari ruang cadangan; rekaman, cadangan, dan "
                "ekspor berhenti. Segera kosongkan ruang (./112 doctor).",
                "The disk is full: calls go on and are recorded into the reserve; recordings, backups and "
                "exports have stopped. Free some space now (./112 doctor).",
                f"{left} left, reserve {self.held / 2**20:.1f} MB",
            )
        if self.low:
            return Trouble(
                "disk",
                "degraded",
                "Ruang disk hampir habis: panggilan tetap berjalan; rekaman, cadangan otomatis, dan ekspor "
                "berhenti. Kosongkan ruang (./112 doctor).",
                "Disk space is running out: calls go on; recordings, automatic backups and exports have "
                "stopped. Free some space (./112 doctor).",
                f"{left} left",
            )
        return None


def low_limit(total: int) -> int:
    """Free bytes below which only records are written."""
    return min(LOW_BYTES, total // 10)


def reserve_size(total: int) -> int:
    """Bytes kept back on a disk of this size."""
    return min(LARGEST_RESERVE, total // SHARE)


def reserve_file(settings: Settings) -> Path:
    return settings.home / "reserve"


def look(settings: Settings) -> Room:
    """How things are; changes nothing."""
    usage = shutil.disk_usage(settings.home)
    held, size = _size(reserve_file(settings)), reserve_size(usage.total)
    # a home that never ran has no reserve yet and needs none
    full = usage.free < size // 2 or 0 < held < size or (held == 0 and usage.free < 3 * size)
    return Room(usage.total, usage.free, held, full)


def may_record(settings: Settings) -> bool:
    """Whether recordings, backups and exports may be written now. They stop first."""
    return not look(settings).low


def tend(settings: Settings) -> Room:
    """Keep the reserve: give back a part where the disk is full, make it anew where there is room.

    Blocking, for a thread. Raises OSError where the disk does not even allow that.
    """
    usage, path = shutil.disk_usage(settings.home), reserve_file(settings)
    held, size = _size(path), reserve_size(usage.total)
    if usage.free < size // 2:
        if held > 0:
            os.truncate(path, max(0, held - (size + PARTS - 1) // PARTS))
    elif held < size and usage.free > 3 * size:
        _hold(path, size)
    elif held > size:  # the disk became smaller
        os.truncate(path, size)
    return look(settings)


def make_room(settings: Settings) -> int:
    """Delete what of ours nobody will miss: older logs. How many bytes that gave."""
    given = 0
    for path in settings.logs.glob("*.log.[0-9]*"):
        given += _size(path)
        path.unlink(missing_ok=True)
    return given


def _hold(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
