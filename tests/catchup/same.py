"""Whether two records tell the same of a call, as far as both can know it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ami_bridge.ledger import LIVE_ONLY_FIELDS, LIVE_ONLY_FLAGS

CLOSE = 0.25  # seconds: an event and a line of the same moment are written by two threads


def differences(mine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """In words; both as JSON, as the console shows them. Empty: equal but for what only live events know."""
    found: list[str] = []
    _compare("", _known(mine), _known(other), found)
    return found


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    # recordings are filed from Asterisk's spool, by the same hand however the call itself was followed
    kept = {n: value for n, value in record.items() if n not in {*LIVE_ONLY_FIELDS, "recording_ids"}}
    kept["flags"] = sorted(flag for flag in record["flags"] if flag not in set(map(str, LIVE_ONLY_FLAGS)))
    return kept


def _compare(where: str, mine: Any, other: Any, found: list[str]) -> None:
    if isinstance(mine, dict) and isinstance(other, dict):
        for name in sorted(mine.keys() | other.keys()):
            _compare(f"{where}.{name}", mine.get(name), other.get(name), found)
    elif isinstance(mine, list) and isinstance(other, list) and len(mine) == len(other):
        for place, (one, two) in enumerate(zip(mine, other, strict=True)):
            _compare(f"{where}[{place}]", one, two, found)
    elif isinstance(mine, list) and isinstance(other, list):
        found.append(f"{where}: {[_word(one) for one in mine]} is not {[_word(one) for one in other]}")
    elif not _equal(mine, other):
        found.append(f"{where}: {mine!r} is not {other!r}")


def _word(entry: Any) -> Any:
    return entry.get("what", entry) if isinstance(entry, dict) else entry


def _equal(mine: Any, other: Any) -> bool:
    if mine == other:
        return True
    one, two = _seconds(mine), _seconds(other)
    return one is not None and two is not None and abs(one - two) <= CLOSE


def _seconds(value: Any) -> float | None:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value[:2] == "20" and "T" in value:
        return datetime.fromisoformat(value).timestamp()
    return None


def shape(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without times, ids and numbers: what two calls of the same kind have in common."""
    return {
        "ending": record["ending"],
        "ended_by": record["ended_by"],
        "dialled": record["dialled"],
        "gate": (record["gate"]["result"], record["gate"]["keys"]),
        "policy": record["policy"],
        "priority": record["priority"],
        "flags": _known(record)["flags"],
        "legs": [leg["end"] for leg in record["legs"]],
        "timeline": [entry["what"] for entry in record["timeline"]],
        "known": sorted(name for name, value in record.items() if value is not None),
    }
