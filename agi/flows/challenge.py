"""Numbers with marks against them: two digits heard and pressed, which a human can and a masher cannot."""

from __future__ import annotations

import secrets

from agi.flows.decision import Decision, Facts, Rules
from agi.line import Line
from psap.calls.model import Flag, GateResult, Priority

DIGITS = "12346789"  # no 0 and no 5: those keys mean something else at the gate
TRIES = 3
FIRST_KEY_SECONDS = 3.5
NEXT_KEY_SECONDS = 2.0
BLOCK_RUNG = 3  # from here on the call enters last


def announce(line: Line, rules: Rules) -> Decision:
    """Bogor's way: told that the number is blocked, and ended."""
    for language in rules.languages:
        line.play(language, "blocked", keys=False)
    return Decision(GateResult.BLOCKED, Priority.LOW, end=True)


def challenge(line: Line, facts: Facts, rules: Rules) -> tuple[Decision, str]:
    """Three tries; (decision, keys pressed). Nobody fails while a call taker is free."""
    blocked = facts.rung >= BLOCK_RUNG
    priority = Priority.LOW if blocked else Priority.NORMAL
    flags = (Flag.SUSPECTED_PRANK,) if blocked else ()
    pressed = ""
    for attempt in range(TRIES):
        language = rules.languages[attempt % len(rules.languages)]
        wanted = _two_digits()
        line.play(language, "challenge" if attempt < len(rules.languages) else "challenge-again", keys=False)
        for digit in wanted:
            line.play(language, f"digit-{digit}", keys=False)
        got = _collect(line)
        pressed += got
        if got == wanted:
            return Decision(GateResult.CHALLENGE_PASSED, priority, flags=flags), pressed
    if line.was_deaf():  # the right digits may have been pressed while we were held up
        return Decision(GateResult.LOCAL, Priority.LOW, flags=flags), pressed
    if line.free_agents() > 0:
        return Decision(GateResult.CHALLENGE_FAILED, Priority.LOW, flags=flags), pressed
    for language in rules.languages:
        line.play(language, "challenge-failed", keys=False)
    return Decision(GateResult.CHALLENGE_FAILED, Priority.LOW, end=True), pressed


def _two_digits() -> str:
    first = secrets.choice(DIGITS)
    # two different ones: a digit that a gateway doubles is told from two that were pressed
    return first + secrets.choice(DIGITS.replace(first, ""))


def _collect(line: Line) -> str:
    """Two keys, and a third that a masher cannot hold back."""
    keys = line.key(FIRST_KEY_SECONDS)
    while keys and len(keys) < 3:
        key = line.key(NEXT_KEY_SECONDS if len(keys) < 2 else 0.6)
        if not key:
            break
        if key != keys[-1] or len(keys) == 2:
            keys += key
    return keys
