"""Hearing which prompt is played: frames received are compared with the home's own recordings."""

from __future__ import annotations

import array
import asyncio
import functools
import wave
from pathlib import Path

from psap.sip import audio
from psap.sip.media import Media

SAMPLES = [audio.ulaw_sample(byte) for byte in range(256)]


@functools.cache
def _recording(path: Path) -> list[list[int]]:
    """The frames of a prompt whose own sound tells it from others, as samples."""
    with wave.open(str(path)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    frames = [list(samples[start : start + audio.FRAME]) for start in range(0, len(samples), audio.FRAME)]
    return [frame for frame in frames if len(frame) == audio.FRAME]


def _alike(heard: list[int], wanted: list[int]) -> bool:
    """Whether two frames are the same sound, but for G.711's rounding."""
    power = sum(sample * sample for sample in wanted)
    error = sum((one - other) ** 2 for one, other in zip(heard, wanted, strict=True))
    return error < 0.02 * power + 160 * 64


def prompts_heard(
    media: Media, sounds: Path, names: list[str], since: float = 0.0
) -> list[tuple[float, str]]:
    """(when it was over, name) of each whole prompt heard since a moment (monotonic), in order."""
    frames = [(when, [SAMPLES[byte] for byte in frame]) for when, frame in media.heard if when > since]
    found: list[tuple[float, str]] = []
    for name in names:
        wanted = _recording(sounds / f"{name}.wav")
        loud = max(range(len(wanted)), key=lambda index: sum(map(abs, wanted[index])))
        for index in range(loud, len(frames) - (len(wanted) - loud) + 1):
            start = index - loud
            checked = range(0, len(wanted), 3)
            if _alike(frames[index][1], wanted[loud]) and all(
                _alike(frames[start + step][1], wanted[step]) for step in checked
            ):
                found.append((frames[start + len(wanted) - 1][0], name))
    return sorted(found)


async def two_digits(media: Media, sounds: Path, since: float, timeout: float = 20) -> tuple[str, float]:
    """The two digits of a challenge once both were heard, and when the second was over."""
    names = [f"{language}/digit-{digit}" for language in ("id", "en") for digit in "12346789"]
    async with asyncio.timeout(timeout):
        while True:
            found = prompts_heard(media, sounds, names, since)
            if len(found) >= 2:
                return "".join(name[-1] for _, name in found[:2]), found[1][0]
            await asyncio.sleep(0.1)
