"""The simulation, the comparison and the checks of Bogor's replay; a short one for real."""

from __future__ import annotations

import math
import os
import random
import re
import statistics
import subprocess
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.bogor import Result
from bench.bogor_check import Checked, check, faults
from bench.bogor_compare import compare, counted, waits
from bench.bogor_day import KINDS, Arrival, Kind, arrivals, lognormal
from bench.bogor_model import ABANDONED, ANSWERED, OPEN, Outcome, Rules, simulate
from bench.bogor_picture import picture
from bench.bogor_replay import Shift, Told
from psap.agencies.profile import find_profile, load_profile
from psap.platform.settings import ROOT, Settings

FAST = Rules(10, 2.0, 1, 3, 6, 3)
EMERGENCY = KINDS["emergency"]


# -- who calls


def test_the_same_seed_is_the_same_two_hours() -> None:
    people = arrivals(7, 2.0)
    assert people == arrivals(7, 2.0)
    assert people != arrivals(8, 2.0)
    assert [each.at for each in people] == sorted(each.at for each in people)
    assert len({each.number for each in people}) == len(people)


def test_four_fifths_are_noise_and_the_hours_are_the_busiest() -> None:
    assert sum(each.share for each in KINDS.values()) == 100
    assert sum(each.share for each in KINDS.values() if each.noise) == 80
    people = [each for seed in range(40) for each in arrivals(seed, 2.0)]
    assert len(people) / 40 == pytest.approx(3000 * 0.14, rel=0.05)
    assert sum(each.kind.noise for each in people) / len(people) == pytest.approx(0.8, abs=0.02)
    first = sum(each.at < 3600 for each in people) / len(people)
    assert first == pytest.approx(72 / 140, abs=0.02)


def test_a_lognormal_has_its_mean_and_deviation() -> None:
    draw = random.Random(1)
    found = [lognormal(60, 30, draw) for _ in range(20_000)]
    assert statistics.fmean(found) == pytest.approx(60, rel=0.03)
    assert statistics.stdev(found) == pytest.approx(30, rel=0.06)


# -- the model


def patient(at: float, kind: Kind) -> Arrival:
    return Arrival(at, kind, f"0812{int(at * 1000):08d}", 2.0, math.inf, None)


def test_one_call_taker_is_the_formula_of_pollaczek_and_khinchine() -> None:
    """M/G/1: mean wait = rate * E[S^2] / (2 (1 - load)); nothing else in play."""
    kind = Kind("only", 100, "0", (60.0, 30.0), patience=math.inf)
    rules = replace(
        FAST, speed=1, wrapup=0, ring=1e9, longest_wait=1e9, pace=0.0, key=0.0, connect=0.0, goodbye=0.0
    )
    draw, rate = random.Random(3), 1 / 110
    at, people = 0.0, []
    for _ in range(12_000):
        at += draw.expovariate(rate)
        people.append(patient(at, kind))
    outcomes = simulate(people, rules, 5, 1, rests=())
    # the receiver (4 +- 2 s) is part of the service, and of the wait as the caller feels it
    mean, square = 64.0, 64.0**2 + 30.0**2 + 2.0**2
    load = rate * mean
    assert statistics.fmean(waits(outcomes)) == pytest.approx(rate * square / (2 * (1 - load)) + 4, rel=0.12)


def test_nobody_is_forgotten_and_enough_call_takers_let_nobody_wait() -> None:
    people = arrivals(112, 2.0)
    outcomes = simulate(people, FAST, 1, 3)
    again = sum(each.again for each in outcomes)
    assert len(outcomes) == len(people) + again
    assert counted(outcomes)[OPEN] == 0
    many = simulate(people, FAST, 1, 60)
    assert max(waits(many)) < 40  # the receiver
    assert not any(each.overflowed for each in many)


def test_the_order_is_priority_then_coming() -> None:
    talk = Kind("talk", 0, "0", (100.0, 1.0), patience=math.inf)
    hides = Kind("hides", 0, "55", (100.0, 1.0), patience=math.inf)
    rules = replace(FAST, longest_wait=1e9)
    people = [patient(1, talk), patient(10, talk), patient(20, talk), patient(30, hides)]
    first, second, third, fourth = simulate(people, rules, 1, 1, rests=())
    ended = {
        name: each.at + (each.wait or 0)
        for name, each in zip("1234", (first, second, third, fourth), strict=True)
    }
    assert sorted(ended, key=ended.__getitem__) == ["1", "4", "2", "3"]


def test_who_waits_too_long_comes_in_front_and_who_has_no_patience_goes() -> None:
    talk = Kind("talk", 0, "0", (300.0, 1.0), patience=math.inf)
    people = [patient(1, talk), patient(5, talk)]
    first, second = simulate(people, FAST, 1, 1, rests=())
    assert (first.end, second.end, second.overflowed) == (ANSWERED, ANSWERED, True)
    short = replace(people[1], patience=20.0)
    _, second = simulate([people[0], short], FAST, 1, 1, rests=())
    assert (second.end, round(second.wait or 0)) == (ABANDONED, 20)
    tries = replace(short, redial_after=30.0)
    outcomes = simulate([people[0], tries], FAST, 1, 1, rests=())
    assert [each.again for each in outcomes] == [False, False, True]


def test_a_break_leaves_the_others_to_serve() -> None:
    talk = Kind("talk", 0, "0", (5.0, 1.0), patience=math.inf)
    people = [patient(at, talk) for at in range(10, 600, 30)]
    away = simulate(people, FAST, 1, 1, rests=[(100, 400)])
    there = simulate(people, FAST, 1, 1, rests=())
    assert max(waits(away)) > 150 > max(waits(there))


def test_the_rules_are_the_profiles_own() -> None:
    profile = load_profile(find_profile("bogor"))
    rules = Rules.of(Settings(profile="bogor", timer_scale=0.1), profile, 10, 2.0)
    assert (rules.wrapup, rules.ring, rules.longest_wait, rules.overflow_ring) == (1, 3, 6, 3)
    other = profile.model_copy(update={"queue": profile.queue.model_copy(update={"strategy": "linear"})})
    with pytest.raises(ValueError, match="leastrecent"):
        Rules.of(Settings(profile="bogor"), other, 10, 2.0)


# -- the comparison


def test_a_run_of_the_same_rules_is_inside_and_one_of_others_is_not() -> None:
    people = arrivals(112, 1.0)
    runs = [simulate(people, FAST, seed, 3) for seed in range(60)]
    same = compare(simulate(people, FAST, 1000, 3), runs)
    assert sum(each.inside for each in same) >= len(same) - 2
    fewer = {each.name: each for each in compare(simulate(people, FAST, 1000, 2), runs)}
    assert not fewer["answered"].inside
    assert not fewer["wait of the answered, mean s"].inside


def test_the_picture_shows_every_caller_who_waited(tmp_path: Path) -> None:
    people = arrivals(112, 1.0)
    runs = [simulate(people, FAST, seed, 3) for seed in range(5)]
    path = tmp_path / "images" / "x.svg"
    picture(runs[0], runs, 3600, path, "Bogor & 112")
    drawn = ElementTree.parse(path).getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{space}circle")) == len(waits(runs[0]))
    assert path.stat().st_size < 60_000


# -- the records


def told(kind: str, **more: Any) -> Told:
    call = Told(patient(1, KINDS[kind]), "112000000001", False, at=0.0, answered=True)
    for name, value in more.items():
        setattr(call, name, value)
    return call


TALKED = {"joined": 1.0, "person": 3.0, "taker": "bogor1", "taken": 2.9}
RECORD = {
    "ending": "answered", "ended_by": "caller", "agent": "bogor1", "wait_seconds": 1.9, "source": "live",
    "classification": "emergency", "number": told("emergency").arrival.number, "dialled": "112000000001",
    "gate": '{"result": "key0", "keys": ""}',
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ending", "abandoned_in_queue"),
        ("ended_by", "agent"),
        ("agent", "bogor2"),
        ("wait_seconds", 9.0),
        ("wait_seconds", None),
        ("source", "ledger"),
        ("classification", "prank"),
        ("number", "0812"),
    ],
)
def test_each_fault_of_a_record_is_seen(field: str, value: object) -> None:
    call = told("emergency", **TALKED)
    assert faults(call, dict(RECORD)) == []
    assert len(faults(call, RECORD | {field: value})) == 1


def test_the_ways_to_end_without_a_person() -> None:
    gone = told("prank", joined=1.0, left=9.0)
    assert faults(gone, RECORD | {"ending": "abandoned_in_queue", "agent": None}) == []
    assert faults(gone, RECORD) != []
    late = RECORD | {"ending": "abandoned_in_gate", "agent": None}
    assert len(faults(gone, late)) == 1
    assert faults(gone, late | {"gate": '{"result": "hung_up", "keys": "0"}'}) == []
    quiet = told("silent")
    nobody = {"ending": "no_response", "ended_by": "system", "agent": None}
    assert faults(quiet, RECORD | nobody) == []
    through = told("silent", taken=5.0, taker="bogor1")
    assert faults(through, RECORD | {"ended_by": "agent"}) == []
    assert len(faults(through, RECORD | nobody)) == 3
    leaves = told("leaves the greeting", left=1.0)
    assert faults(leaves, RECORD | {"ending": "abandoned_in_gate"}) == []
    crossed = told("emergency", joined=1.0, left=5.0, taken=5.1, taker="bogor1")
    assert faults(crossed, RECORD) == []
    assert faults(crossed, RECORD | {"ending": "abandoned_in_queue"}) == []


def test_lost_doubled_and_strange_calls_are_seen() -> None:
    call = told("emergency", **TALKED)
    assert check([call], {call.dialled: [dict(RECORD)]}).good
    assert len(check([call], {}).lost) == 1
    assert len(check([call], {call.dialled: [dict(RECORD)] * 2}).wrong) == 1
    assert len(check([call], {call.dialled: [dict(RECORD)], "112999": [dict(RECORD)]}).wrong) == 1
    alone = told("emergency", joined=1.0, by="callee")
    assert len(check([alone], {alone.dialled: [dict(RECORD)]}).lost) == 1
    refused = told("emergency", answered=False, status=503)
    assert len(check([refused], {}).lost) == 1


def test_a_result_with_a_fault_is_not_good() -> None:
    shift = Shift(Settings(profile="bogor"), 10, 1)
    real = [Outcome(1, "prank", ANSWERED, 3.0)]
    good = Result(10, 2, 1, [], shift, real, [real], Checked(), compare(real, [real]), FAST, 1.0, True)
    assert good.good
    assert not replace(good, checked=Checked(lost=["x"])).good
    assert not replace(good, checked=Checked(wrong=["x"])).good
    assert not replace(good, healthy=False).good


@pytest.mark.long
@pytest.mark.calls
@pytest.mark.timeout(600)
def test_half_an_hour_in_three_minutes() -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PSAP_")}
    if "PSAP_CACHE" in os.environ:
        kept["PSAP_CACHE"] = os.environ["PSAP_CACHE"]
    done = subprocess.run(
        [str(ROOT / "112"), "bench", "bogor", "--hours", "0.5", "--runs", "100"],
        env=kept, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    placed = re.search(r"\| calls placed \| ([0-9]+): (.*) \|", done.stdout)
    assert placed is not None
    assert int(placed[1]) > 60
    kinds = Counter({name: int(count) for count, name in re.findall(r"([0-9]+) ([a-z ]+)", placed[2])})
    assert kinds["leaves the greeting"] > kinds["emergency"] > 0
