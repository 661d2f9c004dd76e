"""Numbers: any text at all, and the dialplan's own words for the same rules.

Guaranteed for every text: a key is 1 to 15 ASCII digits or None; the key of a key is that key;
[psap-normalise], read out of dialplan/normalise.conf and stepped through here, makes the same key of
what the dialplan lets through; who hides or has no SIM has no key; nothing but digits and + is kept.
tests/calls/test_normalise.py holds the real Asterisk to the same table.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import strategies as st

from psap.callers.numbers import LONGEST_KEY, block_key, caller_key, mask, normalise
from psap.calls.model import CallerKind
from tests.fuzz.machine import examples, fuzz, mutate, sizes

DIALPLAN = Path(__file__).parents[2] / "dialplan" / "normalise.conf"
AREA_CODES = ("024", "0251", "0285", "0911", "021")
TEXTS = (
    st.text(max_size=60)
    | st.from_regex(r"\A[+]?[0-9]{0,20}\Z")
    | st.from_regex(r"\A(00|0|62|\+62|911-?|0911)[0-9 ()-]{0,18}\Z")
    | st.text(alphabet="0123456789+-٣² \r\n\0%;,", max_size=40)
)


@cache
def steps() -> tuple[list[str], dict[str, int]]:
    """(the applications of [psap-normalise] in order, label -> place)."""
    lines: list[str] = []
    labels: dict[str, int] = {}
    for line in DIALPLAN.read_text("utf-8").splitlines():
        step = re.match(r"\s*(?:exten|same) => (?:s,1|n(?:\((\w+)\))?),(.*)", line)
        if step:
            if step[1]:
                labels[step[1]] = len(lines)
            lines.append(step[2])
    return lines, labels


def dialplan_key(raw: str, area_code: str) -> str | None:
    """What the dialplan's own text makes of a number: just as much of its language as it uses."""
    words = {"ARG1": raw, "PSAP_AREA": area_code.lstrip("0"), "raw": "", "d": ""}

    def value(text: str) -> str:
        def filtered(found: re.Match[str]) -> str:
            return re.sub(f"[^{found[1]}]", "", words[found[2]])

        text = re.sub(r"\$\{FILTER\(([^,]+),\$\{(\w+)\}\)\}", filtered, text)
        text = re.sub(r"\$\{LEN\(\$\{(\w+)\}\)\}", lambda found: str(len(words[found[1]])), text)
        text = re.sub(r"\$\{(\w+):(\d)\}", lambda found: words[found[1]][int(found[2]) :], text)
        return re.sub(r"\$\{(\w+)\}", lambda found: words[found[1]], text)

    def holds(text: str) -> bool:
        match = re.fullmatch(r'\$\[\$\{REGEX\("(.+)" \$\{(\w+)\}\)\}\]', text)
        if match:
            return re.search(match[1].replace("$", r"\Z"), words[match[2]], re.ASCII) is not None
        longer = re.fullmatch(r"\$\[(.+) > (\d+)\]", text)
        assert longer, text
        return int(value(longer[1])) > int(longer[2])

    def put(text: str) -> None:
        name, equals, to = text.partition("=")
        assert equals
        words[name.removeprefix("LOCAL(").removesuffix(")")] = value(to)

    lines, labels = steps()
    at = 0
    while True:
        name, inner = re.fullmatch(r"(\w+)\((.*)\)", lines[at], re.DOTALL).groups()  # type: ignore[union-attr]
        at += 1
        if name == "Return":
            return value(inner) or None
        if name == "Set":
            put(inner)
        elif name == "Goto":
            at = labels[inner]
        elif name == "ExecIf":
            condition, action = inner.split("?", 1)
            if holds(condition):
                put(re.fullmatch(r"Set\((.*)\)", action)[1])  # type: ignore[index]
        else:
            assert name == "GotoIf", name
            condition, targets = inner.rsplit("?", 1)
            yes, _, no = targets.partition(":")
            at = labels[yes] if holds(condition) else labels[no] if no else at


def check(given: tuple[str, str]) -> None:
    """The guarantees above."""
    raw, area = given
    key = block_key(raw, area)
    if key is not None:
        assert re.fullmatch(rf"[0-9]{{1,{LONGEST_KEY}}}", key, re.ASCII), key
        assert block_key(key, area) == key
    for shown in ("allowed", "withheld", None):
        caller = normalise(raw, shown, area)
        assert caller.number is None or re.fullmatch(
            r"\+?[0-9]{1,32}|911-?[0-9]{14,16}", caller.number, re.ASCII
        )
        if caller.kind in (CallerKind.WITHHELD, CallerKind.SIMLESS):
            assert caller_key(caller, area) is None
        elif len(re.sub("[^0-9]", "", raw)) <= 32:
            assert caller_key(caller, area) == key
        again = normalise(caller.number, shown, area)
        assert (again.number, again.kind) == (caller.number, caller.kind) or caller.number is None
    digits = re.sub("[^0-9]", "", raw)
    assert len(digits) < 8 or digits not in mask(raw)
    # what psap-arrive hands on: digits and +, or the word of a telephone without SIM
    handed_on = raw if re.fullmatch(r"911-[0-9]+", raw[:32], re.ASCII) else re.sub("[^0-9+]", "", raw)
    handed_on = handed_on[:32]
    assert dialplan_key(handed_on, area) == block_key(handed_on, area), handed_on


WAYS = (
    "081234567890",
    "+6281234567890",
    "0062812345678",
    "3540000",
    "911-35209900176148",
    "0911342221",
    "112",
)


def odd(draw: random.Random) -> tuple[str, str]:
    """A number as a carrier writes it, with accidents."""
    data = mutate(draw, draw.choice(WAYS).encode(), (b"00", b"62", b"911", b"+", b"-", b" ", b"0"), most=4)
    return data.decode("utf-8", "replace")[:80], draw.choice(AREA_CODES)


@sizes(300)
def test_odd_numbers(inputs: int) -> None:
    fuzz("numbers", inputs, odd, check)


@sizes(100)
def test_any_text(inputs: int) -> None:
    examples("any text", inputs // 10, st.tuples(TEXTS, st.sampled_from(AREA_CODES)), check)


def test_the_stepper_can_tell() -> None:
    """The dialplan's text is understood, and a wrong rule would be seen."""
    assert dialplan_key("081234567890", "024") == "6281234567890"
    assert dialplan_key("3540000", "024") == "62243540000"
    assert dialplan_key("911-35209900176148", "0911") is None
    assert dialplan_key("112", "024") == "112"


@pytest.mark.parametrize(
    "raw", ["٣٣٣٣٣٣٣", "²²²²²", "00", "000", "0", "+", "-", "+0", "62", "911-", "+911-" + "1" * 15]
)
def test_found_before(raw: str) -> None:
    check((raw, "024"))
    check((raw, "0911"))
