"""A home of its own for the faults: what is broken here disturbs no other test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.table import TABLE, Table
from tests.support.home import Home, running_home

# wrap-up 1 s, longest wait 6 s: a cell waits for nothing but its fault
TIMER_SCALE = "0.1"


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    yield from running_home(tmp_path_factory.mktemp("faults"), env={"PSAP_TIMER_SCALE": TIMER_SCALE})


@pytest.fixture(scope="package")
def table(home: Home) -> Iterator[Table]:
    TABLE.measure_versions(home)
    yield TABLE
    if os.environ.get("PSAP_WRITE_DOCS") == "1":
        TABLE.write()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if TABLE.rows:
        terminalreporter.section("what faults cost a caller")
        terminalreporter.write_line("\n".join(TABLE.lines()))
