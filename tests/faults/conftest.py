"""The matrix's run for the tests, and a home of its own for what is not a cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cells import CELLS, TENTH, Cell
from tests.faults.matrix import WORKERS, Run
from tests.faults.results import Results, table
from tests.support.home import Home, running_home
from tests.support.told import tell

# wrap-up 1 s, longest wait 6 s: a test waits for nothing but its fault
TIMER_SCALE = "0.1"
BESIDE_OTHERS = 2  # homes at a time


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    yield from running_home(tmp_path_factory.mktemp("faults"), env={"PSAP_TIMER_SCALE": TIMER_SCALE})


@pytest.fixture(scope="session")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The chosen cells, running beside the tests that wait for them; nothing of an earlier run counts."""
    asked = [item.callspec.params.get("cell") for item in request.session.items if hasattr(item, "callspec")]
    results = Results(tmp_path_factory.mktemp("matrix") / "results.jsonl")
    cells = [cell for cell in CELLS if cell in asked]
    # in a short run other tests go on beside them
    workers = BESIDE_OTHERS if set(cells) <= set(TENTH) else WORKERS
    with Run(cells, results, workers=workers) as running:
        yield running
    tell("what faults cost a caller", table(results, [cell for cell in CELLS if cell.key in results.by_key]))


def pytest_make_parametrize_id(val: object) -> str | None:
    return val.key if isinstance(val, Cell) else None
