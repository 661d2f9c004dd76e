"""When a part is ended: the judge, from looks alone."""

from __future__ import annotations

import os
import time

from psap.platform.watchdog import ASTERISK, OURS, START_SECONDS, Judge, Look, Patience, process

STEP = 8.0  # seconds between two looks at a part that does not answer


def looks(
    judge: Judge, *, seconds: float, letter: str = "S", share: float = 0.0, pid: int = 7, late: bool = False
) -> float | None:
    """Look for so long at a silent process; after how many seconds it was to be ended, if so."""
    passed, cpu = 0.0, 100.0
    while passed < seconds:
        passed += STEP
        cpu += share * STEP
        if judge.verdict(Look(pid, 1, letter, cpu, False), 0.0 if late else STEP):
            return passed
    return None


def judge(patience: Patience) -> Judge:
    """Of a part that has lived."""
    made = Judge(patience)
    assert made.verdict(Look(7, 1, "S", 100.0, True), STEP) is None
    return made


def test_a_stopped_part_is_ended_after_its_patience() -> None:
    ended = looks(judge(OURS), seconds=200, letter="T")
    assert ended is not None
    assert OURS.idle <= ended <= OURS.idle + 2 * STEP


def test_a_part_that_computes_gets_longer() -> None:
    ended = looks(judge(OURS), seconds=200, share=0.9)
    assert ended is not None
    assert OURS.busy is not None
    assert OURS.busy <= ended <= OURS.busy + 2 * STEP


def test_one_sign_of_life_begins_anew() -> None:
    made = judge(OURS)
    for _ in range(20):
        assert looks(made, seconds=OURS.idle - STEP) is None
        assert made.verdict(Look(7, 1, "S", 100.0, True), STEP) is None


def test_a_starved_machine_ends_nobody() -> None:
    assert looks(judge(OURS), seconds=600, late=True) is None


def test_a_debugger_is_left_alone() -> None:
    assert looks(judge(OURS), seconds=600, letter="t") is None


def test_a_fresh_process_has_time_to_start_but_not_for_ever() -> None:
    ended = looks(Judge(OURS), seconds=200)
    assert ended is not None
    assert START_SECONDS <= ended <= START_SECONDS + 2 * STEP


def test_another_process_under_the_same_name_starts_from_nothing() -> None:
    made = judge(OURS)
    assert looks(made, seconds=OURS.idle - STEP) is None
    assert looks(made, seconds=OURS.idle + STEP, pid=8) is None


def test_an_asterisk_that_moves_is_never_ended_and_one_that_stands_still_is() -> None:
    assert looks(judge(ASTERISK), seconds=3600, share=0.01) is None
    ended = looks(judge(ASTERISK), seconds=200)
    assert ended is not None
    assert ASTERISK.idle <= ended <= ASTERISK.idle + 2 * STEP


def test_a_process_is_read_from_proc() -> None:
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    seen = process(os.getpid())
    assert seen is not None
    born, letter, cpu = seen
    assert (born > 0, letter, cpu > 0.04) == (True, "R", True)
    assert process(2**22 + 1) is None
