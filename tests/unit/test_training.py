"""What a run with a simulated caller is worth, element by element."""

from __future__ import annotations

import pytest

from psap.training.callers import simulated_callers, spoken_lines, whispered
from psap.training.model import (
    Kind,
    Score,
    SimulatedCaller,
    Step,
    Training,
    TrainingReport,
    What,
    first_writes,
    score,
    shown,
)

SECOND = 1_000_000
GOOD = {
    "place": "Jl. Ahmad Yani 14 gang 2, dekat pasar",
    "category": "fire",
    "description": "Rumah terbakar, api besar",
    "people": "2 orang di dalam",
    "caller_name": "Bu Yuli",
    "callback_number": "081200000101",
    "classification": "emergency",
}


def run(
    caller: str, report: dict[str, str], *moments: tuple[float, What, str | None]
) -> tuple[SimulatedCaller, Training]:
    """A run that began at 0; ``moments`` are (seconds, what, field)."""
    known = simulated_callers()[caller]
    return known, Training(
        id="1", site="s", agent="agent1", kind=known.kind, caller=caller, started_at=0,
        steps=[Step(at=round(at * SECOND), what=what, field=name) for at, what, name in moments],
        report=TrainingReport.model_validate(report),
    )  # fmt: skip


def missed(found: Score) -> set[str]:
    return {mark.key for mark in found.marks if mark.points < mark.of}


BEGUN = ((1, What.RINGING, None), (3, What.ANSWERED, None), (4, What.SPOKE, None))
WRITTEN = ((9, What.WROTE, "place"), (20, What.WROTE, "category"), (30, What.WROTE, "description"))


def test_a_good_report_is_worth_a_hundred() -> None:
    found = score(*run("house-fire", GOOD, *BEGUN, *WRITTEN, (40, What.ENDED, None)))
    assert (found.points, missed(found)) == (100.0, set())


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"place": "Jalan Pemuda"}, "place"),
        ({"category": "crime"}, "category"),
        ({"people": ""}, "people"),
        ({"caller_name": ""}, "name"),
        ({"callback_number": ""}, "name"),
        ({"classification": "prank"}, "classification"),
        ({"description": "tolong"}, "description"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, str], lost: str) -> None:
    found = score(*run("house-fire", GOOD | change, *BEGUN, *WRITTEN))
    assert missed(found) == {lost}
    assert found.points < 100
    assert all(mark.id and mark.en for mark in found.marks if mark.key == lost)


def test_where_comes_before_what() -> None:
    later = ((9, What.WROTE, "category"), (20, What.WROTE, "place"))
    assert missed(score(*run("house-fire", GOOD, *BEGUN, *later))) == {"place_first"}


def test_who_is_slow_or_never_greets_loses_for_it() -> None:
    slow = ((1, What.RINGING, None), (30, What.ANSWERED, None), (31, What.SPOKE, None))
    assert missed(score(*run("house-fire", GOOD, *slow, *WRITTEN))) == {"answer"}
    mute = BEGUN[:2]
    assert missed(score(*run("house-fire", GOOD, *mute, *WRITTEN))) == {"greeting"}
    assert "answer" in missed(score(*run("house-fire", {}, (1, What.RINGING, None))))


def test_a_silent_caller_who_pressed_55_is_an_emergency_and_gets_time() -> None:
    marked = {"classification": "emergency"}
    patient = (*BEGUN, (20, What.CLASSIFIED, None))
    assert missed(score(*run("silent-danger", marked, *patient))) == set()
    hasty = (*BEGUN, (6, What.CLASSIFIED, None))
    assert missed(score(*run("silent-danger", marked, *hasty))) == {"patience"}
    assert missed(score(*run("silent-danger", {"classification": "ghost"}, *patient))) == {"classification"}
    assert missed(score(*run("silent-line", {"classification": "ghost"}, *patient))) == set()


def test_a_tease_is_told_by_its_name_alone() -> None:
    assert score(*run("pizza", {"classification": "prank"}, *BEGUN)).points == 100.0


def test_a_field_counts_when_it_is_first_filled() -> None:
    empty, place = TrainingReport(), TrainingReport(place="Jl.")
    both = TrainingReport.model_validate({"place": "Jl. A", "category": "fire", "classification": "test"})
    assert [step.field for step in first_writes(empty, place, 1)] == ["place"]
    assert [(s.what, s.field) for s in first_writes(place, both, 2)] == [
        (What.WROTE, "category"),
        (What.CLASSIFIED, None),
    ]
    assert first_writes(both, both, 3) == []


def test_there_are_four_kinds_and_nothing_is_told_beforehand() -> None:
    assert {caller.kind for caller in simulated_callers().values()} == set(Kind)
    caller, going = run("house-fire", {}, *BEGUN)
    assert shown(going, caller)["lines"] == []
    assert shown(going, caller)["title"] is None
    over = going.model_copy(update={"steps": [*going.steps, Step(at=9 * SECOND, what=What.ENDED)]})
    assert len(shown(over, caller)["lines"]) == 5


def test_every_line_is_recorded_and_whispers_are_whispered() -> None:
    assert len(spoken_lines()) == sum(len(caller.lines) for caller in simulated_callers().values())
    assert whispered() == {name for name in spoken_lines() if name.startswith("hides-")}
