"""A second copy of the recordings, on another disk: what is not there yet. Each backup would be too big."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psap.platform.settings import Settings
from psap.recordings.model import FOLDER, SHELVED

SPARE = 64 * 2**20  # bytes left free where the copy lies


class CopyError(Exception):
    """The copy cannot be made; what, where and how to mend, in both languages."""


@dataclass(slots=True)
class Copied:
    """What was done: files copied now, files that were there, bytes copied."""

    copied: int = 0
    there: int = 0
    bytes: int = 0


def copy_to(settings: Settings, target: Path) -> Copied:
    """Copy every recording that ``target`` lacks, under the same dated folders; each appears whole.

    Blocking. What retention or an erasure took away here stays there: whoever keeps the copy deletes it.

    Raises:
        CopyError: no room, or the folder cannot be written.
    """
    done = Copied()
    source = settings.home / FOLDER
    if target.resolve().is_relative_to(source.resolve()):
        raise CopyError(
            f"{target} terletak di dalam rekaman itu sendiri / lies within the recordings themselves"
        )
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in _recordings(source):
            size, place = path.stat().st_size, target / path.relative_to(source)
            if place.exists() and place.stat().st_size == size:
                done.there += 1
                continue
            if shutil.disk_usage(target).free < size + SPARE:
                raise CopyError(
                    f"ruang di {target} habis setelah {done.copied} rekaman / no room left in {target} after "
                    f"{done.copied} recordings: kosongkan lalu ulangi / free some, then repeat"
                )
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = place.with_name(f"{place.name}.part")
            with (
                path.open("rb") as from_,
                os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as to,
            ):
                shutil.copyfileobj(from_, to)
                to.flush()
                os.fsync(to.fileno())
            part.replace(place)
            done.copied += 1
            done.bytes += size
    except OSError as error:
        raise CopyError(f"{target}: {error.strerror or error}") from error
    return done


def _recordings(source: Path) -> Iterator[Path]:
    return (path for path in sorted(source.glob("*/*/*/*.wav")) if SHELVED.fullmatch(path.name))
