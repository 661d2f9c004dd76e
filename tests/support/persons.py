"""Everybody the tests made up, and the search for them where nobody may stand: the logs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

homes: set[Path] = set()  # every home that was started in this session
_words: set[str] = set()

# an Indonesian subscriber as people and carriers write it, a city's landline, a telephone without SIM;
# not inside a longer word or figure (an id, a time), and not a number that begins with our own 112
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z._*-])(?:(?:\+?62|0)[ -]?8[0-9]{2}[ -]?[0-9]{3,4}[ -]?[0-9]{2,5}"
    r"|(?:\+?62|0)2[1-9][0-9]{6,8}|911-?[0-9]{14,16})(?![0-9A-Za-z*-])"
)
_FIGURES = re.compile(r"[0-9]{8,}")


def remember(word: str) -> str:
    """A person's number, name, note or address that must stand in no log; the word itself."""
    _words.add(word)
    return word


def in_logs(home: Path) -> list[str]:
    """``FILE:LINE: what`` for each personal datum in the logs and heartbeats of one home."""
    needles, figures = _spellings()
    found: list[str] = []
    for path in log_files(home):
        for place, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
            lower = line.lower()
            leaked = next((needle for needle in needles if needle in lower), None)
            leaked = leaked or next((run for run in _FIGURES.findall(line) if run in figures), None)
            leaked = leaked or _number_in(line)
            if leaked:
                found.append(f"{path}:{place}: {leaked!r} in {line[:200]}")
    return found


def log_files(home: Path) -> list[Path]:
    """Every log, rotated ones too, and every heartbeat."""
    patterns = ("log/*", "asterisk/log/messages*", "asterisk/log/full*", "run/*.json")
    return sorted({path for pattern in patterns for path in home.glob(pattern) if path.is_file()})


def _number_in(line: str) -> str | None:
    match = _NUMBER.search(line)
    return match[0] if match else None


def _spellings() -> tuple[set[str], set[str]]:
    """(words as they stand, in JSON and in a URL; figures: a number, as a key too)."""
    needles: set[str] = set()
    figures: set[str] = set()
    for word in _words:
        if word.isdigit():
            figures |= {word, f"62{word[1:]}", word[1:]} if word.startswith("0") else {word}
        else:
            needles |= {
                way.lower() for way in (word, json.dumps(word)[1:-1], quote(word), quote(word, safe=""))
            }
    return needles, figures
