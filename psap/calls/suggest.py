"""Suggestions with their evidence: what a call looks like. The agent's word decides. Pure.

Each line of evidence is ``{"what", "value", "id", "en"}``: a stable word, a measured value, and
the same in words for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psap.calls.model import Flag

QUIET_SECONDS = 1.0  # less speech than this in a whole conversation is nearly silence
GHOST_AFTER = 6.0  # seconds of talk before silence means anything
SHORT_SECONDS = 15.0  # an answered call this short seldom holds a report
SHORT_CALLS = 3  # so many of them within a day are a pattern

Evidence = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Signs:
    """What was measured. None: not known, which suggests nothing."""

    talk_seconds: float | None = None
    speech_seconds: float | None = None  # None: the detector gave no word at all on a live channel
    packets: int | None = None
    short_calls: int = 0  # earlier answered calls below SHORT_SECONDS, within a day
    failed_challenges: int = 0  # within 30 days
    marks: int = 0  # confirmed, within 30 days


def _line(what: str, value: float | int, indonesian: str, english: str) -> dict[str, Any]:
    return {"what": what, "value": value, "id": indonesian, "en": english}


def ghost(signs: Signs) -> Evidence:
    """Evidence that nobody speaks; empty: no suggestion."""
    if signs.talk_seconds is None:
        return []
    if signs.packets == 0:
        return [
            _line("rtp_packets", 0, "Tidak ada suara (RTP) yang diterima", "No audio (RTP) was received"),
            _duration(signs.talk_seconds),
        ]
    speech = signs.speech_seconds
    if speech is None or speech >= QUIET_SECONDS or signs.talk_seconds < GHOST_AFTER:
        return []
    spoken = f"{speech:.1f}".replace(".", ",")
    return [
        _line(
            "speech_seconds",
            round(speech, 1),
            f"Pelapor berbicara hanya {spoken} detik",
            f"The caller spoke for only {speech:.1f} s",
        ),
        _duration(signs.talk_seconds),
    ]


def _duration(seconds: float) -> dict[str, Any]:
    return _line(
        "talk_seconds",
        round(seconds, 1),
        f"Percakapan {seconds:.0f} detik",
        f"The conversation lasted {seconds:.0f} s",
    )


def prank(signs: Signs) -> Evidence:
    """Evidence of teasing; empty: no suggestion."""
    found: Evidence = []
    if signs.marks:
        found.append(
            _line(
                "marks",
                signs.marks,
                f"{signs.marks} panggilan ditandai iseng atau hantu dalam 30 hari",
                f"{signs.marks} calls marked as prank or ghost within 30 days",
            )
        )
    if signs.failed_challenges:
        found.append(
            _line(
                "failed_challenges",
                signs.failed_challenges,
                f"{signs.failed_challenges} kali gagal menekan angka yang diminta",
                f"Failed the two-digit challenge {signs.failed_challenges} times",
            )
        )
    short = signs.talk_seconds is not None and signs.talk_seconds < SHORT_SECONDS
    count = signs.short_calls + (1 if short else 0)
    if count >= SHORT_CALLS:
        found.append(
            _line(
                "short_calls",
                count,
                f"{count} panggilan terjawab yang sangat singkat dalam 24 jam",
                f"{count} very short answered calls within 24 hours",
            )
        )
    return found


def suggestions(signs: Signs) -> list[tuple[Flag, Evidence]]:
    """Each flag that is suggested, with its evidence."""
    pairs = [(Flag.SUSPECTED_GHOST, ghost(signs)), (Flag.SUSPECTED_PRANK, prank(signs))]
    return [(flag, evidence) for flag, evidence in pairs if evidence]
