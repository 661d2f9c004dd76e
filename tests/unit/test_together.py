"""More than one in a conversation: one record, sane times, the right agent; live and ledger alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.stuck import alone
from ami_bridge.translate import call_fact
from ami_bridge.wire import RefusedError, check
from psap.calls import facts as f
from psap.calls import together
from psap.calls.model import EndedBy, Ending, Leg
from psap.calls.parties import Party, PartyKind, call_of, leg_id, read_leg_id
from psap.calls.progress import Stage
from psap.calls.tracking import Tracker

S = 1_000_000
CALL = "site-1700000000.5"
LEG = "site-1700000000.6"
FIRE = Party(PartyKind.AGENCY, "damkar")
FIRE_LEG = leg_id(CALL, FIRE, 1)

TALKING = (
    f.QueueEntered(1 * S, CALL, "normal"),
    f.Ringing(2 * S, CALL, LEG, "agent1", "phone1", queued=True),
    f.Answered(3 * S, CALL, LEG, "agent1"),
)
ASKED = f.Ringing(5 * S, CALL, FIRE_LEG, None, None, queued=False, party="agency:damkar", invited=True)
CAME = f.Answered(7 * S, CALL, FIRE_LEG, None)


def tracker(*facts: f.Fact) -> Tracker:
    made = Tracker.begin("site", f.Started(0, CALL, "PJSIP/trunk-00000000", "112"))
    for fact in (*TALKING, *facts):
        made.apply(fact)
    return made


def told(made: Tracker) -> list[tuple[str, dict[str, Any]]]:
    return [(entry.what, entry.data) for entry in made.call.timeline]


@pytest.mark.parametrize(
    "who",
    [
        FIRE,
        Party(PartyKind.AGENT, "budi.s-2"),
        Party(PartyKind.CENTRE, "+62215551"),
        Party(PartyKind.SPY, "a"),
    ],
)
def test_a_channel_id_tells_whose_call_and_who(who: Party) -> None:
    assert read_leg_id(leg_id(CALL, who, 7)) == (CALL, who)
    # Asterisk takes the older of two Linkedids, and reads the age behind the last hyphen
    assert int(leg_id(CALL, who, 7).rpartition("-")[2].split(".")[0]) > int(
        CALL.rpartition("-")[2].split(".")[0]
    )


@given(st.text(max_size=80))
def test_no_other_channel_id_is_taken_for_one(text: str) -> None:
    assert read_leg_id(text) is None or "~" in text
    assert call_of(CALL) == CALL


def test_who_was_asked_in_is_a_leg_of_the_same_call() -> None:
    made = tracker(ASKED, CAME, f.LegGone(11 * S, CALL, FIRE_LEG, by_far_end=True, cause=16))
    assert made.stage is Stage.TALKING
    made.apply(f.TalkEnded(13 * S, CALL, LEG, "caller"))
    made.apply(f.HangupSeen(13 * S, CALL, by_far_end=True))
    made.apply(f.Ended(13 * S, CALL, 16))
    call = made.call
    assert [(leg.agent, leg.party, leg.end) for leg in call.legs] == [
        ("agent1", None, "answered"),
        (None, "agency:damkar", "answered"),
    ]
    # together: ten seconds, not fourteen
    assert ([leg.talk_seconds for leg in call.legs], call.talk_seconds) == ([10.0, 4.0], 10.0)
    assert (call.ending, call.ended_by, call.agent) == (Ending.ANSWERED, EndedBy.CALLER, "agent1")
    assert call.ring_seconds == 1.0


def test_a_warm_transfer_goes_on_after_the_call_taker_left() -> None:
    made = tracker(
        ASKED,
        CAME,
        f.Transferred(9 * S, CALL, "agency", "damkar", "agent1", "warm"),
        f.TalkEnded(9 * S, CALL, LEG, "agent"),
    )
    assert (made.stage, made.talk_ended_by) == (Stage.TALKING, None)
    made.apply(f.LegGone(20 * S, CALL, FIRE_LEG, by_far_end=True, cause=16))
    made.apply(f.Ended(20 * S, CALL, 16))
    assert (made.call.ended_by, made.call.agent, made.call.talk_seconds) == (EndedBy.AGENT, "agent1", 17.0)
    assert ("transferred", {"kind": "agency", "id": "damkar", "by": "agent1", "how": "warm"}) in told(made)


def test_a_cold_transfer_ends_one_conversation_and_not_the_call() -> None:
    sent = f.Transferred(9 * S, CALL, "agent", "agent2", "agent1", "cold")
    second = f.Ringing(9 * S, CALL, "site-1.7", None, "phone2", queued=False)
    late = f.TalkEnded(9 * S + 1000, CALL, LEG, "agent")  # app_queue's own word may come after ours
    made = tracker(sent, late)
    assert made.waiting
    assert made.talk_ended_by is None
    made.apply(second)
    made.owned(made.legs["site-1.7"], "agent2")
    made.apply(f.RingEnded(12 * S, CALL, "site-1.7", "answered"))
    made.apply(f.HangupSeen(15 * S, CALL, by_far_end=True))
    made.apply(f.Ended(15 * S, CALL, 16))
    assert (made.call.agent, made.call.talk_seconds, made.call.ended_by) == ("agent2", 9.0, EndedBy.CALLER)


def test_a_caller_who_hangs_up_while_sent_on_is_the_one_who_ended_it() -> None:
    made = tracker(
        f.Transferred(9 * S, CALL, "agency", "damkar", "agent1", "cold"),
        f.TalkEnded(9 * S, CALL, LEG, "agent"),
        f.Ringing(9 * S, CALL, "site-1.7", None, None, queued=False),
        f.HangupSeen(11 * S, CALL, by_far_end=True),
        f.Ended(11 * S, CALL, 16),
    )
    assert (made.call.ending, made.call.ended_by) == (Ending.ANSWERED, EndedBy.CALLER)
    assert [(leg.party, leg.end) for leg in made.call.legs][1] == ("agency:damkar", "cancelled")


def test_a_ring_that_fails_leaves_the_conversation_as_it_was() -> None:
    made = tracker(ASKED, f.LegGone(8 * S, CALL, FIRE_LEG, cause=17))
    assert made.stage is Stage.TALKING
    assert [each["state"] for each in together.parties(made.legs.values())] == ["talking", "gone"]
    assert together.parties(made.legs.values())[1]["end"] == "busy"


def test_of_two_agents_the_call_is_the_one_s_who_stays() -> None:
    leg = leg_id(CALL, Party(PartyKind.AGENT, "agent2"), 2)
    asked = f.Ringing(5 * S, CALL, leg, "agent2", "phone2", queued=False, invited=True)
    made = tracker(asked)
    assert made.call.agent == "agent1"  # who is asked in has not taken it yet
    made.apply(f.Answered(6 * S, CALL, leg, "agent2"))
    assert made.call.agent == "agent2"
    made.apply(f.LegGone(8 * S, CALL, leg, by_far_end=True, cause=16))
    assert made.call.agent == "agent1"


def test_hold_is_told_and_ends_with_the_conversation() -> None:
    made = tracker(f.Held(4 * S, CALL, LEG, held=True))
    assert together.held(made.talking_legs())
    made.apply(f.Held(5 * S, CALL, LEG, held=False))
    assert not together.held(made.talking_legs())


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), max_size=6))
def test_talking_together_counts_once(spans: list[tuple[int, int]]) -> None:
    legs = [Leg(answered_at=start * S, talk_seconds=float(length)) for start, length in spans]
    seconds = {moment for start, length in spans for moment in range(start, start + length)}
    assert together.talk_seconds(legs) == len(seconds)


def test_amis_words_about_who_is_asked_in() -> None:
    own = {
        "Channel": "PJSIP/psap-out-00000009",
        "Uniqueid": FIRE_LEG,
        "Linkedid": FIRE_LEG,
        "Timestamp": "5.0",
    }
    assert call_fact({"Event": "Newchannel", **own}) == ASKED
    came = {"Event": "UserEvent", "UserEvent": "PsapTalk", **own, "Timestamp": "7.0"}
    assert call_fact(came) == CAME
    gone = {"Event": "Hangup", **own, "Cause": "17", "Timestamp": "8.0"}
    assert call_fact(gone) == f.LegGone(8 * S, CALL, FIRE_LEG, cause=17)
    spy = leg_id(CALL, Party(PartyKind.SPY, "supervisor1"), 3)
    assert call_fact({"Event": "Newchannel", **own, "Uniqueid": spy, "Linkedid": spy}) is None


def test_a_caller_with_nothing_but_the_room_s_own_voice_is_alone() -> None:
    caller = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": CALL, "Linkedid": CALL, "BridgeId": "room"}
    voice = {"Channel": "CBAnn/room-00000001;2", "Uniqueid": "v", "Linkedid": "v", "BridgeId": "room"}
    there = {"Channel": "PJSIP/abc-00000002", "Uniqueid": LEG, "Linkedid": CALL, "BridgeId": "room"}
    assert alone([caller, voice]) == {CALL}
    assert alone([caller, voice, there]) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"Context": "from-trunk"},
        {"Channel": "Local/s@from-trunk"},
        {"Channel": "PJSIP/psap-out/sip:0811;x@127.0.0.1"},
        {"ChannelId": "anything"},
        {"Application": "System"},
        {"Variable": "A=1"},
    ],
)
def test_only_our_own_wishes_ring_anybody(wrong: dict[str, str]) -> None:
    right: dict[str, object] = {
        "Channel": "PJSIP/psap-out/sip:113@127.0.0.3:5080",
        "Context": "psap-talk",
        "Exten": "join",
        "Priority": 1,
        "Timeout": 20000,
        "CallerID": "<112>",
        "ChannelId": FIRE_LEG,
        "Async": "true",
    }
    check("Originate", right)
    with pytest.raises(RefusedError):
        check("Originate", {**right, **wrong})
    with pytest.raises(RefusedError):
        check("Redirect", {"Channel": "x", "Context": "from-phone", "Exten": "s", "Priority": 1})


def test_the_queue_s_late_word_about_a_leg_that_was_left_says_nothing_of_the_end() -> None:
    made = tracker(
        f.Transferred(9 * S, CALL, "agent", "agent2", "agent1", "cold"),
        f.Ringing(9 * S, CALL, "site-1.7", "agent2", "phone2", queued=False),
        f.RingEnded(12 * S, CALL, "site-1.7", "answered"),
        f.TalkEnded(13 * S, CALL, "", "caller"),  # it knows the first leg's channel no more
    )
    assert made.talking_leg() is made.legs["site-1.7"]
    made.apply(f.LegGone(15 * S, CALL, "site-1.7", by_far_end=True, cause=16))
    made.apply(f.Ended(15 * S, CALL, 16))
    assert (made.call.ended_by, made.call.talk_seconds) == (EndedBy.AGENT, 9.0)


def test_the_queue_s_late_word_about_a_leg_that_died_does_not_end_the_next_conversation() -> None:
    made = tracker(
        f.LegGone(9 * S, CALL, LEG, cause=31),
        f.Returned(9 * S, CALL, "31"),
        f.QueueEntered(9 * S, CALL, "high"),
        f.Ringing(9 * S, CALL, "site-1.7", "agent2", "phone2", queued=True),
        f.Answered(10 * S, CALL, "site-1.7", "agent2"),
        f.TalkEnded(10 * S + 25_000, CALL, "", "agent"),  # of the first leg, whose channel is gone
    )
    assert made.talking_leg() is made.legs["site-1.7"]
    made.apply(f.TalkEnded(15 * S, CALL, "site-1.7", "caller"))
    made.apply(f.Ended(15 * S, CALL, 16))
    assert (made.call.ended_by, [leg.talk_seconds for leg in made.call.legs]) == (EndedBy.CALLER, [6.0, 5.0])
