"""What manager.conf keeps from the bridge, nobody in the bridge asks for."""

from __future__ import annotations

import re
from pathlib import Path

from psap.pbx.render import CONFIG

BRIDGE = Path(__file__).parents[2] / "ami_bridge"


def test_no_event_that_the_bridge_names_is_filtered_away() -> None:
    manager = (CONFIG / "manager.conf").read_text("utf-8")
    kept_away = set(re.findall(r"^eventfilter\(action\(exclude\),name\((\w+)\)\) =$", manager, re.M))
    assert kept_away
    code = "\n".join(each.read_text("utf-8") for each in BRIDGE.rglob("*.py"))
    assert not {name for name in kept_away if f'"{name}"' in code}


def test_no_whole_event_of_a_call_is_searched_for_a_pattern() -> None:
    bridge = (CONFIG / "manager.conf").read_text("utf-8").partition("[bridge]")[2].partition("\n[")[0]
    assert not re.findall(r"^eventfilter *=", bridge, re.M)
