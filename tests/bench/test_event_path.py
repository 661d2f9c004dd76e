"""``./112 bench bridge`` and ``bench pop``, small: they work, and what they say can be bad."""

from __future__ import annotations

import pytest

from bench import bridge, pop
from bench.bridge_stream import lap, recorded, stories
from bench.page import Side
from bench.pop_feed import Told
from psap.cli.say import RefusedError

pytestmark = pytest.mark.timeout(180)


def test_no_lap_has_another_laps_calls_or_callers() -> None:
    first, second = lap(1), lap(2)
    assert first.count(b"\r\n\r\n") == second.count(b"\r\n\r\n") == len(recorded())
    for name in (b"Linkedid: ", b"Number: 0812"):
        words = [{line for line in text.split(b"\r\n") if line.startswith(name)} for text in (first, second)]
        assert words[0]
        assert not words[0] & words[1]
    assert len(stories()) >= 5


@pytest.mark.long
async def test_the_bridge_is_measured_beside_its_limits() -> None:
    figures = await bridge.measure(1, 1, paced=0, sides=("split", "panoramisk", "bridge"))
    assert all(side.n == 1 and side.median > 0 for side in figures.sides.values())
    # half a microsecond against the whole work: this holds on any machine
    assert figures.sides["split"].median < figures.sides["bridge"].median
    assert figures.profile
    assert any("the whole bridge" in line for line in figures.lines())


def test_a_bridge_that_takes_too_long_misses_its_aim() -> None:
    figures = bridge.Figures(1, 1, {"panoramisk": Side("p", [10.0]), "bridge": Side("b", [15.1])})
    assert not figures.met
    assert any("**missed**" in line for line in figures.lines())
    figures.sides["bridge"].samples = [15.0]
    assert figures.met
    # woken for a few events at a time, each side is compared with the limit at the same pace
    figures.paced = {"panoramisk": Side("p", [30.0]), "bridge": Side("b", [75.0])}
    (paced,) = (line for line in figures.lines() if line.startswith(f"| {bridge.PACED['bridge']} "))
    assert paced.split(" | ")[-2:] == ["75.0", "2.50 |"]


@pytest.mark.long
async def test_every_browser_hears_every_call() -> None:
    figures = await pop.measure(0.4, 1, rates=(50,), browsers=(8,))
    (cell,) = figures.cells
    assert cell.ours.n == cell.limit.n == 8 * 20
    assert cell.ours.median > 0
    assert cell.cpu["console"] >= 0
    assert any("p99 with 8 browsers" in line for line in figures.lines())


def test_a_message_that_does_not_reach_everybody_is_no_figure() -> None:
    cell = pop.Cell(50, 2)
    told = Told(ours={"call.ringing a": 0})
    with pytest.raises(RefusedError, match="1 of 2 browsers"):
        pop._note(cell, "ours", told, {"call.ringing a": [1_000_000]})
    pop._note(cell, "ours", told, {"call.ringing a": [1_000_000, 3_000_000]})
    assert cell.pops.samples == [1.0, 3.0]


def test_a_slow_fan_out_misses_its_aim() -> None:
    cell = pop.Cell(50, 100, Side("o", [4.2]), Side("l", [2.0]))
    few = pop.Cell(50, 1, Side("o", [9.0]), Side("l", [2.0]))
    assert pop.Figures([few, cell]).missed == [cell]
    assert any("**missed** at 50 a second" in line for line in pop.Figures([few, cell]).lines())
