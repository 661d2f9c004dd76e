"""What ``./112 doctor`` says about a home's data: its backups, its reserve, its database file."""

from __future__ import annotations

import time
from collections.abc import Iterator

from psap.platform import backup, disk, sqlite
from psap.platform.settings import Settings

OLD_HOURS = 26.0  # an hourly backup should be there; a day without one is a fault

Fact = tuple[str, str, str]  # what, how it is, how to mend it


def facts(settings: Settings) -> Iterator[Fact]:
    """Nothing for a home that never ran."""
    path = sqlite.path_of(settings.effective_database_url)
    if path is None or not path.exists():
        return
    fault = sqlite.fault_of(path)
    mend = "./112 down; ./112 restore CADANGAN/BACKUP; ./112 up" if fault else ""
    yield "Basis data / database", fault or "utuh / sound", mend
    room = disk.look(settings)
    trouble = room.trouble() if room.held else None
    reserve = f"{room.held / 2**20:.0f} MB"
    yield "Ruang cadangan / reserve", reserve, f"{trouble.id} / {trouble.en}" if trouble else ""
    newest = max((made.stat().st_mtime for made in backup.listed(settings)), default=None)
    if newest is None:
        yield "Cadangan / backup", "belum ada / none yet (./112 backup)", ""
        return
    hours = (time.time() - newest) / 3600
    yield "Cadangan / backup", f"{hours:.1f} jam/h", "./112 backup" if hours > OLD_HOURS else ""
