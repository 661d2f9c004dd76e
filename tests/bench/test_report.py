"""``./112 bench report`` measures what it says, and notices a figure that differs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bench.report import AIM, CHANGES, DUCKS, SIDES, Result, ask_in_turns, section
from bench.report_rows import Reading, filled
from tests.support.postgres import PostgresServer


async def test_every_engine_gives_the_same_figures_and_a_difference_is_noticed(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    first = date(2026, 10, 1)
    reading = Reading("bench_report", 1_200, first, 31, first)
    made = filled(reading, postgres, tmp_path)
    try:
        result = await ask_in_turns(made, Result(reading), asks=2)
        assert result.inbound == 1_200 - len(range(0, 1_200, 199))
        assert {name: side.n for name, side in result.sides.items()} == dict.fromkeys((*SIDES, *DUCKS), 2)
        assert result.others["SQLite, after a change"].n == CHANGES
        assert all("calls_by_start" in plan for plan in result.plans.values())
        page = "\n".join(section([result]))
        assert "| PostgreSQL | 2 |" in page
        assert result.ratio(result.limit.name) == 1.0
        result.sides["SQLite"].samples[:] = [result.limit.median * (AIM + 1)] * 2
        assert "The aim is missed" in "\n".join(section([result]))
        made.duck.execute("DELETE FROM calls WHERE started_at = (SELECT max(started_at) FROM calls)")
        with pytest.raises(AssertionError, match="the figures differ"):
            await ask_in_turns(made, Result(reading), asks=2)
    finally:
        await made.close()
        postgres.drop(reading.name)
