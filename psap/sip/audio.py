"""Sound for telephones: G.711 in 20 ms frames, made of speech, tones, noise and silence.

A clip is a list of frames of 160 samples, one byte each, 8 kHz. Samples are signed 16 bit.
"""

from __future__ import annotations

import array
import functools
import math
import random
import shutil
import subprocess

FRAME = 160  # samples in one packet
RATE = 8000  # samples a second
PACE = FRAME / RATE  # seconds in one packet
SILENCE = b"\xff" * FRAME  # u-law zero

Clip = list[bytes]

_DTMF = {
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for column, key in zip((1209, 1336, 1477, 1633), keys, strict=True)
}


def ulaw_byte(sample: int) -> int:
    """One u-law byte of a 16 bit sample (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def ulaw_sample(byte: int) -> int:
    """The 16 bit sample of a u-law byte."""
    byte = ~byte & 0xFF
    magnitude = ((byte & 0x0F) << 3) + 132 << (byte >> 4 & 7)
    return 132 - magnitude if byte & 0x80 else magnitude - 132


def alaw_byte(sample: int) -> int:
    """One A-law byte of a 16 bit sample (ITU-T G.711)."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32_767) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = magnitude >> (exponent if exponent else 1) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


_TO_SAMPLE = [ulaw_sample(byte) for byte in range(256)]
_POWER = [sample * sample for sample in _TO_SAMPLE]
U_TO_A = bytes(alaw_byte(sample) for sample in _TO_SAMPLE)  # for bytes.translate


def _nearest_ulaw(a_law: int) -> int:
    byte = a_law ^ 0x55
    exponent, mantissa = byte >> 4 & 7, byte & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else (mantissa << 4) + 264 << exponent - 1
    return ulaw_byte(magnitude if byte & 0x80 else -magnitude)


A_TO_U = bytes(_nearest_ulaw(byte) for byte in range(256))


def level(frame: bytes) -> float:
    """Root mean square of a u-law frame, 0 to 32,124."""
    return math.sqrt(sum(map(_POWER.__getitem__, frame)) / len(frame)) if frame else 0.0


def tone_share(frames: Clip, hertz: float) -> float:
    """Share of a clip's power at one frequency (Goertzel), 0 to 1."""
    samples = [_TO_SAMPLE[byte] for frame in frames for byte in frame]
    power = sum(sample * sample for sample in samples)
    if not power:
        return 0.0
    cosine = 2 * math.cos(2 * math.pi * hertz / RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + cosine * last - before, last
    return 2 * (last * last + before * before - cosine * last * before) / (power * len(samples))


def from_samples(samples: list[int]) -> Clip:
    """A clip of 16 bit samples, the last frame filled with silence."""
    encoded = bytes(map(_encoder().__getitem__, (max(-32_768, min(s, 32_767)) + 32_768 for s in samples)))
    return from_ulaw(encoded)


def from_ulaw(encoded: bytes) -> Clip:
    """A clip of u-law bytes, the last frame filled with silence."""
    encoded += b"\xff" * (-len(encoded) % FRAME)
    return [encoded[start : start + FRAME] for start in range(0, len(encoded), FRAME)]


@functools.cache
def _encoder() -> bytes:
    return bytes(ulaw_byte(sample) for sample in range(-32_768, 32_768))


def tone(hertz: tuple[float, ...], seconds: float, amplitude: int = 6_000) -> Clip:
    """Sines of the given frequencies together."""
    count = int(seconds * RATE)
    steps = [2 * math.pi * frequency / RATE for frequency in hertz]
    return from_samples([int(sum(amplitude * math.sin(step * i) for step in steps)) for i in range(count)])


def dtmf(key: str, seconds: float = 0.2) -> Clip:
    """A key's two tones, in the voice band."""
    return tone(_DTMF[key.upper()], seconds)


def noise(seconds: float, amplitude: int = 3_000, seed: int = 112) -> Clip:
    """Steady noise, as of a street or an engine: no pauses."""
    source = random.Random(seed)  # noqa: S311 - sound, not a secret
    count = int(seconds * RATE)
    return from_samples([int(source.gauss(0, amplitude)) for _ in range(count)])


def pause(seconds: float) -> Clip:
    """Silence."""
    return [SILENCE] * round(seconds / PACE)


@functools.cache
def _spoken(text: str, voice: str) -> bytes:
    programs = [shutil.which("espeak-ng"), shutil.which("sox")]
    if not all(programs):
        raise FileNotFoundError("espeak-ng and sox are needed to speak: run ./112 up first")
    wave = subprocess.run(
        [str(programs[0]), "-v", voice, "-s", "150", "--stdin", "--stdout"],
        input=text.encode(),
        capture_output=True,
        check=True,
    ).stdout
    convert = ["-q", "-t", "wav", "-", "-t", "raw", "-r", "8000", "-c", "1"]
    tail = ["-e", "signed-integer", "-b", "16", "-", "gain", "-n", "-6"]
    raw = subprocess.run(
        [str(programs[1]), *convert, *tail], input=wave, capture_output=True, check=True
    ).stdout
    samples = array.array("h", raw)
    return b"".join(from_samples(samples.tolist()))


def speech(text: str, voice: str = "id") -> Clip:
    """A text spoken by espeak-ng.

    Raises:
        FileNotFoundError: espeak-ng or sox is missing.
    """
    return from_ulaw(_spoken(text, voice))
