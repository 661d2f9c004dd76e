"""The ledger: lines as Asterisk wrote them, cut, repeated, forged or missing their end."""

from __future__ import annotations

import pytest

from ami_bridge.ledger import COLUMNS, facts_of, last_moment, replay, stories
from psap.calls import facts as f
from psap.calls.model import EndedBy, Ending, Flag, GateResult, Source
from psap.calls.tracking import Tracker

CALL = "site-100.1"
LEG = "site-100.2"
TRUNK = "PJSIP/trunk-00000001"
PHONE = "PJSIP/abc-00000002"


def line(event: str, at: float, **fields: str) -> str:
    row = dict.fromkeys(COLUMNS, "") | {
        "event": event,
        "time": f"{at:.6f}",
        "uniqueid": CALL,
        "linkedid": CALL,
        "channel": TRUNK,
        **fields,
    }
    return ",".join('"' + row[name].replace('"', '""') + '"' for name in COLUMNS)


def leg(event: str, at: float, **fields: str) -> str:
    return line(event, at, uniqueid=LEG, channel=PHONE, **fields)


def user(name: str, at: float, extra: str) -> str:
    return line(name, at, user=name, extra='{"extra":"' + extra + '"}')


def hangup(at: float, source: str, cause: int = 16) -> str:
    return line("HANGUP", at, extra=f'{{"hangupcause":{cause},"hangupsource":"{source}"}}')


GATE = [
    line("CHAN_START", 100.0, exten="112"),
    user("PsapCall", 100.1, "Number=081234567890;Key=6281234567890;Pres=allowed;Dialled=112"),
    user("PsapPolicy", 100.1, "Rung=0;Decision=pass;Block="),
    user("PsapGate", 102.0, "Result=key0;Seconds=1.9;Keys=0;Prio=normal;Flags=called_again"),
    line("APP_START", 102.0, app="Queue"),
]
SILENT = user("PsapEnd", 120.0, "Ending=no_response;By=system")
TALK = [leg("CHAN_START", 103.0), leg("ANSWER", 105.5), line("APP_END", 105.5, app="Queue")]


def owner(phone: str | None) -> str | None:
    return {"abc": "agent1"}.get(phone or "")


def told(cel: list[str], queue_log: list[str] | None = None) -> Tracker | None:
    found = stories(cel, queue_log or [])
    return replay(found[CALL], "site", owner, Source.LEDGER)


def test_an_answered_call_is_rebuilt() -> None:
    queue_log = [
        f"105|{CALL}|psap112|agent1|CONNECT|3|{LEG}|2",
        f"110|{CALL}|psap112|agent1|COMPLETEAGENT|3|5|1",
        "110|NONE|NONE|NONE|RELOAD|",
        "nonsense",
    ]
    cel = [*GATE, *TALK, leg("HANGUP", 110.0), hangup(110.0, PHONE), line("LINKEDID_END", 110.0)]
    made = told(cel, queue_log)
    assert made is not None
    call = made.call
    assert (call.ending, call.ended_by, call.source) == (Ending.ANSWERED, EndedBy.AGENT, Source.LEDGER)
    assert (call.queue.wait_seconds, call.ring_seconds, call.talk_seconds) == (3.5, 2.5, 4.5)
    assert (call.agent, call.dialled, call.caller.number) == ("agent1", "112", "081234567890")
    assert (made.number_key, call.flags) == ("6281234567890", [Flag.CALLED_AGAIN])
    assert (call.gate.result, call.gate.seconds, call.gate.keys) == (GateResult.KEY0, 1.9, "0")


@pytest.mark.parametrize(
    ("cel", "ending"),
    [
        ([*GATE[:3], hangup(101.0, TRUNK)], Ending.ABANDONED_IN_GATE),
        ([*GATE, hangup(107.0, TRUNK)], Ending.ABANDONED_IN_QUEUE),
        ([*GATE[:3], SILENT, hangup(120.0, "")], Ending.NO_RESPONSE),
        ([*GATE, hangup(107.0, "", 41)], Ending.FAILED),
    ],
)
def test_each_ending(cel: list[str], ending: Ending) -> None:
    made = told(cel)
    assert made is not None
    assert made.call.ending is ending


def test_a_call_that_was_up_when_asterisk_died_is_open_and_can_be_failed() -> None:
    made = told(GATE)
    assert made is not None
    assert not made.ended
    made.lost(last_moment(stories(GATE, [])[CALL]))
    assert (made.call.ending, made.call.ended_at) == (Ending.FAILED, 102_000_000)


def test_what_is_no_call_of_the_carrier_is_left_out() -> None:
    other = line("CHAN_START", 1, uniqueid="site-1.1", linkedid="site-1.1", channel="PJSIP/abc-00000001")
    assert stories([other, "", "junk,line", '"unclosed'], []) == {}


def test_without_its_beginning_there_is_no_record() -> None:
    assert told([hangup(1.0, TRUNK)]) is None


def test_broken_times_and_extras_cost_only_themselves() -> None:
    cut = line("PsapGate", 1, user="PsapGate", extra='{"extra":')
    broken = [cut, GATE[0].replace("100.000000", "never")]
    made = told([*GATE[:2], *broken, hangup(101.0, TRUNK)])
    assert made is not None
    assert made.call.ending is Ending.ABANDONED_IN_GATE


def test_facts_are_in_order_though_lines_are_not() -> None:
    story = stories([GATE[0], *TALK, *GATE[1:], hangup(110.0, TRUNK)], [])[CALL]
    times = [fact.at for fact in facts_of(story, owner)]
    assert times == sorted(times)
    assert isinstance(facts_of(story, owner)[0], f.Started)


def test_a_clock_set_back_turns_no_call_around() -> None:
    late = [leg("CHAN_START", 103.0), leg("ANSWER", 105.5), leg("HANGUP", 110.0), hangup(110.0, PHONE)]
    right = told([*GATE, *late])
    hour = [
        line.replace(f'"{at}.', f'"{at - 90}.') for at, line in zip((103, 105, 110, 110), late, strict=True)
    ]
    back = told([*GATE, *hour])
    assert right is not None
    assert back is not None
    assert back.ended
    assert (back.call.ending, back.call.talk_seconds) == (right.call.ending, right.call.talk_seconds)
    assert back.call.ring_seconds == right.call.ring_seconds
    assert back.call.ended_at is not None
    assert back.call.ended_at >= back.call.started_at


def test_a_torn_line_costs_itself_alone() -> None:
    torn = GATE[3][:70] + hangup(107.0, TRUNK)
    made = told([*GATE[:3], torn])
    assert made is not None
    assert (made.call.ending, made.call.gate.seconds) == (Ending.ABANDONED_IN_GATE, None)


def test_an_open_quote_swallows_no_other_line() -> None:
    made = told([GATE[0], '"PsapCall","100.0', *GATE[1:], hangup(107.0, TRUNK)])
    assert made is not None
    assert made.call.caller.number == "081234567890"


@pytest.mark.parametrize(
    ("cause", "queue_word", "end"),
    [
        (0, "RINGNOANSWER", "no_answer"),
        (0, "RINGCANCELED", "cancelled"),
        (17, "RINGNOANSWER", "busy"),
        (26, "RINGCANCELED", "cancelled"),
    ],
)
def test_how_a_ring_ended(cause: int, queue_word: str, end: str) -> None:
    gone = leg("HANGUP", 106.0, app="AppQueue", extra=f'{{"hangupcause":{cause},"hangupsource":""}}')
    made = told(
        [*GATE, leg("CHAN_START", 103.0), gone, hangup(107.0, TRUNK)],
        [f"106|{CALL}|psap112|agent1|{queue_word}|3000"],
    )
    assert made is not None
    assert [each.end for each in made.call.legs] == [end]


def test_the_end_that_a_call_taker_asked_for_is_the_call_takers() -> None:
    queue_log = [
        f"105|{CALL}|psap112|agent1|CONNECT|3|{LEG}|2",
        f"110|{CALL}|psap112|agent1|COMPLETECALLER|3|5|1",
    ]
    made = told([*GATE, *TALK, hangup(110.0, ""), leg("HANGUP", 110.0)], queue_log)
    assert made is not None
    assert made.call.ended_by is EndedBy.AGENT


def test_a_way_out_that_failed_is_not_why_the_caller_gave_up() -> None:
    gone = '{"hangupcause":38,"hangupsource":"PJSIP/psap-out-00000002"}'
    duty = [
        line(event, at, uniqueid=LEG, channel="PJSIP/psap-out-00000002", app="AppDial", extra=extra)
        for event, at, extra in (("CHAN_START", 112.0, ""), ("HANGUP", 112.5, gone))
    ]
    made = told([*GATE, line("APP_END", 111.0, app="Queue"), *duty, hangup(120.0, TRUNK, 38)])
    assert made is not None
    assert (made.call.ending, made.call.ended_by) == (Ending.ABANDONED_IN_QUEUE, EndedBy.CALLER)
