"""The gate's flows over a caller made of plain code: time passes only when the caller listens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agi.flows import challenge as challenge_flow
from agi.flows.decision import Facts, Rules
from agi.flows.gate import Gate
from psap.calls.model import Flag, GateResult, Priority

CITIZEN = "6281234567890"
SECONDS = {"greeting": 4.0, "warning": 4.0, "how-to": 5.0, "again": 2.0}


class Caller:
    """Implements agi.line.Line. ``keys`` come one by one; '' lets a prompt or wait pass."""

    def __init__(
        self, *keys: str, speaks: bool = False, heard: bool = True, free: int = 0, deaf: bool = False,
        unheard: str = "", answers: Callable[[str], str] | None = None,
    ) -> None:  # fmt: skip
        self.keys = list(keys)
        self.speaks = speaks
        self.heard = heard
        self.free = free
        self.deaf = deaf
        self.unheard = unheard
        self.answers = answers
        self.time = 0.0
        self.said: list[str] = []

    def now(self) -> float:
        return self.time

    def prompt_seconds(self, language: str, name: str) -> float:
        return SECONDS.get(name, 1.0)

    def play(self, language: str, name: str, *, keys: bool = True) -> str:
        self.said.append(f"{language}/{name}")
        return self._next(SECONDS.get(name, 1.0)) if keys else self._pass(SECONDS.get(name, 1.0))

    def key(self, seconds: float) -> str:
        if self.answers is not None and not self.keys:
            digits = "".join(each[-1] for each in self.said[-2:])
            self.keys = [*self.answers(digits), ""]
        return self._next(seconds)

    def listen(self, seconds: float) -> tuple[str, bool]:
        key = self._next(seconds)
        return key, self.speaks and not key

    def hears(self) -> bool:
        return self.heard

    def heard_keys(self) -> str:
        return self.unheard

    def was_deaf(self) -> bool:
        return self.deaf

    def free_agents(self) -> int:
        return self.free

    def _next(self, seconds: float) -> str:
        key = self.keys.pop(0) if self.keys else ""
        self._pass(0.2 if key else seconds)
        return key

    def _pass(self, seconds: float) -> str:
        self.time += seconds
        return ""


def gate(caller: Caller, rules: Rules | None = None, **facts: object) -> Gate:
    known: dict[str, object] = {"key": CITIZEN, "may_55": True, **facts}
    return Gate(caller, Facts(**known), rules or Rules())  # type: ignore[arg-type]


def test_zero_in_the_first_greeting_goes_on() -> None:
    assert gate(Caller("0")).run().result is GateResult.KEY0


@pytest.mark.parametrize("before", range(4))
def test_55_is_heard_in_every_prompt_and_window(before: int) -> None:
    subject = gate(Caller(*[""] * before, "5", "5"))
    decision = subject.run()
    assert (decision.result, decision.priority) == (GateResult.CANNOT_SPEAK, Priority.HIGH)
    assert decision.flags == (Flag.CANNOT_SPEAK,)
    assert subject.keys == "55"


def test_55_pressed_slowly_is_55() -> None:
    subject = gate(Caller("5", "", "5"))
    assert subject.run().result is GateResult.CANNOT_SPEAK
    assert subject.keys == "55"


def test_55_of_a_number_that_may_not_goes_on_at_normal_priority() -> None:
    assert gate(Caller("5", "5"), may_55=False).run().priority is Priority.NORMAL


def test_speaking_is_enough() -> None:
    assert gate(Caller(speaks=True)).run().result is GateResult.SPOKE


def test_another_key_is_asked_about_once_and_goes_on() -> None:
    caller = Caller("7")
    assert gate(caller).run().result is GateResult.OTHER_KEY
    assert caller.said.count("id/again") == 1
    assert gate(Caller("7", "0")).run().result is GateResult.KEY0


def test_silence_of_a_known_number_is_told_how_to_get_through_and_ends() -> None:
    caller = Caller()
    decision = gate(caller).run()
    assert (decision.result, decision.end) == (GateResult.NO_RESPONSE, True)
    assert "id/how-to" in caller.said
    assert caller.time <= 25


def test_zero_in_the_last_words_still_goes_on() -> None:
    assert gate(Caller("", "", "", "", "0")).run().result is GateResult.KEY0


@pytest.mark.parametrize(
    ("facts", "rules", "heard"),
    [
        ({"key": ""}, Rules(), True),
        ({}, Rules(no_response_queues=True), True),
        ({}, Rules(), False),
    ],
    ids=["without identity", "the city says so", "nobody could have heard a voice"],
)
def test_silence_is_queued_last(facts: dict[str, object], rules: Rules, heard: bool) -> None:
    decision = gate(Caller(heard=heard), rules, **facts).run()
    assert (decision.end, decision.priority) == (False, Priority.LOW)


@pytest.mark.parametrize(
    ("pressed", "unheard", "result"),
    [((), "0", GateResult.KEY0), ((), "55", GateResult.CANNOT_SPEAK), ((), "7", GateResult.OTHER_KEY),
     (("", "", "", "", "7"), "70", GateResult.KEY0)],
)  # fmt: skip
def test_a_key_that_only_the_bridge_heard_counts(
    pressed: tuple[str, ...], unheard: str, result: GateResult
) -> None:
    made = gate(Caller(*pressed, unheard=unheard))
    assert (made.run().result, made.keys) == (result, unheard)


def test_a_key_that_both_heard_counts_once() -> None:
    caller = Caller("7", unheard="7")
    assert gate(caller).run().result is GateResult.OTHER_KEY
    assert "id/again" in caller.said


def test_a_warned_caller_hears_the_warning_and_is_asked_as_everybody() -> None:
    caller = Caller("", "0")
    assert gate(caller, rung=1, treatment="warn").run().result is GateResult.KEY0
    assert caller.said == ["id/warning", "id/greeting"]


def test_who_dropped_goes_straight_on() -> None:
    caller = Caller()
    decision = gate(caller, recent_drop=True).run()
    assert (decision.result, decision.flags) == (GateResult.RECENT_DROP, (Flag.CALLED_AGAIN,))
    assert caller.said == []


@pytest.mark.parametrize(("rung", "priority"), [(2, Priority.NORMAL), (3, Priority.LOW)])
def test_a_human_passes_the_challenge(rung: int, priority: Priority) -> None:
    caller = Caller(answers=lambda digits: digits)
    decision = gate(caller, rung=rung, treatment="challenge", recent_drop=True).run()
    assert (decision.result, decision.priority) == (GateResult.CHALLENGE_PASSED, priority)


@pytest.mark.parametrize("keys", ["000", "555", "", "123456789", "0", "55"])
def test_a_masher_does_not(keys: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge_flow, "_two_digits", lambda: "74")
    caller = Caller(answers=lambda _digits: keys)
    decision = gate(caller, rung=3, treatment="challenge").run()
    assert (decision.result, decision.end) == (GateResult.CHALLENGE_FAILED, True)
    assert sum("digit-7" in each for each in caller.said) == 3


def test_right_digits_followed_by_more_are_a_masher() -> None:
    caller = Caller(answers=lambda digits: digits + "9")
    assert gate(caller, rung=3, treatment="challenge").run().result is GateResult.CHALLENGE_FAILED


def test_nobody_fails_while_a_call_taker_is_free() -> None:
    decision = gate(Caller(free=1), rung=3, treatment="challenge").run()
    assert (decision.result, decision.end) == (GateResult.CHALLENGE_FAILED, False)


def test_announced_blocks_are_told_and_end() -> None:
    caller = Caller("0")
    decision = gate(caller, rung=4, treatment="announce").run()
    assert (decision.result, decision.end) == (GateResult.BLOCKED, True)
    assert caller.said == ["id/blocked", "en/blocked"]


def test_the_digits_are_two_different_ones_without_0_and_5() -> None:
    drawn = {challenge_flow._two_digits() for _ in range(500)}
    assert all(len(set(each)) == 2 and not set(each) & set("05") for each in drawn)


def test_facts_survive_nonsense() -> None:
    assert Facts.read({"PSAP_RUNG": "²", "PSAP_KEY": "62"}) == Facts(key="62")


@pytest.mark.parametrize("treatment", ["none", "challenge"])
def test_who_may_have_pressed_while_we_were_held_up_is_not_sent_off(treatment: str) -> None:
    decision = gate(Caller(deaf=True), rung=4, treatment=treatment).run()
    assert (decision.result, decision.end) == (GateResult.LOCAL, False)
    assert decision.priority is (Priority.LOW if treatment == "challenge" else Priority.NORMAL)
