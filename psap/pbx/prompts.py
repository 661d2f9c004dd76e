"""Prompts: texts in prompts/*.toml become 8 kHz recordings; a city's own recording replaces each.

espeak-ng speaks once per text; the result lies in a cache that all homes share, named by what was
said and how. ``HOME/asterisk/sounds/psap/<lang>/<name>.wav`` is what Asterisk plays.
"""

from __future__ import annotations

import array
import hashlib
import math
import operator
import os
import shutil
import subprocess
import tomllib
import wave
from pathlib import Path

from psap.agencies.profile import PROFILES, Profile
from psap.platform.settings import ROOT, Settings

TEXTS = ROOT / "prompts"
CACHE = Path.home() / ".cache" / "psap112" / "prompts"
RATE = 8000  # samples a second: what a telephone line carries
WORDS_A_MINUTE = {"id": 170, "en": 165, "id+whisper": 150}
LONGEST_SECONDS = 6.0  # no AGI command is longer, so that a hung server costs little
ESPEAK_SECONDS = 20
RECIPE = "3"  # part of the cache's key: a change of the making below makes everything anew
HOLD_SECONDS = 4.0


class PromptError(Exception):
    """A prompt that cannot be made or used; says which and why."""


def texts(language: str) -> dict[str, str]:
    """Name -> text of one language."""
    found: dict[str, str] = tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8"))
    return found


def make_prompts(settings: Settings, profile: Profile, cache: Path = CACHE) -> None:
    """Put every prompt and the hold tone into the home.

    Raises:
        PromptError: espeak-ng is missing, or a recording has the wrong shape.
    """
    cache.mkdir(parents=True, exist_ok=True)
    sounds = settings.pbx / "sounds" / "psap"
    recordings = PROFILES / profile.site / "prompts"
    for language in ("id", "en"):
        for name, text in texts(language).items():
            target = sounds / language / f"{name}.wav"
            own = recordings / language / f"{name}.wav"
            source = own if own.is_file() else _spoken(cache, language, text)
            if seconds(source) > LONGEST_SECONDS:
                raise PromptError(f"{source} is longer than {LONGEST_SECONDS:.0f} s ({language}/{name})")
            _place(source, target)
    hold = cache / f"hold-{RECIPE}.wav"
    if not hold.exists():
        _write(hold, _hold_tone())
    _place(hold, sounds / "hold" / "hold.wav")
    _give_to_owner(settings, sounds)


def make_lines(settings: Settings, lines: dict[str, str], whispered: set[str], cache: Path = CACHE) -> None:
    """Put what simulated callers say (name -> Indonesian text) into the home, for training.

    Raises:
        PromptError: espeak-ng is missing.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = settings.pbx / "sounds" / "psap" / "training"
    for name, text in lines.items():
        voice = "id+whisper" if name in whispered else "id"
        _place(_spoken(cache, voice, text), folder / f"{name}.wav")
    _give_to_owner(settings, folder)


def seconds(path: Path) -> float:
    """Length of a recording.

    Raises:
        PromptError: it is not 8 kHz, mono, 16 bit.
    """
    try:
        with wave.open(str(path), "rb") as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise PromptError(f"{path} is not 8 kHz, mono, 16 bit")
            return file.getnframes() / RATE
    except (OSError, EOFError, wave.Error) as error:
        raise PromptError(f"{path} cannot be read: {error}") from error


def _spoken(cache: Path, language: str, text: str) -> Path:
    speed = WORDS_A_MINUTE[language]
    key = hashlib.sha256(f"{RECIPE}|{language}|{speed}|{text}".encode()).hexdigest()[:32]
    path = cache / f"{key}.wav"
    if path.exists():
        return path
    raw = path.with_suffix(f".{os.getpid()}.raw.wav")
    command = ["espeak-ng", "-v", language, "-s", str(speed), "-w", str(raw), "--", text]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=ESPEAK_SECONDS)
        with wave.open(str(raw), "rb") as file:
            rate = file.getframerate()
            samples = array.array("h", file.readframes(file.getnframes()))
    except FileNotFoundError:
        raise PromptError("espeak-ng is not installed: it speaks the prompts") from None
    except (subprocess.SubprocessError, OSError, EOFError, wave.Error) as error:
        raise PromptError(f"espeak-ng could not speak {language!r}: {error}") from error
    finally:
        raw.unlink(missing_ok=True)
    _write(path, _trim(resample(samples, rate)))
    return path


def resample(samples: array.array[int], rate: int) -> array.array[int]:
    """16-bit samples at ``rate`` -> 8 kHz, through a windowed sinc that keeps the speech band."""
    common = math.gcd(rate, RATE)
    up, down = RATE // common, rate // common
    half = 12 * max(1, math.ceil(rate / RATE))  # input samples on each side
    cut = 0.5 * min(1.0, RATE / rate) * 0.92  # cycles per input sample
    filters = [_taps(phase * down % up / up, half, cut) for phase in range(up)]
    padded = array.array("h", bytes(2 * half)) + samples + array.array("h", bytes(2 * (half + 1)))
    out = array.array("h")
    for n in range(len(samples) * up // down):
        start = n * down // up
        value = sum(map(operator.mul, filters[n % up], padded[start : start + 2 * half + 1]))
        out.append(max(-32768, min(32767, round(value))))
    return out


def _taps(offset: float, half: int, cut: float) -> list[float]:
    taps = []
    for k in range(-half, half + 1):
        x = k - offset
        sinc = 2 * cut if x == 0 else math.sin(2 * math.pi * cut * x) / (math.pi * x)
        taps.append(sinc * (0.5 + 0.5 * math.cos(math.pi * max(-1.0, min(1.0, x / (half + 1))))))
    whole = sum(taps)
    return [tap / whole for tap in taps]


def _trim(samples: array.array[int], threshold: int = 200, keep: int = RATE // 20) -> array.array[int]:
    """Without the silence around the words: the silent window after a prompt is for the caller."""
    loud = [at for at, value in enumerate(samples) if abs(value) > threshold]
    return samples[max(0, loud[0] - keep) : loud[-1] + keep] if loud else samples


def _hold_tone() -> array.array[int]:
    """Two soft notes every four seconds: the caller hears that the line is alive."""
    samples = array.array("h", bytes(2 * int(HOLD_SECONDS * RATE)))
    for start, pitch in ((0.0, 440.0), (0.25, 554.4)):
        length = int(0.22 * RATE)
        for n in range(length):
            swell = math.sin(math.pi * n / length)
            samples[int(start * RATE) + n] = int(2500 * swell * math.sin(2 * math.pi * pitch * n / RATE))
    return samples


def _write(path: Path, samples: array.array[int]) -> None:
    part = path.with_suffix(f".{os.getpid()}.part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    part.replace(path)


def _place(source: Path, target: Path) -> None:
    """A copy, replaced at once: the cache may lie on another disk and be cleared at any time."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    part.chmod(0o644)
    part.replace(target)


def _give_to_owner(settings: Settings, sounds: Path) -> None:
    if os.geteuid() == 0:
        owner = settings.pbx.stat()
        for each in (sounds, *sounds.rglob("*")):
            os.chown(each, owner.st_uid, owner.st_gid)
