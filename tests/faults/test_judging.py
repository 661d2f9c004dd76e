"""The matrix's judge is judged: what must not pass does not pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.cells import BEFORE, BY_KEY, CELLS, QUEUE, TALKING, WRAPPING, Cell
from tests.faults.placing import Placed
from tests.faults.results import BEGIN, END, Result, Results, Told, cells_on_page, failed, write_page
from tests.faults.running import wrong_in

BRIDGE = Cell("ami_bridge", "killed", TALKING)
ASTERISK = Cell("asterisk", "killed", TALKING)
RECORD: dict[str, Any] = {
    "ending": "answered", "ended_by": "caller", "agent": "agent1", "talk_seconds": 1.2, "answered_at": "then",
    "gate": {"result": "key0"},
}  # fmt: skip


def test_a_true_record_is_not_wrong() -> None:
    assert wrong_in(RECORD, BRIDGE, Placed("1", talked=1.1)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"ending": "failed"},
        {"ended_by": "agent"},
        {"agent": None},
        {"talk_seconds": None},
        {"talk_seconds": 9.0},
        {"gate": None},
        {"gate": {"result": "local"}},
    ],
)
def test_a_record_that_tells_it_otherwise_is_wrong(change: dict[str, Any]) -> None:
    assert len(wrong_in({**RECORD, **change}, BRIDGE, Placed("1", talked=1.1))) == 1


def test_who_died_with_asterisk_is_failed_with_what_is_known() -> None:
    lost = {**RECORD, "ending": "failed", "ended_by": "system", "talk_seconds": None}
    placed = Placed("1", stage=TALKING)
    assert wrong_in(lost, ASTERISK, placed) == []
    assert len(wrong_in(RECORD, ASTERISK, placed)) == 1
    assert len(wrong_in({**lost, "agent": None, "answered_at": None}, ASTERISK, placed)) == 2


def test_which_calls_are_bad_by_nature() -> None:
    losing = {cell.part for cell in CELLS if cell.loses}
    assert losing == {"asterisk"}
    assert BY_KEY[f"asterisk, killed, {QUEUE}"].loses
    assert not BY_KEY[f"asterisk, killed, {BEFORE}"].loses
    assert not BY_KEY[f"asterisk, killed, {WRAPPING}"].loses
    assert not BY_KEY[f"asterisk, paused, {TALKING}"].loses


def test_what_was_not_run_or_took_too_long_has_failed(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    assert failed(results, [BRIDGE]) == {BRIDGE.key: ["was not run"]}
    results.add(Result(*BRIDGE.key.split(", "), reached=True, seconds=16.1))
    assert "16.1 s more" in failed(results, [BRIDGE])[BRIDGE.key][0]
    results.add(Result("nothing", "well", TALKING, reached=True, seconds=0.2))
    assert "at most 8" in failed(results, [BRIDGE])[BRIDGE.key][0]
    results.add(Result("nothing", "well", TALKING, reached=True, seconds=8.2))
    assert failed(results, [BRIDGE]) == {}


def test_results_are_found_again_and_stand_on_the_page(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    told = [Told("id", 1, "answered", "live", "key0", 1, 1)]
    results.add(Result(*BRIDGE.key.split(", "), reached=True, seconds=0.1, told=told, well_again=1.0))
    results.add(Result(*ASTERISK.key.split(", "), faults=["2 records | of one call"]))
    again = Results(tmp_path / "results.jsonl")
    assert again.by_key == results.by_key
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nformer\n{END}\nafter\n", "utf-8")
    write_page(again, page)
    assert cells_on_page(page) == [cell.key for cell in CELLS]
    text = page.read_text("utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "former" not in text
    assert text.count("| not run |") == len(CELLS) - 2
    assert "**FAILED**: 2 records / of one call" in text
