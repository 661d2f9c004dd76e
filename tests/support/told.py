"""What a run measured is told at its end, also when pytest's workers measured it."""

from __future__ import annotations

from collections.abc import Iterable

TOLD: dict[str, list[str]] = {}


def tell(title: str, lines: Iterable[str]) -> None:
    """Lines for the end of the run, under a title."""
    TOLD.setdefault(title, []).extend(lines)
