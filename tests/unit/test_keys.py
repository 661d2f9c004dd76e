"""The bridge tells the gate what its caller pressed, and nobody else's keys."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

from ami_bridge.keys import Keys


def pressed(digit: str, call: str = "smg-1.2", direction: str = "Received") -> dict[str, str]:
    return {"Event": "DTMFEnd", "Uniqueid": call, "Digit": digit, "Direction": direction}


def listening(**calls: str | None) -> tuple[Keys, list[tuple[str, str]]]:
    """Callers by Uniqueid (with - for _ and . for __), each with its gate's result."""
    told: list[tuple[str, str]] = []

    async def tell(channel: str, keys: str) -> None:
        told.append((channel, keys))

    def soon(wish: Any) -> None:
        with contextlib.suppress(StopIteration):
            wish.send(None)

    following: Any = SimpleNamespace(
        calls={
            name.replace("__", ".").replace("_", "-"): SimpleNamespace(
                channel=f"PJSIP/trunk-{name}", call=SimpleNamespace(gate=SimpleNamespace(result=result))
            )
            for name, result in calls.items()
        }
    )
    return Keys(following, tell, soon), told


def test_keys_of_a_caller_in_the_gate_are_told_in_order() -> None:
    keys, told = listening(smg_1__2=None, smg_1__3=None)
    for digit, call in (("5", "smg-1.2"), ("9", "smg-1.3"), ("#", "smg-1.2"), ("*", "smg-1.2")):
        keys.listen(pressed(digit, call))
    assert [each for _, each in told] == ["5", "9", "5h", "5hs"]
    assert told[0][0] == "PJSIP/trunk-smg_1__2"


def test_nothing_else_is_told() -> None:
    keys, told = listening(smg_1__2="key0")
    keys.listen(pressed("1"))  # in the queue already
    keys.listen(pressed("1", "smg-9.9"))  # a call taker's telephone
    keys.listen(pressed("0\r\nAction: Originate"))
    keys.listen({"Event": "DTMFBegin", "Uniqueid": "smg-1.2", "Digit": "1", "Direction": "Received"})
    assert told == []


def test_the_key_that_makes_the_queue_look_counts_for_nobody() -> None:
    keys, told = listening(smg_1__2=None)
    for digit in ("D", "5", "D", "5"):
        keys.listen(pressed(digit))
    assert [each for _, each in told] == ["5", "55"]


def test_a_caller_who_is_gone_is_forgotten_and_one_who_mashes_is_cut() -> None:
    keys, told = listening(smg_1__2=None)
    for _ in range(40):
        keys.listen(pressed("1"))
    assert told[-1][1] == "1" * 16
    keys.listen({"Event": "Hangup", "Uniqueid": "smg-1.2"})
    keys.listen(pressed("2"))
    assert told[-1][1] == "2"
