"""The state machine of a call: every path ends as one record with the right words and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psap.calls import facts as f
from psap.calls.listening import Listener
from psap.calls.model import EndedBy, Ending, Flag, GateResult, Priority
from psap.calls.progress import Stage
from psap.calls.suggest import Signs, ghost, prank
from psap.calls.tracking import Tracker

S = 1_000_000
CALL = "site-1.0"
LEG = "site-1.1"


def tracker(*facts: f.Fact) -> Tracker:
    made = Tracker.begin("site", f.Started(0, CALL, "PJSIP/trunk-00000000", "112"))
    for fact in facts:
        made.apply(fact)
    return made


GATE = f.GateLeft(2 * S, CALL, "key0", 2.0, "0", "normal", ())
JOIN = f.QueueEntered(2 * S, CALL, "normal")
RING = f.Ringing(3 * S, CALL, LEG, "agent1", "phone1", queued=True)
ANSWER = f.Answered(5 * S, CALL, LEG, "agent1")
CALLER_BYE = f.HangupSeen(9 * S, CALL, by_far_end=True)
END = f.Ended(9 * S, CALL, 16)


def test_an_answered_call_has_its_times() -> None:
    made = tracker(GATE, JOIN, RING, ANSWER, f.TalkEnded(9 * S, CALL, LEG, "caller"), CALLER_BYE, END)
    call = made.call
    assert (call.ending, call.ended_by) == (Ending.ANSWERED, EndedBy.CALLER)
    assert call.queue.wait_seconds == 3.0
    assert (call.ring_seconds, call.talk_seconds) == (2.0, 4.0)
    assert call.agent == "agent1"
    leg = call.legs[0]
    assert (leg.end, leg.ring_seconds, leg.talk_seconds, leg.answered_at) == ("answered", 2.0, 4.0, 5 * S)
    assert made.stage is Stage.ENDED


def test_the_agent_who_hangs_up_is_named() -> None:
    made = tracker(
        GATE,
        JOIN,
        RING,
        ANSWER,
        f.LegGone(9 * S, CALL, LEG, True),
        f.TalkEnded(9 * S, CALL, LEG, "agent"),
        END,
    )
    assert (made.call.ending, made.call.ended_by) == (Ending.ANSWERED, EndedBy.AGENT)


@pytest.mark.parametrize(
    ("facts", "ending"),
    [
        ((CALLER_BYE, END), Ending.ABANDONED_IN_GATE),
        ((GATE, JOIN, CALLER_BYE, END), Ending.ABANDONED_IN_QUEUE),
        ((GATE, JOIN, RING, CALLER_BYE, END), Ending.ABANDONED_IN_QUEUE),
        ((GATE, f.EndDeclared(3 * S, CALL, "no_response", "system"), END), Ending.NO_RESPONSE),
        ((GATE, f.EndDeclared(3 * S, CALL, "blocked", "system"), END), Ending.BLOCKED),
        ((GATE, f.EndDeclared(3 * S, CALL, "challenge_failed", "system"), END), Ending.CHALLENGE_FAILED),
        ((GATE, JOIN, END), Ending.FAILED),
        ((END,), Ending.FAILED),
    ],
)
def test_each_ending(facts: tuple[f.Fact, ...], ending: Ending) -> None:
    assert tracker(*facts).call.ending is ending


def test_hanging_up_while_it_rings_closes_the_leg() -> None:
    call = tracker(GATE, JOIN, RING, CALLER_BYE, END).call
    assert [(leg.end, leg.ring_seconds) for leg in call.legs] == [("cancelled", 6.0)]
    assert call.queue.wait_seconds == 7.0
    assert call.talk_seconds is None


def test_a_leg_that_did_not_answer_and_the_next_one() -> None:
    second = f.Ringing(20 * S, CALL, "site-1.2", "agent2", "phone2", queued=True)
    made = tracker(
        GATE,
        JOIN,
        RING,
        f.RingEnded(18 * S, CALL, LEG, "no_answer"),
        second,
        f.Answered(21 * S, CALL, "site-1.2", "agent2"),
        f.HangupSeen(30 * S, CALL, True),
        f.Ended(30 * S, CALL, 16),
    )
    assert [leg.end for leg in made.call.legs] == ["no_answer", "answered"]
    assert (made.call.agent, made.call.ring_seconds, made.call.talk_seconds) == ("agent2", 1.0, 9.0)
    assert made.call.queue.wait_seconds == 19.0


def test_a_rescued_caller_keeps_one_record() -> None:
    made = tracker(
        GATE,
        JOIN,
        RING,
        ANSWER,
        f.TalkEnded(8 * S, CALL, LEG, "agent"),
        f.Returned(8 * S, CALL),
        f.QueueEntered(8 * S, CALL, "high"),
        f.Ringing(9 * S, CALL, "site-1.2", "agent2", "phone2", queued=True),
        f.Answered(10 * S, CALL, "site-1.2", "agent2"),
        f.TalkEnded(15 * S, CALL, "site-1.2", "caller"),
        f.HangupSeen(15 * S, CALL, True),
        f.Ended(15 * S, CALL, 16),
    )
    assert made.call.flags == [Flag.RESCUED]
    assert (made.call.agent, made.call.talk_seconds, made.call.priority) == ("agent2", 8.0, Priority.HIGH)
    assert (made.call.answered_at, made.call.queue.wait_seconds) == (5 * S, 3.0)
    assert (made.call.ending, made.call.ended_by) == (Ending.ANSWERED, EndedBy.CALLER)


def test_the_duty_number_makes_it_overflowed_and_a_phone_makes_it_answered() -> None:
    outside = f.Ringing(60 * S, CALL, LEG, None, None, queued=False)
    made = tracker(GATE, JOIN, outside, f.RingEnded(62 * S, CALL, LEG, "answered"), f.Ended(70 * S, CALL, 16))
    assert made.call.ending is Ending.OVERFLOWED
    inside = f.Ringing(60 * S, CALL, LEG, "agent3", "phone3", queued=False)
    made = tracker(GATE, JOIN, inside, f.RingEnded(62 * S, CALL, LEG, "answered"), f.Ended(70 * S, CALL, 16))
    assert (made.call.ending, made.call.agent, made.call.talk_seconds) == (Ending.ANSWERED, "agent3", 8.0)


def test_a_cancel_is_the_callers_wish_and_a_network_fault_is_none() -> None:
    left = f.GateLeft(1, CALL, "hung_up", 0.0, "", "normal", ())
    cancel, gone = f.HangupSeen(2, CALL, by_far_end=True), f.HangupSeen(2, CALL, by_far_end=False)
    for facts, ending, by in (
        ((left, cancel, f.Ended(3, CALL, 127)), Ending.ABANDONED_IN_GATE, EndedBy.CALLER),
        ((left, cancel, f.Ended(3, CALL, 102)), Ending.FAILED, EndedBy.NETWORK),
        ((left, gone, f.Ended(3, CALL, 127)), Ending.FAILED, EndedBy.NETWORK),
        ((GATE, JOIN, cancel, f.Ended(9 * S, CALL, 127)), Ending.FAILED, EndedBy.NETWORK),
    ):
        made = tracker(*facts)
        assert (made.call.ending, made.call.ended_by) == (ending, by), facts


def test_a_call_that_died_with_asterisk_failed() -> None:
    made = tracker(GATE, JOIN)
    made.lost(30 * S)
    assert (made.call.ending, made.call.ended_by) == (Ending.FAILED, EndedBy.SYSTEM)
    talked = tracker(GATE, JOIN, RING, ANSWER)
    talked.lost(30 * S)
    assert (talked.call.ending, talked.call.talk_seconds) == (Ending.FAILED, 25.0)


def test_no_packets_at_all_is_flagged() -> None:
    made = tracker(GATE, JOIN, f.AudioCounted(3 * S, CALL, 0), CALLER_BYE, END)
    assert made.call.flags == [Flag.NO_AUDIO]
    made = tracker(
        GATE, JOIN, f.AudioCounted(3 * S, CALL, 0), f.AudioCounted(4 * S, CALL, 9), CALLER_BYE, END
    )
    assert made.call.flags == []


def test_hanging_up_in_the_gate_keeps_the_keys() -> None:
    left = f.GateLeft(4 * S, CALL, "hung_up", 4.0, "77", "normal", ())
    made = tracker(CALLER_BYE, left, END)
    assert made.call.gate.result is GateResult.HUNG_UP
    assert made.call.gate.keys == "77"
    assert made.call.priority is None


ANY_FACT = st.sampled_from(
    [
        GATE,
        JOIN,
        RING,
        ANSWER,
        CALLER_BYE,
        f.QueueLeft(4 * S, CALL, False),
        f.RingEnded(4 * S, CALL, LEG, "no_answer"),
        f.RingEnded(4 * S, CALL, LEG, "answered"),
        f.LegGone(6 * S, CALL, LEG),
        f.LegGone(6 * S, CALL, "site-9.9"),
        f.TalkEnded(6 * S, CALL, LEG, "agent"),
        f.Returned(6 * S, CALL),
        f.EndDeclared(6 * S, CALL, "nonsense", "nobody"),
        f.GateLeft(6 * S, CALL, "nonsense", None, None, "loud", ("what",)),
        f.TalkChanged(6 * S, CALL, True),
        f.WindowChanged(6 * S, CALL, True),
        f.Identified(1 * S, CALL, None, None, None, None),
        END,
    ]
)


@given(st.lists(ANY_FACT, max_size=30))
def test_whatever_comes_in_whatever_order_it_ends_as_one_record(facts: list[f.Fact]) -> None:
    made = tracker(*facts)
    if not made.ended:
        made.lost(100 * S)
    call = made.call
    assert call.ending is not None
    assert call.ended_by is not None
    assert call.ended_at is not None
    assert not any(leg.end is None for leg in call.legs)
    for seconds in (call.queue.wait_seconds, call.ring_seconds, call.talk_seconds):
        assert seconds is None or seconds >= 0
    before = call.model_dump_json()
    made.apply(END)
    assert call.model_dump_json() == before


def burst(listener: Listener, start: float, end: float) -> None:
    listener.talk(int(start * S), True, with_agent=False)
    listener.talk(int((end + 0.2) * S), False, with_agent=False)


def test_speech_with_a_pause_counts_and_noise_does_not() -> None:
    speech = Listener()
    speech.window(0, True)
    burst(speech, 0.1, 0.8)
    assert not speech.spoke()
    burst(speech, 1.1, 1.6)
    assert speech.spoke()

    noise = Listener()
    noise.window(0, True)
    noise.talk(100_000, True, with_agent=False)
    assert not noise.spoke()

    sentence = Listener()
    sentence.window(0, True)
    sentence.talk(100_000, True, with_agent=False)
    assert sentence.word() == "talking"
    sentence.talk(2_500_000, False, with_agent=False)
    assert sentence.word() == "1"
    assert sentence.word() is None

    one_sentence = Listener()
    one_sentence.window(0, True)
    burst(one_sentence, 0.1, 3.0)
    assert one_sentence.spoke()

    engine = Listener()
    engine.window(0, True)
    burst(engine, 0.1, 12.0)
    assert not engine.spoke()

    clicks = Listener()
    clicks.window(0, True)
    for second in range(5):
        burst(clicks, second, second + 0.05)
    assert not clicks.spoke()


def test_the_prompts_echo_does_not_count() -> None:
    echo = Listener()
    burst(echo, 0, 2)
    burst(echo, 3, 4)
    echo.talk(5 * S, True, with_agent=False)
    echo.window(6 * S, True)
    echo.talk(int(6.5 * S), False, with_agent=False)
    burst(echo, 8, 8.9)
    assert not echo.spoke()


def test_who_speaks_over_the_prompts_end_is_heard() -> None:
    over = Listener()
    over.talk(5 * S, True, with_agent=False)
    over.window(6 * S, True)
    over.talk(int(7.8 * S), False, with_agent=False)
    assert over.spoke()


def test_suggestions_need_evidence() -> None:
    assert ghost(Signs()) == []
    assert ghost(Signs(talk_seconds=20, speech_seconds=None)) == []
    assert ghost(Signs(talk_seconds=20, speech_seconds=8.0)) == []
    assert ghost(Signs(talk_seconds=3, speech_seconds=0.0)) == []
    found = ghost(Signs(talk_seconds=20, speech_seconds=0.4))
    assert [item["what"] for item in found] == ["speech_seconds", "talk_seconds"]
    assert "0,4" in found[0]["id"]
    assert "0.4" in found[0]["en"]
    assert ghost(Signs(talk_seconds=4, packets=0))[0]["what"] == "rtp_packets"
    assert prank(Signs(talk_seconds=5)) == []
    assert [item["what"] for item in prank(Signs(talk_seconds=5, short_calls=2))] == ["short_calls"]
    assert {item["what"] for item in prank(Signs(marks=1, failed_challenges=2))} == {
        "marks",
        "failed_challenges",
    }


@pytest.mark.parametrize(
    ("failed", "ended", "far_end", "ending", "by"),
    [
        (38, 38, True, Ending.ABANDONED_IN_QUEUE, EndedBy.CALLER),  # what is left of the failed attempt
        (27, 38, True, Ending.FAILED, EndedBy.NETWORK),  # another failure: the caller's own line
        (38, 38, False, Ending.FAILED, EndedBy.NETWORK),  # nobody hung up
        (16, 38, True, Ending.FAILED, EndedBy.NETWORK),  # that one did not fail
    ],
)
def test_a_way_out_that_failed_is_not_why_the_caller_gave_up(
    failed: int, ended: int, far_end: bool, ending: Ending, by: EndedBy
) -> None:
    duty = f.Ringing(4 * S, CALL, "site-1.5", None, None, queued=False)
    gone = f.LegGone(5 * S, CALL, "site-1.5", by_far_end=True, cause=failed)
    left = f.HangupSeen(9 * S, CALL, by_far_end=far_end)
    call = tracker(GATE, JOIN, duty, gone, left, f.Ended(9 * S, CALL, ended)).call
    assert (call.ending, call.ended_by) == (ending, by)


def test_also_where_the_dialplans_word_comes_before_the_cause() -> None:
    duty = f.Ringing(4 * S, CALL, "site-1.5", None, None, queued=False)
    word = f.RingEnded(5 * S, CALL, "site-1.5", "failed")
    gone = f.LegGone(5 * S, CALL, "site-1.5", cause=58)
    call = tracker(GATE, JOIN, duty, word, gone, CALLER_BYE, f.Ended(9 * S, CALL, 58)).call
    assert (call.ending, call.ended_by) == (Ending.ABANDONED_IN_QUEUE, EndedBy.CALLER)
