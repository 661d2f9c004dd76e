"""A running home's exposition: promtool takes it, alerts and panels find what they name, nobody is in it."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.console.test_metrics import check
from tests.monitoring.calling import answered, exposition, gave_up, shows, silent
from tests.monitoring.files import exposed, families, promtool, queries, rules
from tests.support.centre import Centre

pytestmark = [pytest.mark.calls, pytest.mark.timeout(240)]

# told only where there is a backup, and a certificate of the console's own
SOMETIMES = {"psap_backup_timestamp_seconds", "psap_certificate_expires_timestamp_seconds"}
UNDRAWN: set[str] = set()  # metrics that need neither panel nor alert: none so far


async def test_real_calls_show_and_every_name_is_real(centre: Centre) -> None:
    before = await shows(
        centre, lambda now: "psap_callers_waiting" in now, lambda now: "psap_missed" in str(now)
    )
    numbers = [
        (await answered(centre))[0],
        await gave_up(centre),
        await silent(centre),
    ]

    def more(name: str) -> float:
        return before.get(name, 0.0) + 1

    await shows(
        centre,
        *(
            lambda now, name=name: now.get(name, 0.0) >= more(name)  # type: ignore[misc]
            for name in (
                'psap_calls_ended_total{ending="answered"}',
                'psap_calls_ended_total{ending="abandoned_in_queue"}',
                'psap_calls_ended_total{ending="abandoned_in_gate"}',
                'psap_gate_results_total{result="key0"}',
                'psap_calls_classified_total{classification="emergency"}',
                'psap_agi_conversations_total{end="decided"}',
                'psap_agi_conversations_total{end="hung_up"}',
                "psap_answer_seconds_count",
                "psap_abandon_seconds_count",
                "psap_gate_seconds_count",
                "psap_talk_seconds_count",
                'psap_recordings_total{state="on"}',
                'psap_today_calls{ending="answered"}',
                'psap_today_calls{ending="abandoned_in_queue"}',
            )
        ),
        lambda now: now["psap_calls_in_progress"] == 0,
    )
    text = await exposition(centre)
    code, said = await asyncio.to_thread(promtool, "check", "metrics", given=text)
    assert (code, said) == (0, "")
    check(text)

    known = exposed(text)
    named = {name for _, query in queries() for name in families(query, known | SOMETIMES)}
    named |= {name for rule in rules() for name in families(rule["expr"], known | SOMETIMES)}
    assert named <= known | SOMETIMES, f"alerts or dashboard name what nobody tells: {named - known}"
    undrawn = {name for name in known if name.startswith("psap_")} - named - UNDRAWN
    assert not undrawn, f"neither a panel nor an alert: {undrawn}"

    agents = (await centre.supervisor.get("/queue"))["agents"]
    people = {row["agent"] for row in agents} | {row["name"] for row in agents}
    assert people
    for word in (*people, *numbers, *(number[1:] for number in numbers)):
        assert word not in text, word


async def test_who_is_there_and_who_waits(centre: Centre) -> None:
    """One at the gate, one talking, one waiting, each where it is; and gone afterwards."""
    async with centre.seat("agent1", answer_after=0.1), centre.caller("081200000171") as talks:
        await talks.answered()
        await talks.press("0")
        await shows(
            centre,
            lambda now: now['psap_calls_now{stage="talking"}'] == 1,
            lambda now: now['psap_agents{state="talking"}'] == 1,
        )
        async with centre.caller("081200000172") as waits, centre.caller("081200000173") as greeted:
            await waits.answered()
            await waits.press("0")
            await greeted.answered()
            await shows(
                centre,
                lambda now: now["psap_callers_waiting"] == 1 and now["psap_longest_wait_seconds"] > 0,
            )
            waits.hang_up()
            greeted.hang_up()
            await waits.ended(10)
            await greeted.ended(10)
        talks.hang_up()
        await talks.ended(10)
    found = await shows(centre, lambda now: now["psap_calls_in_progress"] == 0)
    assert found["psap_longest_wait_seconds"] == 0
    names = [family.name for family in text_string_to_metric_families(await exposition(centre))]
    assert len(names) == len(set(names))
