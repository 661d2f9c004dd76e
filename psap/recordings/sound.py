"""WAV files as Asterisk writes them: how long, whole or cut off, how loud. Nothing else touches the bytes."""

from __future__ import annotations

import array
import hashlib
import json
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEAD = 44  # bytes before the samples: RIFF, fmt (PCM), data
RATE, WIDTH = 8000, 2  # samples a second, bytes a sample; mono
PEAKS_PER_SECOND = 10
MOST_PEAKS = 3_000  # in all: an hour and a half is drawn from these too
LOUDEST = 32_768
BLOCK = 1024 * 1024


class SoundError(Exception):
    """No recording of ours; ``str()`` says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A file's measures. ``sealed``: its head tells its true length, so Asterisk has closed it."""

    bytes: int
    seconds: float
    sealed: bool


def measure(path: Path) -> Sound:
    """Look at a file's head and size.

    Raises:
        SoundError: not 8 kHz, mono, 16 bit.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        size = os.fstat(file.fileno()).st_size
    if len(head) < HEAD:
        return Sound(size, 0.0, sealed=False)
    kind, channels, rate, bits = struct.unpack("<HHI6xH", head[20:36])
    if head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt " or head[36:40] != b"data":
        raise SoundError(f"{path.name} is no WAV file")
    if (kind, channels, rate, bits) != (1, 1, RATE, 8 * WIDTH):
        raise SoundError(f"{path.name} is not 8 kHz, mono, 16 bit")
    told: int = struct.unpack("<I", head[40:44])[0]
    samples = max(0, size - HEAD) // WIDTH
    return Sound(size, round(samples / RATE, 3), sealed=told == size - HEAD)


def mend(path: Path) -> None:
    """Write the true length into the head of a file that nobody closed: players believe it."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", size - 8))
        file.seek(40)
        file.write(struct.pack("<I", size - HEAD))


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def peaks(path: Path) -> dict[str, Any]:
    """``{"seconds", "peaks": [0..1]}``: the loudest sample of each stretch, all stretches alike long.

    Raises:
        SoundError, OSError: as ``measure``.
    """
    sound = measure(path)
    samples = int(sound.seconds * RATE)
    step = max(RATE // PEAKS_PER_SECOND, -(-samples // MOST_PEAKS))
    found: list[float] = []
    with path.open("rb") as file:
        file.seek(HEAD)
        while chunk := file.read(step * WIDTH):
            values = array.array("h", chunk[: len(chunk) // WIDTH * WIDTH])
            if sys.byteorder == "big":
                values.byteswap()
            if values:
                found.append(round(max(max(values), -min(values)) / LOUDEST, 3))
    return {"seconds": sound.seconds, "peaks": found}


def cached_peaks(path: Path, cache: Path) -> dict[str, Any]:
    """The peaks of a file, made once and kept beside it; a disk that takes nothing costs only the time."""
    try:
        kept = json.loads(cache.read_bytes())
        if isinstance(kept, dict) and isinstance(kept.get("peaks"), list):
            return kept
    except (OSError, ValueError):
        pass
    made = peaks(path)
    part = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(made, separators=(",", ":")), "utf-8")
        part.chmod(0o600)
        part.replace(cache)
    except OSError:
        part.unlink(missing_ok=True)
    return made
