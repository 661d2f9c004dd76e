"""Whatever breaks, at whichever moment: the caller talks to a call taker, and the record is there once.

The cells run several homes at a time, beside these tests; each test waits for its own (running.py plays
and judges it). A tenth of them in every run, all of them in the long one.
"""

from __future__ import annotations

import pytest

from tests.faults.cells import CELLS, HOWS, MOMENTS, TENTH, Cell, left_out
from tests.faults.matrix import Run, chosen
from tests.faults.results import cells_on_page, failed

# the first test waits until homes are up, each until its cell's turn comes
WAIT = pytest.mark.timeout(900)
PARAMETERS = [pytest.param(cell, marks=[] if cell in TENTH else [pytest.mark.long]) for cell in CELLS]


@WAIT
@pytest.mark.calls
@pytest.mark.parametrize("cell", PARAMETERS)
def test_the_call_is_kept_and_recorded_once(run: Run, cell: Cell) -> None:
    result = run.result(cell)
    assert failed(run.results, [cell]) == {}, result.logs


def test_every_combination_is_a_cell_or_left_out_with_a_reason() -> None:
    keys = {cell.key for cell in CELLS}
    for part, hows in HOWS.items():
        for how in hows:
            for moment in MOMENTS:
                assert (Cell(part, how, moment).key in keys) is (left_out(part, how, moment) is None)
    assert set(TENTH) <= set(CELLS)
    assert 0.08 <= len(TENTH) / len(CELLS) <= 0.15


def test_the_page_shows_exactly_the_cells_of_the_matrix() -> None:
    assert cells_on_page() == [cell.key for cell in CELLS]


def test_words_choose_cells() -> None:
    assert [cell.key for cell in chosen(["bridge", "killed", "ringing"])] == ["ami_bridge, killed, ringing"]
    assert chosen([]) == list(CELLS)
    assert chosen(["no such"]) == []
