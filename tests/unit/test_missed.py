"""Which calls are missed calls, and what a call-back's steps come to, live or from the ledger."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from ami_bridge.callback_steps import ledger_steps, lines_about, live_step
from ami_bridge.wire import RefusedError, check
from psap.calls.model import Call, Caller, EndedBy, Ending, Flag, Gate, GateResult, Policy, Source
from psap.missed.model import Attempt, Result, belongs, betrays, entry_of, joined
from psap.missed.progress import Progress, Step, What, finished, record

ID = "semarang-cb-0123456789abcdef0123456789abcdef"
START = 1_790_000_000_000_000
SECOND = 1_000_000


def call(ending: Ending | None, **more: Any) -> Call:
    return Call(
        **{
            "id": "c", "site": "semarang", "uniqueid": "u", "started_at": START,
            "ended_at": START + 9 * SECOND, "ending": ending, **more,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("abandoned_in_gate", True),
        ("abandoned_in_queue", True),
        ("no_response", True),
        ("failed", True),
        ("answered", False),
        ("overflowed", False),
        ("blocked", False),
        ("challenge_failed", False),
        (None, False),
    ],
)
def test_who_was_lost_is_listed(ending: str | None, expected: bool) -> None:
    assert belongs(call(Ending(ending) if ending else None)) == expected
    assert not belongs(call(Ending(ending) if ending else None, direction="outbound"))


def test_a_silent_call_of_a_marked_number_is_not_listed_a_dropped_one_is() -> None:
    marked = Policy(rung=1)
    assert not belongs(call(Ending.NO_RESPONSE, policy=marked))
    assert belongs(call(Ending.ABANDONED_IN_QUEUE, policy=marked))


def test_who_was_refused_in_a_flood_is_listed_a_third_call_at_once_is_not() -> None:
    assert belongs(call(Ending.FAILED, policy=Policy(decision="overload")))
    assert not belongs(call(Ending.FAILED, policy=Policy(decision="too_many")))


def test_who_hangs_up_amid_the_challenge_is_listed_amid_a_blocks_announcement_not() -> None:
    assert belongs(call(Ending.ABANDONED_IN_GATE, policy=Policy(rung=2, decision="challenge")))
    assert not belongs(call(Ending.ABANDONED_IN_GATE, policy=Policy(rung=5, decision="announce")))
    assert belongs(call(Ending.FAILED, policy=Policy(rung=5, decision="announce")))  # a fault of ours
    assert belongs(call(Ending.ABANDONED_IN_QUEUE, policy=Policy(rung=5, decision="flagged")))


def test_calls_of_a_number_join_in_any_order() -> None:
    first = call(Ending.ABANDONED_IN_GATE)
    later = call(
        Ending.ABANDONED_IN_QUEUE, id="d", started_at=START + 60 * SECOND, flags=[Flag.CANNOT_SPEAK],
        ended_at=START + 70 * SECOND,
    )  # fmt: skip
    for one, other in ((first, later), (later, first)):
        entry = joined(entry_of("m", one, "6281", START), other, START)
        assert (entry.count, entry.first_at, entry.last_at) == (2, START, START + 60 * SECOND)
        assert (entry.last.call_id, entry.last.ending) == ("d", Ending.ABANDONED_IN_QUEUE)
        assert entry.needs_confirmation
        assert entry.version == 2


def test_who_could_not_speak_is_rung_only_after_a_confirmation() -> None:
    assert betrays(call(Ending.ABANDONED_IN_QUEUE, gate=Gate(result=GateResult.CANNOT_SPEAK)))
    assert betrays(call(Ending.ABANDONED_IN_QUEUE, flags=[Flag.CANNOT_SPEAK]))
    assert not betrays(call(Ending.ABANDONED_IN_QUEUE, gate=Gate(result=GateResult.KEY0)))


# -- a call-back's steps


def steps(*words: str | tuple[str, dict[str, Any]]) -> list[Step]:
    """Steps a second apart."""
    made = []
    for number, word in enumerate(words):
        what, more = word if isinstance(word, tuple) else (word, {})
        made.append(Step(START + number * SECOND, What(what), **more))
    return made


TALK = steps(
    "agent_rings", "agent_answers", "dialling", "citizen_rings", "citizen_answers",
    ("end_asked", {"by": EndedBy.CALLER}), ("citizen_gone", {"cause": 16}),
    ("dial_ended", {"status": "ANSWER", "cause": 16}), ("agent_gone", {"cause": 16}),
)  # fmt: skip
BEFORE = ("agent_rings", "agent_answers", "dialling", "citizen_rings")


def unanswered(cause: int | None, status: str | None, by: EndedBy | None = None) -> list[Step]:
    """The citizen was rung and nobody answered there."""
    asked = [("end_asked", {"by": by})] if by else []
    told = [("dial_ended", {"status": status})] if status else []
    return steps(*BEFORE, *asked, ("citizen_gone", {"cause": cause}), *told, "agent_gone")


def after(list_of_steps: list[Step]) -> Progress:
    progress = Progress()
    for step in list_of_steps:
        progress.take(step)
    return progress


def test_what_ceases_after_the_dialling_began_is_not_called_undialled() -> None:
    assert not after(steps("agent_rings", "agent_answers")).dialled
    for seen in (3, 4):
        torn = after(TALK[:seen])  # Asterisk died here
        assert torn.dialled
        assert not torn.over


@pytest.mark.parametrize(
    ("story", "result"),
    [
        (TALK, "answered"),
        (steps("agent_rings", "agent_gone"), "not_dialled"),
        (steps("agent_rings", "agent_answers", "agent_gone"), "not_dialled"),
        (steps("refused"), "not_dialled"),
        (unanswered(17, "BUSY"), "busy"),
        (unanswered(17, None), "busy"),
        (unanswered(None, "NOANSWER"), "no_answer"),
        (unanswered(19, None), "no_answer"),
        (unanswered(None, "CANCEL", EndedBy.AGENT), "cancelled"),
        (unanswered(16, None, EndedBy.AGENT), "cancelled"),
        (unanswered(1, "CHANUNAVAIL"), "failed"),
        # the agent's leg alone never says that anybody was reached
        (steps("agent_rings", "agent_answers", "dialling", "agent_gone"), "failed"),
    ],
)  # fmt: skip
def test_the_result_is_the_citizens_legs(story: list[Step], result: str) -> None:
    progress = after(story)
    assert progress.over
    assert progress.result is Result(result)


def test_steps_that_come_twice_or_out_of_order_come_to_the_same() -> None:
    attempt = Attempt(
        id="a", site="semarang", missed_id="m", claim=1, call_id="c", channel_id=ID, agent="agent1",
        phone="p", started_at=START,
    )  # fmt: skip

    def made(story: list[Step]) -> Call:
        progress = after(story)
        done = finished(attempt, progress, START)
        return record(done, progress, Caller(number="0812"), None, Source.LIVE)

    expected = made(TALK)
    assert (expected.ending, expected.ended_by, expected.talk_seconds) == (
        Ending.ANSWERED,
        EndedBy.CALLER,
        2.0,
    )
    assert [leg.end for leg in expected.legs] == ["answered", "answered"]
    assert (expected.legs[0].ring_seconds, expected.legs[1].ring_seconds) == (1.0, 1.0)
    going_on = record(attempt, after(TALK[:5]), Caller(number="0812"), None, Source.LIVE)
    assert (going_on.ending, going_on.ended_at, going_on.legs[1].end) == (None, None, None)
    shuffled = TALK * 2
    for seed in range(50):
        random.Random(seed).shuffle(shuffled)
        assert made(sorted(shuffled, key=lambda step: step.at)) == expected


# -- where the steps come from

AGENT, CITIZEN = "PJSIP/abc-00000001", "PJSIP/psap-out-00000002"
AGENTS = {"Channel": AGENT, "Uniqueid": ID, "Linkedid": ID}
CITIZENS = {"Channel": CITIZEN, "Uniqueid": "s-1.2", "Linkedid": ID}
EVENTS: list[dict[str, str]] = [
    {"Event": "Newchannel", **AGENTS},
    {"Event": "Newstate", "ChannelStateDesc": "Up", **AGENTS},
    {"Event": "UserEvent", "UserEvent": "PsapBack", "Step": "dialling", **AGENTS},
    {"Event": "Newchannel", **CITIZENS},
    {"Event": "Newstate", "ChannelStateDesc": "Up", **CITIZENS},
    {"Event": "HangupRequest", **CITIZENS},
    {"Event": "Hangup", "Cause": "16", **CITIZENS},
    {
        "Event": "UserEvent",
        "UserEvent": "PsapBack",
        "Step": "ended",
        "Status": "ANSWER",
        "Cause": "16",
        **AGENTS,
    },
    {"Event": "Hangup", "Cause": "16", **AGENTS},
]


def test_live_events_and_the_ledger_tell_the_same_steps() -> None:
    live = []
    for second, event in enumerate(EVENTS):
        step = live_step({**event, "Timestamp": f"{START // SECOND + second}.000000"}, ID)
        assert step is not None
        live.append(step)
    assert live == TALK

    def line(second: int, kind: str, unique: str, channel: str, extra: str = "", user: str = "") -> str:
        at = f"{START // SECOND + second}.000000"
        words = [kind, at, unique, ID, channel, "", "s", "psap-callback", "", "", extra, "", user]
        return ",".join('"' + word.replace('"', '""') + '"' for word in words)

    agent, citizen = AGENT, CITIZEN
    gone = '{"hangupcause":16,"hangupsource":"PJSIP/psap-out-00000002","dialstatus":""}'
    cel = [
        line(0, "CHAN_START", ID, agent),
        line(1, "ANSWER", ID, agent),
        line(2, "USER_DEFINED", ID, agent, '{"extra":"Step=dialling;Status=;Cause="}', "PsapBack"),
        line(3, "CHAN_START", "s-1.2", citizen),
        line(4, "ANSWER", "s-1.2", citizen),
        line(6, "HANGUP", "s-1.2", citizen, gone),
        line(7, "USER_DEFINED", ID, agent, '{"extra":"Step=ended;Status=ANSWER;Cause=16"}', "PsapBack"),
        line(8, "HANGUP", ID, agent, gone),
        '"torn line',
    ]
    told, heard = after(ledger_steps(cel, ID)), after(live)
    assert (told.result, told.talk_seconds, told.by) == (heard.result, heard.talk_seconds, heard.by)
    assert {what: at for what, at in heard.at.items() if what is not What.END_ASKED} == told.at


def test_other_calls_say_nothing_about_it() -> None:
    for event in EVENTS:
        other = {**event, "Linkedid": "s-9.9"}
        assert live_step(other, ID) is None
    refused = {"Event": "OriginateResponse", "Response": "Failure", "Uniqueid": ID, "Reason": "0"}
    assert live_step({**refused, "Timestamp": "7.5"}, ID) == Step(7_500_000, What.REFUSED)
    assert live_step({**refused, "Uniqueid": "other"}, ID) is None


def test_the_ledger_is_read_across_its_files(tmp_path: Any) -> None:
    (tmp_path / "psap.csv").write_text(f'"A","{ID}"\n"B","other"\n"C","{ID}" without an end')
    (tmp_path / "psap.csv.1").write_text(f'"0","{ID}"\n')
    found = lines_about(tmp_path / "psap.csv", ID, 0)
    assert found == [f'"0","{ID}"\n', f'"A","{ID}"\n']


def test_originate_rings_a_telephone_for_its_own_context_and_nothing_else() -> None:
    good = {"Channel": "PJSIP/abc", "Context": "psap-callback", "Exten": "s", "Priority": 1, "ChannelId": ID}
    check("Originate", good)
    wrong: list[dict[str, object]] = [
        {**good, "Context": "from-trunk"},
        {**good, "Application": "System", "Data": "id"},
        {**good, "Variable": "A=1"},
        {key: value for key, value in good.items() if key != "Context"},
    ]
    for fields, name in itertools.product(wrong, ["Originate"]):
        with pytest.raises(RefusedError):
            check(name, fields)
