"""What the dialplan remembered is forgotten in time, and not before."""

from __future__ import annotations

from ami_bridge.sweep import KEEP_SECONDS, outdated

NOW = 1_795_000_000


def test_only_what_is_too_old_or_no_time_goes() -> None:
    entries = {
        "628111": str(NOW),
        "628112": str(NOW - KEEP_SECONDS),
        "628113": str(NOW - KEEP_SECONDS - 1),
        "628114": "",
        "628115": "soon",
    }
    assert outdated(entries, NOW) == ["628113", "628114", "628115"]


def test_the_dialplan_never_looks_back_further() -> None:
    assert KEEP_SECONDS > 3600
