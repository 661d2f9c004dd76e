"""What a flow knows when it begins, and what it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agi import variables
from psap.calls.model import Flag, GateResult, Priority


@dataclass(frozen=True, slots=True)
class Facts:
    """What the dialplan knows of the caller. ``rung`` 0 none .. 5 permanent."""

    key: str = ""
    rung: int = 0
    treatment: str = "none"
    recent_drop: bool = False
    may_55: bool = False

    @classmethod
    def read(cls, words: Mapping[str, str]) -> Facts:
        """From the AGI arguments; what cannot be read counts as nothing known."""
        rung = words.get(variables.RUNG, "")
        return cls(
            key=words.get(variables.KEY, ""),
            rung=int(rung) if rung.isascii() and rung.isdigit() else 0,
            treatment=words.get(variables.TREATMENT, "none"),
            recent_drop=words.get(variables.RECENT_DROP) == "1",
            may_55=words.get(variables.MAY_55) == "1",
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the call goes. ``end``: the caller was told why and the call ends."""

    result: GateResult
    priority: Priority = Priority.NORMAL
    end: bool = False
    flags: tuple[Flag, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Rules:
    """The city's gate: which doors are open, and how long it lasts in seconds."""

    speaking: bool = True
    cannot_speak: bool = True
    recent_drop: bool = True
    no_response_queues: bool = False
    seconds: float = 25.0
    languages: tuple[str, ...] = ("id", "en")
