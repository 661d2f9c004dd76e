"""How well a conversation could be heard: measurements of browsers, summed up for each agent. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from psap.calls.model import LegQuality

WORST = ("loss", "jitter_ms", "round_trip_ms")  # a bad moment counts, beside the mean
# name: the most that can be meant; seconds of delay and more are a mistake of the measuring
LIMITS = {
    "loss": 1.0,
    "jitter_ms": 10_000.0,
    "level_in": 1.0,
    "level_out": 1.0,
    "round_trip_ms": 60_000.0,
}


def measured(values: Mapping[str, Any]) -> dict[str, float]:
    """What of a browser's measurement is a figure that can be meant; the rest is unknown."""
    found = {}
    for name, most in LIMITS.items():
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[name] = min(max(0.0, float(value)), most)
    return found


def with_sample(known: Sequence[LegQuality], agent: str, sample: Mapping[str, float]) -> list[LegQuality]:
    """The summary with one more measurement of an agent; a new list."""
    mine = next((each for each in known if each.agent == agent), None)
    others = [each for each in known if each is not mine]
    count = mine.samples + 1 if mine is not None else 1
    made: dict[str, Any] = {"agent": agent, "samples": count}
    for name in LIMITS:
        before = getattr(mine, name) if mine is not None else None
        now = sample.get(name)
        if before is None or now is None:
            made[name] = now if before is None else before
        else:
            made[name] = before + (now - before) / count
        if made[name] is not None:
            made[name] = round(made[name], 4)
    for name in WORST:
        before = getattr(mine, f"{name}_worst") if mine is not None else None
        both = [each for each in (before, sample.get(name)) if each is not None]
        made[f"{name}_worst"] = round(max(both), 4) if both else None
    return [*others, LegQuality(**made)]
