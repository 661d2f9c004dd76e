"""The ladder as a table: marks in, rung out."""

from __future__ import annotations

import pytest

from psap.agencies.model import BlockingRules
from psap.callers.model import (
    DAY_US,
    HOUR_US,
    Block,
    Mark,
    MarkKind,
    Origin,
    Protection,
    RungNumber,
    standing,
    state_of,
    strongest,
    why,
)

NOW = 1_790_000_000_000_000
RULES = BlockingRules()
BOGOR = BlockingRules(treatment="announce")


def marks(*ages_hours: float, kind: MarkKind = MarkKind.PRANK) -> list[Mark]:
    return [
        Mark(call_id=f"{kind}-{age}", kind=kind, author="agent1", at=NOW - int(age * HOUR_US))
        for age in ages_hours
    ]


@pytest.mark.parametrize(
    ("ages", "rung", "treatment", "hours_left", "waits"),
    [
        ([0], 1, "warn", 30 * 24, False),
        ([1, 0], 2, "challenge", 30 * 24, False),
        ([2, 1, 0], 3, "announce", 24, False),
        ([3, 2, 1, 0], 4, "announce", 72, False),
        ([4, 3, 2, 1, 0], 5, "announce", 72, True),
        ([5, 4, 3, 2, 1, 0], 5, "announce", 72, True),
        ([31 * 24, 29 * 24, 0], 2, "challenge", 30 * 24, False),  # the first left the window
        ([4, 3, 2], 3, "announce", 22, False),
    ],
)
def test_the_ladder(ages: list[float], rung: int, treatment: str, hours_left: int, waits: bool) -> None:
    found = standing(marks(*ages), BOGOR, [], NOW)
    assert found is not None
    assert (found.rung, found.treatment, found.awaits_confirmation) == (rung, treatment, waits)
    assert found.expires_at == NOW + hours_left * HOUR_US


def test_nothing_held() -> None:
    assert standing([], RULES, [], NOW) is None
    assert standing(marks(31 * 24), RULES, [], NOW) is None
    assert standing(marks(27, 26, 25), RULES, [], NOW) is None  # the 24 hours are over


@pytest.mark.parametrize("protection", list(Protection))
def test_the_protected_are_warned_at_most(protection: Protection) -> None:
    found = standing(marks(5, 4, 3, 2, 1, 0), RULES, [protection], NOW)
    assert found is not None
    assert found.rung is RungNumber.WARNING


def test_silence_alone_never_goes_beyond_the_warning() -> None:
    assert standing(marks(1, 0, kind=MarkKind.NO_RESPONSE), RULES, [], NOW) is None
    many = standing(marks(*range(50), kind=MarkKind.NO_RESPONSE), RULES, [], NOW)
    assert many is not None
    assert many.rung is RungNumber.WARNING
    # nor does it push a confirmed mark any higher
    mixed = standing(marks(*range(50), kind=MarkKind.NO_RESPONSE) + marks(0), RULES, [], NOW)
    assert mixed is not None
    assert mixed.rung is RungNumber.WARNING


def test_a_city_may_have_a_ladder_of_its_own() -> None:
    rules = BlockingRules.model_validate({"ladder": ["warning", "block", "permanent"], "hours": [12]})
    second = standing(marks(1, 0), rules, [], NOW)
    third = standing(marks(2, 1, 0), rules, [], NOW)
    assert second is not None
    assert third is not None
    assert (second.rung, second.expires_at) == (3, NOW + 12 * HOUR_US)
    assert (third.rung, third.expires_at, third.awaits_confirmation) == (5, NOW + 12 * HOUR_US, True)


def block(name: str, rung: int, hours: float | None, **more: object) -> Block:
    values: dict[str, object] = {
        "id": name,
        "number": "0812",
        "number_key": "62812",
        "rung": rung,
        "treatment": "challenge",
        "reason": "iseng",
        "author": "supervisor1",
        "origin": Origin.PERSON,
        "started_at": NOW - DAY_US,
        "expires_at": None if hours is None else NOW + int(hours * HOUR_US),
    }
    return Block.model_validate(values | more)


@pytest.mark.parametrize(
    ("blocks", "winner"),
    [
        ([block("a", 1, None), block("b", 3, 1)], "b"),
        ([block("a", 4, 72), block("b", 3, None)], "b"),  # else the permanent one would be lost
        ([block("a", 3, 24), block("b", 4, 72)], "b"),
        ([block("a", 3, -1), block("b", 1, 5)], "b"),
        ([block("a", 3, 5, removed_at=NOW - 1), block("b", 2, 5)], "b"),
    ],
)
def test_the_strongest_decides(blocks: list[Block], winner: str) -> None:
    found = strongest(blocks, NOW)
    assert found is not None
    assert found.id == winner
    assert strongest(reversed(blocks), NOW) == found


def test_what_is_pushed() -> None:
    assert block("id", 3, None).pushed() == "0|3|challenge|id"
    assert block("id", 3, 1).pushed() == f"{(NOW + HOUR_US) // 1_000_000}|3|challenge|id"
    late = block("id", 3, None, expires_at=1_500_000)
    assert late.pushed().startswith("2|")  # rounded up: never let in too early


def test_the_words_name_time_reason_and_protection() -> None:
    entry = block("id", 5, 72, treatment="announce", origin=Origin.LADDER, awaits_confirmation=True)
    words = why(entry, marks(2, 1), [Protection.EMERGENCY])
    assert state_of(entry) == "blocked"
    for part in (
        "diberi tahu lalu panggilan diakhiri",
        "hingga",
        "iseng",
        "2 iseng",
        "supervisor",
        "darurat",
    ):
        assert part in words.id
    for part in ("told so and the call ends", "until", "2 prank", "Awaits", "real emergency"):
        assert part in words.en
    assert why(None, [], []).en == "Nothing is held against it."
