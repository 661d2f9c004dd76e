"""Hearing which prompt is played: what is received is searched for the home's own recordings."""

from __future__ import annotations

import array
import asyncio
import functools
import wave
from pathlib import Path

from psap.sip import audio
from psap.sip.media import Media

CHUNK = 480  # bytes compared: 60 ms at the loudest place, alike in no two prompts


@functools.cache
def _fingerprint(path: Path) -> tuple[bytes, int]:
    """(u-law bytes at a prompt's loudest place, bytes from there to its end), as Asterisk encodes them."""
    with wave.open(str(path)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    # Asterisk's table has one entry for four neighbouring samples: the highest of them
    encoded = bytes(audio.ulaw_byte(sample | 3) for sample in samples)
    steps = range(0, len(encoded) - CHUNK, 80)
    loudest = max(steps, key=lambda start: audio.level(encoded[start : start + CHUNK]))
    return encoded[loudest : loudest + CHUNK], len(encoded) - loudest


def prompts_heard(media: Media, sounds: Path, names: list[str], since: float) -> list[tuple[float, str]]:
    """(about when it is over, name) of each prompt heard since a moment (monotonic), in order."""
    frames = [(when, frame) for when, frame in media.heard if when > since]
    data = b"".join(frame for _, frame in frames)
    moments = [when for when, frame in frames for _ in range(0, len(frame), 8)]
    found: list[tuple[float, str]] = []
    for name in names:
        chunk, rest = _fingerprint(sounds / f"{name}.wav")
        at = data.find(chunk)
        while at >= 0:
            found.append((moments[min(at // 8, len(moments) - 1)] + rest / audio.RATE, name))
            at = data.find(chunk, at + 1)
    return sorted(found)


async def two_digits(media: Media, sounds: Path, since: float, timeout: float = 20) -> tuple[str, float]:
    """The two digits of a challenge once both were heard, and when the second is over."""
    names = [f"{language}/digit-{digit}" for language in ("id", "en") for digit in "12346789"]
    async with asyncio.timeout(timeout):
        while True:
            found = prompts_heard(media, sounds, names, since)
            if len(found) >= 2:
                return "".join(name[-1] for _, name in found[:2]), found[1][0]
            await asyncio.sleep(0.1)
