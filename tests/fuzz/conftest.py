"""What was fuzzed, how long it took and with which seed, at the end of a run."""

from __future__ import annotations

from typing import Any

from tests.fuzz.machine import REPORT


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if REPORT:
        terminalreporter.section("fuzzers")
        terminalreporter.write_line("\n".join(REPORT))
