"""Who a person is to us - a telephone number - and what of it may go, what must stay, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psap.callers.numbers import block_key

Rows = list[dict[str, Any]]

# reason -> (Indonesian, English)
WHY: dict[str, tuple[str, str]] = {
    "legal_hold": ("ditahan untuk kepentingan hukum", "on legal hold"),
    "in_progress": (
        "panggilan masih berlangsung; ulangi setelah selesai",
        "the call is in progress; repeat when it has ended",
    ),
    "open": (
        "masih ditangani; ulangi setelah ditutup",
        "still being dealt with; repeat when it is closed",
    ),
    "active_block": (
        "blokir masih berlaku: penghapusan tidak boleh mencabutnya",
        "the block is in force: an erasure must not lift it",
    ),
    "append_only": (
        "audit tidak dapat diubah; di dalamnya tidak ada nomor, hanya sidik berkunci",
        "the audit cannot be changed; it holds no number, only a keyed hash",
    ),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A number in every spelling we store. ``key``: None for whom nobody can block. ``subject``: the
    audit's name for it."""

    key: str | None
    spellings: frozenset[str]
    subject: str


@dataclass(slots=True)
class Verdict:
    """What an erasure changes, by table, and what stays: (table, reason) -> how many rows."""

    goes: dict[str, Rows] = field(default_factory=dict)
    stays: dict[tuple[str, str], int] = field(default_factory=dict)

    def keep(self, table: str, reason: str) -> None:
        self.stays[table, reason] = self.stays.get((table, reason), 0) + 1


def identity(number: str, area_code: str, subject: str) -> Identity:
    """Whom a number means."""
    text = number.strip()
    key = block_key(text, area_code)
    spellings = {text, text.lstrip("+")}
    if key is not None:
        spellings |= {key, f"+{key}", f"00{key}"}
        if key.startswith("62"):
            spellings.add(f"0{key[2:]}")
            local = area_code.lstrip("0")
            if key[2:].startswith(local):
                spellings.add(key[2 + len(local) :])
    return Identity(key, frozenset(word for word in spellings if len(word) > 2), subject)


def judge(found: dict[str, Rows], now_us: int) -> Verdict:
    """What of a person's rows may be erased now."""
    verdict = Verdict({name: [] for name in ("calls", "missed", "marks", "blocks", "incidents")})
    blocked = any(_in_force(row, now_us) for row in found["blocks"])
    for name in verdict.goes:
        for row in found[name]:
            reason = _stays(name, row, now_us, blocked)
            if reason is None:
                verdict.goes[name].append(row)
            else:
                verdict.keep(name, reason)
    _judge_recordings(found, verdict)
    for _ in found["audit"]:
        verdict.keep("audit", "append_only")
    return verdict


def _judge_recordings(found: dict[str, Rows], verdict: Verdict) -> None:
    """A voice is the person: it goes with its call, unless it, its call or the call's incident is held."""
    going = {row["id"]: row for row in verdict.goes["calls"]}
    held = {row["id"] for row in found["incidents"] if row.get("legal_hold")}
    verdict.goes["recordings"] = []
    for row in found.get("recordings", ()):
        call = going.get(row["call_id"])
        if row.get("legal_hold") or call is None or call.get("incident_id") in held:
            verdict.keep("recordings", "legal_hold")
        else:
            verdict.goes["recordings"].append(row)


def _stays(table: str, row: dict[str, Any], now_us: int, blocked: bool) -> str | None:
    if row.get("legal_hold"):
        return "legal_hold"
    if table == "calls" and row["ending"] is None:
        return "in_progress"
    if table == "missed" and row["closed_at"] is None:
        return "open"
    if table == "incidents" and row["status"] == "open":
        return "open"
    if table == "blocks" and _in_force(row, now_us):
        return "active_block"
    if table == "marks" and blocked:
        return "active_block"
    return None


def _in_force(row: dict[str, Any], now_us: int) -> bool:
    return row["removed_at"] is None and (row["expires_at"] is None or row["expires_at"] > now_us)
